"""Reads: endpoints with how they do, events, deliveries and their attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from core import ids
from core.errors import NotFound
from outbound.webhooks import rules, signing
from outbound.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from tenancy import context
from tenancy.models import Tenant

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How an endpoint did in the last 24 hours: what was settled, and what was taken."""

    taken: int = 0
    settled: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A page of rows, and the id after which the next begins."""

    rows: Sequence[Any]
    next_after: UUID | None


def livemode() -> bool:
    """Tell whether the organization in scope is a live one."""
    mode = Tenant.objects.values_list("mode", flat=True).get(pk=context.current_tenant())
    return bool(mode == Tenant.Mode.LIVE)


def body_of(event: WebhookEvent, *, livemode: bool) -> bytes:
    """Return an event's body: the same bytes whenever it is asked for."""
    return signing.body(
        event_id=ids.encode("webhook_event", event.pk),
        type=event.type,
        created_at=rules.moment(event.created_at),
        livemode=livemode,
        api_version=rules.API_VERSION,
        data=data_of(event),
    )


def data_of(event: WebhookEvent) -> dict[str, Any]:
    """Return what an event says: its record first, the rest by name."""
    named = {"object": event.object_kind, "id": ids.encode(event.object_kind, event.object_id)}
    return named | dict(sorted(event.data.items()))


def endpoints() -> list[WebhookEndpoint]:
    """List the organization's endpoints, oldest first; there are at most twenty."""
    return list(WebhookEndpoint.objects.order_by("id"))


def endpoint_page(*, limit: int, after: UUID | None = None) -> Found:
    """Return a page of the organization's endpoints, newest first."""
    return _page(WebhookEndpoint.objects.all(), limit=limit, after=after)


def endpoint(endpoint_id: UUID) -> WebhookEndpoint:
    """Return one endpoint.

    Raises:
        NotFound
    """
    found: WebhookEndpoint | None = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound
    return found


def rates(*, at: datetime) -> dict[UUID, Rate]:
    """Return how each endpoint did in the 24 hours before; one query. One that was told nothing is absent."""
    recent = Q(finished_at__gt=at - _DAY)
    settled = recent & ~Q(state=WebhookDelivery.State.DROPPED)
    rows = (
        WebhookDelivery.objects.filter(recent | Q(state=WebhookDelivery.State.PENDING))
        .order_by()
        .values_list("endpoint_id")
        .annotate(
            taken=Count("id", filter=recent & Q(state=WebhookDelivery.State.SUCCEEDED)),
            settled=Count("id", filter=settled),
            # What failed at least once counts against it although it is still tried.
            troubled=Count("id", filter=Q(state=WebhookDelivery.State.PENDING, attempts__gt=0)),
            waiting=Count("id", filter=Q(state=WebhookDelivery.State.PENDING)),
        )
    )
    return {
        endpoint_id: Rate(taken=taken, settled=settled + troubled, waiting=waiting)
        for endpoint_id, taken, settled, troubled, waiting in rows
    }


def events(*, limit: int, after: UUID | None = None, type: str | None = None, at: datetime) -> Found:
    """Return a page of the events of the last 30 days, newest first."""
    rows = WebhookEvent.objects.filter(created_at__gt=at - rules.EVENTS_STAY)
    return _page(rows if type is None else rows.filter(type=type), limit=limit, after=after)


def event(event_id: UUID, *, at: datetime) -> WebhookEvent:
    """Return one event of the last 30 days.

    Raises:
        NotFound
    """
    rows = WebhookEvent.objects.filter(created_at__gt=at - rules.EVENTS_STAY)
    found: WebhookEvent | None = rows.filter(pk=event_id).first()
    if found is None:
        raise NotFound
    return found


def deliveries(
    endpoint_id: UUID, *, limit: int, after: UUID | None = None, state: str | None = None
) -> Found:
    """Return a page of one endpoint's deliveries with their events, newest first."""
    rows = WebhookDelivery.objects.filter(endpoint_id=endpoint_id).select_related("event")
    return _page(rows if state is None else rows.filter(state=state), limit=limit, after=after)


def deliveries_of(event_id: UUID) -> list[WebhookDelivery]:
    """Return how telling an event went, endpoint by endpoint; there are at most twenty."""
    rows = WebhookDelivery.objects.filter(event_id=event_id).select_related("event", "endpoint")
    return list(rows.order_by("id"))


def deliveries_by_event(event_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Return the states of the deliveries of events; one query."""
    found: dict[UUID, list[str]] = {key: [] for key in event_ids}
    rows = WebhookDelivery.objects.filter(event_id__in=list(event_ids)).order_by("id")
    for event_id, state in rows.values_list("event_id", "state"):
        found[event_id].append(state)
    return found


def delivery(delivery_id: UUID) -> WebhookDelivery:
    """Return one delivery with its event and endpoint.

    Raises:
        NotFound
    """
    rows = WebhookDelivery.objects.select_related("event", "endpoint")
    found: WebhookDelivery | None = rows.filter(pk=delivery_id).first()
    if found is None:
        raise NotFound
    return found


def attempts(delivery_ids: Sequence[UUID]) -> dict[UUID, list[WebhookAttempt]]:
    """Return the attempts of deliveries, in their order; one query."""
    found: dict[UUID, list[WebhookAttempt]] = {key: [] for key in delivery_ids}
    for row in WebhookAttempt.objects.filter(delivery_id__in=delivery_ids).order_by("id"):
        found[row.delivery_id].append(row)
    return found


def missed(endpoint: WebhookEndpoint, *, since: datetime) -> int:
    """Count the events since then that an endpoint asked for and did not take, or was not told while disabled."""
    rows = WebhookEvent.objects.filter(created_at__gte=max(since, endpoint.created_at)).exclude(
        type=rules.PING
    )
    if endpoint.types:
        rows = rows.filter(type__in=endpoint.types)
    own = WebhookDelivery.objects.filter(endpoint=endpoint, event_id=OuterRef("pk"))
    lost = own.filter(state__in=(WebhookDelivery.State.FAILED, WebhookDelivery.State.DROPPED))
    return rows.filter(Exists(lost) | ~Exists(own)).count()


def _page(rows: Any, *, limit: int, after: UUID | None) -> Found:
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows.order_by("-id")[: limit + 1])
    return Found(found[:limit], found[limit - 1].pk if len(found) > limit else None)
