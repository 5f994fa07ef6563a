"""The inbox of alerts, and one alert with everything that helps to decide about it."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts import queries as people
from accounts.permissions import Permission
from alerts import asking, containment, events, queries, services, tuning
from alerts import settings as keeping
from alerts.models import Alert, AlertQuestion
from alerts.queries import Filters
from alerts.rules import ALL, BY_CODE, Settings, Severity
from audit.models import Event
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import context as scopes
from web.alerts import channels, rows
from web.alerts.rules import rules_of
from web.forms import answer, attempting
from web.kit import formats, undo
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage, Tab

_PAGE = 50
VIEWS: Mapping[str, str] = MappingProxyType({"open": "To do", "closed": "Closed", "": "All"})
_P = Permission


class FilterForm(Form):
    """What the list can be narrowed by."""

    severity = forms.ChoiceField(
        label="Severity",
        required=False,
        choices=[("", "Any"), *((one, one.capitalize()) for one in Severity)],
    )
    rule = forms.ChoiceField(
        label="Rule",
        required=False,
        choices=[("", "Any rule"), *((one.code, f"{one.code} {one.title}") for one in ALL)],
    )
    owner = forms.ChoiceField(label="Whose", required=False, choices=[("", "Anybody’s"), ("me", "Mine")])


class NoteForm(Form):
    """Words on an alert."""

    words = forms.CharField(
        label="Note", max_length=services.NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
        help_text="Kept encrypted. No card numbers, no passwords.",
    )  # fmt: skip


class CloseForm(Form):
    """How it turned out."""

    reason = forms.ChoiceField(
        label="How did it turn out?", choices=Alert.Reason.choices, widget=forms.RadioSelect
    )
    words = forms.CharField(
        label="What was found, and what was done?", required=False, max_length=services.NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "off"}),
        help_text="Needed when it was real. Whoever sees the next one like it reads this.",
    )  # fmt: skip


class ContainForm(Form):
    """Why harm is stopped."""

    words = forms.CharField(
        label="Why?", required=False, max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip


class AssignForm(Form):
    """Who looks into it."""

    to = forms.ChoiceField(label="Give it to", required=False)

    def __init__(self, *args: Any, people_: Mapping[UUID, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        listed = sorted(people_.items(), key=lambda pair: pair[1].casefold())
        field.choices = [("", "Nobody"), *((str(pk), name) for pk, name in listed)]


class MuteForm(Form):
    """For how long the rule says nothing about this."""

    days = forms.TypedChoiceField(
        label="For how long?",
        coerce=int,
        choices=[(days, formats.count(days, "day")) for days in tuning.MUTE_DAYS],
    )
    reason = forms.CharField(
        label="Why?", max_length=300, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


@access(get=_P.ALERT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List alerts, what has to be done first."""
    view = request.GET.get("view", "open")
    if view not in VIEWS:
        raise NotFound
    at = clock.now()
    form = FilterForm(request.GET, auto_id="filter_%s")
    chosen = form.cleaned_data if form.is_valid() else {}
    cursor = request.GET.get("cursor", "")
    found, after = queries.page(
        Filters(
            state=view,
            severity=chosen.get("severity", ""),
            rule=chosen.get("rule", ""),
            assigned_to=request.actor.id if chosen.get("owner") == "me" else None,
        ),
        after=ids.from_base32(cursor) if cursor else None,
        limit=_PAGE,
        sort=request.GET.get("sort", ""),
    )
    recording.read(request, events.ALERT_LISTED, subjects=[one.pk for one in found])
    names = rows.named(found)
    order = {"sort": request.GET["sort"]} if request.GET.get("sort") else {}
    narrowed = {name: request.GET[name] for name in ("severity", "rule", "owner") if request.GET.get(name)}
    kept = {"view": view, **narrowed, **order}
    base, standing = reverse("alerts:alerts", args=[slug]), queries.standing(at=at)
    context = {
        "rows": [rows.row(one, slug=slug, names=names, at=at) for one in found],
        "form": form,
        "standing": standing,
        "pulse": queries.pulse(at=at),
        "now": at,
        "rule_count": len(rules_of(request)),
        "may_work": _P.ALERT_WRITE in request.permissions and view != "closed",
        "filtered": bool(narrowed),
        "kept": {"view": view, **order},
        "view": view,
        "tabs": [
            Tab(
                label,
                f"{base}?{urlencode({**order, 'view': name})}",
                name == view,
                standing.open if name == "open" else None,
            )
            for name, label in VIEWS.items()
        ],
        "page": CursorPage(
            shown=len(found),
            next_url=f"?{urlencode({**kept, 'cursor': ids.base32(after)})}" if after else "",
            previous_url=f"?{urlencode(kept)}" if cursor else "",
        ),
    }
    return render(request, "alerts/index.html", context)


