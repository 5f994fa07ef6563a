"""What people are told by mail about their own sign-in: every change of a factor or password (ASVS 6.3.7).

Promise kept: a notice says what happened and what to do if it was not them; it carries no code and no secret
but the one link it is about.
"""

from collections.abc import Sequence
from datetime import datetime

from django.utils import translation

from accounts import queries
from accounts.models import Membership, User
from accounts.permissions import Permission
from outbound import mail

INVITATION = "invitation"
PORTAL_INVITATION = "portal_invitation"
RECOVERY = "recovery"
PASSWORD_CHANGED = "password_changed"  # noqa: S105  the name of a template
FACTOR_ADDED = "factor_added"
FACTOR_REMOVED = "factor_removed"
RECOVERY_CODES_MADE = "recovery_codes_made"
RECOVERY_CODE_USED = "recovery_code_used"
NEW_PLACE = "new_place"
ORGANIZATION_SUSPENDED = "organization_suspended"
UNFINISHED_SIGNIN = "unfinished_signin"
FACTOR_MISSING = "factor_missing"


def tell(user: User, template: str, *, once_per: str = "", language: str = "", **context: str | int) -> None:
    """Mail a person about their own account, once the transaction has committed.

    `once_per` names an occasion they are told of a single time. Without a `language` it is that of the page on which
    they have just done it.
    """
    if user.email:
        key = f"{template}:{user.pk}:{once_per}" if once_per else ""
        language = language or translation.get_language() or "en"
        mail.send(template=template, to=user.email, context=context, dedupe_key=key, language=language)


def invite(*, email: str, url: str, template: str = INVITATION, language: str = "en") -> None:
    """Mail somebody the link of their invitation, once the transaction has committed."""
    mail.send(template=template, to=email, context={"url": url}, language=language)


def keepers_of_webhooks(at: datetime) -> Sequence[str]:
    """Return the addresses of the members here who may manage webhooks now."""
    people = holding(Permission.WEBHOOK_MANAGE, at)
    return [str(user.email) for user in people if "webhook_disabled" not in user.muted_mails]


def tell_of_suspension(*, suspended: bool, why: str, at: datetime) -> None:
    """Mail those who answer for the organization in scope that it is suspended, or that it works again."""
    for user in holding(Permission.ORGANIZATION_WRITE, at):
        context = {"suspended": suspended, "why": why}
        mail.send(template=ORGANIZATION_SUSPENDED, to=str(user.email), context=context)


def holding(permission: Permission, at: datetime) -> list[User]:
    """Return the members here who may do something now and can be written to."""
    of_operator = queries.in_operator_organization()
    return [
        member.user
        for member in queries.members().filter(state=Membership.State.ACTIVE, user__state=User.State.ACTIVE)
        if (member.expires_at is None or member.expires_at > at)
        and permission in member.role.permissions(of_operator=of_operator)
        and member.user.email
    ]
