"""Mail: a row in the transaction, sent after it has committed, at least once and never before.

A text carries no secret but the one link it is about. The first line of a template is the subject.

What is attached is named, not stored: a document is made anew when the mail leaves, outside any transaction, by whoever
has registered its kind.
"""

import hashlib
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from typing import Any, TypeAlias
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


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Written:
    """A mail as its receiver reads it."""

    subject: str
    text: str


# Makes the attachment of one organization's record; it opens its own scope, and none is open when it is called.
Maker: TypeAlias = Callable[[UUID, UUID], Attachment]
_MAKERS: dict[str, Maker] = {}


def register_attachment(kind: str, maker: Maker) -> None:
    """Say who makes attachments of a kind, such as the PDF of an invoice."""
    _MAKERS[kind] = maker


def write(template: str, context: Mapping[str, Any], *, language: str = "en") -> Written:
    """Write a mail's text without sending it, in a language that it has been put into, else in English."""
    names = [f"mail/{template}.{language}.txt", f"mail/{template}.txt"] if language.isalpha() else []
    text = render_to_string(
        names or f"mail/{template}.txt", {**context, "product": "Strongbox", "home": settings.PUBLIC_URL}
    )
    subject, _, body = text.partition("\n")
    return Written(subject.strip(), body.strip() + "\n")


@use_case
def send(
    *,
    template: str,
    to: str,
    context: Mapping[str, Any],
    dedupe_key: str = "",
    attach: Sequence[tuple[str, UUID]] = (),
    reply_to: str = "",
    language: str = "en",
    sender_name: str = "",
) -> UUID:
    """Write a mail into the outbox of the organization in scope, or the operator's when none is.

    `dedupe_key` names what an organization must not say twice; the second message of that key is dropped.
    `attach` names documents as (registered kind, record's id). `sender_name` stands before our own address, which no
    mail hides. Returns the message's id.
    """
    written = write(template, context, language=language)
    owner = _owner()
    at = clock.now()
    dedupe = hashlib.sha256(dedupe_key.encode()).digest() if dedupe_key else None
    message = OutboxMessage(
        tenant_id=owner,
        template=template,
        next_attempt_at=at,
        created_at=at,
        body={
            "to": to,
            "subject": written.subject,
            "text": written.text,
            "reply_to": reply_to,
            "attach": [[kind, str(record)] for kind, record in attach],
            **({"sender_name": sender_name} if sender_name else {}),
        },
        dedupe=dedupe,
    )
    # One statement decides, also between two that say the same at once.
    OutboxMessage.objects.bulk_create([message], ignore_conflicts=dedupe is not None)
    _deliver_soon(owner)
    return message.pk


@use_case
def take_back(*, message_ids: Collection[UUID]) -> set[UUID]:
    """Remove mails of the organization in scope that have not begun to leave, and return which these were."""
    waiting = OutboxMessage.objects.select_for_update(skip_locked=True).filter(
        pk__in=list(message_ids), state=OutboxMessage.State.QUEUED
    )
    taken = set(waiting.values_list("pk", flat=True))
    OutboxMessage.objects.filter(pk__in=taken).delete()
    return taken


def transmit(body: Mapping[str, Any], *, tenant_id: UUID) -> None:
    """Hand one mail over to the mail server; raises what the server says, or whoever makes its attachments."""
    message = EmailMessage(
        subject=body["subject"],
        body=body["text"],
        from_email=_sender(body.get("sender_name", "")),
        to=[body["to"]],
        reply_to=[body["reply_to"]] if body.get("reply_to") else None,
    )
    for kind, record in body.get("attach", ()):
        made = _MAKERS[kind](tenant_id, UUID(record))
        message.attach(made.name, made.content, made.media_type)
    message.send(fail_silently=False)


def _sender(name: str) -> str:
    return (
        formataddr((name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1])) if name else settings.DEFAULT_FROM_EMAIL
    )


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
