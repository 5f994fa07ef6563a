"""Reminding: one mail a customer for all that has come due, once a step, whatever runs twice or did not run at all.

Promise kept: what is sent is decided under the lock of its customer, from rows as they are then, and written with the
mail in one transaction; a step of an invoice has one row (unique), so that two runs at once send one mail. Nobody
without an address is written to: they are named instead.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from audit import services as audit
from billing.customers.models import Customer
from billing.documents import papers
from billing.documents.pdf import words as paper
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.invoices.rules import LineInput
from billing.issuer import queries as issuers
from core import ids, money
from core.actor import Actor
from core.errors import Refusal
from outbound import mail
from payments import events
from payments.models import LateFee, Reminder
from payments.reminders import looking, rules
from payments.reminders.looking import Debtor
from payments.reminders.rules import HELD, Debt, Hold, Step
from payments.services import links
from tenancy.context import Scope, attempt, current_tenant, scope, use_case

_PORTION = 100
MOST_BY_HAND = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One invoice in a mail: the words true of it, which step reminds (None: a person), those passed over, the fee."""

    debt: Debt
    words: str
    step: Step | None = None
    skipped: tuple[Step, ...] = ()
    fee_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail to one customer. Without items it only notes what was passed over."""

    customer_id: UUID
    name: str
    emails: tuple[str, ...]
    items: tuple[Item, ...]
    passed_over: tuple[Item, ...] = ()

    @property
    def email(self) -> str:
        """The addresses it goes to, each in a mail of its own."""
        return ", ".join(self.emails)

    @property
    def words(self) -> str:
        """The words of the mail: of its sternest item."""
        return rules.gravest([item.words for item in self.items])


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An invoice that would be reminded of and is not, and why."""

    customer_id: UUID
    name: str
    debt: Debt
    hold: Hold

    @property
    def why(self) -> str:
        """The reason in words."""
        return HELD[self.hold]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a day brings: the mails that go out, and what is held back."""

    letters: list[Letter] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a run did."""

    mails: int = 0
    reminders: int = 0
    fees: int = 0
    held: dict[str, int] = field(default_factory=dict)


def preview(*, on: date, customer_ids: Sequence[UUID] | None = None) -> Plan:
    """Say what would go out on a day as things stand; nothing is written."""
    found = Plan()
    plans = looking.plans()
    portions = [list(customer_ids)] if customer_ids is not None else _portions(on)
    for portion in portions:
        for debtor in looking.debtors(portion, on=on, known=plans):
            letter, held = _by_plan(debtor, on)
            found.held.extend(held)
            if letter is not None and letter.items:
                found.letters.append(letter)
    return found


def preview_by_hand(*, invoice_ids: Iterable[UUID], on: date) -> Plan:
    """Say who would be reminded of what, and what cannot be, when a person reminds; nothing is written."""
    wanted = set(invoice_ids)
    rows = Invoice.objects.filter(pk__in=wanted).values_list("customer_id", flat=True)
    found = Plan()
    for debtor in looking.debtors(set(rows), on=on):
        letter, held = _by_hand(debtor, wanted, on)
        found.held.extend(held)
        if letter is not None:
            found.letters.append(letter)
    return found


@use_case
def send_due(*, customer_id: UUID, on: date, actor: Actor, at: datetime) -> Run:
    """Send one customer what their plan has for a day, and note what was passed over."""
    debtor = _locked(customer_id, on)
    if debtor is None:
        return Run()
    letter, held = _by_plan(debtor, on)
    counts: dict[str, int] = {}
    for each in held:
        counts[each.hold.value] = counts.get(each.hold.value, 0) + 1
    if letter is None:
        return Run(held=counts)
    fees = _send(letter, on=on, actor=actor, at=at)
    return Run(mails=1 if letter.items else 0, reminders=len(letter.items), fees=fees, held=counts)


@use_case
def remind(*, invoice_ids: Iterable[UUID], on: date, actor: Actor, at: datetime) -> Run:
    """Remind of these invoices now, one mail a customer; what cannot be reminded of is counted by its reason."""
    wanted = sorted(set(invoice_ids))[:MOST_BY_HAND]
    rows = Invoice.objects.filter(pk__in=wanted).order_by("customer_id")
    total = Run()
    for customer_id in rows.values_list("customer_id", flat=True).distinct():
        debtor = _locked(customer_id, on)
        if debtor is None:
            continue
        letter, held = _by_hand(debtor, set(wanted), on)
        counts = dict(total.held)
        for each in held:
            counts[each.hold.value] = counts.get(each.hold.value, 0) + 1
        if letter is not None:
            _send(letter, on=on, actor=actor, at=at)
        total = Run(
            mails=total.mails + (letter is not None),
            reminders=total.reminders + (len(letter.items) if letter else 0),
            held=counts,
        )
    return total


