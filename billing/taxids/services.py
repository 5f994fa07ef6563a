"""Having tax ids checked with the authorities: asked for in one transaction, asked outside any, kept in a third."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from audit import services as audit
from billing import events
from billing.customers.models import Customer
from billing.customers.services import CustomerErased
from billing.issuer.models import Issuer
from billing.taxids import rules, vies
from billing.taxids.models import TaxIdCheck
from core.actor import Actor
from core.errors import NotFound, Refusal
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, current_tenant, scope, use_case

_BATCH = 50
# A question whose asker died is asked again after this long.
_TAKEN = timedelta(minutes=2)


class NotInVies(Refusal):
    """The tax authorities of the Union answer about VAT numbers of its countries alone, and this is none."""

    code = "not_in_vies"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What was said about a tax id, and when."""

    tax_id: str
    result: str
    consultation: str
    trader_name: str
    trader_address: str
    fault: str
    asked_by: UUID | None
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class _Question:
    customer_id: UUID
    tax_id: str
    requester: str


@use_case
def ask(*, customer_id: UUID, actor: Actor, at: datetime) -> None:
    """Have a customer's tax id checked now.

    Raises:
        NotFound: there is no such customer.
        CustomerErased
        NotInVies: it has none that the authorities know about.
    """
    from billing.taxids import tasks  # noqa: PLC0415  the tasks import this module

    row: Customer | None = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if row is None:
        raise NotFound
    if row.subject_key is None:
        raise CustomerErased
    verdict = rules.judge(row.tax_id) if row.tax_id else None
    if verdict is None or not verdict.in_vies:
        raise NotInVies(field="tax_id")
    row.tax_id_state, row.tax_id_due_at, row.updated_at = Customer.TaxIdState.PENDING, at, at
    row.save(update_fields=["tax_id_state", "tax_id_due_at", "updated_at"])
    audit.record(events.TAX_ID_ASKED, actor=actor, subject=("customer", row.pk))
    tasks.check_soon(current_tenant())


def checks(customer_id: UUID, *, most: int = 20) -> list[Check]:
    """List what was said about a customer's tax ids, newest first."""
    rows = TaxIdCheck.objects.filter(customer_id=customer_id).order_by("-asked_at")
    return [
        Check(
            tax_id=row.tax_id,
            result=row.result,
            consultation=row.consultation or "",
            trader_name=row.trader_name or "",
            trader_address=row.trader_address or "",
            fault=row.fault,
            asked_by=row.asked_by,
            asked_at=row.asked_at,
        )
        for row in rows[:most]
    ]


def check_due(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> int:
    """Ask about every tax id of one organization that is due; call it outside any scope. Returns how many."""
    asked = 0
    while True:
        with scope(Scope(tenant_id)):
            questions = _take(now())
        for question in questions:
            said = vies.ask(question.tax_id, requester=question.requester)
            with scope(Scope(tenant_id)):
                record(question.customer_id, question.tax_id, question.requester, said, actor=actor, at=now())
            asked += 1
        if len(questions) < _BATCH:
            return asked


@use_case
def record(
    customer_id: UUID, tax_id: str, requester: str, said: vies.Said, *, actor: Actor, at: datetime
) -> None:
    """Keep what was said as evidence, and what follows from it. An answer about a former tax id changes nothing."""
    row: Customer | None = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if row is None:
        return
    results = TaxIdCheck.Result
    result = results.UNAVAILABLE if said.fault else results.VALID if said.is_valid else results.INVALID
    TaxIdCheck(
        customer=row,
        tax_id=tax_id,
        requester=requester or None,
        result=result,
        consultation=said.consultation or None,
        trader_name=said.name or None,
        trader_address=said.address or None,
        fault=said.fault,
        asked_by=actor.id,
        asked_at=at,
    ).save(force_insert=True)
    facts: dict[str, str | int | bool] = {"result": result.value}
    audit.record(events.TAX_ID_CHECKED, actor=actor, subject=("customer", row.pk), facts=facts)
    if row.subject_key is None or row.tax_id != tax_id:
        return
    wait = rules.wait_after(_unanswered(row.pk, tax_id)) if said.fault else None
    row.tax_id_state, row.tax_id_due_at = result.value, None if wait is None else at + wait
    row.save(update_fields=["tax_id_state", "tax_id_due_at"])
    webhooks.publish(
        type="customer.vies_check", subject=("customer", row.pk), data={"tax_id_state": row.tax_id_state}
    )


def _take(at: datetime) -> Sequence[_Question]:
    """Take what is due for two minutes: of two runners at once each asks about its own."""
    issuer = Issuer.objects.first()
    own = (issuer.tax_id or "") if issuer else ""
    verdict = rules.judge(own) if own else None
    requester = own if verdict is not None and verdict.in_vies else ""
    due = Customer.objects.select_for_update(no_key=True, skip_locked=True).filter(tax_id_due_at__lte=at)
    questions: list[_Question] = []
    for row in due.order_by("tax_id_due_at")[:_BATCH]:
        known = row.subject_key is not None and bool(row.tax_id)
        row.tax_id_due_at = at + _TAKEN if known else None
        if known:
            questions.append(_Question(row.pk, row.tax_id, requester))
        else:
            row.tax_id_state = Customer.TaxIdState.UNCHECKED
        row.save(update_fields=["tax_id_due_at", "tax_id_state"])
    return questions


def _unanswered(customer_id: UUID, tax_id: str) -> int:
    """Count the questions about a tax id since the last answer."""
    count = 0
    for row in TaxIdCheck.objects.filter(customer_id=customer_id).order_by("-asked_at")[
        : len(rules.WAITS) + 1
    ]:
        if row.result != TaxIdCheck.Result.UNAVAILABLE or row.tax_id != tax_id:
            break
        count += 1
    return count
