"""What a bank's file says, whatever its format: statements and their entries. Pure.

Promise kept: no card number leaves this module. A bank's text is nobody's to correct, so a number in it is covered
and the entry kept (PCI DSS 3.3), where a text that a person types would be refused.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from core import cardnumbers, characters
from core.errors import Refusal

MOST_ENTRIES = 10_000
_TEXT, _NAME, _REFERENCE = 1_000, 200, 80
_LONG_NUMBER = re.compile(r"\d(?:[\s\-_.·•*/|]{0,3}\d){11,}")
_ANY_DIGIT = re.compile(r"\d")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_COVER = "•"


class StatementEmpty(Refusal):
    """The file holds no entry."""

    code = "statement_empty"


class TooManyEntries(Refusal):
    """The file holds more entries than can be taken in at once."""

    code = "too_many_entries"


class EntryUnreadable(Refusal):
    """An entry of the file cannot be read."""

    code = "entry_unreadable"


class BalanceWrong(Refusal):
    """The entries do not lead from the opening balance to the closing balance."""

    code = "balance_wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement of the account. Amounts are minor units: above zero came in, below went out."""

    booked_on: date
    currency: str
    amount_minor: int
    value_on: date | None = None
    # The bank takes an earlier entry back.
    is_reversal: bool = False
    name: str = ""
    iban: str = ""
    text: str = ""
    # What the payer was to copy (ISO 11649), their own sign, and the bank's.
    reference: str = ""
    end_to_end: str = ""
    bank_reference: str = ""
    is_covered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A row that cannot be an entry: where, and why. It never quotes the value."""

    row: int
    field: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One account over one time, in the order of the file."""

    kind: str
    currency: str
    entries: Sequence[Entry]
    reference: str = ""
    iban: str = ""
    opening_minor: int | None = None
    closing_minor: int | None = None
    unread: Sequence[Unread] = ()


def tidy(entry: Entry) -> Entry:
    """Shorten, clean and cover the texts of an entry; an account number that is none is dropped."""
    texts = (
        clean(entry.name, _NAME),
        clean(entry.text, _TEXT),
        clean(entry.reference, _REFERENCE),
        clean(entry.end_to_end, _REFERENCE),
        clean(entry.bank_reference, _REFERENCE),
    )
    name, text, reference, end_to_end, bank_reference = covered = tuple(map(cover, texts))
    return replace(
        entry,
        name=name,
        iban=account_number(entry.iban),
        text=text,
        reference=reference,
        end_to_end=end_to_end,
        bank_reference=bank_reference,
        is_covered=covered != texts,
    )


def clean(text: str, most: int) -> str:
    """Return a text on one line without characters that cannot be kept, at most so long."""
    return " ".join(_UNSEEN.sub(" ", text).split())[:most]


def cover(text: str) -> str:
    """Cover what looks like a card number, however it is grouped; the rest stays readable."""
    if not cardnumbers.contains_card_number(text):
        return text
    covered = _LONG_NUMBER.sub(lambda found: _ANY_DIGIT.sub(_COVER, found.group()), text)
    # Digits in disguise (other scripts, invisible signs between them): then none of them stays.
    if cardnumbers.contains_card_number(covered):
        covered = "".join(_COVER if char.isdigit() else char for char in unicodedata.normalize("NFKC", text))
    return covered


def account_number(text: str) -> str:
    """Return an account number in capitals without spaces, or nothing when it cannot be one."""
    compact = "".join(text.split()).upper()
    if not compact.isascii() or not compact.isalnum() or not 5 <= len(compact) <= 34:
        return ""
    return "" if cardnumbers.contains_card_number(compact) else compact


def is_kept(text: str) -> bool:
    """Tell whether a text from a person, such as a file's name, may be kept as it is."""
    return characters.are_kept(text) and not cardnumbers.contains_card_number(text)


def identity(entry: Entry) -> tuple[str | int, ...]:
    """Return what makes an entry the same one in another file of the same account."""
    return (
        entry.booked_on.isoformat(),
        entry.currency,
        entry.amount_minor,
        entry.is_reversal,
        entry.iban,
        _folded(entry.name),
        _folded(entry.text),
        _folded(entry.reference),
        _folded(entry.end_to_end),
        _folded(entry.bank_reference),
    )


def check_balance(statement: Statement) -> None:
    """Let a statement pass whose entries explain its balances.

    Raises:
        BalanceWrong: says by how much they do not.
    """
    if statement.opening_minor is None or statement.closing_minor is None:
        return
    booked = sum(entry.amount_minor for entry in statement.entries)
    missing = statement.closing_minor - statement.opening_minor - booked
    if missing:
        raise BalanceWrong(
            f"Statement {statement.reference or '1'} does not add up: opening balance plus entries differ from the "
            f"closing balance by {abs(missing):,} minor units of {statement.currency}. Export it once more.",
            field="file",
        )


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
