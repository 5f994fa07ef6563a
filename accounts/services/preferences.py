"""What a person says of themselves and of how they want their pages."""

from collections.abc import Collection
from datetime import datetime
from zoneinfo import available_timezones

from accounts import events
from accounts.models import User
from accounts.services.sessions import of_account
from audit import services as audit
from core import cardnumbers
from core.actor import Actor
from core.errors import Refusal

LANGUAGES = ("en", "de")
# Mails somebody may do without. What protects them, or tells of a duty of their own, is not among them.
SPARED = ("webhook_disabled", "training_late")


class UnknownPreference(Refusal):
    """This is none of the choices. Choose one that is offered."""

    code = "unknown_preference"


@of_account
def set_profile(
    *,
    user: User,
    name: str,
    language: str,
    time_zone: str,
    theme: str,
    single_keys: bool,
    actor: Actor,
    at: datetime,
) -> User:
    """Keep a person's name and how they want their pages; what is as before leaves no event.

    Raises:
        UnknownPreference: a language, zone or theme that is not offered.
        cardnumbers.CardNumberRefused: the name holds a card number.
    """
    offered = {
        "language": ("", *LANGUAGES),
        "time_zone": {"", *available_timezones()},
        "theme": User.Theme.values,
    }
    given = {"name": name.strip(), "language": language, "time_zone": time_zone, "theme": theme}
    for field, choices in offered.items():
        if given[field] not in choices:
            raise UnknownPreference(field=field)
    cardnumbers.refuse({"name": given["name"]})
    wanted = {**given, "name": given["name"] or None, "single_keys": single_keys}
    changed = [field for field, value in wanted.items() if getattr(user, field) != value]
    if not changed:
        return user
    for field in changed:
        setattr(user, field, wanted[field])
    user.save(update_fields=changed)
    audit.record(events.PROFILE_CHANGED, actor=actor, subject=("user", user.pk), fields=changed)
    return user


@of_account
def mute(*, user: User, mails: Collection[str], actor: Actor, at: datetime) -> User:
    """Keep which mails a person does not want; of the rest nobody is spared.

    Raises:
        UnknownPreference: one that cannot be spared.
    """
    if not set(mails) <= set(SPARED):
        raise UnknownPreference(field="mails")
    wanted = sorted(set(mails))
    if user.muted_mails == wanted:
        return user
    user.muted_mails = wanted
    user.save(update_fields=["muted_mails"])
    audit.record(events.PROFILE_CHANGED, actor=actor, subject=("user", user.pk), fields=["muted_mails"])
    return user
