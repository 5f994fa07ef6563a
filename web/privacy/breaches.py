"""The register of breaches: its clocks, what was noted, whom it touched."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from billing.customers import queries as customers
from compliance import events
from compliance.breaches import affected, queries, services
from compliance.breaches import rules as clocks
from compliance.breaches.models import Breach, BreachNote
from compliance.requests import rules
from core import clock, ids
from core.errors import NotFound
from edge import gate, recording
from edge.access import access
from edge.request import Request
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage, Entry, Tab
from web.reports import frame

_AREA = {"rows": 5, "autocomplete": "off"}
_MOMENT = {"type": "datetime-local", "autocomplete": "off"}
_RISKS = dict(Breach.Risk.choices)
_KINDS = dict(Breach.Kind.choices)
_NOTES = dict(BreachNote.Kind.choices)
_WHO = {"actor_id": "user", "key_id": "api_key", "session_id": "session"}
_TAKES = frozenset({Permission.EXPORT_RUN, Permission.CUSTOMER_READ})
_SHOWN = 200
_PORTION = 1_000


class BreachForm(Form):
    """What is known."""

    title = forms.CharField(label="What is it called?", max_length=clocks.TITLE_LENGTH)
    kind = forms.ChoiceField(label="What was lost?", choices=Breach.Kind.choices, widget=forms.RadioSelect)
    facts = forms.CharField(
        label="What is known?",
        max_length=rules.WORDS_LENGTH,
        help_text="What happened, how it was noticed. More can be added at any time.",
        widget=forms.Textarea(attrs=_AREA),
    )
    aware_at = forms.DateTimeField(
        label="When did you become aware? (UTC)",
        help_text="From then the 72 hours run.",
        widget=forms.DateTimeInput(attrs=_MOMENT, format="%Y-%m-%dT%H:%M"),
    )
    began_at = forms.DateTimeField(
        label="Since when did it last? (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs=_MOMENT, format="%Y-%m-%dT%H:%M"),
    )
    ended_at = forms.DateTimeField(
        label="Until when? (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs=_MOMENT, format="%Y-%m-%dT%H:%M"),
    )
    through = forms.CharField(
        label="Through whom? An id of a person, key or session",
        required=False,
        max_length=64,
        help_text="usr_…, key_… or ses_… as the audit trail shows it. Empty: everybody counts as touched.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_through(self) -> dict[str, UUID]:
        """Return the id by the name of what it is."""
        text = str(self.cleaned_data["through"] or "").strip()
        if not text:
            return {}
        for name, kind in _WHO.items():
            try:
                return {name: ids.decode(kind, text)}
            except NotFound:
                continue
        try:
            return {"actor_id": UUID(text)}
        except ValueError as fault:
            raise forms.ValidationError("Enter an id as the audit trail shows it.", code="id") from fault


class NoteForm(Form):
    """One thing that was found out, done or told."""

    kind = forms.ChoiceField(
        label="What is it about?",
        choices=[each for each in BreachNote.Kind.choices if each[0] != BreachNote.Kind.CLOSING],
        widget=forms.RadioSelect,
    )
    text = forms.CharField(
        label="What is to be kept?", max_length=rules.WORDS_LENGTH, widget=forms.Textarea(attrs=_AREA)
    )


class RiskForm(Form):
    """What it means for people."""

    risk = forms.ChoiceField(
        label="What does it mean for the people?",
        choices=[each for each in Breach.Risk.choices if each[0] != Breach.Risk.UNKNOWN],
        widget=forms.RadioSelect,
    )
    text = forms.CharField(label="Why?", max_length=rules.WORDS_LENGTH, widget=forms.Textarea(attrs=_AREA))


class CloseForm(Form):
    """Why nothing is left to do."""

    text = forms.CharField(
        label="Why is nothing left to do?",
        max_length=rules.WORDS_LENGTH,
        widget=forms.Textarea(attrs=_AREA),
    )


@access(get=Permission.BREACH_MANAGE)
def index(request: Request, slug: str) -> HttpResponse:
    """List breaches."""
    state = request.GET.get("state", "")
    if state not in ("", *Breach.State.values):
        raise NotFound
    cursor, at = request.GET.get("cursor", ""), clock.now()
    found, after = queries.page(state=state, after=ids.from_base32(cursor) if cursor else None)
    recording.read(request, events.BREACH_READ, subjects=[row.pk for row in found], fields=["title"])
    base = reverse("privacy:breaches", args=[slug])
    context = {
        "rows": [
            {
                "row": row,
                "url": reverse("privacy:breach", args=[slug, ids.encode("breach", row.pk)]),
                "risk": _RISKS[row.risk],
                "clock": _clock(row, at),
            }
            for row in found
        ],
        "tabs": [
            Tab(label, f"{base}?state={name}" if name else base, name == state)
            for name, label in (("", "All"), ("open", "Open"), ("closed", "Closed"))
        ],
        "page": CursorPage(
            shown=len(found),
            next_url=f"?state={state}&cursor={ids.base32(after)}" if after else "",
            previous_url=f"?state={state}" if cursor else "",
        ),
    }
    return render(request, "privacy/breaches.html", context)


@access(get=Permission.BREACH_MANAGE, post=Permission.BREACH_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Enter a breach."""
    form = BreachForm(
        request.POST if request.method == "POST" else None,
        initial={"aware_at": clock.now(), "kind": "confidentiality"},
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with attempting(request, form):
            made = services.open_breach(
                found=services.Found(
                    title=given["title"],
                    kind=given["kind"],
                    facts=given["facts"],
                    aware_at=given["aware_at"],
                    began_at=given["began_at"],
                    ended_at=given["ended_at"],
                    **given["through"],
                ),
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "It is in the register. The clocks run.")
            return redirect("privacy:breach", slug, ids.encode("breach", made.pk))
    return answer(request, "privacy/breach_form.html", _around(slug), form=form)


@access(get=Permission.BREACH_MANAGE)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a breach with everything that was noted."""
    row, at = _opened(request, pk), clock.now()
    notes = queries.notes(row.pk)
    names = people.names_of({note.written_by for note in notes if note.written_by})
    context = {
        **_around(slug),
        "pk": pk,
        "row": row,
        "risk": _RISKS[row.risk],
        "kind": _KINDS[row.kind],
        "clock": _clock(row, at),
        "people_wait": clocks.waits_for_people(row.risk) and row.people_told_at is None,
        "entries": [
            Entry(
                at=note.at,
                sentence=_NOTES[note.kind],
                detail=f"{note.text} ({_by(names, note.written_by)})",
            )
            for note in notes
        ],
        "is_open": row.state == Breach.State.OPEN,
        "through": _through(row),
    }
    return render(request, "privacy/breach.html", context)


@access(get=Permission.BREACH_MANAGE, post=Permission.BREACH_MANAGE)
def note(request: Request, slug: str, pk: str) -> HttpResponse:
    """Add to a breach."""
    row = _opened(request, pk)
    form = NoteForm(
        request.POST if request.method == "POST" else None, initial={"kind": request.GET.get("kind", "fact")}
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.note(breach_id=row.pk, actor=request.actor, at=clock.now(), **form.cleaned_data)
        if not form.errors:
            messages.success(request, "Noted.")
            return redirect("privacy:breach", slug, pk)
    context = {**_around(slug), "pk": pk, "row": row, "what": "Add to it", "button": "Keep it"}
    return answer(request, "privacy/breach_step.html", context, form=form)


@access(get=Permission.BREACH_MANAGE, post=Permission.BREACH_MANAGE)
def judge(request: Request, slug: str, pk: str) -> HttpResponse:
    """Judge what a breach means for people."""
    row = _opened(request, pk)
    form = RiskForm(request.POST if request.method == "POST" else None, initial={"risk": row.risk})
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.judge(breach_id=row.pk, actor=request.actor, at=clock.now(), **form.cleaned_data)
        if not form.errors:
            messages.success(request, "Judged.")
            return redirect("privacy:breach", slug, pk)
    context = {**_around(slug), "pk": pk, "row": row, "what": "Judge the risk", "button": "Keep it"}
    return answer(request, "privacy/breach_step.html", context, form=form)


@access(get=Permission.BREACH_MANAGE, post=Permission.BREACH_MANAGE)
def close(request: Request, slug: str, pk: str) -> HttpResponse:
    """Close a breach."""
    row = _opened(request, pk)
    form = CloseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.close(breach_id=row.pk, actor=request.actor, at=clock.now(), **form.cleaned_data)
        if not form.errors:
            messages.success(request, "Closed. It stays in the register.")
            return redirect("privacy:breach", slug, pk)
    context = {**_around(slug), "pk": pk, "row": row, "what": "Close it", "button": "Close the breach"}
    return answer(request, "privacy/breach_step.html", context, form=form)


@access(get=Permission.BREACH_MANAGE, post=Permission.BREACH_MANAGE)
def touched(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show whom it touched, as the trail says; the first of them, and all of them as a file."""
    row, at = _opened(request, pk), clock.now()
    if request.method == "POST":
        services.count_affected(breach_id=row.pk, actor=request.actor, at=at)
        return redirect("privacy:breach_touched", slug, pk)
    found = affected.customers(row, at=at)
    if request.GET.get("format") == "csv":
        # A list of people leaves like any other: by who may take it, as far as they may, and while exports go at all.
        for needed in _TAKES:
            gate.require(request, needed)
        return frame.table_csv(
            request,
            name="affected.csv",
            head=["Id", "Name", "E-mail address"],
            lines=_lines(found),
            facts={"personal": True},
            event=events.BREACH_LIST_TAKEN,
            subject=("breach", row.pk),
        )
    names = customers.names(found[:_SHOWN])
    opens = Permission.CUSTOMER_READ in request.permissions
    recording.read(request, events.BREACH_READ, subject=("breach", row.pk), subjects=found[:_SHOWN])
    context = {
        **_around(slug),
        "pk": pk,
        "row": row,
        "count": len(found),
        "more": max(len(found) - _SHOWN, 0),
        "through": _through(row),
        "may_take": request.permissions >= _TAKES,
        "rows": [
            {
                "name": names.get(key, ""),
                "url": reverse("billing:customer", args=[slug, ids.encode("customer", key)]) if opens else "",
            }
            for key in found[:_SHOWN]
        ],
    }
    return render(request, "privacy/breach_touched.html", context)


def _lines(found: list[UUID]) -> list[list[str]]:
    lines = []
    for start in range(0, len(found), _PORTION):
        rows, _ = customers.details(limit=_PORTION, ids=found[start : start + _PORTION])
        lines += [[ids.encode("customer", each.id), str(each.name), each.email] for each in rows]
    return lines


def _opened(request: Request, pk: str) -> Breach:
    row = queries.get(ids.decode("breach", pk))
    recording.read(request, events.BREACH_READ, subject=("breach", row.pk), fields=["title", "notes"])
    return row


def _clock(row: Breach, at: datetime) -> tuple[str, str]:
    """Say how it stands with the 72 hours, in words and a tint."""
    if row.authority_told_at is not None:
        late = row.authority_told_at > row.authority_due_at
        return ("Told, late" if late else "Told in time", "warn" if late else "ok")
    if not clocks.waits_for_authority(row.risk):
        return "Need not be told", ""
    if row.state == Breach.State.CLOSED:
        return "Not told", "bad"
    left = (row.authority_due_at - at).total_seconds()
    if left < 0:
        return f"{formats.duration(-left)} late", "bad"
    return f"{formats.duration(left)} left", "warn"


def _by(names: dict[UUID, str], key: UUID | None) -> str:
    return names.get(key, "Somebody who has left") if key else "Strongbox"


def _through(row: Breach) -> str:
    for name, kind in _WHO.items():
        value = getattr(row, name)
        if value is not None:
            return ids.encode(kind, value)
    return ""


def _around(slug: str) -> dict[str, Any]:
    url = reverse("privacy:breaches", args=[slug])
    return {"back_url": url, "crumbs": [Crumb("Breaches", url)]}
