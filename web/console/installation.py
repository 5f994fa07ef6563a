"""The organizations of the installation: states and counts, founding one, sealing and suspending."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import events, installation
from accounts import queries as people
from accounts.permissions import Permission
from accounts.services import installation as services
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy.models import Tenant
from tenancy.suspension import REASONS
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb, CursorPage, Tab

_VIEWS = {"": "All", "active": "Active", "suspended": "Suspended", "sealed": "Sealed", "closing": "Closing"}
_P = Permission.OPS_ORGANIZATIONS
_PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class FoundForm(Form):
    """Its names, and who comes in first."""

    slug = forms.SlugField(
        label="Name in addresses",
        max_length=63,
        help_text="Lower-case letters, digits and dashes. It never changes.",
        widget=forms.TextInput(attrs=_PLAIN),
    )
    name = forms.CharField(label="Name for people", max_length=200, widget=forms.TextInput(attrs=_PLAIN))
    owner_email = forms.EmailField(
        label="First owner’s e-mail address",
        help_text="They alone get the link, which works once, for a day.",
        widget=forms.EmailInput(attrs=_PLAIN),
    )
    mode = forms.ChoiceField(
        label="What is it for?",
        choices=[("live", "Real business"), ("test", "A sandbox, no real money")],
        initial="live",
        widget=forms.RadioSelect,
    )


class WhyForm(Form):
    """The kind of reason."""

    why = forms.ChoiceField(label="Why?", choices=list(REASONS.items()), widget=forms.RadioSelect)


@access(get=_P)
def index(request: Request) -> HttpResponse:
    """List the organizations."""
    view = request.GET.get("view", "")
    view = view if view in _VIEWS else ""
    cursor = request.GET.get("cursor", "")
    rows, after = installation.page(state=view, after=ids.from_base32(cursor) if cursor else None)
    recording.read(request, events.ORGANIZATIONS_READ, subjects=[row.id for row in rows])
    query = f"&view={view}" if view else ""
    context = {
        "rows": [(row, ids.encode("organization", row.id)) for row in rows],
        "view": view,
        "tabs": [
            Tab(label, f"?view={code}" if code else "?", current=code == view)
            for code, label in _VIEWS.items()
        ],
        "page": CursorPage(
            shown=len(rows),
            next_url=f"?cursor={ids.base32(after)}{query}" if after else "",
            previous_url=f"?{query.lstrip('&')}" if cursor else "",
        ),
    }
    return render(request, "console/organizations.html", context)


@access(get=_P)
def detail(request: Request, pk: str) -> HttpResponse:
    """Show one organization in numbers, and who had it sealed."""
    row = installation.organization(ids.decode("organization", pk))
    recording.read(request, events.ORGANIZATIONS_READ, subject=("organization", row.id))
    turned = installation.turned(row.id)
    names = people.names_of({each.by for each in turned if each.by})
    context = {
        "row": row,
        "pk": pk,
        "turned": [
            (each, names.get(each.by, "") if each.by else "", REASONS.get(each.why, each.why))
            for each in turned
        ],
        "why": REASONS.get(row.suspended_why, row.suspended_why),
        "may_turn": row.kind != Tenant.Kind.OPERATOR and row.state != Tenant.State.CLOSING,
        "crumbs": _crumbs(),
    }
    return render(request, "console/organization.html", context)


@access(get=_P, post=_P)
def found(request: Request) -> HttpResponse:
    """Found an organization; its first owner gets the link by mail."""
    form = FoundForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with attempting(request, form):
            services.ask_to_found(slug=given["slug"], actor=request.actor)
        if not form.errors:
            messages.success(request, "The organization is founded. Its first owner was sent the link.")

            def make() -> HttpResponse:
                made = services.found(**given, actor=request.actor, at=clock.now())
                return redirect("ops_organizations:organization", ids.encode("organization", made.pk))

            request.afterwards = make
            return HttpResponse()
    recording.read(request, events.ORGANIZATIONS_READ)
    return answer(request, "console/organization_new.html", {"crumbs": _crumbs()}, form=form)


@access(get=_P, post=_P)
def seal(request: Request, pk: str) -> HttpResponse:
    """Have an organization sealed: every request of it is refused."""
    return _turn(request, pk, sealed=True)


@access(get=_P, post=_P)
def unseal(request: Request, pk: str) -> HttpResponse:
    """Let an organization work again."""
    return _turn(request, pk, sealed=False)


@access(get=_P, post=_P)
def suspend(request: Request, pk: str) -> HttpResponse:
    """Have an organization do no business."""
    return _suspend(request, pk, suspended=True)


@access(get=_P, post=_P)
def resume(request: Request, pk: str) -> HttpResponse:
    """Let a suspended organization work again."""
    return _suspend(request, pk, suspended=False)


def _suspend(request: Request, pk: str, *, suspended: bool) -> HttpResponse:
    row = installation.organization(ids.decode("organization", pk))
    form = WhyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        why = form.cleaned_data["why"]
        with attempting(request, form):
            services.ask_to_suspend(tenant_id=row.id, suspended=suspended, why=why, actor=request.actor)
        if not form.errors:

            def apply() -> HttpResponse:
                services.suspend(
                    tenant_id=row.id, suspended=suspended, why=why, actor=request.actor, at=clock.now()
                )
                return redirect("ops_organizations:organization", pk)

            done = "is suspended. Its owners were written to" if suspended else "works again"
            messages.success(request, f"The organization {done}.")
            request.afterwards = apply
            return HttpResponse()
    recording.read(request, events.ORGANIZATIONS_READ, subject=("organization", row.id))
    context = {"row": row, "pk": pk, "suspended": suspended, "crumbs": _crumbs()}
    return answer(request, "console/organization_suspend.html", context, form=form)


def _turn(request: Request, pk: str, *, sealed: bool) -> HttpResponse:
    row = installation.organization(ids.decode("organization", pk))
    form = WhyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.ask_to_turn(
                tenant_id=row.id, sealed=sealed, why=form.cleaned_data["why"], actor=request.actor
            )
        if not form.errors:
            done = "is being sealed. Within seconds every request is refused" if sealed else "works again"
            messages.success(request, f"The organization {done}.")

            def hand_over() -> HttpResponse:
                services.hand_over(tenant_id=row.id, sealed=sealed, actor=request.actor)
                return redirect("ops_organizations:organization", pk)

            request.afterwards = hand_over
            return HttpResponse()
    recording.read(request, events.ORGANIZATIONS_READ, subject=("organization", row.id))
    context = {"row": row, "pk": pk, "sealed": sealed, "crumbs": _crumbs()}
    return answer(request, "console/organization_turn.html", context, form=form)


def _crumbs() -> list[Crumb]:
    return [Crumb("Organizations", reverse("ops_organizations:index"))]
