"""Reading reminders: what each plan does and has brought in, whom it concerns, what was sent."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.db.models import Count

from billing.customers import queries as customers
from billing.customers.models import Customer
from billing.invoices import lists as invoices
from billing.invoices.models import Invoice
from core.errors import NotFound
from payments.models import LateFee, PaymentPromise, Reminder, ReminderChoice, ReminderPlan
from payments.reminders import looking
from payments.reminders.looking import Plan
from tenancy import context

PAGE = 50
MOST_LATE = 200
# What came onto invoices after the plan had first reminded of them.
_RECOVERED = """
    SELECT a.currency, sum(a.amount_minor) FROM billing_allocation a JOIN (
      SELECT r.invoice_id, min(r.at) AS first FROM payments_reminder r
      JOIN payments_reminderstep s ON s.tenant_id = r.tenant_id AND s.id = r.step_id
      WHERE r.tenant_id = %(tenant)s AND s.plan_id = %(plan)s AND r.state = 'sent' GROUP BY r.invoice_id) AS r
      ON r.invoice_id = a.invoice_id AND a.at >= r.first
    WHERE a.tenant_id = %(tenant)s GROUP BY a.currency HAVING sum(a.amount_minor) <> 0 ORDER BY a.currency"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A plan, how many customers have it by choice, what it has sent and brought in (minor units by currency)."""

    plan: Plan
    customers: int
    sent: int
    recovered: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderRow:
    """One reminder that was sent or passed over. `days` is None for one sent by hand."""

    at: datetime
    on_day: date
    state: str
    words: str
    days: int | None
    currency: str
    due_minor: int
    invoice_id: UUID
    number: str
    customer_id: UUID
    customer_name: str
    sent_by: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LateRow:
    """An invoice that is late, with what is known about it. Minor units."""

    invoice_id: UUID
    number: str
    customer_id: UUID
    customer_name: str
    currency: str
    due_minor: int
    due_on: date
    days_late: int
    reminded_on: date | None
    promised_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseRow:
    """What a customer promised about an invoice."""

    promised_on: date
    note: str
    made_by: UUID | None
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceRow:
    """A customer who is reminded otherwise than others."""

    customer_id: UUID
    customer_name: str
    plan_name: str
    is_paused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeRow:
    """A late fee that was drafted, and where its draft stands: draft, finalized, voided or discarded."""

    invoice_id: UUID
    number: str
    fee_invoice_id: UUID
    state: str
    customer_name: str
    currency: str
    amount_minor: int
    on_day: date


def plan(plan_id: UUID) -> Plan:
    """Return one plan.

    Raises:
        NotFound: there is none.
    """
    found = looking.plans().get(plan_id)
    if found is None:
        raise NotFound
    return found


def plans() -> list[PlanRow]:
    """List the plans that are not archived, the default first."""
    chosen = dict(
        ReminderChoice.objects.filter(plan__isnull=False)
        .values_list("plan_id")
        .annotate(count=Count("id"))
        .values_list("plan_id", "count")
    )
    sent = dict(
        Reminder.objects.filter(state=Reminder.State.SENT, step__isnull=False)
        .values_list("step__plan_id")
        .annotate(count=Count("id"))
        .values_list("step__plan_id", "count")
    )
    return [
        PlanRow(
            plan=each,
            customers=chosen.get(each.id, 0),
            sent=sent.get(each.id, 0),
            recovered=recovered(each.id),
        )
        for each in looking.plans().values()
        if each.state != ReminderPlan.State.ARCHIVED
    ]


def recovered(plan_id: UUID) -> dict[str, int]:
    """Return what came onto invoices after a plan had reminded of them, in minor units by currency."""
    with connection.cursor() as cursor:
        cursor.execute(_RECOVERED, {"tenant": context.current_tenant(), "plan": plan_id})
        return {currency: int(amount) for currency, amount in cursor.fetchall()}


def sent(
    *, invoice_id: UUID | None = None, limit: int = PAGE, after: UUID | None = None
) -> tuple[list[ReminderRow], UUID | None]:
    """List reminders, the newest first, of one invoice or of all, and the cursor of the next page."""
    rows = Reminder.objects.select_related("step").order_by("-id")
    if invoice_id is not None:
        rows = rows.filter(invoice_id=invoice_id)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = found[:limit]
    names = customers.names(row.customer_id for row in shown)
    numbers = invoices.numbers([row.invoice_id for row in shown])
    return [
        ReminderRow(
            at=row.at,
            on_day=row.on_day,
            state=row.state,
            words=row.words,
            days=None if row.step is None else row.step.days,
            currency=row.currency,
            due_minor=row.due_minor,
            invoice_id=row.invoice_id,
            number=numbers.get(row.invoice_id, ""),
            customer_id=row.customer_id,
            customer_name=names.get(row.customer_id, ""),
            sent_by=row.sent_by,
        )
        for row in shown
    ], (shown[-1].pk if len(found) > limit else None)


