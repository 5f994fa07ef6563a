"""Where alerts go: the channels, how they do, a test of each, and red where nobody would hear of the worst."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from alerts import events
from alerts.channels import queries, rules, services
from alerts.channels.queries import Rate
from alerts.models import AlertChannel, AlertDelivery
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.alerts.channel_forms import ChannelForm
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage, Tab

_PAGE = 25
_READ, _MANAGE = Permission.ALERT_READ, Permission.ALERT_MANAGE
KINDS = {"mail": "Mail", "webhook": "Webhook", "syslog": "Syslog over TLS"}
# What a code of a failure means to whoever has to mend it.
FAULTS = {
    "address_refused": "The address leads to nowhere public.",
    "host_unknown": "There is no host of this name.",
    "certificate_refused": "Its certificate is not trusted, or is for another name.",
    "no_answer": "It did not answer, or the connection broke.",
    "mail_not_taken": "The mail server does not take the mail.",
    "nobody_to_tell": "Nobody here works on alerts.",
    "not_sent": "It could not be sent. The log of the server says why.",
    "answer_too_large": "It answered with more than was asked for.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A channel as people see it: never its secret."""

    pk: str
    link: str
    kind: str
    kind_word: str
    goes_to: str
    addressed: bool
    description: str
    severities: list[str]
    quiet: str
    state: str
    fault: str
    enabled: bool
    told: int
    failed: int
    waiting: int
    last_ok_at: datetime | None
    failing_since: datetime | None
    secret_made_at: datetime | None
    own_authority: bool
    created_at: datetime

    @property
    def named(self) -> str:
        """Name it at the beginning of a sentence."""
        return self.goes_to if self.addressed else "The mail to everybody who works on alerts"

    @property
    def severity_words(self) -> str:
        """Name the severities in one line."""
        return ", ".join(self.severities).capitalize()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One telling as people see it."""

    alert: str
    short: str
    link: str
    channel: str
    channel_link: str
    severity: str
    state: str
    fault: str
    attempts: int
    created_at: datetime
    finished_at: datetime | None
    duration_ms: int | None


def fault_of(code: str) -> str:
    """Say what a failure's code means."""
    if code.startswith("http_"):
        return f"It answered {code.removeprefix('http_')}."
    return FAULTS.get(code, code)


