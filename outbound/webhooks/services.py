"""What people and programs do with endpoints: add, change, disable, replace the secret, send again.

Promise kept: an address is checked when it is given and again whenever something is sent to it; a secret is shown
once; what was not taken can be sent again for 30 days, under the id it had.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from audit import services as audit
from core import cardnumbers
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from outbound import events, http
from outbound.webhooks import delivery, endings, publishing, rules, signing
from outbound.webhooks.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from outbound.webhooks.publishing import Alike, publish, publish_alike, publish_each
from tenancy import context
from tenancy.context import use_case

__all__ = [
    "Alike",
    "EndpointDisabled",
    "Made",
    "OverlapNotOffered",
    "TooManyEndpoints",
    "check_signature",
    "create",
    "delete",
    "disable",
    "enable",
    "ping",
    "publish",
    "publish_alike",
    "publish_each",
    "remove_old",
    "replay",
    "resend",
    "rotate",
    "update",
]
FIELDS = ("url", "description", "types")
_MOST_REMOVED = 10_000


class TooManyEndpoints(Refusal):
    """An organization has at most twenty webhooks; delete one first."""

    code = "too_many_endpoints"


class EndpointDisabled(Conflict):
    """This webhook is disabled; enable it first."""

    code = "endpoint_disabled"


class OverlapNotOffered(Refusal):
    """The old secret stops at once, or after 1, 24 or 48 hours."""

    code = "overlap_not_offered"


@dataclass(frozen=True, slots=True)
class Made:
    """An endpoint and its new secret, which is shown this once."""

    endpoint: WebhookEndpoint
    secret: str


@use_case
def create(
    *, url: str, actor: Actor, at: datetime, description: str = "", types: Collection[str] = ()
) -> Made:
    """Add an endpoint; without `types` it is told everything.

    Raises:
        Invalid: names every field that cannot be used.
        AddressRefused, HostUnknown: of `outbound.http`; the address leads to nowhere public.
        TooManyEndpoints: there are twenty.
    """
    _check(url, description, types)
    if WebhookEndpoint.objects.count() >= rules.MOST_ENDPOINTS:
        raise TooManyEndpoints
    secret = signing.new_secret()
    row = WebhookEndpoint(
        url=url,
        description=description.strip() or None,
        types=sorted(set(types)),
        secret=secret,
        secret_made_at=at,
        created_by=actor.id,
        created_at=at,
        updated_at=at,
    )
    row.save(force_insert=True)
    _record(events.WEBHOOK_CREATED, row, actor, facts={"types": len(row.types)})
    return Made(row, secret)


@use_case
def update(*, endpoint_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> WebhookEndpoint:
    """Change the named fields of an endpoint (see FIELDS).

    Raises:
        NotFound: there is no such endpoint.
        Invalid, AddressRefused, HostUnknown: as at adding.
    """
    row = _locked(endpoint_id)
    wanted = {
        "url": changes.get("url", row.url),
        "description": (changes.get("description", row.description) or "").strip() or None,
        "types": sorted(set(changes.get("types", row.types) or ())),
    }
    changed = [name for name in FIELDS if wanted[name] != getattr(row, name)]
    if not changed:
        return row
    _check(wanted["url"], wanted["description"] or "", wanted["types"], look_up="url" in changed)
    for name in changed:
        setattr(row, name, wanted[name])
    row.updated_at = at
    if "url" in changed:
        row.failing_since = None
    row.save(update_fields=[*changed, "failing_since", "updated_at"])
    _record(events.WEBHOOK_UPDATED, row, actor, fields=changed)
    return row


@use_case
def enable(*, endpoint_id: UUID, actor: Actor, at: datetime) -> WebhookEndpoint:
    """Tell an endpoint again what happens from now on; without effect on an enabled one.

    Raises:
        NotFound: there is no such endpoint.
    """
    row = _locked(endpoint_id)
    if row.state == WebhookEndpoint.State.ENABLED:
        return row
    row.state, row.disabled_reason, row.disabled_at = WebhookEndpoint.State.ENABLED, "", None
    row.failing_since, row.updated_at = None, at
    row.save(update_fields=["state", "disabled_reason", "disabled_at", "failing_since", "updated_at"])
    _record(events.WEBHOOK_ENABLED, row, actor)
    return row


@use_case
def disable(*, endpoint_id: UUID, actor: Actor, at: datetime) -> WebhookEndpoint:
    """Tell an endpoint nothing more, and drop what waits for it; without effect on a disabled one.

    Raises:
        NotFound: there is no such endpoint.
    """
    row = _locked(endpoint_id)
    if row.state == WebhookEndpoint.State.ENABLED:
        endings.end(row, reason=WebhookEndpoint.Reason.BY_MEMBER, actor=actor, at=at)
    return row


@use_case
def delete(*, endpoint_id: UUID, actor: Actor) -> None:
    """Delete an endpoint with its secrets and its log.

    Raises:
        NotFound: there is no such endpoint.
    """
    row = _locked(endpoint_id)
    _record(events.WEBHOOK_DELETED, row, actor)
    WebhookEndpoint.objects.filter(pk=row.pk).delete()


@use_case
def rotate(*, endpoint_id: UUID, overlap: timedelta, actor: Actor, at: datetime) -> Made:
    """Give an endpoint a new secret; the old one signs as well until the overlap is over.

    One that was still signing from an earlier change stops at once: two live secrets are the most there are.

    Raises:
        NotFound: there is no such endpoint.
        OverlapNotOffered: another time than `rules.OVERLAPS` offers.
    """
    if overlap not in rules.OVERLAPS:
        raise OverlapNotOffered(field="overlap")
    row = _locked(endpoint_id)
    previous = (row.secret, at + overlap) if overlap else (None, None)
    row.previous_secret, row.previous_until = previous
    secret = row.secret = signing.new_secret()
    row.secret_made_at = row.updated_at = at
    row.save(update_fields=["secret", "secret_made_at", "previous_secret", "previous_until", "updated_at"])
    hours = round(overlap.total_seconds() / 3_600)
    _record(events.WEBHOOK_ROTATED, row, actor, facts={"overlap_hours": hours})
    return Made(row, secret)


@use_case
def ping(*, endpoint_id: UUID, actor: Actor) -> UUID:
    """Send an endpoint an event of type `ping` and return the event's id.

    Raises:
        NotFound: there is no such endpoint.
        EndpointDisabled: it is told nothing.
    """
    row = _locked(endpoint_id)
    _must_be_enabled(row)
    event = publishing.publish_to(endpoint_id=row.pk, type=rules.PING, subject=("webhook_endpoint", row.pk))
    _record(events.WEBHOOK_RESENT, row, actor, reason="ping", facts={"events": 1})
    return event


@use_case
def resend(*, delivery_id: UUID, actor: Actor, at: datetime) -> WebhookDelivery:
    """Send one event again now, under the id it had, whatever became of it before.

    Raises:
        NotFound: there is no such delivery.
        EndpointDisabled: its endpoint is told nothing.
    """
    found = WebhookDelivery.objects.filter(pk=delivery_id).values_list("endpoint_id", flat=True).first()
    if found is None:
        raise NotFound
    endpoint = _locked(found)
    _must_be_enabled(endpoint)
    row: WebhookDelivery = WebhookDelivery.objects.select_for_update().get(pk=delivery_id)
    if row.state != WebhookDelivery.State.PENDING:
        row.attempts = 0
    row.state, row.next_attempt_at, row.finished_at = WebhookDelivery.State.PENDING, at, None
    row.save(update_fields=["state", "attempts", "next_attempt_at", "finished_at"])
    _record(events.WEBHOOK_RESENT, endpoint, actor, reason="one", facts={"events": 1})
    _deliver_soon()
    return row


_UNHEARD = """
INSERT INTO outbound_webhookdelivery
  (tenant_id, id, endpoint_id, event_id, state, attempts, next_attempt_at, last_code, created_at)
