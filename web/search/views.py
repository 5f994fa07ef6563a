"""The search: a page of its own, and the same hits as a fragment for the palette that opens over any page.

Promise kept: only what somebody may read is counted or shown, by the rule of the page that a hit leads to. One event a
search, naming the records shown and never the words.
"""

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render

from core import ids
from edge import events, recording
from edge.access import Own, access
from edge.request import Request
from web.kit import formats
from web.kit.forms import Form
from web.search import finding, jumps

_MOST_CHARACTERS = 200
_FINDS_OWN = Own(reason="It finds what the person may read and the pages they may open, and nothing else.")


class SearchForm(Form):
    """What is looked for."""

    q = forms.CharField(
        label="Number, customer, amount, reference or id",
        required=False,
        max_length=_MOST_CHARACTERS,
        widget=forms.SearchInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@access(get=_FINDS_OWN)
def index(request: Request, slug: str) -> HttpResponse:
    """Find records, actions and pages; without words, what the person last had open."""
    form = SearchForm(request.GET, auto_id="search_%s")
    words = str(form.cleaned_data.get("q") or "").strip() if form.is_valid() else ""
    palette = request.headers.get("HX-Request") == "true"
    groups = finding.groups(request, words, slug=slug) if words else finding.offered(request, slug=slug)
    if form.errors:
        groups = []
    shown = [hit.id for group in groups for hit in group.hits if hit.id is not None]
    recording.read(
        request,
        events.RECORDS_SEARCHED,
        subjects=list(dict.fromkeys(shown)),
        fields=["customer.name"] if shown else [],
        facts={"shown": len(shown)},
    )
    if not palette and ids.is_id(words) and (target := jumps.target(request, words, slug=slug)) is not None:
        return redirect(target.url)
    count = sum(len(group.hits) for group in groups)
    context = {
        "form": form,
        "words": words,
        "groups": groups,
        "announce": formats.count(count, "result") if words else "",
        "records": bool(shown),
    }
    return render(request, "search/_palette.html" if palette else "search/search.html", context)
