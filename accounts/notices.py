"""What people are told by mail about their own sign-in: every change of a factor or password (ASVS 6.3.7).

Promise kept: a notice says what happened and what to do if it was not them; it carries no code and no secret
but the one link it is about.
"""

from accounts.models import User
from outbound import mail

INVITATION = "invitation"
RECOVERY = "recovery"
PASSWORD_CHANGED = "password_changed"  # noqa: S105  the name of a template
FACTOR_ADDED = "factor_added"
FACTOR_REMOVED = "factor_removed"
RECOVERY_CODES_MADE = "recovery_codes_made"
RECOVERY_CODE_USED = "recovery_code_used"


def tell(user: User, template: str, **context: str | int) -> None:
    """Mail a person about their own account, once the transaction has committed."""
    if user.email:
        mail.send(template=template, to=user.email, context=context)


def invite(*, email: str, url: str) -> None:
    """Mail somebody the link of their invitation, once the transaction has committed."""
    mail.send(template=INVITATION, to=email, context={"url": url})
