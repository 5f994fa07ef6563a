"""The last requests of programs: how they went, and where each fault is explained."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django import forms
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from accounts import events
from accounts import queries as accounts
from accounts.permissions import Permission
from core import clock, ids
from edge import recording, requestlog
from edge.access import access
from edge.request import Request
from edge.requestlog import Noted
from tenancy import context
from web.console import trail
from web.kit.forms import Form
from web.kit.parts import Chip, CursorPage, Tab

_PAGE = 50
_METHODS = ("GET", "POST", "PATCH", "DELETE")
_NAMES: Mapping[str, str] = MappingProxyType({"method": "Method", "status": "Status", "key": "Key"})


class FilterForm(Form):
    """What the requests can be narrowed by."""

    method = forms.ChoiceField(
        label="Method", required=False, choices=[("", "Any"), *((word, word) for word in _METHODS)]
    )
    status = forms.CharField(
        label="Status",
        required=False,
        max_length=3,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "placeholder": "422"}),
    )
    key = forms.ChoiceField(label="Key", required=False)

    def __init__(self, *args: Any, keys: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["key"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  declared above
        field.choices = [("", "Any"), *keys.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A request as people see it."""

    id: str
    url: str
    at: datetime
    method: str
    path: str
    status: int
    milliseconds: int
    key: str
    code: str
    help_url: str
    trail_url: str


@access(get=Permission.EVENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the last requests, all or those that failed, narrowed by the address."""
    asked = request.GET
    failed = asked.get("view") == "failed"
    at = clock.now()
    found = requestlog.latest(context.current_tenant(), since=at - requestlog.KEPT_FOR, failed=failed)
    names = _names_of(request, {row.key_id for row in found})
    form = FilterForm(asked, keys=names, auto_id="filter_%s")
    form.is_valid()
    wanted = {name: str(form.cleaned_data.get(name) or "") for name in _NAMES}
    sees_trail = Permission.AUDIT_READ in request.permissions
    one = next((row for row in found if row.id == asked.get("request")), None) if "request" in asked else None
    rows = [row for row in found if _fits(row, wanted)]
    before = asked.get("cursor", "")
    rest = [row for row in rows if row.id < before] if before else rows
    shown = [_row(row, slug, names, sees_trail=sees_trail) for row in rest[:_PAGE]]
    used = {name: text for name, text in wanted.items() if text} | ({"view": "failed"} if failed else {})
    context_ = {
        "form": form,
        "view": "failed" if failed else "",
        "tabs": [
            Tab("All", _without(asked, "view"), not failed),
            Tab("Failed", _with(asked, view="failed"), failed),
        ],
        "one": _row(one, slug, names, sees_trail=sees_trail) if one is not None else None,
        "gone": "request" in asked and one is None,
        "rows": shown,
        "chips": [
            Chip(f"{_NAMES[name]}: {names.get(text, text)}", _without(asked, name))
            for name, text in wanted.items()
            if text
        ],
        "clear_url": "?view=failed" if failed else "?",
        "filtered": any(wanted.values()),
        "most": requestlog.MOST,
        "days": requestlog.KEPT_FOR.days,
        "page": CursorPage(
            shown=len(shown),
            next_url=f"?{urlencode({**used, 'cursor': shown[-1].id})}" if len(rest) > _PAGE else "",
            previous_url=f"?{urlencode(used)}" if before else "",
        ),
    }
    part = request.headers.get("HX-Request") and not request.headers.get("HX-History-Restore-Request")
    return render(request, "developers/_requests.html" if part else "developers/requests.html", context_)


def _names_of(request: Request, key_ids: Collection[str]) -> dict[str, str]:
    """Name the keys for those who manage them, which is recorded; for anybody else they are their ids."""
    names = {key_id: key_id for key_id in sorted(key_ids)}
    if Permission.APIKEY_MANAGE not in request.permissions:
        return names
    keys = [key for key in accounts.api_keys() if ids.encode("api_key", key.pk) in names]
    recording.read(request, events.APIKEYS_READ, subjects=[key.pk for key in keys], fields=["api_key.name"])
    return names | {ids.encode("api_key", key.pk): key.name for key in keys}


def url_of(slug: str, request_id: str) -> str:
    """Return the page on which one request is shown."""
    return f"{reverse('developers:requests', args=[slug])}?{urlencode({'request': request_id})}"


def _row(noted: Noted, slug: str, names: Mapping[str, str], *, sees_trail: bool) -> Row:
    own = str(ids.decode("request", noted.id))
    return Row(
        id=noted.id,
        url=url_of(slug, noted.id),
        at=noted.when,
        method=noted.method,
        path=noted.path,
        status=noted.status,
        milliseconds=noted.milliseconds,
        key=names.get(noted.key_id, noted.key_id),
        code=noted.code,
        help_url=f"{reverse('api:docs')}#{noted.code}" if noted.code else "",
        trail_url=trail.search_url(slug, request=own) if sees_trail else "",
    )


def _fits(row: Noted, wanted: Mapping[str, str]) -> bool:
    return (
        wanted["method"] in ("", row.method)
        and str(row.status).startswith(wanted["status"])
        and wanted["key"] in ("", row.key_id)
    )


def _with(asked: QueryDict, **changed: str) -> str:
    kept = {name: str(text) for name, text in asked.items() if name not in ("cursor", "request")}
    return f"?{urlencode({**kept, **changed})}"


def _without(asked: QueryDict, name: str) -> str:
    kept = {key: str(text) for key, text in asked.items() if key not in ("cursor", "request", name)}
    return f"?{urlencode(kept)}"
