"""Reminding whoever began a review of access: a week before its day, the day before, and each week once it is late.

Promise kept: staff alone get it, in the morning of their organization, each step once; it names no one and no line.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from accounts import notices
from accounts import queries as people
from accounts.permissions import Permission
from audit import services as audit
from audit.models import Event
from billing.issuer import queries as issuers
from compliance import events
from compliance.reviews.models import AccessLine, AccessReview
from core import ids
from core.actor import Actor
from outbound import mail
from tenancy.context import use_case

FROM_HOUR = 8
TEMPLATE = "access_review_due"


def stage(*, due_on: date, today: date) -> str:
    """Return which reminder is due on a day, or nothing. Of late ones there is one a week."""
    left = (due_on - today).days
    if left < 0:
        return f"late_{(-left - 1) // 7}"
    return "day" if left <= 1 else "week" if left <= 7 else ""


@use_case
def remind(*, actor: Actor, at: datetime) -> int:
    """Mail the reminder that is due in the organization in scope; return to how many it went."""
    row: AccessReview | None = AccessReview.objects.filter(signed_at__isnull=True).first()
    here = at.astimezone(ZoneInfo(issuers.time_zone()))
    if row is None or here.hour < FROM_HOUR:
        return 0
    step = stage(due_on=row.due_on, today=here.date())
    if not step or _was_told(row, step):
        return 0
    # Whoever began it; where they have left, whoever may go on with it.
    could = notices.holding(Permission.MEMBER_MANAGE, at)
    told = [user for user in could if user.pk == row.begun_by] or could
    left = AccessLine.objects.filter(review=row, decision="").count()
    path = f"/o/{people.current_organization().slug}/compliance/access-reviews/{ids.encode('access_review', row.pk)}"
    for user in told:
        mail.send(
            template=TEMPLATE,
            to=str(user.email),
            context={"late": step.startswith("late"), "due_on": row.due_on, "left": left, "path": path},
            dedupe_key=f"access_review:{row.pk}:{step}:{user.pk}",
        )
    audit.record(
        events.REVIEW_REMINDED,
        actor=actor,
        subject=("access_review", row.pk),
        facts={"stage": step, "people": len(told)},
    )
    return len(told)


def _was_told(row: AccessReview, step: str) -> bool:
    told = Event.objects.filter(event=events.REVIEW_REMINDED.code, subject_id=row.pk, facts__stage=step)
    return told.exists()
