"""Telling channels of alerts: claim, send, note. A killed worker's claim runs out and is sent again.

Promises kept: no transaction waits for somebody else's server; a channel that is slow or away holds up no other; what
is critical or high and cannot be told is written to those who work on alerts.
"""

import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from kombu.exceptions import OperationalError

from alerts import events, ocsf
from alerts.channels import queries, rules, telling
from alerts.channels.models import AlertChannel, AlertDelivery
from alerts.ocsf import Finding
from audit import services as audit
from core import ids
from core.actor import Actor
from core.errors import Refusal
from outbound import http, mail, syslog
from outbound.models import OutboxMessage
from outbound.webhooks import queries as webhook_queries
from outbound.webhooks import rules as webhook_rules
from outbound.webhooks import signing
from tenancy import context
from tenancy.context import Scope, scope, use_case

_log = logging.getLogger("strongbox.alerts")
SENDERS = 8
LEASE = timedelta(minutes=2)
TIMEOUT_SECONDS = 10.0
# The mail server is asked after this often.
_MAIL_IS_LOOKED_AT = timedelta(seconds=10)
_ROWS_STAY = timedelta(days=365)
_MOST_REMOVED = 10_000
# Of one telling; by then half a minute has passed, and somebody should hear of it some other way.
FALL_BACK_AFTER = 3
_SERIOUS = (rules.Severity.CRITICAL, rules.Severity.HIGH)
_SYSLOG = {
    "critical": syslog.Severity.CRITICAL,
    "high": syslog.Severity.ERROR,
    "medium": syslog.Severity.WARNING,
    "low": syslog.Severity.NOTICE,
    "info": syslog.Severity.INFORMATIONAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One telling with everything its sender needs: no thread of a sender asks the database."""

    delivery_id: UUID
    kind: str
    address: str
    secret: str
    ca: str
    body: bytes
    line: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one attempt went."""

    code: str
    duration_ms: int = 0

    @property
    def told(self) -> bool:
        """Tell whether it arrived."""
        return not self.code


def deliver_due(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> int:
    """Tell one organization's channels what is due, and return how many were told."""
    with scope(Scope(tenant_id)):
        post(actor=actor, at=now())
    told = 0
    with ThreadPoolExecutor(max_workers=SENDERS, thread_name_prefix="alert") as senders:
        while True:
            with scope(Scope(tenant_id)):
                claimed = claim(at=now())
            running = {senders.submit(send, one, at=now()): one for one in claimed}
            for future in as_completed(running):
                with scope(Scope(tenant_id)):
                    note(
                        delivery_id=running[future].delivery_id,
                        outcome=future.result(),
                        actor=actor,
                        at=now(),
                    )
                told += future.result().told
            if len(claimed) < SENDERS:
                break
    with scope(Scope(tenant_id)):
        return told + look_after_mail(actor=actor, at=now())


def is_due(*, at: datetime) -> bool:
    """Tell whether anything waits to be told in the organization in scope."""
    rows = AlertDelivery.objects.filter(state__in=("pending", "handed_over"), next_attempt_at__lte=at)
    return bool(rows.exclude(claimed_until__gt=at).exists())


@use_case
def post(*, actor: Actor, at: datetime) -> int:
    """Write due alerts into the outbox for the channels that are mail; return how many."""
    found = _due(at).filter(channel__kind="mail")
    rows = list(found.select_for_update(of=("self",), skip_locked=True).select_related("channel"))
    for row in rows:
        to = [row.channel.address] if row.channel.address else queries.watchers(at=at)
        row.attempts += 1
        if not to:
            _finish(row, row.channel, Outcome(code="nobody_to_tell"), actor, at, again_in=None)
            continue
        row.messages = [_write_to(address, row) for address in to]
        row.state, row.next_attempt_at = AlertDelivery.State.HANDED_OVER, at + _MAIL_IS_LOOKED_AT
        row.save(update_fields=["attempts", "messages", "state", "next_attempt_at"])
    return len(rows)


@use_case
def look_after_mail(*, actor: Actor, at: datetime) -> int:
    """See what became of mails that were handed over; return how many arrived at the mail server."""
    found = AlertDelivery.objects.filter(state=AlertDelivery.State.HANDED_OVER, next_attempt_at__lte=at)
    told = 0
    for row in found.select_for_update(of=("self",), skip_locked=True).select_related("channel"):
        messages = list(OutboxMessage.objects.filter(pk__in=row.messages).values_list("state", "attempts"))
        states = {state for state, _ in messages}
        if OutboxMessage.State.FAILED in states or not messages:
            _finish(row, row.channel, Outcome(code="mail_not_taken"), actor, at, again_in=None)
        elif states == {OutboxMessage.State.SENT}:
            _finish(row, row.channel, Outcome(code=""), actor, at, again_in=None)
            told += 1
        else:
            row.next_attempt_at = at + _MAIL_IS_LOOKED_AT
            row.save(update_fields=["next_attempt_at"])
            if max(attempts for _, attempts in messages) >= FALL_BACK_AFTER:
                _judge(row.channel, row, Outcome(code="mail_not_taken"), actor, at)
    return told


@use_case
def claim(*, at: datetime) -> list[Claimed]:
    """Take due tellings for two minutes; those of another worker are passed over."""
    found = _due(at).exclude(channel__kind="mail").select_related("channel")
    rows = list(
        found.select_for_update(of=("self",), skip_locked=True).order_by("next_attempt_at", "id")[:SENDERS]
    )
    if not rows:
        return []
    AlertDelivery.objects.filter(pk__in=[row.pk for row in rows]).update(claimed_until=at + LEASE)
    slug = telling.slug()
    live = webhook_queries.livemode()
    return [_claimed(row, slug, live, at) for row in rows]


def send(claimed: Claimed, *, at: datetime) -> Outcome:
    """Tell one channel and return how it went; nothing is raised."""
    started = time.monotonic()
    try:
        if claimed.kind == AlertChannel.Kind.SYSLOG:
            syslog.Client(ca=claimed.ca, timeout_seconds=TIMEOUT_SECONDS).send(
                claimed.address, [claimed.line]
            )
            code = ""
        else:
            answer = http.Client(
                ca=claimed.ca, timeout_seconds=TIMEOUT_SECONDS, private_origins=http.collector_origins()
            ).send(
                "POST",
                claimed.address,
                headers=signing.headers(
                    [claimed.secret],
                    message_id=ids.encode("alert_delivery", claimed.delivery_id),
                    at=at,
                    body=claimed.body,
                ),
                body=claimed.body,
            )
            code = "" if webhook_rules.is_delivered(answer.status) else f"http_{answer.status}"
    except Refusal as refusal:
        code = refusal.code
    except Exception as error:
        # Whatever somebody else's server makes of our libraries is that server's failure, and must be noted as one.
        _log.exception("an alert could not be told: %s", type(error).__name__)
        code = "not_sent"
    return Outcome(code=code, duration_ms=round((time.monotonic() - started) * 1_000))


@use_case
def note(*, delivery_id: UUID, outcome: Outcome, actor: Actor, at: datetime) -> None:
    """Note how one attempt went. What was dropped or removed meanwhile stays so."""
    found = AlertDelivery.objects.filter(pk=delivery_id).values_list("channel_id", flat=True).first()
    channel = AlertChannel.objects.select_for_update(no_key=True).filter(pk=found).first()
    row = AlertDelivery.objects.select_for_update().filter(pk=delivery_id).first()
    if channel is None or row is None or row.state != AlertDelivery.State.PENDING:
        return
    row.attempts += 1
    # A test is for somebody who waits: its first answer is the answer.
    again_in = None if outcome.told or row.alert_id is None else rules.wait(row.attempts)
    _finish(row, channel, outcome, actor, at, again_in=again_in)
    if outcome.told or row.alert_id is None or row.severity not in _SERIOUS:
        return
    if row.attempts == FALL_BACK_AFTER:
        fall_back(telling.finding(row.alert_id), at=at)


def fall_back(finding: Finding, *, at: datetime) -> None:
    """Write to those who work on alerts where no channel tells of something critical or high."""
    if finding.severity not in _SERIOUS:
        return
    for address in queries.watchers(at=at):
        mail.send(
            template="alert",
            to=address,
            context=_words(finding) | {"fallback": True},
            dedupe_key=f"alert:{finding.id}:{finding.severity}:{finding.last_at.date()}:{address}",
        )


def soon() -> None:
    """Ask a worker to tell what is due once the transaction has committed; without a broker the sweep will."""
    from alerts.channels import tasks  # noqa: PLC0415  a task module imports this one

    tenant_id = context.current_tenant()

    def ask() -> None:
        try:
            tasks.tell.delay(str(tenant_id))
        except OperationalError:
            _log.warning("the broker is away; the sweep will tell the alert")

    context.after_commit(ask)


@use_case
def remove_old(*, at: datetime) -> int:
    """Remove tellings that ended a year ago; return how many, at most 10,000."""
    rows = AlertDelivery.objects.filter(finished_at__lt=at - _ROWS_STAY)
    keys = list(rows.order_by("id").values_list("pk", flat=True)[:_MOST_REMOVED])
    return AlertDelivery.objects.filter(pk__in=keys).delete()[0] if keys else 0


def _due(at: datetime) -> Any:
    pending = AlertDelivery.objects.filter(
        state=AlertDelivery.State.PENDING, channel__state="enabled", next_attempt_at__lte=at
    )
    return pending.exclude(claimed_until__gt=at)


def _finish(
    row: AlertDelivery,
    channel: AlertChannel,
    outcome: Outcome,
    actor: Actor,
    at: datetime,
    *,
    again_in: timedelta | None,
) -> None:
    row.last_code, row.duration_ms, row.claimed_until = outcome.code, outcome.duration_ms or None, None
    if again_in is not None:
        row.next_attempt_at = at + again_in
    else:
        row.state = AlertDelivery.State.SUCCEEDED if outcome.told else AlertDelivery.State.FAILED
        row.next_attempt_at, row.finished_at = None, at
    row.save()
    if outcome.told:
        facts: dict[str, str | int | bool] = {
            "delivery": str(row.pk),
            "severity": row.severity,
            "attempts": row.attempts,
        }
        if row.alert_id is not None:
            facts["alert"] = str(row.alert_id)
        audit.record(events.CHANNEL_TOLD, actor=actor, subject=("alert_channel", channel.pk), facts=facts)
    _judge(channel, row, outcome, actor, at)
    if again_in is None and not outcome.told and row.alert_id is not None:
        fall_back(telling.finding(row.alert_id), at=at)


def _judge(channel: AlertChannel, row: AlertDelivery, outcome: Outcome, actor: Actor, at: datetime) -> None:
    """Note on the channel whether it works; the change alone is an event, not each attempt."""
    failed_before = channel.failing_since is not None
    channel.last_code = outcome.code
    if outcome.told:
        channel.last_ok_at, channel.failing_since = at, None
    elif not failed_before:
        channel.failing_since = at
    channel.save(update_fields=["last_code", "last_ok_at", "failing_since"])
    if outcome.told == failed_before:
        facts = {"delivery": str(row.pk), "kind": channel.kind}
        audit.record(
            events.CHANNEL_RECOVERED if outcome.told else events.CHANNEL_FAILED,
            actor=actor,
            subject=("alert_channel", channel.pk),
            facts=facts,
            reason=outcome.code,
            result="success" if outcome.told else "failed",
        )


def _write_to(address: str, row: AlertDelivery) -> UUID:
    if row.alert_id is None:
        return mail.send(
            template="alert_test", to=address, context={"link": f"/o/{telling.slug()}/alerts/channels"}
        )
    finding = telling.finding(row.alert_id)
    return mail.send(template="alert", to=address, context=_words(finding) | {"fallback": False})


def _words(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity,
        "title": finding.title,
        "rule": finding.rule,
        "count": finding.count,
        "first_at": finding.first_at,
        "last_at": finding.last_at,
        "link": finding.url,
    }


def _claimed(row: AlertDelivery, slug: str, live: bool, at: datetime) -> Claimed:
    channel = row.channel
    finding = telling.finding(row.alert_id) if row.alert_id is not None else _a_test(row, slug)
    kind = "alert.test" if row.alert_id is None else "alert.opened"
    body = signing.body(
        event_id=ids.encode("alert_delivery", row.pk),
        type=kind,
        created_at=webhook_rules.moment(row.created_at),
        livemode=live,
        api_version=webhook_rules.API_VERSION,
        data={
            "object": "alert",
            "id": ids.encode("alert", finding.id),
            "rule": finding.rule,
            "title": finding.title,
            "severity": finding.severity,
            "count": finding.count,
            "first_at": webhook_rules.moment(finding.first_at),
            "last_at": webhook_rules.moment(finding.last_at),
            "url": finding.url,
        },
    )
    line = syslog.message(
        severity=_SYSLOG[finding.severity],
        at=at,
        host=slug,
        id=kind,
        text=json.dumps(ocsf.of_alert(finding, at=at), separators=(",", ":")),
    )
    return Claimed(
        delivery_id=row.pk,
        kind=channel.kind,
        address=channel.address,
        secret=channel.secret or "",
        ca=channel.ca or "",
        body=body,
        line=line,
    )


def _a_test(row: AlertDelivery, slug: str) -> Finding:
    return Finding(
        id=row.pk,
        tenant_id=context.current_tenant(),
        rule="TEST",
        title="A test of this channel. Nothing happened.",
        severity="info",
        count=0,
        first_at=row.created_at,
        last_at=row.created_at,
        url=f"{settings.PUBLIC_URL}/o/{slug}/alerts/channels",
    )
