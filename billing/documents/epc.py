"""The QR code of a credit transfer (EPC069-12, version 002): a customer's bank app reads it and types nothing.

Promise kept: what the code says is what stands beside it, to the cent; where a code could say less or something
else (no euro, a name outside the letters banks take, an amount beyond the scheme) there is none.
"""

import re
import unicodedata
from decimal import Decimal

from core import money, qr
from core.errors import Refusal

LONGEST_NAME = 70
_MOST_BYTES = 331  # what version 13-M holds, the largest the guideline allows
_MOST_MINOR = 99_999_999_999
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}\Z", re.ASCII)
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?\Z", re.ASCII)
_REFERENCE = re.compile(r"RF\d{2}[A-Z0-9]{1,21}\Z", re.ASCII)
_MARKS = frozenset(" /-?:().,'+&")


class NoCode(Refusal):
    """A QR code cannot say this; pay by typing the details."""

    code = "no_code"


def payload(*, holder: str, iban: str, bic: str, amount_minor: int, currency: str, reference: str) -> str:
    """Write what the code holds: a SEPA credit transfer of exactly this amount with its creditor reference.

    Raises:
        NoCode: names the part that cannot stand in one.
    """
    if currency != "EUR":
        raise NoCode("The scheme knows euros only.", field="currency")
    if not 0 < amount_minor <= _MOST_MINOR:
        raise NoCode("The scheme takes 0.01 to 999,999,999.99 euros.", field="amount_minor")
    name = unicodedata.normalize("NFC", holder).strip()
    if not writable(name):
        raise NoCode("This name has letters or a length that banks do not take.", field="holder")
    for field, text, shape in (
        ("iban", iban, _IBAN),
        ("bic", bic or "AAAAAAAA", _BIC),
        ("reference", reference, _REFERENCE),
    ):
        if not shape.match(text):
            raise NoCode(field=field)
    amount = money.from_minor(amount_minor, currency)
    written = "\n".join(
        # Service tag, version, UTF-8, SEPA credit transfer; then who, where, how much, no purpose, the reference.
        ["BCD", "002", "1", "SCT", bic, name, iban, f"EUR{_plain(amount)}", "", reference]
    )
    if len(written.encode()) > _MOST_BYTES:
        raise NoCode
    return written


def code(
    *, holder: str, iban: str, bic: str, amount_minor: int, currency: str, reference: str
) -> qr.Code | None:
    """Draw the code, or return None where there can be none."""
    try:
        text = payload(
            holder=holder,
            iban=iban,
            bic=bic,
            amount_minor=amount_minor,
            currency=currency,
            reference=reference,
        )
    except NoCode:
        return None
    return qr.draw(text)


def writable(name: str) -> bool:
    """Tell whether banks take this name: Latin letters, digits and a few marks, 70 characters at most."""
    composed = unicodedata.normalize("NFC", name)
    return 0 < len(composed) <= LONGEST_NAME and all(_is_taken(letter) for letter in composed)


def _is_taken(letter: str) -> bool:
    if letter.isascii():
        return letter.isalnum() or letter in _MARKS
    return letter.isalpha() and unicodedata.name(letter, "").startswith("LATIN ")


def _plain(amount: Decimal) -> str:
    """Write an amount with a full stop and no zeros that say nothing: 12.3, not 12.30."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
