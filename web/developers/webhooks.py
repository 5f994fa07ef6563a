"""Webhooks: where events are told, how that goes, and what their owners can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from outbound import events
from outbound.models import WebhookDelivery, WebhookEndpoint
from outbound.webhooks import queries, rules, services
from outbound.webhooks.queries import Rate
from web.developers import deliveries
from web.developers.webhook_forms import SPANS, EndpointForm, ReplayForm, RotateForm
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage, Tab

_PAGE = 25
_P = Permission.WEBHOOK_MANAGE
_RENAMED = {"overlap": "hours"}
_STATES = {"": "All", "pending": "Waiting", "succeeded": "Taken", "failed": "Given up", "dropped": "Dropped"}
REASONS = {
    "by_member": "Somebody here disabled it.",
    "gone": "It answered “410 Gone”, which asks to be left alone.",
    "failing": "It took nothing for days.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An endpoint as people see it: never its secrets."""

    pk: str
    link: str
    url: str
    description: str
    told: str
    types: list[str]
    state: str
    reason: str
    enabled: bool
    taken: int
    settled: int
    waiting: int
    disabled_at: datetime | None
    failing_since: datetime | None
    secret_made_at: datetime
    previous_until: datetime | None
    created_at: datetime

    @property
    def taken_of(self) -> str:
        """Say it in numbers."""
        return f"{formats.number(self.taken)} of {formats.number(self.settled)}"

    @property
    def share(self) -> str:
        """Say how much was taken in the last 24 hours; empty when nothing was told."""
        return formats.percent(self.taken / self.settled) if self.settled else ""


@access(get=_P)
def index(request: Request, slug: str) -> HttpResponse:
    """List the endpoints with how they did in the last 24 hours."""
    at = clock.now()
    found, rates = queries.endpoints(), queries.rates(at=at)
    recording.read(
        request, events.WEBHOOK_READ, subjects=[row.pk for row in found], fields=["url", "description"]
    )
    rows = [row_of(row, slug, rates.get(row.pk, Rate()), at) for row in found]
    context = {"rows": rows, "may_add": len(rows) < rules.MOST_ENDPOINTS}
    return render(request, "developers/webhooks.html", context)


@access(get=_P, post=_P)
def create(request: Request, slug: str) -> HttpResponse:
    """Add an endpoint and show its secret, this once."""
    form = EndpointForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = services.create(**form.chosen, actor=request.actor, at=clock.now())
        if not form.errors:
            return _show_once(request, slug, made)
    return answer(request, "developers/webhook_form.html", {"crumbs": crumbs(slug)}, form=form)


@access(get=_P)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show an endpoint and its log."""
    at, endpoint = clock.now(), _endpoint(pk)
    state = request.GET.get("state", "")
    state = state if state in _STATES else ""
    cursor = request.GET.get("cursor", "")
    found = queries.deliveries(
        endpoint.pk, limit=_PAGE, after=ids.from_base32(cursor) if cursor else None, state=state or None
    )
    recording.read(request, events.WEBHOOK_READ, subject=("webhook_endpoint", endpoint.pk), fields=["url"])
    kept = f"?state={state}&cursor=" if state else "?cursor="
    context = {
        "row": row_of(endpoint, slug, queries.rates(at=at).get(endpoint.pk, Rate()), at),
        "missed": queries.missed(endpoint, since=at - rules.EVENTS_STAY),
        "tabs": [
            Tab(word, f"?state={code}" if code else "?", code == state) for code, word in _STATES.items()
        ],
        "deliveries": [deliveries.row_of(row, slug) for row in found.rows],
        "filtered": bool(state),
        "page": CursorPage(
            shown=len(found.rows),
            next_url=kept + ids.base32(found.next_after) if found.next_after else "",
            previous_url=(f"?state={state}" if state else "?") if cursor else "",
        ),
        "crumbs": crumbs(slug),
    }
    return render(request, "developers/webhook.html", context)


@access(get=_P, post=_P)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change where an endpoint is and what it is told."""
    endpoint = _endpoint(pk)
    form = EndpointForm(
        request.POST if request.method == "POST" else None,
        initial={
            "url": endpoint.url,
            "description": endpoint.description or "",
            "which": "some" if endpoint.types else "all",
            "types": endpoint.types,
        },
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.update(endpoint_id=endpoint.pk, changes=form.chosen, actor=request.actor, at=clock.now())
        if not form.errors:
            _unless_recorded(request, endpoint)
            messages.success(request, "The webhook is changed.")
            return redirect("developers:webhook", slug, pk)
    _unless_recorded(request, endpoint)
    context = {"row": row_of(endpoint, slug), "crumbs": crumbs(slug, row_of(endpoint, slug))}
    return answer(request, "developers/webhook_form.html", context, form=form)


@access(get=_P, post=_P)
def rotate(request: Request, slug: str, pk: str) -> HttpResponse:
    """Replace the secret; the old one signs as well for as long as is chosen."""
    endpoint = _endpoint(pk)
    form = RotateForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields=_RENAMED):
            made = services.rotate(
                endpoint_id=endpoint.pk, overlap=form.overlap, actor=request.actor, at=clock.now()
            )
        if not form.errors:
            return _show_once(request, slug, made)
    return _confirm(request, slug, endpoint, form, "developers/webhook_rotate.html")