def late(*, on: date, invoice_ids: Sequence[UUID] | None = None) -> list[LateRow]:
    """List invoices that are late, those of one customer together, the customer with the oldest debt first."""
    rows = Invoice.objects.filter(
        status=Invoice.Status.FINALIZED, amount_due_minor__gt=0, due_on__lt=on
    ).exclude(payment_status=Invoice.PaymentStatus.PAID)
    if invoice_ids is not None:
        rows = rows.filter(pk__in=list(invoice_ids))
    found = list(
        rows.order_by("due_on", "id").values_list(
            "id", "number", "customer_id", "currency", "amount_due_minor", "due_on"
        )[:MOST_LATE]
    )
    names = customers.names(row[2] for row in found)
    keys = [row[0] for row in found]
    reminded: dict[UUID, date] = {}
    sent_on = Reminder.objects.filter(invoice_id__in=keys, state=Reminder.State.SENT)
    for key, day in sent_on.values_list("invoice_id", "on_day"):
        reminded[key] = max(reminded.get(key, day), day)
    promised = dict(
        PaymentPromise.objects.filter(invoice_id__in=keys, ended_at__isnull=True).values_list(
            "invoice_id", "promised_on"
        )
    )
    order = list(dict.fromkeys(row[2] for row in found))
    listed = [
        LateRow(
            invoice_id=key,
            number=number or "",
            customer_id=customer_id,
            customer_name=names.get(customer_id, ""),
            currency=currency,
            due_minor=due,
            due_on=due_on,
            days_late=(on - due_on).days,
            reminded_on=reminded.get(key),
            promised_on=promised.get(key),
        )
        for key, number, customer_id, currency, due, due_on in found
        if due_on is not None
    ]
    return sorted(listed, key=lambda row: order.index(row.customer_id))


def promise(invoice_id: UUID) -> PromiseRow | None:
    """Return the promise that an invoice rests on, if any."""
    found = PaymentPromise.objects.filter(invoice_id=invoice_id, ended_at__isnull=True).first()
    if found is None:
        return None
    return PromiseRow(
        promised_on=found.promised_on, note=found.note or "", made_by=found.made_by, made_at=found.made_at
    )


def choices(*, limit: int = PAGE) -> list[ChoiceRow]:
    """List customers who have a plan of their own or are paused."""
    found = list(ReminderChoice.objects.select_related("plan").order_by("-id")[:limit])
    names = customers.names(row.customer_id for row in found)
    return [
        ChoiceRow(
            customer_id=row.customer_id,
            customer_name=names.get(row.customer_id, ""),
            plan_name="" if row.plan is None else row.plan.name,
            is_paused=row.is_paused,
        )
        for row in found
        if row.plan_id is not None or row.is_paused
    ]


def choice(customer_id: UUID) -> tuple[UUID | None, bool]:
    """Return a customer's own plan, if any, and whether their reminders are paused.

    Raises:
        NotFound: there is no such customer.
    """
    if not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound
    found = ReminderChoice.objects.filter(customer_id=customer_id).first()
    return (None, False) if found is None else (found.plan_id, found.is_paused)


def fees(*, limit: int = PAGE, of: Iterable[UUID] | None = None) -> list[FeeRow]:
    """List late fees, the newest first, all or those of some late invoices."""
    rows = LateFee.objects.order_by("-id")
    if of is not None:
        rows = rows.filter(invoice_id__in=list(of))
    found = list(rows[:limit])
    names = customers.names(row.customer_id for row in found)
    numbers = invoices.numbers([row.invoice_id for row in found])
    states = dict(
        Invoice.objects.filter(pk__in=[row.fee_invoice_id for row in found]).values_list("id", "status")
    )
    return [
        FeeRow(
            invoice_id=row.invoice_id,
            number=numbers.get(row.invoice_id, ""),
            fee_invoice_id=row.fee_invoice_id,
            state=states.get(row.fee_invoice_id, "discarded"),
            customer_name=names.get(row.customer_id, ""),
            currency=row.currency,
            amount_minor=row.amount_minor,
            on_day=row.on_day,
        )
        for row in found
    ]