def run(*, tenant_id: UUID, on: date, actor: Actor, now: Callable[[], datetime]) -> Run:
    """Send what every customer of one organization is due on a day; each customer is a transaction of their own."""
    mails = reminders = fees = 0
    held: dict[str, int] = {}
    after: UUID | None = None
    while True:
        with scope(Scope(tenant_id)):
            plans = looking.plans()
            if not any(plan.runs for plan in plans.values()):
                break
            portion = looking.debtor_ids(on=on, after=after, limit=_PORTION)
            found = looking.debtors(portion, on=on, known=plans)
            concerned = [debtor.id for debtor in found if any(_by_plan(debtor, on))]
        for customer_id in concerned:
            with scope(Scope(tenant_id)):
                done = send_due(customer_id=customer_id, on=on, actor=actor, at=now())
            mails, reminders, fees = mails + done.mails, reminders + done.reminders, fees + done.fees
            for reason, count in done.held.items():
                held[reason] = held.get(reason, 0) + count
        if len(portion) < _PORTION:
            break
        after = portion[-1]
    return Run(mails=mails, reminders=reminders, fees=fees, held=held)


def _portions(on: date) -> Iterator[list[UUID]]:
    after: UUID | None = None
    while portion := looking.debtor_ids(on=on, after=after, limit=_PORTION):
        yield portion
        after = portion[-1]


def _locked(customer_id: UUID, on: date) -> Debtor | None:
    """Lock a customer and read anew what they owe: whoever reminds them at once waits, and finds it done."""
    if Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first() is None:
        return None
    found = looking.debtors([customer_id], on=on)
    return found[0] if found else None


def _by_plan(debtor: Debtor, on: date) -> tuple[Letter | None, list[Held]]:
    plan = debtor.plan
    if plan is None or not plan.runs or plan.active_from is None:
        return None, []
    items: list[Item] = []
    passed_over: list[Item] = []
    held: list[Held] = []
    for debt in debtor.debts:
        decided = rules.decide(
            debt,
            plan.steps,
            active_from=plan.active_from,
            on=on,
            is_paused=debtor.is_paused,
            has_address=bool(debtor.emails),
        )
        if decided.hold is not None:
            held.append(Held(customer_id=debtor.id, name=debtor.name, debt=debt, hold=decided.hold))
        elif decided.step is not None:
            fee = rules.fee_minor(decided.step.fee, debt, on=on)
            items.append(
                Item(
                    debt=debt,
                    words=rules.said(decided.step.words, debt, plan.steps, on=on),
                    step=decided.step,
                    skipped=decided.skipped,
                    fee_minor=fee,
                )
            )
        elif decided.skipped:
            passed_over.append(Item(debt=debt, words=decided.skipped[-1].words, skipped=decided.skipped))
    if not items and not passed_over:
        return None, held
    return _letter(debtor, items, passed_over), held


def _by_hand(debtor: Debtor, wanted: set[UUID], on: date) -> tuple[Letter | None, list[Held]]:
    steps = debtor.plan.steps if debtor.plan is not None and debtor.plan.runs else ()
    items: list[Item] = []
    held: list[Held] = []
    for debt in debtor.debts:
        if debt.invoice_id not in wanted:
            continue
        hold = rules.by_hand(debt, on=on, is_paused=debtor.is_paused, has_address=bool(debtor.emails))
        if hold is not None:
            held.append(Held(customer_id=debtor.id, name=debtor.name, debt=debt, hold=hold))
        else:
            wished = rules.words_for((on - debt.due_on).days)
            items.append(Item(debt=debt, words=rules.said(wished, debt, steps, on=on)))
    return (_letter(debtor, items, []) if items else None), held


def _letter(debtor: Debtor, items: Sequence[Item], passed_over: Sequence[Item]) -> Letter:
    return Letter(
        customer_id=debtor.id,
        name=debtor.name,
        emails=debtor.emails,
        items=tuple(items),
        passed_over=tuple(passed_over),
    )


