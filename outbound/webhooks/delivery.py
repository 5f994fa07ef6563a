"""Telling endpoints what happened: claim, send, note. A killed worker's claim runs out and is sent again.

Promises kept: no transaction waits for somebody else's server; one that is slow or away has at most a few senders and
never those of the others; an event may arrive twice, under the same id, and is never lost before its last attempt.
"""

import logging
import secrets as randomness
import time
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from audit import services as audit
from core import cardnumbers, ids
from core.actor import Actor
from core.errors import Refusal
from outbound import events, http
from outbound.webhooks import endings, publishing, queries, rules, signing
from outbound.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from tenancy import suspension
from tenancy.context import Scope, scope, use_case

_log = logging.getLogger("strongbox.outbound")
SENDERS = 16
# Of these; an endpoint that has failed since it last took something has one.
SENDERS_OF_ONE = 4
LEASE = timedelta(minutes=2)
TIMEOUT_SECONDS = 10.0
# An endpoint that takes longer is left to a later run, so that a run ends.
_SLOW_MS = 3_000
# A run that has more to send than this takes asks for another, behind those of other organizations.
RUN_SECONDS = 20.0
# The sweep comes every half minute; what is due before is asked for.
_SWEEP = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One delivery with everything its sender needs: no thread of a sender asks the database."""

    delivery_id: UUID
    endpoint_id: UUID
    event: str
    url: str
    secrets: tuple[str, ...]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one attempt went: the answer's status, or why there was none."""

    status: int | None
    code: str
    duration_ms: int
    response: bytes = b""

    @property
    def delivered(self) -> bool:
        """Tell whether the event was taken."""
        return self.status is not None and rules.is_delivered(self.status)


def deliver_due(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> int:
    """Send what is due to one organization's endpoints and return how many took it."""
    running: dict[Future[Outcome], Claimed] = {}
    slow: set[UUID] = set()
    taken, soonest, over = 0, _SWEEP, False
    deadline = time.monotonic() + RUN_SECONDS
    with ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="webhook") as senders:
        while True:
            if not over:
                with scope(Scope(tenant_id)):
                    claimed = claim(at=now(), most=SENDERS - len(running), without=slow)
                running |= {senders.submit(send, one, at=now()): one for one in claimed}
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                one, outcome = running.pop(future), future.result()
                if outcome.duration_ms > _SLOW_MS or outcome.status is None:
                    slow.add(one.endpoint_id)
                with scope(Scope(tenant_id)):
                    again_in = note(delivery_id=one.delivery_id, outcome=outcome, actor=actor, at=now())
                taken += outcome.delivered
                soonest = min(soonest, again_in or soonest)
            over = time.monotonic() >= deadline
    if over:
        publishing.deliver_soon(tenant_id)
    elif soonest < _SWEEP:
        publishing.deliver_soon(tenant_id, after=soonest)
    return taken


@use_case
def claim(*, at: datetime, most: int, without: Collection[UUID] = ()) -> list[Claimed]:
    """Take due deliveries for two minutes, a few of each endpoint; those of another worker are passed over."""
    rows = WebhookEndpoint.objects.filter(state=WebhookEndpoint.State.ENABLED).exclude(pk__in=without)
    # Locked, so that two workers do not count the same senders as free.
    endpoints = list(rows.select_for_update(skip_locked=True, no_key=True).order_by("id")) if most > 0 else []
    if not endpoints or suspension.is_suspended():
        return []
    pending = WebhookDelivery.objects.filter(state=WebhookDelivery.State.PENDING)
    busy = dict(
        pending.filter(claimed_until__gt=at).order_by().values_list("endpoint_id").annotate(Count("id"))
    )
    due = pending.filter(Q(claimed_until__isnull=True) | Q(claimed_until__lte=at), next_attempt_at__lte=at)
    live = queries.livemode()
    claimed: list[Claimed] = []
    for endpoint in endpoints:
        senders = 1 if endpoint.failing_since is not None else SENDERS_OF_ONE
        free = min(senders - busy.get(endpoint.pk, 0), most - len(claimed))
        if free <= 0:
            continue
        own = due.filter(endpoint=endpoint).select_related("event")
        found = list(
            own.select_for_update(of=("self",), skip_locked=True).order_by("next_attempt_at", "id")[:free]
        )
        WebhookDelivery.objects.filter(pk__in=[row.pk for row in found]).update(claimed_until=at + LEASE)
        live_secrets = secrets_of(endpoint, at=at)
        claimed += [
            Claimed(
                delivery_id=row.pk,
                endpoint_id=endpoint.pk,
                event=ids.encode("webhook_event", row.event_id),
                url=endpoint.url,
                secrets=live_secrets,
                body=queries.body_of(row.event, livemode=live),
            )
            for row in found
        ]
    return claimed


