"""Types a marker into every text that payments keep; see `typed`, which gathers what is left of it."""

from collections.abc import Callable
from datetime import timedelta

from billing.invoices.models import Invoice
from core import clock, ids
from core.actor import Actor
from payments.models import Attempt, Autopay, Dispute, PageAsk, Payment
from payments.reminders import plans
from payments.services import accounts as providers
from payments.statements import booking
from payments.statements import services as statements
from payments.statements.models import StatementLine
from tenancy.context import Scope, scope
from tests.make import billing, installation
from tests.make import payments as make
from tests.make import statements as banks

Send = Callable[..., str]


def over_the_services(marker: str, actor: Actor) -> None:
    """Words that come from a bank, from a payer's page, from what a customer agreed to."""
    at = clock.now()
    line = banks.Line(4_200, f"{marker} payer", f"{marker} iban", f"{marker} text", f"{marker} reference")
    statements.take_in(data=banks.csv([line]), file_name=f"{marker}.csv", currency="EUR", actor=actor, at=at)
    row = StatementLine.objects.get()
    booking.ignore(line_id=row.pk, reason=f"{marker} reason", actor=actor, at=at)
    invoice = billing.finalized(lines=[billing.line("80")])
    method = make.method(invoice.customer_id)
    method.mandate_text = f"{marker} agreed"
    method.save(update_fields=["mandate_text"])
    agreed = {"limit_minor": 5_000, "agreed_at": at, "agreed_by": ids.uuid7()}
    Autopay(
        customer_id=invoice.customer_id,
        payment_method=method,
        currency="EUR",
        mandate_text=f"{marker} agreed",
        **agreed,
    ).save(force_insert=True)
    promised = clock.today() + timedelta(days=3)
    plans.promise(
        invoice_id=invoice.pk,
        promised_on=promised,
        note=f"{marker} note",
        today=clock.today(),
        actor=actor,
        at=at,
    )
    payment = make.card(invoice.customer_id, invoice.pk, 1_000, state="failed")
    attempt = Attempt.objects.get(payment=payment)
    attempt.page_url = f"https://provider.example/{marker}"
    attempt.save(update_fields=["page_url"])
    words = {"return_url": f"https://billing.example/{marker}"}
    PageAsk(attempt=attempt, customer_id=invoice.customer_id, ask=words, created_at=at).save(
        force_insert=True
    )


def connect(actor: Actor) -> None:
    """Connect the sandbox, so that every secret of an account is there; its hook's is replaced once."""
    tenant = installation.tenant("a")
    account = providers.connect_sandbox(tenant_id=tenant, actor=actor, at=clock.now())
    providers.rotate_hook(tenant_id=tenant, account_id=account, actor=actor, at=clock.now())


def over_the_api(send: Send, records: dict[str, str], invoice: Callable[[], str]) -> None:
    """Record, allocate, give back, reverse; each with the words that belong to it."""

    def money(name: str, path: str) -> str:
        return send(name, "POST", path, Idempotency_Key=f"canary-{name}")

    records["invoice"] = invoice()
    send("invoices_send", "POST", f"invoices/{records['invoice']}/send")
    records["payment"] = money("payments_create", "payments")
    records["refund"] = money("refunds_create", "refunds")
    money("refunds_record_payout", f"refunds/{records['refund']}/record_payout")
    with scope(Scope(installation.tenant("a"))):
        paid = Payment.objects.get(pk=ids.decode("payment", records["payment"]))
        # Too much of it, so that there is credit to put somewhere.
        make.bank(paid.customer_id, 5_000)
    records["allocation"] = money("allocations_create", "allocations")
    money("allocations_release", f"allocations/{records['allocation']}/release")
    records["reversed"] = money("payments_create", "payments")
    money("payments_reverse", f"payments/{records['reversed']}/reverse")
    with scope(Scope(installation.tenant("a"))):
        other = Invoice.objects.get(pk=ids.decode("invoice", records["invoice"]))
        contested = make.dispute(make.card(other.customer_id, other.pk, 100))
    records["dispute"] = ids.encode("dispute", contested.pk)
    send("disputes_answer", "POST", f"disputes/{records['dispute']}/answer")
    with scope(Scope(installation.tenant("a"))):
        assert Dispute.objects.get(pk=contested.pk).evidence