@access(get=_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the channels, and say what nobody would hear of."""
    at = clock.now()
    found, rates = queries.channels(), queries.rates(at=at)
    recording.read(request, events.CHANNEL_READ, subjects=[row.pk for row in found], fields=["address"])
    unheard = queries.unheard(found)
    context = {
        "rows": [row_of(row, slug, rates.get(row.pk, Rate())) for row in found],
        "unheard": unheard,
        "critical_unheard": "critical" in unheard,
        "watchers": len(queries.watchers(at=at)),
        "may_manage": _MANAGE in request.permissions,
        "may_add": len(found) < rules.MOST_CHANNELS,
    }
    return render(request, "alerts/channels.html", context)


@access(get=_MANAGE, post=_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Add a channel; the secret of a webhook is shown this once."""
    asked = request.GET.get("kind", "mail")
    kind = asked if asked in KINDS else "mail"
    form = ChannelForm(request.POST if request.method == "POST" else None, kind=kind)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = services.create(kind=kind, **form.chosen, actor=request.actor, at=clock.now())
        if not form.errors:
            if made.secret:
                return _show_once(request, slug, made)
            messages.success(request, "The channel is added, and a test is on its way.")
            return redirect("channels:channel", slug, ids.encode("alert_channel", made.channel.pk))
    context = {
        "kind": kind,
        "kinds": [Tab(word, f"?kind={code}", code == kind) for code, word in KINDS.items()],
        "crumbs": crumbs(slug),
    }
    return answer(request, "alerts/channel_form.html", context, form=form)


@access(get=_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a channel and what it told."""
    at, channel = clock.now(), _channel(pk)
    cursor = request.GET.get("cursor", "")
    found = queries.deliveries(channel.pk, limit=_PAGE, after=ids.from_base32(cursor) if cursor else None)
    _read(request, channel)
    context = {
        "row": row_of(channel, slug, queries.rates(at=at).get(channel.pk, Rate())),
        "deliveries": [_told(row, slug) for row in found.rows],
        "page": CursorPage(
            shown=len(found.rows),
            next_url=f"?cursor={ids.base32(found.next_after)}" if found.next_after else "",
            previous_url="?" if cursor else "",
        ),
        "may_manage": _MANAGE in request.permissions,
        "crumbs": crumbs(slug),
    }
    return render(request, "alerts/channel.html", context)


@access(get=_MANAGE, post=_MANAGE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change where a channel leads, what it tells, and when it is quiet."""
    channel = _channel(pk)
    form = ChannelForm(
        request.POST if request.method == "POST" else None,
        kind=channel.kind,
        initial={
            "address": channel.address or "",
            "severities": channel.severities,
            "description": channel.description or "",
            "quiet_from": _clock_time(channel.quiet_from),
            "quiet_until": _clock_time(channel.quiet_until),
            "zone": channel.zone,
            "ca": channel.ca or "",
        },
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.update(channel_id=channel.pk, changes=form.chosen, actor=request.actor, at=clock.now())
        if not form.errors:
            _read(request, channel)
            messages.success(request, "The channel is changed.")
            return redirect("channels:channel", slug, pk)
    _read(request, channel)
    row = row_of(channel, slug)
    context = {"row": row, "kind": channel.kind, "crumbs": crumbs(slug, row)}
    return answer(request, "alerts/channel_form.html", context, form=form)


@access(post=_MANAGE)
def test(request: Request, slug: str, pk: str) -> HttpResponse:
    """Tell a channel of a test."""
    services.test(channel_id=_channel(pk).pk, actor=request.actor, at=clock.now())
    messages.success(request, "A test is on its way. How it went stands at the top of the log.")
    return redirect("channels:channel", slug, pk)


@access(post=_MANAGE)
def enable(request: Request, slug: str, pk: str) -> HttpResponse:
    """Tell a channel again of what happens from now on."""
    channel = _channel(pk)
    services.enable(channel_id=channel.pk, actor=request.actor, at=clock.now())
    _read(request, channel)
    messages.success(request, "The channel is enabled, and a test is on its way.")
    return redirect("channels:channel", slug, pk)


@access(get=_MANAGE, post=_MANAGE)
def disable(request: Request, slug: str, pk: str) -> HttpResponse:
    """Tell a channel nothing more."""
    channel = _channel(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.disable(channel_id=channel.pk, actor=request.actor, at=clock.now())
        _read(request, channel)
        messages.success(request, "The channel is disabled.")
        return redirect("channels:channel", slug, pk)
    return _confirm(request, slug, channel, form, "alerts/channel_disable.html")


@access(get=_MANAGE, post=_MANAGE)
def rotate(request: Request, slug: str, pk: str) -> HttpResponse:
    """Replace the secret of a webhook."""
    channel = _channel(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = services.rotate(channel_id=channel.pk, actor=request.actor, at=clock.now())
        if not form.errors:
            return _show_once(request, slug, made)
    return _confirm(request, slug, channel, form, "alerts/channel_rotate.html")


@access(get=_MANAGE, post=_MANAGE)
def remove(request: Request, slug: str, pk: str) -> HttpResponse:
    """Remove a channel with its log."""
    channel = _channel(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.remove(channel_id=channel.pk, actor=request.actor)
        messages.success(request, "The channel is removed.")
        return redirect("channels:channels", slug)
    return _confirm(request, slug, channel, form, "alerts/channel_remove.html")


def row_of(channel: AlertChannel, slug: str, rate: Rate | None = None) -> Row:
    """Write a channel as people see it."""
    rate = rate or Rate()
    pk = ids.encode("alert_channel", channel.pk)
    enabled = channel.state == AlertChannel.State.ENABLED
    state = "disabled"
    if enabled:
        state = "works" if queries.works(channel) else "failing" if channel.failing_since else "untried"
    quiet = ""
    if channel.quiet_from is not None and channel.quiet_until is not None:
        span = f"{_clock_time(channel.quiet_from)} to {_clock_time(channel.quiet_until)}"
        quiet = f"{span}, {channel.zone}"
    return Row(
        pk=pk,
        link=reverse("channels:channel", args=[slug, pk]),
        kind=channel.kind,
        kind_word=KINDS[channel.kind],
        goes_to=channel.address or "Everybody who works on alerts",
        addressed=bool(channel.address),
        description=channel.description or "",
        severities=list(channel.severities),
        quiet=quiet,
        state=state,
        fault=fault_of(channel.last_code) if channel.failing_since and channel.last_code else "",
        enabled=enabled,
        told=rate.told,
        failed=rate.failed,
        waiting=rate.waiting,
        last_ok_at=channel.last_ok_at,
        failing_since=channel.failing_since if enabled else None,
        secret_made_at=channel.secret_made_at,
        own_authority=bool(channel.ca),
        created_at=channel.created_at,
    )


def told_of(alert_id: UUID, slug: str) -> list[Told]:
    """Return how an alert was told: through which kind of channel, never to which address."""
    return [_told(row, slug) for row in queries.of_alert(alert_id)]


def crumbs(slug: str, row: Row | None = None) -> list[Crumb]:
    """Return the way back."""
    found = [Crumb("Where alerts go", reverse("channels:channels", args=[slug]))]
    return found if row is None else [*found, Crumb(formats.middle(row.goes_to, 30), row.link)]


def _told(row: AlertDelivery, slug: str) -> Told:
    alert = ids.encode("alert", row.alert_id) if row.alert_id is not None else ""
    retrying = row.state == AlertDelivery.State.PENDING and row.attempts > 0
    return Told(
        alert=alert,
        short=formats.middle(alert) if alert else "",
        channel=KINDS[row.channel.kind],
        channel_link=reverse("channels:channel", args=[slug, ids.encode("alert_channel", row.channel_id)]),
        link=f"/o/{slug}/alerts/{alert}" if alert else "",
        severity=row.severity,
        state="retrying" if retrying else row.state,
        fault=fault_of(row.last_code) if row.last_code else "",
        attempts=row.attempts,
        created_at=row.created_at,
        finished_at=row.finished_at,
        duration_ms=row.duration_ms,
    )


def _channel(pk: str) -> AlertChannel:
    return queries.channel(ids.decode("alert_channel", pk))


def _clock_time(value: object) -> str:
    return f"{value:%H:%M}" if value is not None else ""


def _show_once(request: Request, slug: str, made: services.Made) -> HttpResponse:
    """Show a new secret; nothing shows it again."""
    row = row_of(made.channel, slug)
    context = {"row": row, "secret": made.secret, "crumbs": crumbs(slug, row)}
    return render(request, "alerts/channel_secret.html", context)


def _confirm(
    request: Request,
    slug: str,
    channel: AlertChannel,
    form: Form,
    template: str,
    extra: Mapping[str, object] = MappingProxyType({}),
) -> HttpResponse:
    _read(request, channel)
    row = row_of(channel, slug)
    others = [one for one in queries.channels() if one.pk != channel.pk]
    before, after = queries.unheard([*others, channel]), queries.unheard(others)
    lost = [severity for severity in after if severity not in before]
    context = {"row": row, "lost": lost, "crumbs": crumbs(slug, row), **extra}
    return answer(request, template, context, form=form)


def _read(request: Request, channel: AlertChannel) -> None:
    recording.read(request, events.CHANNEL_READ, subject=("alert_channel", channel.pk), fields=["address"])
