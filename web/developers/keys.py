"""API keys: made with scopes and limits, shown once, replaced with an overlap, revoked at once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import events, queries
from accounts.models import ApiKey, Membership
from accounts.permissions import API_KEY_SCOPES, Limit, Permission
from accounts.services import apikeys
from accounts.services.apikeys import Made
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from web.developers.forms import KeyForm, RotateForm
from web.forms import answer, attempting
from web.kit import words
from web.kit.forms import Form
from web.kit.parts import Crumb

_EXPIRES_SOON = timedelta(days=14)
_UNUSED = timedelta(days=90)
_MOST = 500
_RENAMED = {"expires_at": "days", "overlap": "days", "limits": Limit.REFUND_MINOR.value}


@dataclass(frozen=True, slots=True)
class Row:
    """A key as people see it: never its secret."""

    pk: str
    name: str
    shown: str
    scopes: list[str]
    limits: list[tuple[str, str]]
    networks: list[str]
    made_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    state: str
    works: bool
    note: str


@access(get=Permission.APIKEY_MANAGE)
def index(request: Request, slug: str) -> HttpResponse:
    """List the keys: those that work first."""
    at = clock.now()
    found = list(queries.api_keys()[:_MOST])
    rows = [_row(key, at) for key in found]
    recording.read(
        request, events.APIKEYS_READ, subjects=[key.pk for key in found], fields=["api_key.name", "user.name"]
    )
    context = {"working": [row for row in rows if row.works], "ended": [row for row in rows if not row.works]}
    return render(request, "developers/keys.html", context)


@access(get=Permission.APIKEY_MANAGE, post=Permission.APIKEY_MANAGE)
def create(request: Request, slug: str) -> HttpResponse:
    """Make a key and show it, this once."""
    allowed = _allowed(request)
    form = KeyForm(request.POST if request.method == "POST" else None, allowed=allowed)
    if request.method == "POST" and form.is_valid():
        at = clock.now()
        with attempting(request, form, fields=_RENAMED):
            made = apikeys.create(
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                limits=form.limits,
                expires_at=at + form.life,
                networks=form.lines,
                actor=request.actor,
                at=at,
            )
        if not form.errors:
            return _show_once(request, slug, made)
    context = {"groups": words.grouped(allowed, held=form.ticked), "crumbs": _crumbs(slug)}
    return answer(request, "developers/new_key.html", context, form=form)


@access(get=Permission.APIKEY_MANAGE, post=Permission.APIKEY_MANAGE)
def rotate(request: Request, slug: str, pk: str) -> HttpResponse:
    """Make a key like this one; both work until the overlap is over."""
    row = _working(request, pk)
    form = RotateForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form, fields=_RENAMED):
            made = apikeys.rotate(
                key_id=ids.decode("api_key", pk), overlap=form.overlap, actor=request.actor, at=clock.now()
            )
        if not form.errors:
            return _show_once(request, slug, made)
    return answer(request, "developers/rotate_key.html", {"row": row, "crumbs": _crumbs(slug)}, form=form)


@access(get=Permission.APIKEY_MANAGE, post=Permission.APIKEY_MANAGE)
def revoke(request: Request, slug: str, pk: str) -> HttpResponse:
    """Stop a key at once."""
    row = _working(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            apikeys.revoke(key_id=ids.decode("api_key", pk), actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The key is revoked. It opens nothing any more.")
            return redirect("developers:keys", slug)
    return answer(request, "developers/revoke_key.html", {"row": row, "crumbs": _crumbs(slug)}, form=form)


def _show_once(request: Request, slug: str, made: Made) -> HttpResponse:
    """Show a new key; nothing keeps its text but this page."""
    context = {"raw": made.raw, "row": _row(made.key, clock.now()), "crumbs": _crumbs(slug)}
    return render(request, "developers/key_made.html", context)


def _working(request: Request, pk: str) -> Row:
    key_id = ids.decode("api_key", pk)
    key = queries.api_keys().filter(pk=key_id).first()
    if key is None or key.revoked_at is not None:
        raise NotFound
    recording.read(
        request, events.APIKEYS_READ, subject=("api_key", key.pk), fields=["api_key.name", "user.name"]
    )
    return _row(key, clock.now())


def _allowed(request: Request) -> Collection[Permission]:
    """Return the scopes whoever asks could give: never more than they hold."""
    return request.permissions & API_KEY_SCOPES


def _row(key: ApiKey, at: datetime) -> Row:
    state = _state(key, at)
    known = {permission.value for permission in Permission}
    scopes = [Permission(scope) for scope in key.scopes if scope in known]
    return Row(
        pk=ids.encode("api_key", key.pk),
        name=key.name,
        shown=f"sbk_{key.mode}_…{key.last_four}",
        scopes=words.summary(scopes),
        limits=[
            (words.LIMITS[Limit(name)], words.limit(Limit(name), value)) for name, value in key.limits.items()
        ],
        networks=list(key.networks),
        made_by=queries.name_of(key.created_by.user),
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        state=state,
        works=state in ("active", "expiring"),
        note=_note(key, at),
    )


def _state(key: ApiKey, at: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at <= at:
        return "expired"
    return "expiring" if key.expires_at - at < _EXPIRES_SOON else "active"


def _note(key: ApiKey, at: datetime) -> str:
    """Say what about a working key asks for attention."""
    if key.created_by.state != Membership.State.ACTIVE:
        return "Whoever made it is shut out, so it does not work"
    if at - (key.last_used_at or key.created_at) > _UNUSED:
        return "Not used for 90 days: revoke it"
    if key.replaced_by is not None:
        return "Replaced; works until it expires"
    return ""


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb("API keys", reverse("developers:keys", args=[slug]))]
