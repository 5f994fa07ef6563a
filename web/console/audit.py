"""The audit trail: everything that happened, narrowed by its address, a page at a time, each with its proof.

Promise kept: reading the trail is itself recorded, before the page leaves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from audit import events
from audit import queries as trail_queries
from audit.events import REGISTRY, of
from audit.models import Event
from audit.queries import Filters
from billing.issuer import queries as issuers
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.console import asking, histogram, integrity, trail
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Chip, Crumb

_MOST_SUBJECTS = 50
_COLUMNS = (
    "id", "at", "event", "result", "via", "actor_kind", "actor_id", "on_behalf_of", "subject_kind", "subject_id",
    "subject_ids", "fields", "facts", "session_id", "key_id", "request_id", "network", "reason",
)  # fmt: skip
_OPERATIONS = (
    "access", "authentication", "authorization", "create", "modify", "remove", "cryptography", "system", "attack"
)  # fmt: skip
_IDS = ("subject", "session", "key", "request")
_CHIPS = {"session": "Session", "key": "API key", "request": "Request", "network": "Network"}
_SHOWN = ("actor", "event", "operation", "result", "via", "record", "since", "until")


class FilterForm(Form):
    """What the trail can be narrowed by."""

    q = forms.CharField(
        label="In words",
        required=False,
        max_length=300,
        widget=forms.SearchInput(
            attrs={
                "autocomplete": "off",
                "spellcheck": "false",
                "placeholder": "actor:ana result:denied ip:192.0.2.7 record:inv_…",
            }
        ),
    )
    actor = forms.ChoiceField(label="Who", required=False)
    operation = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[("", "Any kind"), *((word, word.capitalize()) for word in _OPERATIONS)],
    )
    event = forms.ChoiceField(label="Event", required=False)
    result = forms.ChoiceField(
        label="Result",
        required=False,
        choices=[("", "Any"), ("success", "Done"), ("refused", "Refused"), ("failed", "Failed")],
    )
    via = forms.ChoiceField(label="Via", required=False, choices=[("", "Any"), *trail.VIA.items()])
    record = forms.CharField(
        label="Record",
        required=False,
        max_length=64,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "inv_… or cus_…"}
        ),
    )
    since = DayField(label="From", required=False)
    until = DayField(label="To", required=False)

    def __init__(self, *args: Any, names: Mapping[UUID, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who, event = self.fields["actor"], self.fields["event"]
        assert isinstance(who, forms.ChoiceField)  # noqa: S101  declared above
        assert isinstance(event, forms.ChoiceField)  # noqa: S101  as above
        listed = sorted(names.items(), key=lambda pair: pair[1].casefold())
        asked = self.data.get("actor", "")
        stranger = [(asked, "Somebody else")] if asked and asked not in {str(key) for key in names} else []
        who.choices = [("", "Anybody"), *((str(key), name) for key, name in listed), *stranger]
        event.choices = [("", "Any event"), *((code, code) for code in sorted(REGISTRY))]

    def clean_record(self) -> UUID | None:
        """Read a record's outside name."""
        text = str(self.cleaned_data["record"]).strip()
        if not text:
            return None
        try:
            kind = ids.kind_of(text)
            return ids.decode(kind, text) if kind else UUID(text)
        except (NotFound, ValueError) as fault:
            raise forms.ValidationError(
                "Enter a whole id, such as one copied from a page.", code="id"
            ) from fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One field of an event with its label, and where it leads."""

    label: str
    value: str
    code: bool = False
    url: str = ""
    follow: str = ""


@access(get=Permission.AUDIT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the trail."""
    at, zone = clock.now(), issuers.time_zone()
    form = FilterForm(request.GET, names=_names(), auto_id="filter_%s")
    form.is_valid()
    filters, not_understood = _filters(request.GET, form.cleaned_data, zone), ""
    try:
        filters = replace(filters, **asking.read(form.cleaned_data.get("q", ""), names=_names(), zone=zone))
    except asking.NotUnderstood as fault:
        not_understood = str(fault)
    middle = _around(request.GET.get("around", ""))
    if middle is not None:
        window = trail_queries.around(middle)
        filters = replace(filters, since=window.since, until=window.until)
    page = trail_queries.Page([], None)
    if not not_understood:
        page = trail_queries.events(filters, cursor=request.GET.get("cursor", ""))
    recording.read(
        request, events.AUDIT_READ, facts={"shown": len(page.events), "filtered": bool(_used(request.GET))}
    )
    there = request.GET.copy()
    there["cursor"] = page.next_cursor or ""
    context = {
        "form": form,
        "badge": integrity.badge(request, slug),
        "rows": trail.rows(page.events, slug=slug, permissions=request.permissions),
        "chart": None
        if request.GET.get("cursor") or not_understood
        else histogram.draw(filters, at=at, zone=zone),
        "not_understood": not_understood,
        "presets": _presets(slug, at=at, zone=zone),
        "next_url": f"?{there.urlencode()}" if page.next_cursor else "",
        "first_url": _without(request.GET, "cursor") if request.GET.get("cursor") else "",
        "chips": [*_chips(request.GET), *_middle_chip(request.GET, middle)],
        "clear_url": "?",
        "kept": [(name, request.GET[name]) for name in (*_IDS, "network", "around") if request.GET.get(name)],
        "filtered": bool(_used(request.GET)),
        "announce": formats.count(len(page.events), "event") + (" or more" if page.next_cursor else ""),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "console/_audit.html" if fragment else "console/audit.html", context)