@access(post=_P)
def enable(request: Request, slug: str, pk: str) -> HttpResponse:
    """Tell an endpoint again what happens from now on."""
    endpoint = _endpoint(pk)
    services.enable(endpoint_id=endpoint.pk, actor=request.actor, at=clock.now())
    _unless_recorded(request, endpoint)
    messages.success(request, "The webhook is enabled. Send it what it missed when it is ready.")
    return redirect("developers:webhook", slug, pk)


@access(get=_P, post=_P)
def disable(request: Request, slug: str, pk: str) -> HttpResponse:
    """Tell an endpoint nothing more."""
    endpoint = _endpoint(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.disable(endpoint_id=endpoint.pk, actor=request.actor, at=clock.now())
        _unless_recorded(request, endpoint)
        messages.success(request, "The webhook is disabled.")
        return redirect("developers:webhook", slug, pk)
    return _confirm(request, slug, endpoint, form, "developers/webhook_disable.html")


@access(get=_P, post=_P)
def delete(request: Request, slug: str, pk: str) -> HttpResponse:
    """Delete an endpoint with its secrets and its log."""
    endpoint = _endpoint(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.delete(endpoint_id=endpoint.pk, actor=request.actor)
        messages.success(request, "The webhook is deleted.")
        return redirect("developers:webhooks", slug)
    return _confirm(request, slug, endpoint, form, "developers/webhook_delete.html")


@access(post=_P)
def ping(request: Request, slug: str, pk: str) -> HttpResponse:
    """Send a test."""
    services.ping(endpoint_id=_endpoint(pk).pk, actor=request.actor)
    messages.success(request, "A ping is on its way. It stands at the top of the log.")
    return redirect("developers:webhook", slug, pk)


@access(get=_P, post=_P)
def replay(request: Request, slug: str, pk: str) -> HttpResponse:
    """Send again what an endpoint missed."""
    at, endpoint = clock.now(), _endpoint(pk)
    missed = {hours: queries.missed(endpoint, since=at - timedelta(hours=int(hours))) for hours in SPANS}
    form = ReplayForm(request.POST if request.method == "POST" else None, missed=missed)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            sent = services.replay(endpoint_id=endpoint.pk, since=at - form.span, actor=request.actor, at=at)
        if not form.errors:
            messages.success(request, f"{formats.count(sent, 'event')} sent again, each under the id it had.")
            return redirect("developers:webhook", slug, pk)
    extra = {"missed": any(missed.values())}
    return _confirm(request, slug, endpoint, form, "developers/webhook_replay.html", extra)


def row_of(endpoint: WebhookEndpoint, slug: str, rate: Rate | None = None, at: datetime | None = None) -> Row:
    """Write an endpoint as people see it."""
    rate = rate or Rate()
    pk = ids.encode("webhook_endpoint", endpoint.pk)
    enabled = endpoint.state == WebhookEndpoint.State.ENABLED
    until = endpoint.previous_until
    return Row(
        pk=pk,
        link=reverse("developers:webhook", args=[slug, pk]),
        url=endpoint.url,
        description=endpoint.description or "",
        told=formats.count(len(endpoint.types), "event") if endpoint.types else "Everything",
        types=list(endpoint.types),
        state="failing" if enabled and endpoint.failing_since is not None else endpoint.state,
        reason=REASONS.get(endpoint.disabled_reason, ""),
        enabled=enabled,
        taken=rate.taken,
        settled=rate.settled,
        waiting=rate.waiting,
        disabled_at=endpoint.disabled_at,
        failing_since=endpoint.failing_since if enabled else None,
        secret_made_at=endpoint.secret_made_at,
        previous_until=until if until is not None and (at is None or until > at) else None,
        created_at=endpoint.created_at,
    )


def crumbs(slug: str, row: Row | None = None) -> list[Crumb]:
    """Return the way back."""
    found = [Crumb("Webhooks", reverse("developers:webhooks", args=[slug]))]
    return found if row is None else [*found, Crumb(deliveries.short(row.url), row.link)]


def _endpoint(pk: str) -> WebhookEndpoint:
    return queries.endpoint(ids.decode("webhook_endpoint", pk))


def _show_once(request: Request, slug: str, made: services.Made) -> HttpResponse:
    """Show a new secret; nothing shows it again."""
    row = row_of(made.endpoint, slug, at=clock.now())
    context = {"row": row, "secret": made.secret, "crumbs": crumbs(slug, row)}
    return render(request, "developers/webhook_secret.html", context)


def _confirm(
    request: Request,
    slug: str,
    endpoint: WebhookEndpoint,
    form: Form,
    template: str,
    extra: Mapping[str, object] = MappingProxyType({}),
) -> HttpResponse:
    _unless_recorded(request, endpoint)
    row = row_of(endpoint, slug, at=clock.now())
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookDelivery.State.PENDING).count()
    context = {"row": row, "waiting": waiting, "crumbs": crumbs(slug, row), **extra}
    return answer(request, template, context, form=form)


def _unless_recorded(request: Request, endpoint: WebhookEndpoint) -> None:
    """Record the read: also of what a form asked for and was so already."""
    recording.read(request, events.WEBHOOK_READ, subject=("webhook_endpoint", endpoint.pk), fields=["url"])
