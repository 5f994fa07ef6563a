"""The journal of a month for the accountant: one row a side, tax by rate, each in the books' own currency too.

Promise kept: what a spreadsheet would run as a formula is text, the sums of debits and credits are told beside the
file so that both can be matched, and nobody takes more rows than their role may.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from accounts import queries as people
from accounts.permissions import Limit
from audit import services as audit
from billing import events
from billing.creditnotes.models import CreditNoteTax
from billing.exports import services as exports
from billing.exports.formats import neutral
from billing.invoices.models import InvoiceTax
from billing.ledger import reading
from billing.ledger.models import LedgerEntry, LedgerTransaction
from billing.ledger.reading import SideRow, TransactionRow
from billing.ledger.rules import Account
from billing.periods.rules import Month
from billing.rates.queries import base_currency
from core import money
from core.actor import Actor
from core.errors import Refusal
from tenancy.context import use_case

HEAD = (
    "date", "transaction", "kind", "account", "external_code", "account_name", "debit", "credit", "currency",
    "base_debit", "base_credit", "base_currency", "exchange_rate", "document", "tax_rate",
)  # fmt: skip
# One answer holds it: some 20 MB. Beyond that a month is taken in parts.
MOST_ROWS = 100_000
_PAGE = 1_000
# Of a document: each rate, and its tax.
Taxes = dict[UUID, list[tuple[str, int]]]


class JournalTooLong(Refusal):
    """This month has more rows than one file holds. Take it day by day."""

    code = "journal_too_long"


class JournalOverLimit(Refusal):
    """Your role may not take that many rows at once."""

    code = "journal_over_limit"


@dataclass(slots=True)
class Journal:
    """The file, how many rows it has, and what debits and credits sum to, by currency and in the books' own."""

    text: str
    rows: int
    base: str
    debits: dict[str, int] = field(default_factory=dict)
    credits: dict[str, int] = field(default_factory=dict)
    base_debit_minor: int = 0
    base_credit_minor: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """One row: a side, or the part of a tax's side that one rate has of it."""

    account: str
    currency: str
    amount_minor: int
    base_minor: int
    rate: str = ""


def count(*, since: date, until: date) -> int:
    """Count the entries of some days."""
    return LedgerEntry.objects.filter(
        transaction__booked_on__gte=since, transaction__booked_on__lte=until
    ).count()


@use_case
def export(*, since: date, until: date, actor: Actor, at: datetime) -> Journal:
    """Write the journal of some days.

    Raises:
        JournalTooLong, JournalOverLimit, ExportsFrozen.
    """
    exports.refuse_frozen()
    number = count(since=since, until=until)
    if number > MOST_ROWS:
        raise JournalTooLong
    limit = people.limits_of_actor(actor=actor, at=at).get(Limit.EXPORT_ROWS, 0)
    if number > limit:
        raise JournalOverLimit(
            f"These days have {number} rows, and your role may take {limit} at once. Ask somebody who may take more."
        )
    made = _write(since, until)
    audit.record(
        events.LEDGER_EXPORTED,
        actor=actor,
        facts={"since": since.isoformat(), "until": until.isoformat(), "rows": made.rows},
    )
    return made


def of_month(month: Month, *, actor: Actor, at: datetime) -> Journal:
    """Write the journal of a month."""
    return export(since=month.starts_on, until=month.ends_on, actor=actor, at=at)


def cell(text: str) -> str:
    """Write a text so that a spreadsheet reads it as one."""
    return neutral(text)


def _write(since: date, until: date) -> Journal:
    accounts = {row.code: row for row in reading.accounts()}
    base, out = base_currency(), io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\r\n")
    table.writerow(HEAD)
    made = Journal("", 0, base)
    for row, taxes in _transactions(since, until):
        for part in [part for side in row.sides for part in _split(row, side, taxes)]:
            code = f"{part.account}:{part.rate}" if part.rate else part.account
            known = accounts.get(code) or accounts.get(part.account)
            _count(made, part)
            table.writerow(
                [
                    row.booked_on.isoformat(),
                    str(row.id),
                    row.kind,
                    code if code in accounts else part.account,
                    cell(known.external_code if known else ""),
                    cell(known.name if known else ""),
                    _amount(max(part.amount_minor, 0), part.currency),
                    _amount(max(-part.amount_minor, 0), part.currency),
                    part.currency,
                    _amount(max(part.base_minor, 0), base),
                    _amount(max(-part.base_minor, 0), base),
                    base,
                    "" if row.exchange_rate is None else format(row.exchange_rate.normalize(), "f"),
                    cell(row.number),
                    part.rate,
                ]
            )
    made.text = out.getvalue()
    return made


def _transactions(since: date, until: date) -> Iterator[tuple[TransactionRow, Taxes]]:
    booked = LedgerTransaction.objects.filter(booked_on__gte=since, booked_on__lte=until)
    found = list(booked.order_by("booked_on", "id").values_list("pk", flat=True))
    for first in range(0, len(found), _PAGE):
        rows = reading.by_ids(found[first : first + _PAGE])
        taxes = _taxes(rows)
        yield from ((row, taxes) for row in rows)


def _taxes(rows: Sequence[TransactionRow]) -> Taxes:
    by_document: Taxes = {}
    invoices = {row.invoice_id: row for row in rows if row.kind in ("invoice_finalized", "invoice_voided")}
    notes = [row.source_id for row in rows if row.kind == "credit_note_issued"]
    found = InvoiceTax.objects.filter(invoice_id__in=list(invoices)).values_list(
        "invoice_id", "category", "percentage", "tax_minor"
    )
    back = CreditNoteTax.objects.filter(credit_note_id__in=notes).values_list(
        "credit_note_id", "category", "percentage", "tax_minor"
    )
    for of, category, percentage, tax_minor in [*found, *back]:
        rate = f"{category}:{format(percentage.normalize(), 'f')}"
        by_document.setdefault(of, []).append((rate, tax_minor))
    return by_document


def _split(row: TransactionRow, side: SideRow, by_document: Taxes) -> list[Part]:
    whole = Part(side.account, side.currency, side.amount_minor, side.base_minor)
    of = row.source_id if row.kind == "credit_note_issued" else row.invoice_id
    taxes = by_document.get(of, []) if of is not None and side.account == Account.TAX else []
    weights = [abs(tax_minor) for _, tax_minor in taxes if tax_minor]
    rates = [rate for rate, tax_minor in taxes if tax_minor]
    # Where rates of one document go either way, the side stays whole.
    if not rates or sum(weights) != abs(side.amount_minor):
        return [whole]
    amounts = money.allocate(side.amount_minor, weights)
    bases = money.allocate(side.base_minor, weights)
    return [
        Part(side.account, side.currency, amount, worth, rate)
        for rate, amount, worth in zip(rates, amounts, bases, strict=True)
    ]


def _count(made: Journal, part: Part) -> None:
    made.rows += 1
    sums = made.debits if part.amount_minor >= 0 else made.credits
    sums[part.currency] = sums.get(part.currency, 0) + abs(part.amount_minor)
    made.base_debit_minor += max(part.base_minor, 0)
    made.base_credit_minor += max(-part.base_minor, 0)


def _amount(amount_minor: int, currency: str) -> str:
    return str(money.from_minor(amount_minor, currency)) if amount_minor else ""
