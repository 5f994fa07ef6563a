"""What can be done to many records at once: for each act who may, what it would do, and doing it to one portion.

Promise kept: an act goes through the use case that does it to one record, which looks at the state of that record
then; what a use case refuses is left out with its own sentence.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts.lists.queries import Chosen
from accounts.permissions import Permission
from billing.customers import chosen as customers_chosen
from billing.customers import queries as customers
from billing.invoices import chosen as invoices_chosen
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from core.actor import Actor
from core.errors import Refusal
from outbound import mail
from payments.reminders import looking
from payments.reminders import sending as reminders
from payments.services import sending
from tenancy.context import attempt

# More than this is narrowed down first: nobody oversees it, and a slip costs a day.
MOST = 10_000
# Whom mails go to is looked up for so many customers while somebody waits.
_MOST_LOOKED_UP = 500

Left = tuple[str, str, str]  # id, code, sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a portion: how many rows were done, and those left out with their reason."""

    done: int = 0
    left: Sequence[Left] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What an act would do as things stand. `people` is None when it writes to nobody, or to too many to look up."""

    rows: int = 0
    people: int | None = None
    customers: int = 0
    sums: Mapping[str, int] = field(default_factory=dict)
    left: Sequence[Left] = ()
    sample: mail.Written | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing done to many rows of a list. `portions` are what is done in one transaction, by the id it ends with."""

    code: str
    listing: str
    permission: Permission
    portions: Callable[[Chosen], list[tuple[UUID, list[UUID]]]]
    preview: Callable[[Chosen, date, datetime], Preview]
    do: Callable[[UUID, Sequence[UUID], date, Actor, datetime], Outcome]
    # What leaves the house waits a moment, and can be called back.
    leaves: bool = False

    @property
    def job(self) -> str:
        """The kind of its jobs."""
        return f"bulk.{self.code}"


def _each(chosen: Chosen) -> list[tuple[UUID, list[UUID]]]:
    keys = invoices_chosen.rows(chosen).order_by("id").values_list("id", flat=True)[:MOST]
    return [(key, [key]) for key in keys]


def _by_customer(chosen: Chosen) -> list[tuple[UUID, list[UUID]]]:
    """One portion a customer, so that each gets one mail."""
    rows = invoices_chosen.rows(chosen).order_by("customer_id", "id").values_list("customer_id", "id")[:MOST]
    portions: dict[UUID, list[UUID]] = {}
    for customer_id, key in rows:
        portions.setdefault(customer_id, []).append(key)
    return list(portions.items())


def _customers(chosen: Chosen) -> list[tuple[UUID, list[UUID]]]:
    keys = customers_chosen.rows(chosen).order_by("id").values_list("id", flat=True)[:MOST]
    return [(key, [key]) for key in keys]


def _one(call: Callable[[UUID, Actor, datetime], object]) -> Callable[..., Outcome]:
    def do(last: UUID, keys: Sequence[UUID], on: date, actor: Actor, at: datetime) -> Outcome:
        (key,) = keys
        try:
            with attempt():
                call(key, actor, at)
        except Refusal as refusal:
            return Outcome(left=[(str(key), refusal.code, refusal.message)])
        return Outcome(done=1)

    return do


def _remind(customer_id: UUID, keys: Sequence[UUID], on: date, actor: Actor, at: datetime) -> Outcome:
    """Remind one customer; those invoices that cannot be reminded of are named first, each with its reason."""
    left = _held(reminders.preview_by_hand(invoice_ids=keys, on=on), keys)
    done = reminders.remind(invoice_ids=keys, on=on, actor=actor, at=at)
    return Outcome(done=done.reminders, left=left)


def _remind_all_of(last: UUID, keys: Sequence[UUID], on: date, actor: Actor, at: datetime) -> Outcome:
    (customer_id,) = keys
    late = _late([customer_id], on)
    if not late:
        return Outcome(left=[(str(customer_id), "nothing_late", "Nothing of theirs is late.")])
    plan = reminders.preview_by_hand(invoice_ids=late, on=on)
    if not plan.letters:
        return Outcome(left=[(str(customer_id), held.hold.value, held.why) for held in plan.held[:1]])
    reminders.remind(invoice_ids=late, on=on, actor=actor, at=at)
    return Outcome(done=1)


def _late(customer_ids: Iterable[UUID], on: date) -> list[UUID]:
    return [
        debt.invoice_id
        for debtor in looking.debtors(set(customer_ids), on=on)
        for debt in debtor.debts
        if debt.due_on < on
    ]


def _held(plan: reminders.Plan, keys: Iterable[UUID]) -> list[Left]:
    """Name every row that gets no reminder: held back, or not a debt at all."""
    left = {held.debt.invoice_id: (held.hold.value, held.why) for held in plan.held}
    goes = {item.debt.invoice_id for letter in plan.letters for item in letter.items}
    nothing = ("nothing_due", "Nothing is due of it.")
    return [(str(key), *left.get(key, nothing)) for key in keys if key not in goes]


