"""What the demo's organizations were paid: transfers in full, in part and too much, a refund; customers who sign in.

Everything goes through the ordinary services. Cards are paid at the sandbox gateway, by whoever opens a pay link.
"""

from datetime import datetime, timedelta
from uuid import UUID

from accounts.services import members
from billing.bankaccounts import services as bank_accounts
from billing.customers.models import Customer
from billing.documents import reference
from billing.invoices.models import Invoice
from core import clock
from core.actor import Actor
from outbound.models import OutboxMessage
from payments.services import accounts, collect, links, refunds
from tenancy.context import Scope, scope
from tenancy.models import Tenant

PORTAL_CUSTOMERS = 2
PAY_LINKS = 5
_IBAN = {"acme": ("DE89370400440532013000", "COBADEFFXXX"), "birch": ("IE29AIBK93115212345678", "AIBKIE2D")}
_BATCH = 40


def set_bank_account(tenant: Tenant, name: str, owner: Actor) -> None:
    """Say where transfers go, while the founder is alone and needs nobody's agreement."""
    iban, bic = _IBAN[tenant.slug]
    with scope(Scope(tenant.pk)):
        bank_accounts.propose(holder=name, iban=iban, bic=bic, actor=owner, at=clock.now())


def fill(tenant: Tenant, owner: Actor) -> None:
    """Connect the sandbox gateway, and record what has been paid by transfer."""
    accounts.connect_sandbox(tenant_id=tenant.pk, actor=owner, at=clock.now())
    with scope(Scope(tenant.pk)):
        found = list(
            Invoice.objects.filter(status="finalized", amount_due_minor__gt=0)
            .order_by("id")
            .values_list("pk", flat=True)
        )
    # The newest stay open; of the rest most are paid, and some of those are late.
    older = found[: len(found) * 3 // 4]
    paid: list[UUID] = []
    for start in range(0, len(older), _BATCH):
        with scope(Scope(tenant.pk)):
            for number, invoice_id in enumerate(older[start : start + _BATCH], start):
                if number % 6 != 5:
                    paid.append(_record(invoice_id, number, owner, clock.now()))
    with scope(Scope(tenant.pk)):
        refunds.ask(
            payment_id=paid[3],
            amount_minor=2_500,
            reason="Two hours were billed twice",
            reason_code="duplicate",
            actor=owner,
            at=clock.now(),
        )


def _record(invoice_id: UUID, number: int, owner: Actor, at: datetime) -> UUID:
    invoice = Invoice.objects.get(pk=invoice_id)
    due = invoice.amount_due_minor
    amount = due // 2 if number % 17 == 4 else due + 5_000 if number % 29 == 7 else due
    due_on = invoice.due_on or at.date()
    payment = collect.record(
        customer_id=invoice.customer_id,
        currency=invoice.currency,
        amount_minor=amount,
        wanted=[(invoice.pk, min(amount, due))],
        received_on=min(at.date(), due_on + timedelta(days=number % 9 - 5)),
        source="statement",
        reference=reference.reference_of(invoice),
        actor=owner,
        at=at,
    )
    return payment.pk


def invite_customers(tenant: Tenant, owner: Actor) -> list[tuple[str, str]]:
    """Invite two customers who owe something to the portal; return each name with the link of the mail."""
    with scope(Scope(tenant.pk)):
        owing = Invoice.objects.filter(status="finalized", amount_due_minor__gt=0).order_by("-id")
        customers = list(dict.fromkeys(owing.values_list("customer_id", flat=True)))[:PORTAL_CUSTOMERS]
    return [_invite(tenant, customer_id, owner) for customer_id in customers]


def _invite(tenant: Tenant, customer_id: UUID, owner: Actor) -> tuple[str, str]:
    with scope(Scope(tenant.pk)):
        customer = Customer.objects.get(pk=customer_id)
        # Both organizations bill the same companies; each of these people has one account.
        email = (customer.email or "").replace("accounts@", f"{tenant.slug}@")
        members.invite_customer(email=email, customer_id=customer_id, actor=owner, at=clock.now())
    with scope(Scope(tenant.pk)):
        mail = OutboxMessage.objects.filter(template="portal_invitation").order_by("-created_at").first()
        if mail is None or mail.body is None:
            raise RuntimeError("the invitation was not written")
        words = str(mail.body["text"]).split()
        return customer.name, next(word for word in words if "/invite/" in word)


def pay_links(tenant: Tenant, actor: Actor) -> list[dict[str, str]]:
    """Mint fresh links to a few open invoices."""
    with scope(Scope(tenant.pk)):
        open_ones = Invoice.objects.filter(
            status="finalized", payment_status="unpaid", amount_due_minor__gt=0, attempts_open=0
        ).order_by("-id")[:PAY_LINKS]
        return [
            {
                "organization": tenant.slug,
                "invoice": invoice.number or "",
                "url": links.mint(invoice_id=invoice.pk, actor=actor, at=clock.now()),
            }
            for invoice in open_ones
        ]
