"""What a payer's pages show: an organization that bills and is paid, its bank details, and links to its invoices."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from billing.bankaccounts.models import BankAccount
from billing.invoices.models import Invoice
from billing.settlement import services as settlement
from core import clock, ids
from core.actor import Actor
from payments.models import GatewayAccount, Payment, PaymentItem
from payments.services import links
from tenancy.context import Scope, scope
from tests.make import api, billing

ACTOR = Actor.system("tests")
IBAN = "AT611904300234573201"
EMAIL = "pay@ada.example"


@dataclass(frozen=True)
class Bill:
    """An invoice and the link that opens it."""

    invoice: UUID
    number: str
    customer: UUID
    token: str

    @property
    def path(self) -> str:
        """Return where the link leads."""
        return f"/pay/{self.token}"


def bank_details(*, since: datetime | None = None) -> BankAccount:
    """Let bank details hold, past the four eyes and the notice that a change needs."""
    at = since or clock.now() - timedelta(days=30)
    row = BankAccount(
        holder="Strongbox Tests GmbH", iban=IBAN, bic="BKAUATWW", state="current", announced_at=at,
        holds_from=at, asked_by=ids.uuid7(),
    )  # fmt: skip
    row.save(force_insert=True)
    return row


def bill(
    tenant: UUID,
    *,
    amount: str = "100.00",
    currency: str = "EUR",
    due_in: int = 14,
    of: UUID | None = None,
    email: str = EMAIL,
) -> Bill:
    """Finalize an invoice and make its link."""
    with scope(Scope(tenant)):
        at = clock.now()
        customer = billing.Customer.objects.get(pk=of) if of else billing.customer(email=email)
        draft = billing.draft(
            of=customer,
            lines=[billing.line(amount, text="Calibration, on site")],
            currency=currency,
            issued_on=at.date() - timedelta(days=60),
            due_on=at.date() + timedelta(days=due_in),
        )
        made = billing.invoices.finalize(invoice_id=draft.pk, actor=ACTOR, at=at)
        url = links.mint(invoice_id=made.pk, actor=ACTOR, at=at)
    return Bill(made.pk, str(made.number), customer.pk, url.rpartition("/")[2])


def organization(tenant: UUID, *, bank: bool = True) -> None:
    """Say who bills, and where a transfer goes."""
    api.set_issuer(tenant)
    if bank:
        with scope(Scope(tenant)):
            bank_details()


def arrived(
    tenant: UUID,
    *shares: tuple[UUID, int],
    method: str = "bank_transfer",
    on: date | None = None,
    brand: str = "",
    last4: str = "",
) -> UUID:
    """Let money arrive for these invoices, as the books see it."""
    with scope(Scope(tenant)):
        at = clock.now()
        customer = Invoice.objects.get(pk=shares[0][0]).customer_id
        amount = sum(share for _, share in shares)
        payment = Payment.objects.create(
            customer_id=customer, state="succeeded", method=method, source="staff", currency="EUR",
            amount_minor=amount, captured_minor=amount, received_on=on or at.date(), created_at=at, updated_at=at,
            succeeded_at=at, brand=brand, last4=last4,
        )  # fmt: skip
        for position, (invoice, share) in enumerate(shares):
            PaymentItem.objects.create(
                payment=payment,
                customer_id=customer,
                invoice_id=invoice,
                position=position,
                amount_minor=share,
            )
        settlement.settle(
            customer_id=customer, currency="EUR", amount_minor=amount, wanted=list(shares),
            payment_id=payment.pk, cash_account="bank", kind="payment_received", booked_on=at.date(),
            actor=ACTOR, at=at,
        )  # fmt: skip
    return payment.pk


def connected(tenant: UUID, key: str) -> UUID:
    """Connect a provider's account, past the page that asks for its key."""
    with scope(Scope(tenant)):
        row = GatewayAccount(
            provider="stripe", livemode=False, secret_key=key, secret_key_last4=key[-4:],
            hook_digest=ids.uuid7().bytes, connected_at=clock.now(),
        )  # fmt: skip
        row.save(force_insert=True)
    return row.pk
