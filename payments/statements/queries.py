"""Reading statements and their lines: keyset pages, plain rows, names and numbers each in one statement."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Case, Count, F, Q, QuerySet, Sum, When

from billing.customers import queries as customers
from billing.invoices import lists as invoices
from billing.ledger.models import LedgerEntry
from billing.ledger.rules import Account
from core.errors import NotFound
from payments.models import Payment, Statement, StatementLine
from payments.statements import looking
from payments.statements.matching import CERTAIN, WORDS, Candidate

PAGE = 50
_State = StatementLine.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How much goes onto an invoice, in minor units."""

    invoice_id: UUID
    number: str
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A candidate as people see it."""

    customer_id: UUID
    customer_name: str
    parts: tuple[Part, ...]
    score: int
    why: tuple[str, ...]
    payment_id: UUID | None = None

    @property
    def is_certain(self) -> bool:
        """Whether it needs no more than a glance."""
        return self.score >= CERTAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line in a list. Amounts are minor units."""

    id: UUID
    statement_id: UUID
    state: str
    booked_on: date
    value_on: date | None
    currency: str
    amount_minor: int
    is_reversal: bool
    is_covered: bool
    name: str
    iban: str
    text: str
    reference: str
    end_to_end: str
    bank_reference: str
    customer_id: UUID | None
    customer_name: str
    payment_id: UUID | None
    payment_state: str
    reason: str
    decided_by: UUID | None
    decided_at: datetime | None
    proposal: Proposal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementRow:
    """One statement with what has become of its lines. `waits` lines are open, over `waits_minor`."""

    id: UUID
    kind: str
    reference: str
    file_name: str
    account: str
    currency: str
    opening_minor: int | None
    closing_minor: int | None
    first_on: date
    last_on: date
    entries: int
    entries_known: int
    imported_at: datetime
    waits: int
    waits_minor: int
    incoming_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The bank in the books beside what statements confirm, in minor units of a currency."""

    currency: str
    books_minor: int
    confirmed_minor: int
    waits_minor: int

    @property
    def unconfirmed_minor(self) -> int:
        """What stands in the books and on no statement."""
        return self.books_minor - self.confirmed_minor


@dataclass(frozen=True, slots=True)
class LinePage:
    """One page; `next_after` is the cursor of the next one."""

    rows: list[LineRow]
    next_after: tuple[int, UUID] | None


def counts(statement_id: UUID | None = None) -> dict[str, int]:
    """Count the lines by state, `certain` among the open ones."""
    rows = _lines(statement_id)
    found = {row["state"]: row["count"] for row in rows.values("state").annotate(count=Count("id"))}
    found["certain"] = rows.filter(state=_State.OPEN, score__gte=CERTAIN).count()
    return found


def certain_sums(statement_id: UUID | None = None) -> dict[str, int]:
    """Add up the open lines that are certain, by currency."""
    rows = _lines(statement_id).filter(state=_State.OPEN, score__gte=CERTAIN)
    return {row["currency"]: row["sum"] for row in rows.values("currency").annotate(sum=Sum("amount_minor"))}


def page(
    *,
    states: Sequence[str],
    statement_id: UUID | None = None,
    after: tuple[int, UUID] | None = None,
    limit: int = PAGE,
) -> LinePage:
    """List lines: open ones the surest first, others the newest first."""
    rows = _lines(statement_id).filter(state__in=states)
    if _State.OPEN in states:
        rows = rows.order_by("-score", "id")
        if after is not None:
            rows = rows.filter(Q(score__lt=after[0]) | Q(score=after[0], pk__gt=after[1]))
    else:
        rows = rows.order_by("-id")
        if after is not None:
            rows = rows.filter(pk__lt=after[1])
    found = list(rows[: limit + 1])
    shown = found[:limit]
    last = (shown[-1].score, shown[-1].pk) if len(found) > limit else None
    return LinePage(_rows(shown), last)


def line(line_id: UUID) -> LineRow:
    """Return one line.

    Raises:
        NotFound: there is none.
    """
    found = StatementLine.objects.filter(pk=line_id).first()
    if found is None:
        raise NotFound
    (row,) = _rows([found])
    return row


def candidates(line_id: UUID) -> list[Proposal]:
    """Match an open line now and return who may have paid what, the likeliest first."""
    found = StatementLine.objects.filter(pk=line_id, state=_State.OPEN).first()
    if found is None:
        return []
    transfer = looking.transfer_of(found)
    return _proposals(looking.books_for([transfer]).candidates(transfer))


def statements(*, limit: int = PAGE, after: UUID | None = None) -> tuple[list[StatementRow], UUID | None]:
    """List statements, the newest first, and the cursor of the next page."""
    rows = Statement.objects.order_by("-id")
    found = list((rows if after is None else rows.filter(pk__lt=after))[: limit + 1])
    shown = found[:limit]
    sums = {
        row["statement_id"]: row
        for row in StatementLine.objects.filter(statement_id__in=[each.pk for each in shown])
        .values("statement_id")
        .annotate(
            waits=Count("id", filter=Q(state=_State.OPEN)),
            waits_minor=Sum("amount_minor", filter=Q(state=_State.OPEN)),
            incoming=Sum("amount_minor", filter=Q(amount_minor__gt=0)),
        )
    }
    return (
        [_statement(each, sums.get(each.pk, {})) for each in shown],
        shown[-1].pk if len(found) > limit else None,
    )


def statement(statement_id: UUID) -> StatementRow:
    """Return one statement.

    Raises:
        NotFound: there is none.
    """
    found = Statement.objects.filter(pk=statement_id).first()
    if found is None:
        raise NotFound
    sums = StatementLine.objects.filter(statement_id=statement_id).aggregate(
        waits=Count("id", filter=Q(state=_State.OPEN)),
        waits_minor=Sum("amount_minor", filter=Q(state=_State.OPEN)),
        incoming=Sum("amount_minor", filter=Q(amount_minor__gt=0)),
    )
    return _statement(found, sums)


def differences() -> list[Difference]:
    """Compare the bank in the books with what statements confirm, a row a currency."""
    booked = {
        row["currency"]: int(row["sum"])
        for row in LedgerEntry.objects.filter(account=Account.BANK)
        .values("currency")
        .annotate(sum=Sum("amount_minor"))
    }
    on_lines = {
        row["currency"]: row
        for row in StatementLine.objects.values("currency").annotate(
            confirmed=Sum(
                Case(When(state__in=[_State.BOOKED, _State.LINKED], then=F("amount_minor")), default=0)
            ),
            waits=Sum(Case(When(state=_State.OPEN, then=F("amount_minor")), default=0)),
        )
    }
    return [
        Difference(
            currency=currency,
            books_minor=booked.get(currency, 0),
            confirmed_minor=int(on_lines.get(currency, {}).get("confirmed") or 0),
            waits_minor=int(on_lines.get(currency, {}).get("waits") or 0),
        )
        for currency in sorted({*booked, *on_lines})
    ]


def _lines(statement_id: UUID | None) -> "QuerySet[StatementLine]":
    rows: QuerySet[StatementLine] = StatementLine.objects.all()
    return rows if statement_id is None else rows.filter(statement_id=statement_id)


def _proposals(found: Iterable[Candidate]) -> list[Proposal]:
    listed = list(found)
    names = customers.names(each.customer_id for each in listed)
    numbers = invoices.numbers([key for each in listed for key, _ in each.parts])
    return [
        Proposal(
            customer_id=each.customer_id,
            customer_name=names.get(each.customer_id, ""),
            parts=tuple(
                Part(invoice_id=key, number=numbers.get(key, ""), amount_minor=amount)
                for key, amount in each.parts
            ),
            score=each.score,
            why=tuple(WORDS[reason] for reason in each.reasons),
            payment_id=each.payment_id,
        )
        for each in listed
    ]


def _rows(found: Sequence[StatementLine]) -> list[LineRow]:
    proposed = {row.pk: looking.proposed(row) for row in found if row.state == _State.OPEN}
    shown = dict(
        zip(
            [key for key, each in proposed.items() if each is not None],
            _proposals(each for each in proposed.values() if each is not None),
            strict=True,
        )
    )
    names = customers.names(row.customer_id for row in found if row.customer_id is not None)
    states = dict(
        Payment.objects.filter(pk__in=[row.payment_id for row in found if row.payment_id]).values_list(
            "id", "state"
        )
    )
    return [_row(row, names, states, shown.get(row.pk)) for row in found]


def _row(
    row: StatementLine, names: dict[UUID, str], states: dict[UUID, str], proposal: Proposal | None
) -> LineRow:
    signs = row.signs or {}
    return LineRow(
        id=row.pk,
        statement_id=row.statement_id,
        state=row.state,
        booked_on=row.booked_on,
        value_on=row.value_on,
        currency=row.currency,
        amount_minor=row.amount_minor,
        is_reversal=row.is_reversal,
        is_covered=row.is_covered,
        name=row.name or "",
        iban=row.iban or "",
        text=row.text or "",
        reference=signs.get("reference", ""),
        end_to_end=signs.get("end_to_end", ""),
        bank_reference=signs.get("bank", ""),
        customer_id=row.customer_id,
        customer_name="" if row.customer_id is None else names.get(row.customer_id, ""),
        payment_id=row.payment_id,
        payment_state="" if row.payment_id is None else states.get(row.payment_id, ""),
        reason=row.reason or "",
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        proposal=proposal,
    )


def _statement(row: Statement, sums: dict[str, int | None]) -> StatementRow:
    return StatementRow(
        id=row.pk,
        kind=row.kind,
        reference=row.reference,
        file_name=row.file_name,
        account=row.account or "",
        currency=row.currency,
        opening_minor=row.opening_minor,
        closing_minor=row.closing_minor,
        first_on=row.first_on,
        last_on=row.last_on,
        entries=row.entries,
        entries_known=row.entries_known,
        imported_at=row.imported_at,
        waits=sums.get("waits") or 0,
        waits_minor=sums.get("waits_minor") or 0,
        incoming_minor=sums.get("incoming") or 0,
    )
