"""What a contact may be made of. Pure."""

from collections.abc import Collection, Mapping

from billing.customers import rules as details
from core import cardnumbers, characters
from core.errors import FieldError, Invalid

ROLES = ("billing", "reminders", "receipts", "statements", "delivery")
# The roles whose mail goes to an address; delivery is somebody to call.
MAILED = frozenset({"billing", "reminders", "receipts", "statements"})
MOST_CONTACTS = 100
_LIMITS = {"name": 200, "email": 254, "phone": 40, "position": 120}


def check(values: Mapping[str, object]) -> None:
    """Let a contact's values pass, or name every field that cannot be used.

    Raises:
        Invalid: every fault, field by field.
    """
    errors: list[FieldError] = []
    if not str(values.get("name") or "").strip():
        errors.append(FieldError("/name", "required", "A contact needs a name."))
    for field, limit in _LIMITS.items():
        text = values.get(field)
        if isinstance(text, str):
            errors += _text(f"/{field}", text, limit)
    email = values.get("email")
    if isinstance(email, str) and email and not details.is_email(email):
        errors.append(FieldError("/email", "invalid_email", "This is not an e-mail address."))
    language = values.get("language")
    if language and language not in details.LANGUAGES:
        errors.append(FieldError("/language", "unknown_language", "Mail is in German (de) or English (en)."))
    roles = values.get("roles")
    errors += _roles(roles if isinstance(roles, Collection) else (), has_address=bool(email))
    if errors:
        raise Invalid(errors)


def _roles(roles: Collection[object], *, has_address: bool) -> list[FieldError]:
    errors = [
        FieldError("/roles", "unknown_role", f"Roles are {', '.join(ROLES)}.")
        for role in roles
        if role not in ROLES
    ]
    if not has_address and MAILED & set(roles):
        sentence = "Who gets mail needs an e-mail address."
        errors.append(FieldError("/email", "required", sentence))
    return errors


def _text(pointer: str, text: str, limit: int) -> list[FieldError]:
    errors: list[FieldError] = []
    if len(text) > limit:
        errors.append(FieldError(pointer, "too_long", f"This may have {limit} characters."))
    if not characters.are_kept(text):
        errors.append(FieldError(pointer, characters.CODE, characters.SENTENCE))
    if cardnumbers.contains_card_number(text):
        sentence = "This holds what looks like a card number. Nothing was stored; remove it."
        errors.append(FieldError(pointer, "card_number", sentence))
    return errors