@access(get=_P.ALERT_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show one alert."""
    alert = _opened(request, pk)
    return render(request, "alerts/alert.html", _shown(request, slug, alert, clock.now()))


@access(post=_P.ALERT_WRITE)
def acknowledge(request: Request, slug: str, pk: str) -> HttpResponse:
    """Say that one looks into it."""
    services.acknowledge(alert_id=ids.decode("alert", pk), actor=request.actor, at=clock.now())
    messages.success(request, "It is yours.")
    return redirect("alerts:alert", slug, pk)


@access(get=_P.ALERT_WRITE, post=_P.ALERT_WRITE)
def assign(request: Request, slug: str, pk: str) -> HttpResponse:
    """Give an alert to somebody."""
    alert = queries.get(ids.decode("alert", pk))
    names = {one.user_id: people.name_of(one.user) for one in services.assignable()}
    form = AssignForm(
        request.POST if request.method == "POST" else None,
        people_=names,
        initial={"to": str(alert.assigned_to or "")},
    )
    if request.method == "POST" and form.is_valid():
        to = form.cleaned_data["to"]
        with attempting(request, form, fields={"assigned_to": "to"}):
            services.assign(
                alert_id=alert.pk, to=UUID(to) if to else None, actor=request.actor, at=clock.now()
            )
        if not form.errors:
            undo.offer(
                request,
                f"It is with {names[UUID(to)]} now." if to else "It is with nobody now.",
                url=reverse("alerts:assign", args=[slug, pk]),
                to=str(alert.assigned_to or ""),
            )
            return redirect("alerts:alert", slug, pk)
    return answer(request, "alerts/assign.html", _about(slug, alert, pk), form=form)


@access(get=_P.ALERT_WRITE, post=_P.ALERT_WRITE)
def note(request: Request, slug: str, pk: str) -> HttpResponse:
    """Write a note."""
    alert = queries.get(ids.decode("alert", pk))
    form = NoteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.note(
                alert_id=alert.pk, words=form.cleaned_data["words"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            return redirect("alerts:alert", slug, pk)
    return answer(request, "alerts/note.html", _about(slug, alert, pk), form=form)


@access(get=_P.ALERT_WRITE, post=_P.ALERT_WRITE)
def close(request: Request, slug: str, pk: str) -> HttpResponse:
    """Close an alert with a reason."""
    alert = queries.get(ids.decode("alert", pk))
    form = CloseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.close(
                alert_id=alert.pk,
                reason=form.cleaned_data["reason"],
                words=form.cleaned_data["words"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The alert is closed.")
            return redirect("alerts:alert", slug, pk)
    return answer(request, "alerts/close.html", _about(slug, alert, pk), form=form)


@access(post=_P.ALERT_WRITE)
def ask(request: Request, slug: str, pk: str) -> HttpResponse:
    """Ask the person by mail whether it was them."""
    try:
        with scopes.attempt():
            asking.ask(alert_id=ids.decode("alert", pk), actor=request.actor, at=clock.now())
        messages.success(request, "They were asked by mail. What they answer stands here.")
    except (asking.AlreadyAsked, asking.NobodyToAsk, services.AboutYourself) as refusal:
        messages.info(request, refusal.message)
    return redirect("alerts:alert", slug, pk)


@access(get=_P.ALERT_CONTAIN, post=_P.ALERT_CONTAIN)
def contain(request: Request, slug: str, pk: str, how: str) -> HttpResponse:
    """Stop harm, after saying what that does."""
    alert = _opened(request, pk)
    if how not in rows.WILL:
        raise NotFound
    form = ContainForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.contain(
                alert_id=alert.pk,
                how=how,  # type: ignore[arg-type]  # one of the four, as looked up
                words=form.cleaned_data["words"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, f"{rows.DONE[how]}.")
            return redirect("alerts:alert", slug, pk)
    names = rows.named([alert])
    context = {
        **_about(slug, alert, pk),
        "how": how,
        "label": rows.WILL[how],
        "who": rows.about(alert, names),
        "possible": how in containment.possible(alert),
    }
    return answer(request, "alerts/contain.html", context, form=form)


@access(get=_P.ALERT_MANAGE, post=_P.ALERT_MANAGE)
def mute(request: Request, slug: str, pk: str) -> HttpResponse:
    """Keep the rule from speaking of the same again for a while."""
    alert = _opened(request, pk)
    form = MuteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            tuning.mute(
                alert_id=alert.pk,
                days=form.cleaned_data["days"],
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The rule says nothing about this for a while.")
            return redirect("alerts:alert", slug, pk)
    context = {**_about(slug, alert, pk), "who": rows.about(alert, rows.named([alert]))}
    return answer(request, "alerts/mute.html", context, form=form)


def _opened(request: Request, pk: str) -> Alert:
    alert = queries.get(ids.decode("alert", pk))
    recording.read(request, events.ALERT_READ, subject=("alert", alert.pk), fields=["steps.words"])
    return alert


def _about(slug: str, alert: Alert, pk: str) -> dict[str, Any]:
    return {
        "pk": pk,
        "title": BY_CODE[alert.rule].title if alert.rule in BY_CODE else alert.rule,
        "alert": alert,
        "back_url": reverse("alerts:alert", args=[slug, pk]),
        "crumbs": [Crumb("Alerts", reverse("alerts:alerts", args=[slug]))],
    }


def _shown(request: Request, slug: str, alert: Alert, at: datetime) -> dict[str, Any]:
    rule, held = BY_CODE.get(alert.rule), request.permissions
    steps, similar = queries.steps(alert.pk), queries.similar(alert)
    names = rows.named([alert, *similar])
    names |= people.names_of({who for one in steps for who in (one.by, one.person_id) if who is not None})
    shown = [UUID(one["id"]) for one in alert.evidence]
    near = Event.objects.filter(at__gte=alert.first_seen_at, at__lte=alert.last_seen_at, id__in=shown)
    own = frozenset(near.values_list("id", flat=True))
    pk = ids.encode("alert", alert.pk)
    possible = containment.possible(alert) if alert.state != Alert.State.CLOSED else []
    member = containment.member_of(alert)
    return {
        **_about(slug, alert, pk),
        "row": rows.row(alert, slug=slug, names=names, at=at),
        "rule": rule,
        "sentence": rows.sentence(alert, _settings_of(alert)),
        "evidence": rows.evidence(alert, slug=slug, names=names, own=own, linked=_P.AUDIT_READ in held),
        "similar": [rows.row(one, slug=slug, names=names, at=at) for one in similar],
        "history": rows.history(steps, names),
        "told": channels.told_of(alert.pk, slug),
        "contained": rows.DONE.get(alert.contained, ""),
        "stops": [
            (
                rows.WILL[how],
                rows.MEANS[how],
                reverse("alerts:contain", args=[slug, pk, how]),
                how in rows.UNDONE,
            )
            for how in possible
        ]
        if _P.ALERT_CONTAIN in held
        else [],
        "question": (question := asking.last(alert.pk)),
        "question_state": _question(question, at),
        "ask_url": reverse("alerts:ask", args=[slug, pk])
        if member is not None and alert.person_id != request.actor.id and _P.ALERT_WRITE in held
        else "",
        "may_work": _P.ALERT_WRITE in held,
        "may_manage": _P.ALERT_MANAGE in held,
        "member_url": reverse("people:member", args=[slug, ids.encode("member", member.pk)])
        if member is not None and _P.MEMBER_READ in held
        else "",
        "trail_url": f"{reverse('console:audit', args=[slug])}?{urlencode({'actor': str(alert.person_id)})}"
        if alert.person_id and _P.AUDIT_READ in held
        else "",
        "rule_url": reverse("alerts:rule", args=[slug, alert.rule]) if rule else "",
        "note_form": NoteForm(),
    }


def _question(found: AlertQuestion | None, at: datetime) -> str:
    if found is None:
        return ""
    return found.answer or ("sent" if found.expires_at > at else "")


def _settings_of(alert: Alert) -> Settings | None:
    """Return the settings by which an alert was found."""
    if alert.rule not in BY_CODE:
        return None
    if alert.rule_version == 0:
        return BY_CODE[alert.rule].settings
    row = next((one for one in queries.versions(alert.rule) if one.version == alert.rule_version), None)
    return keeping.read(row) if row is not None else None
