"""What bank details must look like, and how long people are told of new ones before they hold. Pure."""

from datetime import timedelta

from stdnum import bic as bic_rules
from stdnum import iban as iban_rules
from stdnum.exceptions import ValidationError

from billing.documents import epc
from core import cardnumbers, characters
from core.errors import FieldError, Invalid

# Long enough that somebody who did not ask for it hears of it on a working day, also over a weekend.
NOTICE = timedelta(hours=72)
_SHOWN = 4


def check(*, holder: str, iban: str, bic: str) -> tuple[str, str, str]:
    """Return the details as they are kept: the IBAN and BIC without spaces, in capitals.

    Raises:
        Invalid: names every field that cannot be used.
    """
    errors: list[FieldError] = []
    name = " ".join(holder.split())
    if not characters.are_kept(holder) or not epc.writable(name):
        detail = f"Up to {epc.LONGEST_NAME} Latin letters, digits and marks that banks take."
        errors.append(FieldError("/holder", "unwritable", detail))
    elif cardnumbers.contains_card_number(name):
        errors.append(
            FieldError("/holder", "card_number", "This looks like a card number. It was not stored.")
        )
    kept_iban, kept_bic = "", ""
    try:
        kept_iban = str(iban_rules.validate(iban))
    except ValidationError:
        detail = "This is no IBAN: a character is wrong, missing or too many."
        errors.append(FieldError("/iban", "no_iban", detail))
    if bic.strip():
        try:
            kept_bic = str(bic_rules.validate(bic))
        except ValidationError:
            errors.append(FieldError("/bic", "no_bic", "This is no BIC: it has 8 or 11 characters."))
    if errors:
        raise Invalid(errors)
    return name, kept_iban, kept_bic


def grouped(iban: str) -> str:
    """Write an IBAN in groups of four (ISO 13616)."""
    return " ".join(iban[start : start + _SHOWN] for start in range(0, len(iban), _SHOWN))


def masked(iban: str) -> str:
    """Write an IBAN so that it can be recognized and not copied: country, check digits and the last four."""
    return f"{iban[:_SHOWN]} •••• {iban[-_SHOWN:]}" if iban else ""