SELECT event.tenant_id, uuidv7(), %(endpoint)s, event.id, 'pending', 0, %(at)s, '', %(at)s
FROM outbound_webhookevent AS event
WHERE event.tenant_id = %(tenant)s AND event.created_at >= %(since)s AND event.type <> 'ping'
  AND (cardinality(%(types)s::text[]) = 0 OR event.type = ANY (%(types)s::text[]))
  AND NOT EXISTS (
    SELECT FROM outbound_webhookdelivery AS told
    WHERE told.tenant_id = event.tenant_id AND told.endpoint_id = %(endpoint)s AND told.event_id = event.id)
"""


@use_case
def replay(*, endpoint_id: UUID, since: datetime, actor: Actor, at: datetime) -> int:
    """Send again everything since then that an endpoint did not take, and what happened while it was disabled.

    Nothing from before it was added. Returns how many events are sent.

    Raises:
        NotFound: there is no such endpoint.
        EndpointDisabled: it is told nothing.
    """
    row = _locked(endpoint_id)
    _must_be_enabled(row)
    since = max(since, row.created_at, at - rules.EVENTS_STAY)
    lost = WebhookDelivery.objects.filter(
        endpoint=row,
        state__in=(WebhookDelivery.State.FAILED, WebhookDelivery.State.DROPPED),
        event_id__in=WebhookEvent.objects.filter(created_at__gte=since).values("id"),
    )
    sent: int = lost.update(
        state=WebhookDelivery.State.PENDING, attempts=0, next_attempt_at=at, finished_at=None
    )
    values: dict[str, Any] = {
        "endpoint": row.pk, "tenant": context.current_tenant(), "types": row.types, "since": since, "at": at
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_UNHEARD, values)
        sent += cursor.rowcount
    _record(events.WEBHOOK_RESENT, row, actor, reason="missed", facts={"events": sent})
    _deliver_soon()
    return sent


@use_case
def check_signature(
    *, endpoint_id: UUID, message: signing.Message, actor: Actor, at: datetime
) -> signing.Verdict:
    """Say whether a receiver with this endpoint's live secrets would take a message, or why not.

    Raises:
        NotFound: there is no such endpoint.
    """
    row: WebhookEndpoint | None = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if row is None:
        raise NotFound
    verdict = signing.verify(delivery.secrets_of(row, at=at), message, at=at)
    _record(events.WEBHOOK_TESTED, row, actor, reason=verdict.value)
    return verdict


@use_case
def remove_old(*, actor: Actor, at: datetime) -> int:
    """Remove events of more than 30 days with how they were told; return how many, at most 10,000."""
    rows = WebhookEvent.objects.filter(created_at__lt=at - rules.EVENTS_STAY).order_by("created_at")
    keys = list(rows.values_list("pk", flat=True)[:_MOST_REMOVED])
    if not keys:
        return 0
    WebhookEvent.objects.filter(pk__in=keys).delete()
    audit.record(events.RETENTION_ENDED, actor=actor, facts={"events": len(keys)})
    return len(keys)


def _locked(endpoint_id: UUID) -> WebhookEndpoint:
    rows = WebhookEndpoint.objects.select_for_update(no_key=True)
    row: WebhookEndpoint | None = rows.filter(pk=endpoint_id).first()
    if row is None:
        raise NotFound
    return row


def _must_be_enabled(row: WebhookEndpoint) -> None:
    if row.state != WebhookEndpoint.State.ENABLED:
        raise EndpointDisabled


def _deliver_soon() -> None:
    tenant_id = context.current_tenant()
    context.after_commit(lambda: publishing.deliver_soon(tenant_id))


def _record(event: Any, row: WebhookEndpoint, actor: Actor, **more: Any) -> None:
    audit.record(event, actor=actor, subject=("webhook_endpoint", row.pk), **more)


def _check(url: str, description: str, types: Collection[str], *, look_up: bool = True) -> None:
    if len(url) > rules.URL_LENGTH or cardnumbers.contains_card_number(url):
        detail = f"A web address of at most {rules.URL_LENGTH} characters, without a card number."
        raise Invalid([FieldError("/url", "address_refused", detail)])
    rules.check_endpoint(description=description, types=types)
    if not look_up:
        return
    try:
        http.Client(resolver=http.resolve_soon).check(url)
    except Refusal as refusal:
        raise type(refusal)(field="url") from None
