"""What waits for a second person: seeing it, deciding it, and taking one's own request back.

Promise kept: whoever asked sees their request and cannot decide it; what is shown is read from the request
itself, word for word what would be carried out.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import events, oversight, queries
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from accounts.services import approvals
from alerts import queries as alerts
from alerts.queries import Filters as AlertFilters
from alerts.rules import BY_CODE
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import Own, access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.parts import Crumb, Tab
from web.people import effects, organization
from web.people.effects import Effect
from web.people.forms import DecisionForm

_PAGE = 50
_MOST_ALERTS = 5
_VIEWS = {"mine": "For you to decide", "waiting": "Waiting", "decided": "Decided"}


@dataclass(frozen=True, slots=True)
class Row:
    """A request as people read it."""

    pk: str
    effect: Effect
    asked_by: str
    mine: bool
    by_key: bool
    reason: str
    created_at: datetime
    expires_at: datetime
    state: str
    decided_by: str
    decided_at: datetime | None
    note: str


@access(get=Permission.APPROVAL_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List what waits, or what was decided."""
    may_decide = Permission.APPROVAL_DECIDE in request.permissions
    pending = queries.approvals(state=ApprovalRequest.State.PENDING)
    mine = oversight.to_decide(organization.me(request).user_id, at=clock.now())
    view = request.GET.get("view") or ("mine" if may_decide and mine.exists() else "waiting")
    view = view if view in _VIEWS and (may_decide or view != "mine") else "waiting"
    decided = queries.approvals().exclude(state=ApprovalRequest.State.PENDING)
    cursor = request.GET.get("cursor", "")
    found = {"mine": mine, "waiting": pending, "decided": decided}[view].order_by("-id")
    if cursor:
        found = found.filter(pk__lt=ids.from_base32(cursor))
    page = list(found[: _PAGE + 1])
    more, page = len(page) > _PAGE, page[:_PAGE]
    names = _names(page)
    rows = [_row(asked, names, request.actor.id) for asked in page]
    recording.read(
        request,
        events.APPROVALS_READ,
        subjects=[asked.pk for asked in page],
        fields=["payload", "reason", "user.name"],
    )
    url = reverse("people:approvals", args=[slug])
    counted = {"mine": mine, "waiting": pending}
    tabs = [
        Tab(label, f"{url}?view={name}", name == view, counted[name].count() if name in counted else None)
        for name, label in _VIEWS.items()
        if may_decide or name != "mine"
    ]
    context = {
        "rows": rows,
        "tabs": tabs,
        "view": view,
        "next_url": f"{url}?view={view}&cursor={ids.base32(page[-1].pk)}" if more else "",
        "now": clock.now(),
    }
    return render(request, "people/approvals.html", context)


@access(get=Permission.APPROVAL_READ, post=Permission.APPROVAL_DECIDE)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show one request and take a decision."""
    asked = _asked(pk)
    form = DecisionForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        approve = form.cleaned_data["decision"] == "approve"
        decide = approvals.approve if approve else approvals.decline
        with attempting(request, form):
            decide(request_id=asked.pk, actor=request.actor, at=clock.now(), note=form.cleaned_data["note"])
        if not form.errors:
            messages.success(
                request, "Approved and carried out." if approve else "Declined. Nothing was changed."
            )
            return redirect("people:approvals", slug)
    return answer(request, "people/approval.html", _context(request, slug, asked), form=form)


@access(post=Own(reason="The service gives a request back to nobody but whoever asked."))
def withdraw(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take back one's own request."""
    approvals.withdraw(request_id=ids.decode("approval", pk), actor=request.actor, at=clock.now())
    messages.success(request, "Your request is withdrawn.")
    return redirect("people:approvals", slug)


def _context(request: Request, slug: str, asked: ApprovalRequest) -> dict[str, object]:
    row = _row(asked, _names([asked]), request.actor.id)
    recording.read(
        request,
        events.APPROVALS_READ,
        subject=("approval", asked.pk),
        fields=["payload", "reason", "user.name"],
    )
    return {
        "row": row,
        "open": asked.state == ApprovalRequest.State.PENDING and clock.now() < asked.expires_at,
        "may_decide": Permission.APPROVAL_DECIDE in request.permissions,
        "fresh": organization.is_fresh(request, Permission.APPROVAL_DECIDE),
        "alerts": _alerts(request, slug, asked),
        "others": queries.deciders_beside(asked.requested_by, at=clock.now()),
        "crumbs": [Crumb("Approvals", reverse("people:approvals", args=[slug]))],
    }


def _alerts(request: Request, slug: str, asked: ApprovalRequest) -> list[tuple[str, str, str]]:
    """Return the open alerts about whoever asked: (severity, title, address); the address for whoever may read them."""
    found, _ = alerts.page(AlertFilters(person=asked.requested_by), limit=_MOST_ALERTS)
    reads = Permission.ALERT_READ in request.permissions
    return [
        (
            one.severity,
            BY_CODE[one.rule].title if one.rule in BY_CODE else one.rule,
            reverse("alerts:alert", args=[slug, ids.encode("alert", one.pk)]) if reads else "",
        )
        for one in found
    ]


def _asked(pk: str) -> ApprovalRequest:
    approval_id = ids.decode("approval", pk)
    found = queries.approvals().filter(pk=approval_id).first()
    if found is None:
        raise NotFound
    return found


def _names(page: list[ApprovalRequest]) -> dict[UUID, str]:
    people = {asked.requested_by for asked in page}
    return queries.names_of(people | {asked.decided_by for asked in page if asked.decided_by is not None})


def _row(asked: ApprovalRequest, names: dict[UUID, str], me: UUID | None) -> Row:
    unknown = "Somebody who has left"
    return Row(
        pk=ids.encode("approval", asked.pk),
        effect=effects.of(asked),
        asked_by=names.get(asked.requested_by, unknown),
        mine=asked.requested_by == me,
        by_key=asked.requested_key is not None,
        reason=asked.reason or "",
        created_at=asked.created_at,
        expires_at=asked.expires_at,
        state=asked.state,
        decided_by=names.get(asked.decided_by, unknown) if asked.decided_by else "",
        decided_at=asked.decided_at,
        note=asked.note or "",
    )
