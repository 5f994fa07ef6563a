"""Doing one thing to many rows: what was chosen, a look at what would happen, and then a job.

Promise kept: nothing leaves the house from a list; between the ticks and the mails stands a page that says to how
many people they go.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.lists import queries, services
from accounts.permissions import Permission
from billing import events as billing_events
from billing.customers import chosen as customers_chosen
from billing.customers import queries as customers
from billing.exports import kinds
from billing.invoices import chosen as invoices_chosen
from billing.invoices import lists
from core import clock, ids
from core.errors import NotFound, Refusal
from edge import recording
from edge.access import Own, access
from edge.request import Request
from payments.bulk import acts, running
from payments.bulk.acts import Preview
from tenancy import context as scopes
from web.billing import rows
from web.kit import formats
from web.kit.parts import Crumb
from web.lists import listings
from web.lists.listings import Listing

_OWN = Own(
    reason="a selection is whoever made it's own; each act asks for its permission, at every row again"
)
# Actions that hand the selection to an export: which list of exports.
EXPORTS: Mapping[str, str] = MappingProxyType({"export": "", "pdfs": "invoice_pdfs"})
_SHOWN = 50


@access(post=Permission.INVOICE_READ)
def invoices(request: Request, slug: str) -> HttpResponse:
    """Take the chosen invoices."""
    return _take(request, slug, listings.INVOICES, "invoice")


@access(post=Permission.CUSTOMER_READ)
def customers_(request: Request, slug: str) -> HttpResponse:
    """Take the chosen customers."""
    return _take(request, slug, listings.CUSTOMERS, "customer")


def _take(request: Request, slug: str, listing: Listing, noun: str) -> HttpResponse:
    action, at = request.POST.get("action", ""), clock.now()
    whole = action == "export_view"
    action = "export" if whole else action
    asked = QueryDict(request.POST.get("query", "")[: services.QUERY_LENGTH])
    back = f"{reverse(listing.route, args=[slug])}?{listing.canonical(asked)}"
    act = acts.ACTS.get(action)
    known = action in EXPORTS or (act is not None and act.listing == listing.code)
    if not known:
        messages.warning(request, "Choose what to do with the rows.")
        return redirect(back)
    everything = whole or bool(request.POST.get("everything"))
    keys = [ids.decode(noun, text) for text in request.POST.getlist("selected")[: services.MOST_IDS]]
    matching = {name: asked[name] for name in listing.names if asked.get(name)} if everything else None
    count = _count(listing, matching) if matching is not None else len(set(keys))
    try:
        with scopes.attempt():
            made = services.choose(
                listing=listing.code,
                action=action,
                ids=list(dict.fromkeys(keys)),
                matching=matching,
                count=count,
                actor=request.actor,
                at=at,
            )
    except services.NothingChosen as refusal:
        messages.warning(request, refusal.message)
        return redirect(back)
    name = ids.encode("selection", made.pk)
    if action in EXPORTS:
        url = reverse("files:new_export", args=[slug, EXPORTS[action] or listing.code])
        return redirect(f"{url}?{kinds.CHOSEN}={name}")
    return redirect(f"lists:{listing.code}_selection", slug, name)


def _count(listing: Listing, matching: Mapping[str, str]) -> int:
    """Count what matches now: the number that was shown is the number that is kept."""
    at = clock.now()
    everything = queries.Chosen(
        id=UUID(int=0), listing=listing.code, action="", ids=(), filter=matching, count=0, user_id=UUID(int=0),
        at=at, job_id=None, reached=None, report=(),
    )  # fmt: skip
    of = customers_chosen.rows if listing is listings.CUSTOMERS else invoices_chosen.rows
    return of(everything).count()


@access(get=_OWN, post=_OWN)
def selection(request: Request, slug: str, pk: str, listing: str) -> HttpResponse:
    """Say what would happen, and to whom; then begin."""
    key, of = ids.decode("selection", pk), listings.ALL[listing]
    chosen = queries.selection(key, user_id=request.actor.id)
    if chosen.listing != of.code:
        raise NotFound
    if chosen.job_id is not None:
        return redirect("console:job", slug, ids.encode("job", chosen.job_id))
    act = running.act_of(chosen)
    if not {act.permission, of.permission} <= request.permissions:
        raise NotFound
    refused = ""
    if request.method == "POST":
        try:
            with scopes.attempt():
                job = running.begin(selection_id=key, actor=request.actor, at=clock.now())
            return redirect("console:job", slug, ids.encode("job", job.pk))
        except Refusal as refusal:
            refused = refusal.message
    preview = act.preview(chosen, rows.today(), clock.now())
    shown = [UUID(left[0]) for left in preview.left[:_SHOWN]]
    event = billing_events.INVOICE_LISTED if of is listings.INVOICES else billing_events.CUSTOMER_LISTED
    recording.read(request, event, subjects=shown, fields=["customer.name", "customer.email"])
    context = {
        **_words(chosen.action, preview),
        "selection": chosen,
        "preview": preview,
        "refused": refused or (running.TooManyChosen().message if chosen.count > acts.MOST else ""),
        "sums": [formats.money(minor, currency) for currency, minor in sorted(preview.sums.items())],
        "left": left_out(slug, of, preview.left[:_SHOWN]),
        "more_left": max(len(preview.left) - _SHOWN, 0),
        "everything": chosen.filter is not None,
        "at": timezone.localtime(chosen.at),
        "leaves": act.leaves,
        "hold": running.HOLD_SECONDS,
        "danger": act is acts.DISCARD,
        "noun": of.noun,
        "back_url": _back(slug, of, chosen),
        "crumbs": [Crumb(of.label, reverse(of.route, args=[slug]))],
    }
    status = 422 if refused else 200
    return render(request, "lists/selection.html", context, status=status)


def left_out(slug: str, listing: Listing, left: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    """Name rows that were left out, with their reasons and where each is seen."""
    keys = [UUID(key) for key, _, _ in left]
    noun, route = (
        ("customer", "billing:customer") if listing is listings.CUSTOMERS else ("invoice", "billing:invoice")
    )
    names = customers.names(keys) if noun == "customer" else lists.numbers(keys)
    return [
        {
            "name": names.get(key) or "Draft",
            "url": reverse(route, args=[slug, ids.encode(noun, key)]),
            "why": sentence,
        }
        for key, (_, _, sentence) in zip(keys, left, strict=True)
    ]


def _back(slug: str, listing: Listing, chosen: queries.Chosen) -> str:
    query = QueryDict(mutable=True)
    query.update(chosen.filter or {})
    return f"{reverse(listing.route, args=[slug])}?{query.urlencode()}"


def _words(action: str, preview: Preview) -> dict[str, Any]:
    """Say what would happen: to how many, with the number once in a sentence and once on the button."""
    what, drafts = formats.count(preview.rows, "invoice"), formats.count(preview.rows, "draft")
    mails = formats.count(preview.customers, "reminder")
    people = (
        formats.count(preview.people, "person", "people")
        if preview.people is not None
        else (formats.count(preview.customers, "customer"))
    )
    return {
        acts.SEND.code: {
            "title": "Send invoices",
            "sentence": f"{what} {_go(preview.rows)} to {people}.",
            "button": f"Send to {people}",
        },
        acts.REMIND.code: {
            "title": "Remind",
            "sentence": f"{mails} about {what} {_go(preview.customers)} to {people}.",
            "button": f"Send to {people}",
        },
        acts.REMIND_CUSTOMERS.code: {
            "title": "Remind customers",
            "sentence": f"{mails} {_go(preview.customers)} to {people}.",
            "button": f"Send to {people}",
        },
        acts.FINALIZE.code: {
            "title": "Finalize drafts",
            "sentence": f"{drafts} {_get(preview.rows)} a number and can no longer be changed.",
            "button": f"Finalize {drafts}",
        },
        acts.DISCARD.code: {
            "title": "Discard drafts",
            "sentence": f"{drafts} {_go_for_good(preview.rows)}.",
            "button": f"Discard {drafts}",
        },
    }[action]


def _go(count: int) -> str:
    return "goes" if count == 1 else "go"


def _get(count: int) -> str:
    return "gets" if count == 1 else "get"


def _go_for_good(count: int) -> str:
    return "is deleted for good" if count == 1 else "are deleted for good"
