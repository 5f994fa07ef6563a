"""What somebody asks, and the words that are kept of it: checked before anything is stored."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from compliance.requests import rules
from compliance.requests.models import PrivacyRequest
from core import cardnumbers, characters
from core.errors import FieldError, Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody asks, and about whom."""

    kind: str
    customer_id: UUID | None = None
    contact_id: UUID | None = None
    name: str = ""
    email: str = ""
    words: str = ""
    received_on: date | None = None


def check(asked: Asked, received: date, today: date) -> None:
    """Let a request pass, or name every field that cannot be used.

    Raises:
        Invalid
    """
    errors = []
    if asked.kind not in PrivacyRequest.Kind.values:
        errors.append(FieldError("/kind", "unknown_choice", "Choose what is asked for."))
    if received > today or received < today - timedelta(days=366):
        errors.append(
            FieldError("/received_on", "day", "Enter the day it reached you: today or within the last year.")
        )
    if asked.customer_id is None and asked.contact_id is None and not (asked.name or asked.email):
        errors.append(FieldError("/name", "required", "Say who asks: a name or an e-mail address."))
    limits = (("name", rules.NAME_LENGTH), ("email", rules.EMAIL_LENGTH), ("words", rules.WORDS_LENGTH))
    for name, most in limits:
        errors += _faults(name, getattr(asked, name), most)
    if errors:
        raise Invalid(errors)


def _faults(name: str, text: str, most: int) -> list[FieldError]:
    if len(text) > most:
        return [FieldError(f"/{name}", "too_long", f"This may have {most:,} characters.")]
    if cardnumbers.contains_card_number(text):
        return [FieldError(f"/{name}", "card_number", "This holds what looks like a card number. Remove it.")]
    if not characters.are_kept(text):
        return [FieldError(f"/{name}", characters.CODE, characters.SENTENCE)]
    return []


def sentence(name: str, text: str) -> str:
    """Return words for the person without what surrounds them.

    Raises:
        Invalid: there are none, too many, or a card number is among them.
    """
    kept = text.strip()
    errors = _faults(name, kept, rules.WORDS_LENGTH)
    if not kept:
        errors = [FieldError(f"/{name}", "required", "Say in a few words what the person is told.")]
    if errors:
        raise Invalid(errors)
    return kept