@access(get=Permission.AUDIT_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show one event with all its fields and its seal."""
    found = trail_queries.event(ids.decode("audit_event", pk))
    if found is None:
        raise NotFound
    recording.read(request, events.AUDIT_READ, subject=("audit_event", found.id))
    (row,) = trail.rows([found], slug=slug, permissions=request.permissions)
    seal = trail_queries.seal_of(found)
    context = {
        "row": row,
        "sentence": f"{row.actor} {row.action[:1].lower()}{row.action[1:]}",
        "facts": _facts(found, row, slug),
        "values": [(name.replace("_", " "), str(value)) for name, value in sorted(found.facts.items())],
        "fields": found.fields,
        "subjects": [trail.short(key) for key in found.subject_ids[:_MOST_SUBJECTS]],
        "more_subjects": max(len(found.subject_ids) - _MOST_SUBJECTS, 0),
        "seal": seal,
        "seal_root": bytes(seal.root).hex() if seal is not None else "",
        "seal_hash": bytes(seal.hash).hex() if seal is not None else "",
        "around_url": ""
        if found.actor_id is None
        else trail.search_url(slug, actor=str(found.actor_id), around=str(found.id)),
        "diffs": _diffs(found),
        "place": trail_queries.place_of(found, seal) if seal is not None else None,
        "as_json": _as_json(found),
        "crumbs": [Crumb("Audit trail", reverse("console:audit", args=[slug]))],
    }
    return render(request, "console/audit_event.html", context)


def _names() -> dict[UUID, str]:
    return {member.user_id: people.name_of(member.user) for member in people.members()}


def _filters(query: QueryDict, cleaned: Mapping[str, Any], zone: str) -> Filters:
    since, until = cleaned.get("since"), cleaned.get("until")
    found = {name: _uuid(query.get(name, "")) for name in _IDS}
    return Filters(
        event=cleaned.get("event") or "",
        operation=cleaned.get("operation") or "",
        result=cleaned.get("result") or "",
        actor=_uuid(cleaned.get("actor") or ""),
        subject=cleaned.get("record") or found["subject"],
        session=found["session"],
        key=found["key"],
        request=found["request"],
        network=query.get("network", "")[:64],
        via=cleaned.get("via") or "",
        since=trail.midnight(since, zone) if since else None,
        until=trail.midnight(until + timedelta(days=1), zone) if until else None,
    )


def _uuid(text: str) -> UUID | None:
    """Read an id of the address; one that is none matches nothing, as an unknown one would."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def _around(text: str) -> Event | None:
    """Return the event in whose hour before and after the trail is read."""
    event_id = _uuid(text)
    if event_id is None:
        return None
    found = trail_queries.event(event_id)
    if found is None:
        raise NotFound
    return found


def _middle_chip(query: QueryDict, middle: Event | None) -> list[Chip]:
    if middle is None:
        return []
    return [Chip(f"An hour before and after {formats.moment(middle.at)}", _without(query, "around"))]


def _presets(slug: str, *, at: datetime, zone: str) -> list[tuple[str, str]]:
    """Return searches that are often wanted."""
    today = at.astimezone(ZoneInfo(zone)).date()
    week = str(today - timedelta(days=6))
    return [
        ("Today, by hour", trail.search_url(slug, since=str(today), until=str(today))),
        ("Refused this week", trail.search_url(slug, result="refused", since=week)),
        ("Failed sign-ins this week", trail.search_url(slug, event="signin.failed", since=week)),
        ("Rights given or taken", trail.search_url(slug, operation="authorization")),
        ("Keys of encryption", trail.search_url(slug, operation="cryptography")),
        ("Attacks", trail.search_url(slug, operation="attack")),
    ]


@dataclass(frozen=True, slots=True)
class Diff:
    """One field before and after."""

    name: str
    before: str
    after: str


def _diffs(found: Event) -> list[Diff]:
    """Return what changed in the record in the same request: settings alone, for nothing else is kept in clear."""
    if found.subject_id is None or found.request_id is None:
        return []
    rows = people.diffs_of(found.subject_id).filter(cid=str(found.request_id))
    return [
        Diff(name.replace("_", " "), str(before), str(after))
        for row in rows[:20]
        for name, (before, after) in sorted(dict(row.changes or {}).items())
    ]


def _as_json(found: Event) -> str:
    """Write an event as the API does: every column, nothing but ids, codes and names of fields."""
    shown = {name: getattr(found, name) for name in _COLUMNS}
    return json.dumps(shown, default=str, indent=2, ensure_ascii=False)


def _used(query: QueryDict) -> list[str]:
    return [name for name in (*_SHOWN, *_IDS, "network", "q", "around") if query.get(name)]


def _chips(query: QueryDict) -> list[Chip]:
    chips = [
        Chip(f"{label} …{query[name][-6:]}", _without(query, name))
        for name, label in _CHIPS.items()
        if query.get(name)
    ]
    if query.get("subject"):
        chips.insert(0, Chip(f"Record …{query['subject'][-6:]}", _without(query, "subject")))
    return chips


def _without(query: QueryDict, name: str) -> str:
    rest = query.copy()
    for gone in (name, "cursor"):
        rest.pop(gone, None)
    return f"?{rest.urlencode()}"


def _facts(event: Event, row: trail.Row, slug: str) -> list[Fact]:
    kind = of(event.event)
    found = [
        Fact(
            label="Event",
            value=event.event,
            code=True,
            url=trail.search_url(slug, event=event.event),
            follow="Same event",
        ),
        Fact(label="Kind", value=f"{kind.operation.capitalize()} · {kind.owasp}"),
        Fact(label="Who", value=row.actor, url=row.actor_url, follow="Same person" if event.actor_id else ""),
    ]
    if row.record is not None:
        found.append(Fact(label="Record", value=row.record.label, url=row.record.url))
        same = trail.search_url(slug, subject=str(event.subject_id))
        found.append(
            Fact(label="Record id", value=row.record.text, code=True, url=same, follow="Same record")
        )
    for label, named, name, value in (
        ("Session", "session", "session", event.session_id),
        ("API key", "API key", "key", event.key_id),
        ("Request", "request", "request", event.request_id),
    ):
        if value is not None:
            shown = ids.encode("request", value) if name == "request" else str(value)
            url = trail.search_url(slug, **{name: str(value)})
            found.append(Fact(label=label, value=shown, code=True, url=url, follow=f"Same {named}"))
    if event.on_behalf_of is not None:
        found.append(Fact(label="On behalf of", value=trail.short(event.on_behalf_of), code=True))
    if event.network:
        url = trail.search_url(slug, network=event.network)
        found.append(
            Fact(label="Network pseudonym", value=event.network, code=True, url=url, follow="Same network")
        )
    found.append(Fact(label="Via", value=row.via))
    if event.reason:
        found.append(Fact(label="Reason", value=event.reason, code=True))
    if kind.pci:
        found.append(Fact(label="Required by", value=f"PCI DSS {kind.pci}"))
    found.append(Fact(label="Event id", value=str(event.id), code=True))
    return found
