"""Taking messages out of the outbox: claim, hand over, note. A killed worker's claim runs out and is tried again."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from audit import services as audit
from core.actor import Actor
from core.errors import Refusal
from outbound import events, mail
from outbound.models import OutboxMessage
from tenancy import suspension
from tenancy.context import Scope, scope, use_case

_log = logging.getLogger("strongbox.outbound")
BATCH = 50
LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 12
# What leaves a suspended organization all the same: what the law owes a person, that it is suspended, and what watches
# over it. Everything else waits in the outbox until it works again.
ALWAYS_SENT = frozenset({"privacy_request", "organization_suspended", "alert", "was_this_you"})


def deliver_due(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Send what is due in one organization's outbox and return how many were sent.

    Three steps, so that no transaction waits for a mail server: claim, hand over, note.
    """
    with scope(Scope(tenant_id)):
        claimed = claim(at=at)
    sent = 0
    for message in claimed:
        failure = ""
        with scope(Scope(tenant_id)):
            body = message.body
        try:
            if body is None:
                raise ValueError("its text is gone")
            mail.transmit(body, tenant_id=tenant_id)
            sent += 1
        except (
            OSError,
            ValueError,
            RuntimeError,
            Refusal,
        ) as error:  # smtplib's are OSErrors, a typesetter's not
            failure = type(error).__name__
            _log.warning("a mail could not be sent: %s", failure)
        with scope(Scope(tenant_id)):
            note(message_id=message.pk, failure=failure, actor=actor, at=at)
    return sent


@use_case
def claim(*, at: datetime) -> list[OutboxMessage]:
    """Take up to fifty due messages for two minutes; those of another worker are passed over."""
    open_states = (OutboxMessage.State.QUEUED, OutboxMessage.State.SENDING)
    due = OutboxMessage.objects.select_for_update(skip_locked=True).filter(
        state__in=open_states, next_attempt_at__lte=at
    )
    if suspension.is_suspended():
        due = due.filter(template__in=ALWAYS_SENT)
    claimed = list(due.order_by("next_attempt_at", "id")[:BATCH])
    for message in claimed:
        message.state = OutboxMessage.State.SENDING
        message.attempts += 1
        message.next_attempt_at = at + LEASE
        message.save(update_fields=["state", "attempts", "next_attempt_at"])
    return claimed


@use_case
def note(*, message_id: UUID, failure: str, actor: Actor, at: datetime) -> None:
    """Note how it went: sent, to be tried again (2 s, doubling, at most 6 h), or given up after twelve attempts."""
    message = OutboxMessage.objects.select_for_update().get(pk=message_id)
    if message.state == OutboxMessage.State.SENT:
        return
    changed = ["state"]
    if not failure:
        message.state, message.sent_at = OutboxMessage.State.SENT, at
        changed.append("sent_at")
        if not settings.DEMO:
            message.body = None
            changed.append("body")
    elif message.attempts >= MOST_ATTEMPTS:
        message.state = OutboxMessage.State.FAILED
    else:
        message.state = OutboxMessage.State.QUEUED
        message.next_attempt_at = at + min(timedelta(seconds=2**message.attempts), timedelta(hours=6))
        changed.append("next_attempt_at")
    message.save(update_fields=changed)
    event = events.MAIL_SENT if not failure else events.MAIL_FAILED
    audit.record(
        event,
        actor=actor,
        subject=("mail", message.pk),
        facts={"template": message.template, "attempts": message.attempts},
        result="failed" if failure else "success",
        reason=failure,
    )
