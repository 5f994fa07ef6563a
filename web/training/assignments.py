"""Who has what to take: the list, one of it, and what somebody who looks after training can do about it."""

from datetime import timedelta
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from core import clock, ids
from core.errors import NotFound
from edge import recording
from edge.access import access
from edge.request import Request
from training import catalog, events, queries
from training.models import Assignment
from training.services import duties, excuses
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import CursorPage
from web.people.effects import Change, Effect
from web.training import shared
from web.training.forms import AssignForm, ExcuseForm, ExtendForm, FilterForm

_READ, _MANAGE = Permission.TRAINING_READ, Permission.TRAINING_MANAGE


@access(get=_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """List assignments, newest first."""
    titles = [(each.course.code, each.course.title) for each in catalog.listing()]
    form = FilterForm(request.GET or None, courses=titles)
    wanted = form.cleaned_data if form.is_bound and form.is_valid() else {}
    cursor, member = request.GET.get("cursor", ""), request.GET.get("member", "")
    today = shared.today()
    rows, following = queries.assignments(
        today=today,
        state=wanted.get("state", ""),
        course=wanted.get("course", ""),
        member_id=ids.decode("member", member) if member else None,
        after=ids.from_base32(cursor) if cursor else None,
    )
    recording.read(request, events.READ, subjects=list({row.member_id for row in rows}), fields=["user.name"])
    query = request.GET.copy()
    query.pop("cursor", None)
    kept = f"{query.urlencode()}&" if query else ""
    context = {
        "form": form,
        "rows": [(_url(slug, row.id), row, shared.WHY.get(row.why, "")) for row in rows],
        "person": rows[0].person if member and rows else "",
        "member": member,
        "filtered": any(wanted.values()) or bool(member),
        "page": CursorPage(
            shown=len(rows),
            next_url=f"?{kept}cursor={ids.base32(following)}" if following else "",
            previous_url=f"?{query.urlencode()}" if cursor else "",
        ),
        "may_manage": _MANAGE in request.permissions,
        "tabs": shared.tabs(request, slug, "assignments"),
    }
    return render(request, "training/assignments.html", context)


@access(get=_MANAGE, post=_MANAGE)
def assign(request: Request, slug: str) -> HttpResponse:
    """Assign a module by hand."""
    members = catalog.at_work(shared.today())
    named = [(ids.encode("member", member.pk), people.name_of(member.user)) for member in members]
    form = AssignForm(
        request.POST if request.method == "POST" else None,
        courses=[(each.course.code, each.course.title) for each in catalog.listing()],
        people=sorted(named, key=lambda pair: pair[1].casefold()),
        initial={"due_on": shared.today() + timedelta(days=catalog.policy().hire_days)},
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            count = _assign(request, form)
            if not form.errors:
                messages.success(request, f"Assigned to {count}.")
                return redirect("training:assignments", slug)
    recording.read(request, events.READ, fields=["user.name"])
    return answer(request, "training/assign.html", {"crumbs": shared.crumbs(slug)}, form=form)


def _assign(request: Request, form: AssignForm) -> int:
    due_on, today = form.cleaned_data["due_on"], shared.today()
    if due_on < today:
        raise duties.DayHasPassed(field="due_on")
    return duties.assign(
        member_ids=[ids.decode("member", text) for text in form.cleaned_data["members"]],
        course=form.cleaned_data["course"],
        why=Assignment.Why.BY_HAND,
        due_on=due_on,
        actor=request.actor,
        at=clock.now(),
        today=today,
    )


@access(get=_READ)
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show an assignment, its tries and what can be done."""
    return _detail(request, slug, pk)


def _detail(
    request: Request,
    slug: str,
    pk: str,
    *,
    extending: ExtendForm | None = None,
    excusing: ExcuseForm | None = None,
    giving: Form | None = None,
) -> HttpResponse:
    mine, row = queries.assignment(ids.decode("training_record", pk), today=shared.today())
    recording.read(
        request, events.READ, subject=("training_record", mine.pk), fields=["user.name", "assignment.note"]
    )
    own = row.user_id == request.actor.id
    bad = next((form for form in (extending, excusing, giving) if form is not None), Form())
    certificate = ids.encode("certificate", row.record) if row.record else ""
    context = {
        "pk": pk,
        "row": row,
        "why": shared.WHY.get(row.why, ""),
        "note": mine.note,
        "tries": queries.attempts_of(mine.pk),
        "left": queries.tries_left(mine, at=clock.now()),
        "extending": extending
        or ExtendForm(prefix="extend", initial={"due_on": shared.today() + timedelta(days=14)}),
        "excusing": excusing or ExcuseForm(prefix="excuse"),
        "waiting": excuses.waiting(mine.pk),
        "may_act": _MANAGE in request.permissions and mine.state == Assignment.State.OPEN and not own,
        "own": own,
        "certificate_url": reverse("training:certificate", args=[slug, certificate]) if certificate else "",
        "crumbs": shared.crumbs(slug),
    }
    return answer(request, "training/assignment.html", context, form=bad)


@access(post=_MANAGE)
def extend(request: Request, slug: str, pk: str) -> HttpResponse:
    """Give more time."""
    form = ExtendForm(request.POST, prefix="extend")
    assignment_id = _known(pk)
    if form.is_valid():
        with attempting(request, form):
            duties.extend(
                assignment_id=assignment_id,
                due_on=form.cleaned_data["due_on"],
                note=form.cleaned_data["note"],
                actor=request.actor,
                at=clock.now(),
                today=shared.today(),
            )
        if not form.errors:
            messages.success(request, "There is more time.")
            return redirect("training:assignment", slug, pk)
    return _detail(request, slug, pk, extending=form)


@access(post=_MANAGE)
def excuse(request: Request, slug: str, pk: str) -> HttpResponse:
    """Ask for somebody to be excused; a second person decides."""
    form = ExcuseForm(request.POST, prefix="excuse")
    assignment_id = _known(pk)
    if form.is_valid():
        with attempting(request, form):
            excuses.ask(
                assignment_id=assignment_id,
                reason=form.cleaned_data["reason"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "A second person decides about it now.")
            return redirect("training:assignment", slug, pk)
    return _detail(request, slug, pk, excusing=form)


@access(post=_MANAGE)
def give_tries(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let somebody try again at once."""
    form = Form(request.POST)
    with attempting(request, form):
        duties.give_tries(assignment_id=_known(pk), actor=request.actor, at=clock.now())
    if not form.errors:
        messages.success(request, "They can try again.")
        return redirect("training:assignment", slug, pk)
    return _detail(request, slug, pk, giving=form)


def _known(pk: str) -> UUID:
    """Return the id of an assignment that is there.

    Raises:
        NotFound
    """
    found, _ = queries.assignment(ids.decode("training_record", pk), today=shared.today())
    known: UUID = found.pk
    return known


def _url(slug: str, assignment_id: UUID) -> str:
    return reverse("training:assignment", args=[slug, ids.encode("training_record", assignment_id)])


def effect(asked: ApprovalRequest) -> Effect:
    """Describe what excusing somebody would change."""
    try:
        _, row = queries.assignment(UUID(asked.payload["assignment"]), today=shared.today())
    except NotFound:
        return Effect(noun="excuse", sentence="Excuse somebody from a module that is gone")
    due = formats.day(row.due_on) if row.due_on else "no day"
    return Effect(
        noun="excuse",
        sentence=f"Excuse {row.person} from the module “{row.title}”",
        changes=[Change("To take", f"Due {due}", "Excused; asked for again in a year")],
        facts=[("Tries so far", str(row.tries)), ("Assigned on", formats.day(row.assigned_on))],
        approve="Approve and excuse",
    )
