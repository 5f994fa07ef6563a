"""What people do with channels, and the one call by which an alert is told.

Promise kept: an alert and the intention to tell of it stand or fall together; nothing is sent inside a transaction; an
address is checked when it is given and again whenever something is sent to it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from alerts import events
from alerts.channels import delivery, queries, rules, telling
from alerts.channels.models import AlertChannel, AlertDelivery
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from outbound import http, syslog
from outbound.webhooks import signing
from tenancy.context import use_case

FIELDS = ("address", "description", "severities", "quiet_from", "quiet_until", "zone", "ca")


class TooManyChannels(Refusal):
    """An organization has at most twenty alert channels; remove one first."""

    code = "too_many_channels"


class ChannelDisabled(Conflict):
    """This channel is disabled; enable it first."""

    code = "channel_disabled"


class NoSecret(Refusal):
    """Only a webhook is signed with a secret."""

    code = "no_secret"


@dataclass(frozen=True, slots=True)
class Made:
    """A channel, and the secret of a webhook, which is shown this once."""

    channel: AlertChannel
    secret: str = ""


@use_case
def announce(*, alert_id: UUID, at: datetime) -> None:
    """Write down that an alert is to be told, in the transaction that opened it or raised its severity.

    Each channel tells of it once a call, were the call repeated with the same time. Where no channel would tell of
    something critical or high, those who work on alerts are written to.
    """
    finding = telling.finding(alert_id)
    chosen = [
        row
        for row in AlertChannel.objects.filter(state=AlertChannel.State.ENABLED)
        if finding.severity in row.severities
    ]
    rows = [_row(channel, alert_id, finding.severity, at) for channel in chosen]
    AlertDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    if not chosen:
        delivery.fall_back(finding, at=at)
    delivery.soon()


@use_case
def create(
    *,
    kind: str,
    severities: Collection[str],
    actor: Actor,
    at: datetime,
    address: str = "",
    description: str = "",
    quiet: rules.Quiet | None = None,
    ca: str = "",
) -> Made:
    """Add a channel, and tell it of a test at once: what nobody has tried counts as not working.

    Mail without an address goes to everybody who works on alerts.

    Raises:
        Invalid: names every field that cannot be used.
        AddressRefused, HostUnknown: of `outbound.http`; the address leads to nowhere public.
        TooManyChannels: there are twenty.
    """
    _check(kind, address, description, severities, quiet, ca)
    if AlertChannel.objects.count() >= rules.MOST_CHANNELS:
        raise TooManyChannels
    secret = signing.new_secret() if kind == rules.Kind.WEBHOOK else ""
    row = AlertChannel(
        kind=kind,
        address=address or None,
        description=description.strip() or None,
        severities=_ordered(severities),
        quiet_from=quiet.begin if quiet else None,
        quiet_until=quiet.end if quiet else None,
        zone=quiet.zone if quiet else "UTC",
        secret=secret or None,
        secret_made_at=at if secret else None,
        ca=ca.strip() or None,
        created_by=actor.id,
        created_at=at,
        updated_at=at,
    )
    row.save(force_insert=True)
    facts: dict[str, str | bool] = {"kind": kind}
    if quiet is not None:
        # A channel that is mute almost the whole day looks like one that works.
        facts["quieter"] = True
    _record(events.CHANNEL_CREATED, row, actor, facts=facts)
    _try(row, at)
    return Made(row, secret)


@use_case
def update(*, channel_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> AlertChannel:
    """Change the named parts of a channel: address, description, severities, quiet, ca. It is tried anew.

    Raises:
        NotFound: there is no such channel.
        Invalid, AddressRefused, HostUnknown: as at adding.
    """
    row = _locked(channel_id)
    quiet = changes.get("quiet", queries.quiet_of(row))
    wanted: dict[str, Any] = {
        "address": changes.get("address", row.address) or None,
        "description": (changes.get("description", row.description) or "").strip() or None,
        "severities": _ordered(changes.get("severities", row.severities)),
        "quiet_from": quiet.begin if quiet else None,
        "quiet_until": quiet.end if quiet else None,
        "zone": quiet.zone if quiet else "UTC",
        "ca": (changes.get("ca", row.ca) or "").strip() or None,
    }
    changed = [name for name in FIELDS if wanted[name] != getattr(row, name)]
    if not changed:
        return row
    moved = "address" in changed or "ca" in changed
    _check(
        row.kind,
        wanted["address"] or "",
        wanted["description"] or "",
        wanted["severities"],
        quiet,
        wanted["ca"] or "",
        look_up=moved,
    )
    lost = [severity for severity in row.severities if severity not in wanted["severities"]]
    # New hours in which what is not critical waits: other ones too, for they can be almost the whole day.
    quieter = quiet is not None and quiet != queries.quiet_of(row)
    for name in changed:
        setattr(row, name, wanted[name])
    if moved:
        row.last_ok_at, row.failing_since, row.last_code = None, None, ""
    row.updated_at = at
    row.save()
    facts: dict[str, str | bool] = {"lost": ":".join(lost)} if lost else {}
    if quieter:
        facts["quieter"] = True
    _record(events.CHANNEL_UPDATED, row, actor, fields=changed, facts=facts)
    if moved and row.state == AlertChannel.State.ENABLED:
        _try(row, at)
    return row


@use_case
def test(*, channel_id: UUID, actor: Actor, at: datetime) -> AlertDelivery:
    """Tell a channel of a test.

    Raises:
        NotFound: there is no such channel.
        ChannelDisabled: it is told nothing.
    """
    row = _locked(channel_id)
    if row.state != AlertChannel.State.ENABLED:
        raise ChannelDisabled
    _record(events.CHANNEL_TESTED, row, actor)
    return _try(row, at)


@use_case
def enable(*, channel_id: UUID, actor: Actor, at: datetime) -> AlertChannel:
    """Tell a channel again of what happens from now on; without effect on an enabled one.

    Raises:
        NotFound: there is no such channel.
    """
    row = _locked(channel_id)
    if row.state == AlertChannel.State.ENABLED:
        return row
    row.state, row.failing_since, row.last_ok_at, row.updated_at = AlertChannel.State.ENABLED, None, None, at
    row.save(update_fields=["state", "failing_since", "last_ok_at", "updated_at"])
    _record(events.CHANNEL_ENABLED, row, actor)
    _try(row, at)
    return row


@use_case
def disable(*, channel_id: UUID, actor: Actor, at: datetime) -> AlertChannel:
    """Tell a channel nothing more, and drop what waits for it; without effect on a disabled one.

    Raises:
        NotFound: there is no such channel.
    """
    row = _locked(channel_id)
    if row.state != AlertChannel.State.ENABLED:
        return row
    row.state, row.updated_at = AlertChannel.State.DISABLED, at
    row.save(update_fields=["state", "updated_at"])
    waiting = AlertDelivery.objects.filter(channel=row, state=AlertDelivery.State.PENDING)
    dropped = waiting.update(
        state=AlertDelivery.State.DROPPED, next_attempt_at=None, claimed_until=None, finished_at=at
    )
    _record(events.CHANNEL_DISABLED, row, actor, facts={"dropped": dropped, **_silenced(row)})
    return row


@use_case
def remove(*, channel_id: UUID, actor: Actor) -> None:
    """Remove a channel with its log.

    Raises:
        NotFound: there is no such channel.
    """
    row = _locked(channel_id)
    _record(events.CHANNEL_REMOVED, row, actor, facts=_silenced(row))
    AlertChannel.objects.filter(pk=row.pk).delete()


@use_case
def rotate(*, channel_id: UUID, actor: Actor, at: datetime) -> Made:
    """Give a webhook a new secret; the old one stops at once.

    Raises:
        NotFound: there is no such channel.
        NoSecret: it is none that signs.
    """
    row = _locked(channel_id)
    if row.kind != AlertChannel.Kind.WEBHOOK:
        raise NoSecret
    secret = row.secret = signing.new_secret()
    row.secret_made_at = row.updated_at = at
    row.save(update_fields=["secret", "secret_made_at", "updated_at"])
    _record(events.CHANNEL_ROTATED, row, actor)
    return Made(row, secret)


def _silenced(row: AlertChannel) -> dict[str, bool]:
    """Say whether nothing critical is told any more without this channel: a rule looks at it."""
    others = [other for other in queries.channels() if other.pk != row.pk]
    return {"critical_unheard": "critical" in queries.unheard(others)}


def _try(row: AlertChannel, at: datetime) -> AlertDelivery:
    made = _row(row, None, rules.Severity.INFO, at)
    made.save(force_insert=True)
    delivery.soon()
    return made


def _row(channel: AlertChannel, alert_id: UUID | None, severity: str, at: datetime) -> AlertDelivery:
    quiet = queries.quiet_of(channel) if alert_id is not None else None
    return AlertDelivery(
        channel=channel,
        alert_id=alert_id,
        severity=severity,
        next_attempt_at=rules.due(severity=severity, quiet=quiet, at=at),
        created_at=at,
    )


def _ordered(severities: Collection[str]) -> list[str]:
    return sorted(set(severities), key=lambda one: rules.SEVERITIES.index(rules.Severity(one)))


def _locked(channel_id: UUID) -> AlertChannel:
    rows = AlertChannel.objects.select_for_update(no_key=True)
    row: AlertChannel | None = rows.filter(pk=channel_id).first()
    if row is None:
        raise NotFound
    return row


def _record(event: Any, row: AlertChannel, actor: Actor, **more: Any) -> None:
    audit.record(event, actor=actor, subject=("alert_channel", row.pk), **more)


def _check(
    kind: str,
    address: str,
    description: str,
    severities: Collection[str],
    quiet: rules.Quiet | None,
    ca: str,
    *,
    look_up: bool = True,
) -> None:
    rules.check(
        kind=kind, address=address, description=description, severities=severities, quiet=quiet, ca=ca
    )
    check_address(kind, address, ca, look_up=look_up)


def check_address(kind: str, address: str, ca: str, *, look_up: bool = True) -> None:
    """Check where something would be sent.

    Raises:
        Invalid: it is no address, or `ca` holds no certificate.
        AddressRefused, HostUnknown: it leads to nowhere public.
    """
    if kind == rules.Kind.MAIL:
        try:
            if address:
                validate_email(address)
        except ValidationError:
            detail = "An e-mail address such as alerts@example.com."
            raise Invalid([FieldError("/address", "not_an_address", detail)]) from None
        return
    try:
        http.tls_context(ca)
    except ValueError:
        detail = "Paste the authority’s certificate as PEM, from BEGIN to END."
        raise Invalid([FieldError("/ca", "no_certificate", detail)]) from None
    if not look_up:
        return
    client = syslog.Client if kind == rules.Kind.SYSLOG else http.Client
    try:
        client(resolver=http.resolve_soon, private_origins=http.collector_origins()).check(address)
    except Refusal as refusal:
        raise type(refusal)(field="address") from None