def is_due(*, at: datetime) -> bool:
    """Tell whether anything waits to be sent in the organization in scope."""
    rows = WebhookDelivery.objects.filter(state=WebhookDelivery.State.PENDING, next_attempt_at__lte=at)
    return bool(rows.exclude(claimed_until__gt=at).exists())


def secrets_of(endpoint: WebhookEndpoint, *, at: datetime) -> tuple[str, ...]:
    """Return the secrets that sign at this moment, the current one first."""
    if endpoint.previous_until is not None and endpoint.previous_until > at:
        return endpoint.secret, endpoint.previous_secret
    return (endpoint.secret,)


def send(claimed: Claimed, *, at: datetime) -> Outcome:
    """Send one event, signed for this moment, and return how it went; nothing is raised."""
    started = time.monotonic()
    status, code, response = None, "", b""
    try:
        answer = http.Client(timeout_seconds=TIMEOUT_SECONDS).send(
            "POST",
            claimed.url,
            headers=signing.headers(claimed.secrets, message_id=claimed.event, at=at, body=claimed.body),
            body=claimed.body,
        )
        status, response = answer.status, answer.body[: rules.RESPONSE_BYTES]
        code = "" if rules.is_delivered(status) else f"http_{status}"
    except Refusal as refusal:
        code = refusal.code
    except Exception as error:
        # Whatever somebody else's server makes of our libraries is that server's failure, and must be noted as one.
        _log.exception("an event could not be sent: %s", type(error).__name__)
        code = "not_sent"
    duration = round((time.monotonic() - started) * 1_000)
    return Outcome(status=status, code=code, duration_ms=duration, response=response)


@use_case
def note(*, delivery_id: UUID, outcome: Outcome, actor: Actor, at: datetime) -> timedelta | None:
    """Note how one attempt went, and return after how long it is tried again, if it is.

    What was dropped or deleted meanwhile stays so. An answer of 410, or nothing but failures for long enough, disables
    the endpoint.
    """
    found = WebhookDelivery.objects.filter(pk=delivery_id).values_list("endpoint_id", flat=True).first()
    # In the order in which `claim` locks.
    endpoint = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=found).first()
    row = WebhookDelivery.objects.select_for_update().filter(pk=delivery_id).first()
    if endpoint is None or row is None:
        return None
    _log_attempt(row, outcome, at)
    _record(row, outcome, actor)
    if row.state != WebhookDelivery.State.PENDING:
        return None
    row.attempts += 1
    row.last_status, row.last_code, row.last_duration_ms = outcome.status, outcome.code, outcome.duration_ms
    row.claimed_until = None
    again_in = None if outcome.delivered else rules.wait(row.attempts, chance=_chance())
    if again_in is not None:
        row.next_attempt_at = at + again_in
    else:
        row.state = WebhookDelivery.State.SUCCEEDED if outcome.delivered else WebhookDelivery.State.FAILED
        row.next_attempt_at, row.finished_at = None, at
    row.save()
    _judge(endpoint, outcome, exhausted=again_in is None, actor=actor, at=at)
    return again_in


def _judge(
    endpoint: WebhookEndpoint, outcome: Outcome, *, exhausted: bool, actor: Actor, at: datetime
) -> None:
    """Note on the endpoint whether it takes events, and disable it when it does not any more."""
    if endpoint.state != WebhookEndpoint.State.ENABLED:
        return
    since = None if outcome.delivered else endpoint.failing_since or at
    if since != endpoint.failing_since:
        endpoint.failing_since = since
        endpoint.save(update_fields=["failing_since"])
    if outcome.status is not None and rules.is_gone(outcome.status):
        endings.end(endpoint, reason=WebhookEndpoint.Reason.GONE, actor=actor, at=at)
    elif rules.is_given_up(failing_since=since, exhausted=exhausted, at=at):
        endings.end(endpoint, reason=WebhookEndpoint.Reason.FAILING, actor=actor, at=at)


def _log_attempt(row: WebhookDelivery, outcome: Outcome, at: datetime) -> None:
    text: Any = outcome.response.decode(errors="replace").replace("\0", "") or None
    if text is not None and cardnumbers.contains_card_number(text):
        text = None
    WebhookAttempt(
        delivery=row,
        status=outcome.status,
        code=outcome.code,
        duration_ms=outcome.duration_ms,
        response=text,
        at=at,
    ).save(force_insert=True)


def _record(row: WebhookDelivery, outcome: Outcome, actor: Actor) -> None:
    facts: dict[str, str | int | bool] = {"endpoint": str(row.endpoint_id), "event": str(row.event_id)}
    if outcome.status is not None:
        facts["status"] = outcome.status
    audit.record(
        events.WEBHOOK_SENT if outcome.delivered else events.WEBHOOK_FAILED,
        actor=actor,
        subject=("webhook_delivery", row.pk),
        facts=facts,
        result="success" if outcome.delivered else "failed",
        reason=outcome.code,
    )


def _chance() -> float:
    return randomness.randbelow(1_000_001) / 1_000_000
