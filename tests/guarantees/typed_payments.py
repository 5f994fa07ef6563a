"""Types a marker into every text that payments keep; see `typed`, which gathers what is left of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from accounts.services import approvals
from core import clock, ids
from core.actor import Actor
from payments.models import Attempt, Autopay, PageAsk, Refund
from payments.reminders import plans
from payments.services import accounts as providers
from payments.statements import booking
from payments.statements import services as statements
from payments.statements.models import StatementLine
from tenancy.context import Scope, scope
from tests.make import accounts, billing, installation
from tests.make import payments as make
from tests.make import statements as banks


def over_the_services(marker: str, actor: Actor) -> None:
    """Words that come from a bank, from a payer's page, from what a customer agreed to."""
    at = clock.now()
    line = banks.Line(4_200, f"{marker} payer", f"{marker} iban", f"{marker} text", f"{marker} reference")
    statements.take_in(
        data=banks.camt053([line]), file_name=f"{marker}.xml", currency="EUR", actor=actor, at=at
    )
    row = StatementLine.objects.get()
    booking.ignore(line_id=row.pk, reason=f"{marker} reason", actor=actor, at=at)
    invoice = billing.finalized(lines=[billing.line("80")])
    method = make.saved(invoice.customer_id)
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


def approved(refund_id: UUID) -> None:
    """Let a second person agree to a refund that waits for one."""
    with scope(Scope(installation.tenant("a"))):
        refund = Refund.objects.get(pk=refund_id)
        if refund.approval_id is not None:
            approver = accounts.actor(accounts.member("approver").user)
            approvals.approve(request_id=refund.approval_id, actor=approver, at=clock.now())


def disputed() -> UUID:
    """Let somebody contest a payment by card, and return their dispute."""
    with scope(Scope(installation.tenant("a"))):
        invoice = billing.finalized(lines=[billing.line("90")])
        return make.disputed(make.card(invoice.customer_id, invoice.pk, 1_000)).pk


def over_the_api(send: Callable[..., str], answers: dict[str, bytes], records: dict[str, str]) -> None:
    """Money comes, moves and goes; where it is to move only once, each call has a key."""

    def once(name: str, path: str) -> str:
        return send(name, "POST", path, Idempotency_Key=f"canary {name} {len(records)}")

    records["invoice"] = records["final"]
    records["payment"] = once("payments_create", "payments")
    (row,) = json.loads(answers["payments_create"])["allocations"]
    records["allocation"] = row["id"]
    once("allocations_release", f"allocations/{records['allocation']}/release")
    once("allocations_create", "allocations")
    records["refund"] = once("refunds_create", "refunds")
    approved(ids.decode("refund", records["refund"]))
    once("refunds_record_payout", f"refunds/{records['refund']}/record_payout")
    records["dispute"] = ids.encode("dispute", disputed())
    once("disputes_answer", f"disputes/{records['dispute']}/answer")
    records["payment"] = once("payments_create", "payments")
    once("payments_reverse", f"payments/{records['payment']}/reverse")