def _send(letter: Letter, *, on: date, actor: Actor, at: datetime) -> int:
    """Write the mail and a row for all it says; return how many late fees were drafted."""
    message_id = _mail(letter, actor=actor, at=at) if letter.items else None
    rows: list[Reminder] = []
    fees = 0
    for item in (*letter.items, *letter.passed_over):
        skipped = [(step, Reminder.State.SKIPPED, step.words) for step in item.skipped]
        sent = [(item.step, Reminder.State.SENT, item.words)] if item in letter.items else []
        for step, state, words in (*skipped, *sent):
            is_sent = state == Reminder.State.SENT
            rows.append(
                Reminder(
                    id=ids.uuid7(),
                    tenant_id=current_tenant(),
                    customer_id=letter.customer_id,
                    invoice_id=item.debt.invoice_id,
                    step_id=None if step is None else step.id,
                    state=state,
                    words=words,
                    currency=item.debt.currency,
                    due_minor=item.debt.due_minor,
                    message_id=message_id if is_sent else None,
                    on_day=on,
                    sent_by=actor.id,
                    at=at,
                )
            )
            if is_sent:
                facts: dict[str, str | int | bool] = {"words": words, "by_hand": step is None}
                audit.record(
                    events.REMINDER_SENT, actor=actor, subject=("invoice", item.debt.invoice_id), facts=facts
                )
        fees += _charge(letter.customer_id, item, on=on, actor=actor, at=at)
    Reminder.objects.bulk_create(rows)
    return fees


def written(letter: Letter, *, urls: Mapping[UUID, str]) -> mail.Written:
    """Write a letter's mail, with these links."""
    lang = papers.language_of(letter.customer_id)
    return mail.write(f"reminder_{letter.words}", _words(letter, urls, _issuer_name(), lang), language=lang)


def _mail(letter: Letter, *, actor: Actor, at: datetime) -> UUID:
    issuer, lang = issuers.get(), papers.language_of(letter.customer_id)
    urls = {
        item.debt.invoice_id: links.given(invoice_id=item.debt.invoice_id, actor=actor, at=at)
        for item in letter.items
    }
    first, *_ = [
        mail.send(
            template=f"reminder_{letter.words}",
            to=email,
            context=_words(letter, urls, _issuer_name(), lang),
            language=lang,
            reply_to=issuer.email if issuer else "",
        )
        for email in letter.emails
    ]
    return first


def _issuer_name() -> str:
    issuer = issuers.get()
    return issuer.name if issuer and issuer.name else "Your supplier"


def _words(letter: Letter, urls: Mapping[UUID, str], issuer: str, lang: str) -> dict[str, Any]:
    listed = [
        {
            "number": item.debt.number,
            "due_on": _day(item.debt.due_on, lang),
            "amount": paper.money(item.debt.due_minor, item.debt.currency, lang),
            "url": urls[item.debt.invoice_id],
        }
        for item in letter.items
    ]
    # The sternest words are said of those invoices alone of which they are true; the others are only listed.
    meant = [row for row, item in zip(listed, letter.items, strict=True) if item.words == letter.words]
    return {"issuer": issuer, "invoices": listed, "meant": meant, "others": len(listed) - len(meant)}


def _day(value: date, lang: str) -> str:
    """Write a day in full: a letter has the room."""
    return paper.day(value, lang) if lang == "de" else f"{value.day} {value:%B %Y}"


def _charge(customer_id: UUID, item: Item, *, on: date, actor: Actor, at: datetime) -> int:
    """Draft the late fee of a step as an invoice of its own; a customer who cannot be billed is charged nothing."""
    if not item.fee_minor or item.step is None:
        return 0
    debt = item.debt
    line = LineInput(
        description=f"Late fee for invoice {debt.number}, which was due on {debt.due_on.isoformat()}",
        unit_amount=money.from_minor(item.fee_minor, debt.currency),
    )
    try:
        with attempt():
            draft = invoices.create_draft(
                customer_id=customer_id, lines=[line], currency=debt.currency, actor=actor, at=at
            )
    except Refusal:
        return 0
    LateFee.objects.create(
        customer_id=customer_id,
        invoice_id=debt.invoice_id,
        step_id=item.step.id,
        fee_invoice_id=draft.pk,
        currency=debt.currency,
        amount_minor=item.fee_minor,
        on_day=on,
        at=at,
    )
    audit.record(events.LATE_FEE_PROPOSED, actor=actor, subject=("invoice", debt.invoice_id))
    return 1
