"""The trail, sent on: where to, how far behind, and what its owners can do about it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from alerts import events
from alerts.models import AuditStream
from alerts.streams import queries, rules, services
from alerts.streams.queries import Lag
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.alerts.channel_forms import StreamForm
from web.alerts.channels import fault_of
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb, Tab

_READ, _MANAGE = Permission.AUDIT_READ, Permission.ALERT_MANAGE
KINDS = {"syslog": "Syslog over TLS", "http": "HTTP collector"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A stream as people see it: never its secret."""

    pk: str
    link: str
    kind: str
    kind_word: str
    address: str
    description: str
    state: str
    active: bool
    fault: str
    lag: str
    late: bool
    waiting: str
    aside: int
    sent: int
    last_event: str
    last_event_at: datetime | None
    last_ok_at: datetime | None
    failing_since: datetime | None
    since: datetime
    has_secret: bool
    own_authority: bool
    created_at: datetime


@access(get=_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List the streams with how far behind they are."""
    at, found = clock.now(), queries.streams()
    recording.read(request, events.STREAM_READ, subjects=[row.pk for row in found], fields=["address"])
    rows = [row_of(row, slug, queries.lag(row), at) for row in found]
    context = {
        "rows": rows,
        "late": [row for row in rows if row.late],
        "may_manage": _MANAGE in request.permissions,
        "may_add": len(found) < rules.MOST_STREAMS,
        "crumbs": _back(slug),
    }
    return render(request, "alerts/streams.html", context)


@access(get=_MANAGE, post=_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Send the trail to one more place."""
    asked = request.GET.get("kind", "syslog")
    kind = asked if asked in KINDS else "syslog"
    form = StreamForm(request.POST if request.method == "POST" else None, kind=kind)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = services.create(kind=kind, **form.chosen, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The stream is added. The record of that is what it sends first.")
            return redirect("channels:stream", slug, ids.encode("audit_stream", made.pk))
    context = {
        "kind": kind,
        "kinds": [Tab(word, f"?kind={code}", code == kind) for code, word in KINDS.items()],
        "crumbs": crumbs(slug),
    }
    return answer(request, "alerts/stream_form.html", context, form=form)


@access(get=_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show one stream."""
    stream = _stream(pk)
    _read(request, stream)
    context = {
        "row": row_of(stream, slug, queries.lag(stream), clock.now()),
        "aside": [
            {
                "url": reverse(
                    "console:audit_event", args=[slug, ids.encode("audit_event", UUID(one["event"]))]
                ),
                "fault": fault_of(one["code"]),
                "tries": one["tries"],
                "at": datetime.fromisoformat(one["at"]),
                "again": one["again"],
            }
            for one in stream.set_aside
        ],
        "may_manage": _MANAGE in request.permissions,
        "crumbs": crumbs(slug),
    }
    return render(request, "alerts/stream.html", context)


@access(get=_MANAGE, post=_MANAGE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change where a stream goes; it goes on from where it was."""
    stream = _stream(pk)
    form = StreamForm(
        request.POST if request.method == "POST" else None,
        kind=stream.kind,
        has_secret=bool(stream.secret),
        initial={
            "address": stream.address,
            "description": stream.description or "",
            "ca": stream.ca or "",
        },
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.update(stream_id=stream.pk, changes=form.chosen, actor=request.actor, at=clock.now())
        if not form.errors:
            _read(request, stream)
            messages.success(request, "The stream is changed.")
            return redirect("channels:stream", slug, pk)
    _read(request, stream)
    row = row_of(stream, slug)
    context = {"row": row, "kind": stream.kind, "crumbs": crumbs(slug, row)}
    return answer(request, "alerts/stream_form.html", context, form=form)


@access(post=_MANAGE)
def test(request: Request, slug: str, pk: str) -> HttpResponse:
    """Have a stream tried now."""
    services.test(stream_id=_stream(pk).pk, actor=request.actor, at=clock.now())
    messages.success(request, "It is tried now. The record of this test is what arrives.")
    return redirect("channels:stream", slug, pk)


@access(post=_MANAGE)
def again(request: Request, slug: str, pk: str) -> HttpResponse:
    """Send what was set aside once more."""
    stream = _stream(pk)
    services.try_again(stream_id=stream.pk, actor=request.actor, at=clock.now())
    messages.success(request, "They are sent again now, each alone. What is refused stays in the list.")
    return redirect("channels:stream", slug, pk)


@access(post=_MANAGE)
def resume(request: Request, slug: str, pk: str) -> HttpResponse:
    """Send what has come up since it was paused, and go on."""
    stream = _stream(pk)
    services.resume(stream_id=stream.pk, actor=request.actor, at=clock.now())
    _read(request, stream)
    messages.success(request, "The stream goes on from where it was.")
    return redirect("channels:stream", slug, pk)


@access(get=_MANAGE, post=_MANAGE)
def pause(request: Request, slug: str, pk: str) -> HttpResponse:
    """Send nothing until it is resumed."""
    stream = _stream(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.pause(stream_id=stream.pk, actor=request.actor, at=clock.now())
        _read(request, stream)
        messages.success(request, "The stream is paused. Its place is kept.")
        return redirect("channels:stream", slug, pk)
    return _confirm(request, slug, stream, form, "alerts/stream_pause.html")


@access(get=_MANAGE, post=_MANAGE)
def remove(request: Request, slug: str, pk: str) -> HttpResponse:
    """Send nothing more and forget the place."""
    stream = _stream(pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.remove(stream_id=stream.pk, actor=request.actor)
        messages.success(request, "The stream is removed.")
        return redirect("channels:streams", slug)
    return _confirm(request, slug, stream, form, "alerts/stream_remove.html")


def row_of(stream: AuditStream, slug: str, lag: Lag | None = None, at: datetime | None = None) -> Row:
    """Write a stream as people see it."""
    lag, at = lag or Lag(None, 0), at or stream.updated_at
    pk = ids.encode("audit_stream", stream.pk)
    active = stream.state == AuditStream.State.ACTIVE
    late = lag.is_late(at)
    state = "paused"
    if active:
        state = "late" if late else "failing" if stream.failing_since else "running"
    waiting = formats.count(lag.events, "event")
    return Row(
        pk=pk,
        link=reverse("channels:stream", args=[slug, pk]),
        kind=stream.kind,
        kind_word=KINDS[stream.kind],
        address=stream.address,
        description=stream.description or "",
        state=state,
        active=active,
        fault=fault_of(stream.last_code) if stream.failing_since and stream.last_code else "",
        lag=formats.duration(lag.seconds(at)) if lag.since else "None",
        late=late,
        waiting=waiting if lag.events < queries.MOST_COUNTED else f"{waiting} or more",
        aside=len(stream.set_aside),
        sent=stream.sent,
        last_event=ids.encode("audit_event", stream.last_event) if stream.last_event else "",
        last_event_at=stream.last_event_at,
        last_ok_at=stream.last_ok_at,
        failing_since=stream.failing_since if active else None,
        since=stream.since,
        has_secret=bool(stream.secret),
        own_authority=bool(stream.ca),
        created_at=stream.created_at,
    )


def crumbs(slug: str, row: Row | None = None) -> list[Crumb]:
    """Return the way back."""
    found = [*_back(slug), Crumb("Send the trail elsewhere", reverse("channels:streams", args=[slug]))]
    return found if row is None else [*found, Crumb(formats.middle(row.address, 30), row.link)]


def _back(slug: str) -> list[Crumb]:
    return [Crumb("Audit trail", reverse("console:audit", args=[slug]))]


def _stream(pk: str) -> AuditStream:
    return queries.stream(ids.decode("audit_stream", pk))


def _confirm(request: Request, slug: str, stream: AuditStream, form: Form, template: str) -> HttpResponse:
    _read(request, stream)
    row = row_of(stream, slug, queries.lag(stream), clock.now())
    return answer(request, template, {"row": row, "crumbs": crumbs(slug, row)}, form=form)


def _read(request: Request, stream: AuditStream) -> None:
    recording.read(request, events.STREAM_READ, subject=("audit_stream", stream.pk), fields=["address"])
