"""What the rules look at: plans, and the open invoices of some customers with all that happened to them."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import Max, QuerySet

from billing.contacts import queries as people
from billing.contacts.queries import ContactDetail
from billing.customers.models import Customer
from billing.invoices.models import Invoice
from billing.messages import queries as invoice_messages
from payments.models import (
    LateFee,
    PaymentPromise,
    Reminder,
    ReminderChoice,
    ReminderPlan,
    ReminderStep,
)
from payments.reminders.rules import FIRST_DAY, Debt, Fee, Step

# An invoice that comes due later than this has no step yet.
_AHEAD = timedelta(days=-FIRST_DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan with its steps, the earliest first."""

    id: UUID
    name: str
    state: str
    is_default: bool
    active_from: date | None
    steps: tuple[Step, ...]

    @property
    def runs(self) -> bool:
        """Whether it sends anything."""
        return self.state == ReminderPlan.State.ACTIVE and self.active_from is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Debtor:
    """A customer with what they owe and how they are reminded."""

    id: UUID
    name: str
    emails: tuple[str, ...]
    plan: Plan | None
    is_paused: bool
    debts: tuple[Debt, ...]


def plans() -> dict[UUID, Plan]:
    """Return every plan of the organization by id."""
    steps: dict[UUID, list[Step]] = {}
    for row in ReminderStep.objects.filter(removed_at__isnull=True).order_by("days"):
        steps.setdefault(row.plan_id, []).append(step_of(row))
    return {
        row.pk: Plan(
            id=row.pk,
            name=row.name,
            state=row.state,
            is_default=row.is_default,
            active_from=row.active_from,
            steps=tuple(steps.get(row.pk, ())),
        )
        for row in ReminderPlan.objects.order_by("-is_default", "id")
    }


def step_of(row: ReminderStep) -> Step:
    """Return a step as the rules know it."""
    return Step(
        id=row.pk,
        days=row.days,
        words=row.words,
        fee=Fee(
            kind=row.fee,
            currency=row.fee_currency,
            amount_minor=row.fee_minor or 0,
            percentage=row.fee_percentage or Decimal(0),
            least_minor=row.fee_least_minor,
            most_minor=row.fee_most_minor,
        ),
    )


def debtor_ids(*, on: date, after: UUID | None = None, limit: int = 200) -> list[UUID]:
    """Return customers who owe something that has come due or will within sixty days, by id, from behind `after`."""
    rows = _open(on)
    if after is not None:
        rows = rows.filter(customer_id__gt=after)
    return list(rows.order_by("customer_id").values_list("customer_id", flat=True).distinct()[:limit])


def debtors(
    customer_ids: Collection[UUID], *, on: date, known: dict[UUID, Plan] | None = None
) -> list[Debtor]:
    """Return customers with their open invoices, in the order of their ids; a handful of statements for all."""
    plans_by_id = plans() if known is None else known
    default = next((plan for plan in plans_by_id.values() if plan.is_default), None)
    invoices = list(
        _open(on)
        .filter(customer_id__in=customer_ids)
        .order_by("due_on", "id")
        .values_list(
            "id", "customer_id", "number", "currency", "amount_due_minor", "due_on", "disputes_open",
            "attempts_processing",
        )
    )  # fmt: skip
    keys = [row[0] for row in invoices]
    happened = _Happened(keys)
    debts: dict[UUID, list[Debt]] = {}
    for key, customer_id, number, currency, due, due_on, disputes, processing in invoices:
        if number is None or due_on is None:  # a final invoice has both, where `due_on` was compared with
            continue
        debts.setdefault(customer_id, []).append(
            Debt(
                invoice_id=key,
                number=number,
                currency=currency,
                due_minor=due,
                due_on=due_on,
                is_disputed=disputes > 0 or key in happened.contested,
                is_on_its_way=processing > 0,
                promised_on=happened.promised.get(key),
                handled=frozenset(happened.handled.get(key, ())),
                reached_days=happened.reached.get(key),
                reminded_on=happened.reminded.get(key),
                sent_late=happened.sent_late[key],
                charged_until=happened.charged.get(key),
                is_fee=key in happened.fees,
            )
        )
    choices = {row.customer_id: row for row in ReminderChoice.objects.filter(customer_id__in=customer_ids)}
    rows = Customer.objects.filter(pk__in=debts).only(
        "id", "tenant_id", "subject_key", "name", "email", "restricted_at"
    )
    contacts = people.in_role(debts, "reminders") if debts else {}
    found = []
    for row in sorted(rows, key=lambda each: each.pk):
        choice = choices.get(row.pk)
        own = plans_by_id.get(choice.plan_id) if choice is not None and choice.plan_id else None
        found.append(
            Debtor(
                id=row.pk,
                name=row.name,
                emails=_addresses(row, contacts.get(row.pk, [])),
                plan=own or default,
                is_paused=row.restricted_at is not None or (choice is not None and choice.is_paused),
                debts=tuple(debts[row.pk]),
            )
        )
    return found


def _addresses(row: Customer, contacts: Sequence[ContactDetail]) -> tuple[str, ...]:
    """Whoever gets reminders, each once; without anybody in that role the customer's own address."""
    own = [row.email] if row.email else []
    return tuple(dict.fromkeys([one.email for one in contacts] or own))


class _Happened:
    """What happened to some invoices, read at once."""

    def __init__(self, invoice_ids: Sequence[UUID]) -> None:
        self.handled: dict[UUID, set[UUID]] = {}
        self.reached: dict[UUID, int] = {}
        self.reminded: dict[UUID, date] = {}
        self.sent_late: Counter[UUID] = Counter()
        reminders = Reminder.objects.filter(invoice_id__in=invoice_ids)
        for key, step_id, days, state, words, day in reminders.values_list(
            "invoice_id", "step_id", "step__days", "state", "words", "on_day"
        ):
            if step_id is not None:
                self.handled.setdefault(key, set()).add(step_id)
                self.reached[key] = max(self.reached.get(key, days), days)
            if state == Reminder.State.SENT:
                self.reminded[key] = max(self.reminded.get(key, day), day)
                self.sent_late[key] += words != ReminderStep.Words.UPCOMING
        self.contested = invoice_messages.contested(invoice_ids)
        promises = PaymentPromise.objects.filter(invoice_id__in=invoice_ids, ended_at__isnull=True)
        self.promised = dict(promises.values_list("invoice_id", "promised_on"))
        charged = LateFee.objects.filter(invoice_id__in=invoice_ids).values("invoice_id")
        self.charged = dict(charged.annotate(last=Max("on_day")).values_list("invoice_id", "last"))
        fees = LateFee.objects.filter(fee_invoice_id__in=invoice_ids)
        self.fees = set(fees.values_list("fee_invoice_id", flat=True))


def _open(on: date) -> "QuerySet[Invoice]":
    rows: QuerySet[Invoice] = Invoice.objects.filter(
        status=Invoice.Status.FINALIZED, amount_due_minor__gt=0, due_on__lte=on + _AHEAD
    ).exclude(payment_status=Invoice.PaymentStatus.PAID)
    return rows
