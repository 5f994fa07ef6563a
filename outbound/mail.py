"""Mail: a row in the transaction, sent after it has committed, at least once and never before.

A text carries no secret but the one link it is about, and no value of a customer's. The first line of a
template is the subject.
"""

import hashlib
import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from kombu.exceptions import OperationalError

from core import clock
from outbound.models import OutboxMessage
from tenancy.context import after_commit, current, use_case
from tenancy.models import Tenant

_log = logging.getLogger("strongbox.outbound")


@use_case
def send(*, template: str, to: str, context: Mapping[str, Any], dedupe_key: str = "") -> UUID:
    """Write a mail into the outbox of the organization in scope, or the operator's when none is.

    `dedupe_key` names what an organization must not say twice; the second message of that key is dropped.
    Returns the message's id.
    """
    text = render_to_string(
        f"mail/{template}.txt", {**context, "product": "Strongbox", "home": settings.PUBLIC_URL}
    )
    subject, _, body = text.partition("\n")
    owner = _owner()
    at = clock.now()
    dedupe = hashlib.sha256(dedupe_key.encode()).digest() if dedupe_key else None
    message = OutboxMessage(
        tenant_id=owner,
        template=template,
        next_attempt_at=at,
        created_at=at,
        body={"to": to, "subject": subject.strip(), "text": body.strip() + "\n"},
        dedupe=dedupe,
    )
    # One statement decides, also between two that say the same at once.
    OutboxMessage.objects.bulk_create([message], ignore_conflicts=dedupe is not None)
    _deliver_soon(owner)
    return message.pk


def transmit(body: Mapping[str, str]) -> None:
    """Hand one mail over to the mail server; raises what the server says."""
    EmailMessage(subject=body["subject"], body=body["text"], to=[body["to"]]).send(fail_silently=False)


def _owner() -> UUID:
    inside = current()
    if inside is not None and inside.tenant is not None:
        return inside.tenant
    return Tenant.objects.values_list("pk", flat=True).get(kind=Tenant.Kind.OPERATOR)


def _deliver_soon(owner: UUID) -> None:
    from outbound import tasks  # noqa: PLC0415  a task module imports this one

    def send_task() -> None:
        try:
            tasks.deliver.delay(str(owner))
        except OperationalError:
            # The broker is away, the change is committed: the periodic sweep finds the row.
            _log.warning("the broker is away; the sweep will deliver the mail")

    after_commit(send_task)