def _letters(plan: reminders.Plan, left: Sequence[Left], *, rows: int) -> Preview:
    sums: dict[str, int] = {}
    for letter in plan.letters:
        for item in letter.items:
            sums[item.debt.currency] = sums.get(item.debt.currency, 0) + item.debt.due_minor
    first = plan.letters[0] if plan.letters else None
    words = {item.debt.invoice_id: "[the payment link]" for item in first.items} if first else {}
    return Preview(
        rows=rows,
        people=len({email for letter in plan.letters for email in letter.emails}),
        customers=len(plan.letters),
        sums=sums,
        left=left,
        sample=reminders.written(first, urls=words) if first else None,
    )


def _preview_reminders(chosen: Chosen, on: date, at: datetime) -> Preview:
    keys = list(invoices_chosen.rows(chosen).values_list("id", flat=True)[:MOST])
    plan = reminders.preview_by_hand(invoice_ids=keys, on=on)
    left = _held(plan, keys)
    return _letters(plan, left, rows=len(keys) - len(left))


def _preview_customers(chosen: Chosen, on: date, at: datetime) -> Preview:
    keys = [key for key, _ in _customers(chosen)]
    plan = reminders.preview_by_hand(invoice_ids=_late(keys, on), on=on)
    writes = {letter.customer_id for letter in plan.letters}
    why = {held.customer_id: (held.hold.value, held.why) for held in plan.held}
    nothing = ("nothing_late", "Nothing of theirs is late.")
    left = [(str(key), *why.get(key, nothing)) for key in keys if key not in writes]
    return _letters(plan, left, rows=len(writes))


def _sums(rows: "QuerySet[Invoice]") -> tuple[dict[str, int], int]:
    sums: dict[str, int] = {}
    count = 0
    for currency, total in rows.values_list("currency", "total_minor"):
        sums[currency] = sums.get(currency, 0) + total
        count += 1
    return sums, count


def _preview_send(chosen: Chosen, on: date, at: datetime) -> Preview:
    listed = ("id", "status", "customer_id", "currency", "total_minor")
    rows = list(invoices_chosen.rows(chosen).order_by("-id").values_list(*listed)[:MOST])
    final = [row for row in rows if row[1] == Invoice.Status.FINALIZED]
    left: list[Left] = [
        (str(row[0]), sending.NotToBeSent.code, sending.NotToBeSent().message)
        for row in rows
        if row[1] != Invoice.Status.FINALIZED
    ]
    owners = list(dict.fromkeys(row[2] for row in final))
    people: int | None = None
    if len(owners) <= _MOST_LOOKED_UP:
        found = customers.recipients_of([customers.get(key) for key in owners], "billing")
        none = {key for key, theirs in found.items() if not theirs}
        left += [
            (str(row[0]), sending.NoAddress.code, sending.NoAddress().message)
            for row in final
            if row[2] in none
        ]
        final = [row for row in final if row[2] not in none]
        owners = [key for key in owners if key not in none]
        people = len({one.email for theirs in found.values() for one in theirs})
    sums: dict[str, int] = {}
    for row in final:
        sums[row[3]] = sums.get(row[3], 0) + row[4]
    letter = sending.preview(final[0][0], at=at) if final else None
    return Preview(
        rows=len(final),
        people=people,
        customers=len(owners),
        sums=sums,
        left=left,
        sample=mail.Written(subject=letter.subject, text=letter.text) if letter else None,
    )


def _preview_drafts(chosen: Chosen, on: date, at: datetime) -> Preview:
    rows = invoices_chosen.rows(chosen)
    refusal = invoices.InvoiceNotDraft()
    others = rows.exclude(status=Invoice.Status.DRAFT).values_list("id", flat=True)[:MOST]
    left = [(str(key), refusal.code, refusal.message) for key in others]
    sums, count = _sums(rows.filter(status=Invoice.Status.DRAFT))
    return Preview(rows=count, sums=sums, left=left)


SEND = Act(
    code="send", listing="invoices", permission=Permission.INVOICE_SEND, portions=_each, preview=_preview_send,
    do=_one(lambda key, actor, at: sending.send(invoice_id=key, actor=actor, at=at)), leaves=True,
)  # fmt: skip
REMIND = Act(
    code="remind", listing="invoices", permission=Permission.INVOICE_SEND, portions=_by_customer,
    preview=_preview_reminders, do=_remind, leaves=True,
)  # fmt: skip
FINALIZE = Act(
    code="finalize", listing="invoices", permission=Permission.INVOICE_FINALIZE, portions=_each,
    preview=_preview_drafts, do=_one(lambda key, actor, at: invoices.finalize(invoice_id=key, actor=actor, at=at)),
)  # fmt: skip
DISCARD = Act(
    code="discard", listing="invoices", permission=Permission.INVOICE_WRITE, portions=_each, preview=_preview_drafts,
    do=_one(lambda key, actor, at: invoices.discard_draft(invoice_id=key, actor=actor, at=at)),
)  # fmt: skip
REMIND_CUSTOMERS = Act(
    code="remind_customers", listing="customers", permission=Permission.INVOICE_SEND, portions=_customers,
    preview=_preview_customers, do=_remind_all_of, leaves=True,
)  # fmt: skip
ACTS: Mapping[str, Act] = {
    act.code: act for act in (SEND, REMIND, FINALIZE, DISCARD, REMIND_CUSTOMERS)
}  # fmt: skip
