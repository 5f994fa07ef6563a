"""The creditor reference of an invoice (ISO 11649): what a customer copies into a bank transfer.

Promise kept: it is computed from the invoice's place in its series, so it needs no column, never changes and leads
back to one invoice by one indexed look-up; a mistyped one is told by its check digits and leads nowhere.

`RF47 2026 K7QZ 0042`: check digits, fiscal year, four letters of the series, the number within the year.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Protocol
from uuid import UUID

from billing.invoices.models import Invoice
from billing.issuer.models import Series
from core import ids

_TAG = 4
_FEWEST_DIGITS = 4
_SHAPE = re.compile(r"RF(\d{2})(\d{4})([0-9A-HJKMNP-TV-Z]{4})(\d{4,10})\Z", re.ASCII)
_SPACES = re.compile(r"[\s\u00a0\u202f-]+")
_LARGEST = 2**31 - 1  # of a sequence, which is a PostgreSQL integer


class Numbered(Protocol):
    """A document's place in its series; a draft has none."""

    series_id: UUID | None
    fiscal_year: int | None
    sequence: int | None


def reference_of(invoice: Numbered) -> str:
    """Return the creditor reference of a finalized invoice, without spaces; nothing for a draft."""
    if invoice.series_id is None or invoice.fiscal_year is None or invoice.sequence is None:
        return ""
    return compose(series_id=invoice.series_id, fiscal_year=invoice.fiscal_year, sequence=invoice.sequence)


def references(invoice_ids: Iterable[UUID]) -> Mapping[UUID, str]:
    """Return the creditor references of several invoices by invoice, in one statement."""
    rows = Invoice.objects.filter(pk__in=list(invoice_ids), sequence__isnull=False).values_list(
        "pk", "series_id", "fiscal_year", "sequence"
    )
    return {
        pk: compose(series_id=series_id, fiscal_year=fiscal_year, sequence=sequence)
        for pk, series_id, fiscal_year, sequence in rows
    }


def compose(*, series_id: UUID, fiscal_year: int, sequence: int) -> str:
    """Write a creditor reference: at most 22 of the 25 characters the standard allows."""
    base = f"{fiscal_year:04d}{_tag(series_id)}{sequence:0{_FEWEST_DIGITS}d}"
    return f"RF{check_digits(base)}{base}"


def check_digits(base: str) -> str:
    """Return the two digits that make the whole divisible (ISO/IEC 7064, MOD 97-10)."""
    number = int("".join(str(int(letter, 36)) for letter in f"{base}RF00"))
    return f"{98 - number % 97:02d}"


def printed(reference: str) -> str:
    """Write a reference in groups of four, as the standard prints it."""
    return " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))


def read(text: str) -> str:
    """Return the reference a person or a bank wrote, without spaces and in capitals; nothing if it is none of ours."""
    compact = _SPACES.sub("", text).upper()
    found = _SHAPE.match(compact)
    if found is None or check_digits(compact[4:]) != found[1]:
        return ""
    # A number has one way of being written, so that two different texts never mean one invoice.
    sequence = found[4]
    written_once = len(sequence) == _FEWEST_DIGITS or not sequence.startswith("0")
    return compact if written_once and 0 < int(sequence) <= _LARGEST else ""


def find(text: str) -> UUID | None:
    """Return the invoice of the organization in scope that a reference names, or None.

    Two series whose four letters agree (one pair in a million) leave a reference ambiguous: it then names none.
    """
    compact = read(text)
    if not compact:
        return None
    tag, sequence = compact[8 : 8 + _TAG], int(compact[8 + _TAG :])
    series = [pk for pk in Series.objects.values_list("pk", flat=True) if _tag(pk) == tag]
    found = list(
        Invoice.objects.filter(
            series_id__in=series, fiscal_year=int(compact[4:8]), sequence=sequence
        ).values_list("pk", flat=True)[:2]
    )
    return found[0] if len(found) == 1 else None


def _tag(series_id: UUID) -> str:
    """Return four letters of a series' id from its random end: what comes from its time is shared by many."""
    return ids.base32(series_id)[-_TAG:].upper()
