"""Words that somebody typed about a person who is to be erased: each is read and decided by a person."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.apps import apps
from django.contrib import messages
from django.db.models import Model
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from compliance import events
from compliance.personaldata import finds
from compliance.personaldata.models import WordsFound
from compliance.requests import queries, rules, services
from compliance.requests.models import PrivacyRequest
from core import clock, ids
from core.errors import Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import answer as answered
from web.forms import attempting
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage
from web.privacy import shown

_P = Permission.PRIVACY_MANAGE


_TAKE_OUT = ("redact", "Take the person out: the words that name them are replaced, the rest stays")
_KEEP = [(f"keep_{code}", f"Keep: {label}") for code, label in WordsFound.Why.choices if code]


class DecideForm(Form):
    """What becomes of the words."""

    what = forms.ChoiceField(
        label="What becomes of these words?", choices=[_TAKE_OUT, *_KEEP], widget=forms.RadioSelect
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the search of a request is."""

    searched_at: datetime | None
    holds: bool
    open: int
    redacted: int
    kept: int


def standing(found: PrivacyRequest, at: datetime) -> Standing:
    """Say how far the search is, and what was decided."""
    text = found.outcome.get("searched_at", "")
    searched = datetime.fromisoformat(text) if text else None
    counts = finds.figures(found.pk)
    return Standing(
        searched_at=searched,
        holds=searched is not None and at - searched <= finds.HOLDS,
        open=counts.get("open", 0),
        redacted=counts.get("redacted", 0),
        kept=counts.get("kept", 0),
    )


@access(post=_P)
def search(request: Request, slug: str, pk: str) -> HttpResponse:
    """Have every word searched that was typed."""
    services.search(request_id=ids.decode("privacy_request", pk), actor=request.actor, at=clock.now())
    return redirect("privacy:request", slug, pk)


@access(get=_P, post=_P)
def index(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show where the person is named, and take a decision about one place, or about all that are open."""
    found = queries.get(ids.decode("privacy_request", pk))
    form = DecideForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            _decide(request, found, form.cleaned_data["what"])
        if not form.errors:
            messages.success(request, "Decided.")
            return redirect("privacy:words", slug, pk)
    cursor = request.GET.get("cursor", "")
    rows, after = finds.of_request(found.pk, after=ids.from_base32(cursor) if cursor else None)
    recording.read(
        request,
        events.REQUEST_READ,
        subject=("privacy_request", found.pk),
        fields=sorted({f"{row.table}.{row.column}".lower() for row in rows})[:20],
    )
    may = found.state in rules.OPEN
    context = {
        "pk": pk,
        "found": found,
        "standing": standing(found, clock.now()),
        "rows": [_shown(row, found, request if may else None) for row in rows],
        "page": CursorPage(
            shown=len(rows),
            next_url=f"?cursor={ids.base32(after)}" if after else "",
            previous_url="?" if cursor else "",
        ),
        "may": may,
        "back_url": reverse("privacy:request", args=[slug, pk]),
        "crumbs": [
            *shown.crumbs(slug),
            Crumb(shown.KINDS[found.kind], reverse("privacy:request", args=[slug, pk])),
        ],
    }
    return answered(request, "privacy/words.html", context, form=form)


def _decide(request: Request, found: PrivacyRequest, what: str) -> None:
    find_id = ids.from_base32(request.POST.get("find", ""))
    at = clock.now()
    if what == "redact":
        finds.redact(
            find_id=find_id, request_id=found.pk, person=services.person_of(found), actor=request.actor, at=at
        )
    else:
        finds.keep_words(
            find_id=find_id,
            request_id=found.pk,
            why=what.removeprefix("keep_"),
            actor=request.actor,
            at=at,
        )


def _shown(row: WordsFound, found: PrivacyRequest, request: Request | None) -> dict[str, Any]:
    model: type[Model] = apps.get_model(row.table)
    words = ""
    law = finds.kept_by(row) if row.state != WordsFound.State.REDACTED else None
    form = DecideForm(auto_id=f"find_{ids.base32(row.pk)}_%s")
    if law is not None:
        form.fields["what"].widget.choices = _KEEP
    if request is not None and row.state == WordsFound.State.OPEN:
        try:
            words = finds.excerpt(row, services.person_of(found))
        except Refusal:
            words = ""
    return {
        "row": row,
        "key": ids.base32(row.pk),
        "table": str(model._meta.verbose_name).capitalize(),
        "column": row.column.replace("_", " "),
        "words": words,
        "why": row.get_why_display() if row.why else "",
        "law": law,
        "form": form,
    }
