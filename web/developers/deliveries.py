"""How telling an endpoint went, event by event; sending one again; and checking a signature."""

import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from outbound import events
from outbound.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from outbound.webhooks import queries, rules, services, signing
from outbound.webhooks.signing import Verdict
from web.developers.webhook_forms import TesterForm
from web.forms import answer
from web.kit.parts import Crumb

_P = Permission.WEBHOOK_MANAGE
_FAULTS = {
    "no_answer": "No answer within 10 seconds",
    "host_unknown": "There is no host of this name",
    "address_refused": "The address is not a public one",
    "answer_too_large": "It answered with more than 1 MB",
    "not_sent": "It could not be sent",
}
VERDICTS = {
    Verdict.VALID: ("ok", "The signature is valid", "It is ours, whole, and new enough."),
    Verdict.TOO_OLD: (
        "warn",
        "The signature is valid, but old",
        "It is ours and whole. Receivers refuse what is more than 5 minutes old, so that nobody can send it again.",
    ),
    Verdict.TOO_NEW: (
        "warn",
        "The signature is valid, but from the future",
        "It is ours and whole. Receivers refuse what is more than 5 minutes ahead: compare the clocks.",
    ),
    Verdict.NO_TIME: (
        "bad",
        "The time cannot be read",
        "webhook-timestamp is the number of seconds since 1970, in digits.",
    ),
    Verdict.NO_SIGNATURE: (
        "bad",
        "There is no signature",
        "webhook-signature holds one or more, separated by spaces, each beginning with “v1,”.",
    ),
    Verdict.OTHER: ("bad", "The signature is of something else", ""),
}
_OTHER_BODY = (
    "The body is not the one we sent for this event. Verify the raw bytes: a framework that parses JSON and writes it "
    "again changes them."
)
_SAME_BODY = (
    "The body is the one we sent. So the secret is another, or the time is not the one it was sent with."
)
_OTHER = (
    "Neither live secret made it for this id, time and body. Verify the raw bytes, and use the secret of this "
    "webhook."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One event for one endpoint."""

    pk: str
    link: str
    event: str
    type: str
    state: str
    attempts: int
    fault: str
    status: int | None
    duration_ms: int | None
    created_at: datetime
    next_attempt_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One attempt."""

    number: int
    at: datetime
    taken: bool
    answer: str
    duration_ms: int
    response: str


@access(get=_P)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show what was sent and what came back, attempt by attempt."""
    row = queries.delivery(ids.decode("webhook_delivery", pk))
    recording.read(
        request, events.WEBHOOK_READ, subject=("webhook_delivery", row.pk), fields=["url", "response"]
    )
    body = queries.body_of(row.event, livemode=queries.livemode())
    context = {
        "row": row_of(row, slug),
        "url": row.endpoint.url,
        "enabled": row.endpoint.state == WebhookEndpoint.State.ENABLED,
        "body": json.dumps(json.loads(body), indent=2, ensure_ascii=False),
        "size": len(body),
        "tries": [
            _tried(number, attempt)
            for number, attempt in enumerate(queries.attempts([row.pk])[row.pk], start=1)
        ],
        "most_attempts": rules.MOST_ATTEMPTS,
        "crumbs": _crumbs(slug, row.endpoint),
    }
    return render(request, "developers/webhook_delivery.html", context)


@access(post=_P)
def resend(request: Request, slug: str, pk: str) -> HttpResponse:
    """Send one event again, now."""
    services.resend(delivery_id=ids.decode("webhook_delivery", pk), actor=request.actor, at=clock.now())
    messages.success(request, "It is on its way again, under the id it had.")
    return redirect("developers:webhook_delivery", slug, pk)


@access(get=_P, post=_P)
def check(request: Request, slug: str, pk: str) -> HttpResponse:
    """Say whether a receiver would take a message, and show how to verify one."""
    endpoint = queries.endpoint(ids.decode("webhook_endpoint", pk))
    recording.read(request, events.WEBHOOK_READ, subject=("webhook_endpoint", endpoint.pk), fields=["url"])
    form = TesterForm(request.POST if request.method == "POST" else None)
    context = {"url": short(endpoint.url), "crumbs": _crumbs(slug, endpoint)}
    if request.method == "POST" and form.is_valid():
        context["verdict"] = _judge(request, endpoint, form)
    return answer(request, "developers/webhook_test.html", context, form=form)


def row_of(row: WebhookDelivery, slug: str) -> Row:
    """Write a delivery as people see it."""
    pk = ids.encode("webhook_delivery", row.pk)
    retried = row.state == WebhookDelivery.State.PENDING and row.attempts > 0
    return Row(
        pk=pk,
        link=reverse("developers:webhook_delivery", args=[slug, pk]),
        event=ids.encode("webhook_event", row.event_id),
        type=row.event.type,
        state="retrying" if retried else row.state,
        attempts=row.attempts,
        fault=fault(row.last_code),
        status=row.last_status,
        duration_ms=row.last_duration_ms,
        created_at=row.created_at,
        next_attempt_at=row.next_attempt_at,
        finished_at=row.finished_at,
    )


def fault(code: str) -> str:
    """Say in words why an attempt failed; nothing for one that did not."""
    if code.startswith("http_"):
        return f"It answered {code.removeprefix('http_')}"
    return _FAULTS.get(code, "")


def short(url: str) -> str:
    """Name an endpoint by its host."""
    return urlsplit(url).netloc or url


def _tried(number: int, attempt: WebhookAttempt) -> Tried:
    taken = attempt.code == ""
    return Tried(
        number=number,
        at=attempt.at,
        taken=taken,
        answer=f"It answered {attempt.status}" if taken else fault(attempt.code),
        duration_ms=attempt.duration_ms,
        response=attempt.response or "",
    )


def _judge(request: Request, endpoint: WebhookEndpoint, form: TesterForm) -> tuple[str, str, str]:
    given, at = form.cleaned_data, clock.now()
    # A form sends every line end as two characters; a body that was sent as JSON has had one or none.
    body = given["body"].replace("\r\n", "\n").encode()
    message = signing.Message(
        id=given["message_id"], timestamp=given["timestamp"], signature=given["signature"], body=body
    )
    verdict = services.check_signature(endpoint_id=endpoint.pk, message=message, actor=request.actor, at=at)
    tint, title, sentence = VERDICTS[verdict]
    return tint, title, sentence or _why_other(message, at)


def _why_other(message: signing.Message, at: datetime) -> str:
    """Compare with what was sent, where the id is that of an event of ours."""
    try:
        event = queries.event(ids.decode("webhook_event", message.id), at=at)
    except NotFound:
        return _OTHER
    sent = queries.body_of(event, livemode=queries.livemode())
    return _SAME_BODY if sent == message.body else _OTHER_BODY


def _crumbs(slug: str, endpoint: WebhookEndpoint) -> list[Crumb]:
    pk = ids.encode("webhook_endpoint", endpoint.pk)
    return [
        Crumb("Webhooks", reverse("developers:webhooks", args=[slug])),
        Crumb(short(endpoint.url), reverse("developers:webhook", args=[slug, pk])),
    ]
