"""Channels and streams in every state, with what they told."""

from dataclasses import dataclass
from datetime import time, timedelta
from uuid import UUID

from alerts.channels import delivery, rules
from alerts.channels import services as channels
from alerts.channels.delivery import Outcome
from alerts.models import Alert, AlertChannel, AlertDelivery, AuditStream
from alerts.streams import services as streams
from audit.models import Event
from core import clock, ids
from core.actor import Actor

ACTOR = Actor.system("tests")
# An address that is public and that nothing is ever sent to.
ADDRESS = "https://93.184.216.34/alerts"
COLLECTOR = "syslog+tls://93.184.216.34:6514"


@dataclass(frozen=True, slots=True)
class Made:
    """What was made in the organization in scope."""

    mail: AlertChannel
    webhook: AlertChannel
    syslog: AlertChannel
    stream: AuditStream
    paused: AuditStream


def alert(severity: str = "high", *, rule: str = "RBAC-04") -> UUID:
    """Open an alert without telling of it, and return its id."""
    at = clock.now()
    row = Alert(
        rule=rule,
        rule_version=0,
        severity=severity,
        group="organization",
        key=str(ids.uuid7()),
        count=2,
        first_seen_at=at - timedelta(minutes=6),
        last_seen_at=at,
        opened_at=at,
        announced_at=at,
        due_at=at,
        updated_at=at,
    )
    row.save(force_insert=True)
    return UUID(str(row.pk))


def channel(kind: str = "mail", *, actor: Actor = ACTOR, **given: object) -> AlertChannel:
    """Add a channel."""
    address = {"mail": "", "webhook": ADDRESS, "syslog": COLLECTOR}[kind]
    wanted = {"address": address, "severities": ["critical", "high"], **given}
    return channels.create(kind=kind, **wanted, actor=actor, at=clock.now()).channel  # type: ignore[arg-type]


def stream(kind: str = "http", *, actor: Actor = ACTOR, **given: object) -> AuditStream:
    """Send the trail somewhere."""
    wanted = {"address": ADDRESS if kind == "http" else COLLECTOR, **given}
    return streams.create(kind=kind, **wanted, actor=actor, at=clock.now())  # type: ignore[arg-type]


def everything() -> Made:
    """Make channels that work, fail and are quiet, with what they told, and two streams."""
    at = clock.now()
    night = rules.Quiet(begin=time(22), end=time(7), zone="Europe/Berlin")
    made = Made(
        mail=channel(description="Whoever is on duty"),
        webhook=channel("webhook", description="The pager", severities=["critical"]),
        syslog=channel("syslog", quiet=night, severities=["high", "medium", "low"]),
        stream=stream(description="The house's log collector"),
        paused=stream("syslog"),
    )
    for severity in ("high", "critical"):
        channels.announce(alert_id=alert(severity), at=at)
    _note(made.mail, told=True)
    _note(made.webhook, told=False)
    refused = {"code": "http_422", "at": at.isoformat(), "tries": 12, "again": False}
    (first,) = Event.objects.order_by("id")[:1]
    AuditStream.objects.filter(pk=made.stream.pk).update(set_aside=[{"event": str(first.pk), **refused}])
    streams.pause(stream_id=made.paused.pk, actor=ACTOR, at=at)
    return made


def _note(of: AlertChannel, *, told: bool) -> None:
    for row in AlertDelivery.objects.filter(channel=of):
        outcome = Outcome(code="" if told else "http_503", duration_ms=48)
        delivery.note(delivery_id=row.pk, outcome=outcome, actor=ACTOR, at=clock.now())
