"""How somebody arranges a list: which columns they see, and the views they save, share, rename and delete."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.lists import queries, services
from accounts.lists.queries import View
from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge.access import Own, access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.lists import listings, page
from web.lists.listings import Listing

_OWN = Own(reason="how somebody arranges a list is theirs; the list itself is asked for its permission")
PRIVATE, SHARED = "private", "shared"


class ViewForm(Form):
    """What a view is called and who sees it."""

    name = forms.CharField(
        label="Name", max_length=services.NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    who = forms.ChoiceField(
        label="Who sees it?",
        choices=[(PRIVATE, "Only you"), (SHARED, "Everybody in this organization")],
        initial=PRIVATE,
        widget=forms.RadioSelect,
    )


@access(post=_OWN)
def columns(request: Request, slug: str, listing: str) -> HttpResponse:
    """Keep which columns somebody wants to see."""
    found = opened(request, listing)
    known = {column.code for column in found.columns if not column.fixed}
    picked = [code for code in dict.fromkeys(request.POST.getlist("column")) if code in known]
    services.arrange(listing=found.code, columns=picked, actor=request.actor, at=clock.now())
    back = request.POST.get("back", "")
    base = reverse(found.route, args=[slug])
    is_here = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.partition("?")[0] == base
    return redirect(back if is_here else base)


@access(get=_OWN, post=_OWN)
def new_view(request: Request, slug: str, listing: str) -> HttpResponse:
    """Give the address of a list a name."""
    found = opened(request, listing)
    query = found.canonical(QueryDict(request.GET.get("query", "")[: services.QUERY_LENGTH]))
    form = ViewForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            row = services.save_view(
                listing=found.code,
                name=form.cleaned_data["name"],
                query=query,
                is_shared=form.cleaned_data["who"] == SHARED,
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, f"The view “{row.name}” is saved.")
            kept = View(id=row.pk, name=row.name, query=query, is_shared=row.is_shared, is_mine=True)
            return redirect(page.view_url(kept, found, slug))
    context = {
        "listing": found,
        "back_url": f"{reverse(found.route, args=[slug])}?{query}",
        "crumbs": [Crumb(found.label, reverse(found.route, args=[slug]))],
    }
    return answer(request, "lists/view.html", context, form=form)


@access(get=_OWN, post=_OWN)
def view(request: Request, slug: str, listing: str, pk: str) -> HttpResponse:
    """Rename a view, share it, keep what it was changed to, or delete it."""
    found = opened(request, listing)
    key = ids.decode("saved_view", pk)
    current = next(
        (each for each in queries.views(listing=found.code, user_id=_person(request)) if each.id == key), None
    )
    orders = Permission.ORGANIZATION_WRITE in request.permissions
    if current is None or not (current.is_mine or orders):
        raise NotFound
    action = request.POST.get("action", "")
    if request.method == "POST" and action == "delete":
        services.delete_view(view_id=key, keeps_order=orders, actor=request.actor)
        messages.success(request, f"The view “{current.name}” is deleted.")
        return redirect(found.route, slug)
    if request.method == "POST" and action == "save":
        query = found.canonical(QueryDict(request.POST.get("query", "")[: services.QUERY_LENGTH]))
        services.change_view(
            view_id=key, query=query, keeps_order=orders, actor=request.actor, at=clock.now()
        )
        messages.success(request, f"The view “{current.name}” is saved as it is now.")
        kept = View(id=key, name=current.name, query=query, is_shared=current.is_shared, is_mine=True)
        return redirect(page.view_url(kept, found, slug))
    begun = {"name": current.name, "who": SHARED if current.is_shared else PRIVATE}
    form = ViewForm(request.POST if request.method == "POST" else None, initial=begun)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.change_view(
                view_id=key,
                name=form.cleaned_data["name"],
                is_shared=form.cleaned_data["who"] == SHARED,
                keeps_order=orders,
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "The view is changed.")
            return redirect(page.view_url(current, found, slug))
    context = {
        "listing": found,
        "view": current,
        "back_url": page.view_url(current, found, slug),
        "crumbs": [Crumb(found.label, reverse(found.route, args=[slug]))],
    }
    return answer(request, "lists/view.html", context, form=form)


def opened(request: Request, code: str) -> Listing:
    """Return a list that whoever asks may see.

    Raises:
        NotFound: there is none, or they may not.
    """
    found = listings.ALL.get(code)
    if found is None or found.permission not in request.permissions:
        raise NotFound
    return found


def _person(request: Request) -> UUID:
    assert request.actor.id is not None  # noqa: S101  `Own` lets signed-in people in alone
    return request.actor.id
