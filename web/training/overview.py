"""How training stands: who is late, which module, what waits."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts import queries as people
from accounts.permissions import Permission
from core import ids
from edge import recording
from edge.access import access
from edge.request import Request
from training import catalog, events, queries
from training.queries import PersonRow
from web.kit import words
from web.training import shared

_MOST_SUBJECTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member with where their assignments are listed."""

    row: PersonRow
    role: str
    url: str
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseLine:
    """A module with how it stands."""

    title: str
    url: str
    open: int
    overdue: int
    passed: int
    total: int


@access(get=Permission.TRAINING_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show how training stands."""
    today = shared.today()
    found, policy_of = queries.persons(today=today), catalog.policy()
    recording.read(
        request, events.READ, subjects=[row.member_id for row in found[:_MOST_SUBJECTS]], fields=["user.name"]
    )
    roles = {role.code: words.role_name(role) for role in people.roles()}
    listing = reverse("training:assignments", args=[slug])
    lines = [
        CourseLine(
            title=row.listed.course.title,
            url=reverse("training:course_detail", args=[slug, row.listed.course.code]),
            open=row.open,
            overdue=row.overdue,
            passed=row.passed,
            total=row.open + row.passed,
        )
        for row in queries.by_course(today=today)
    ]
    context = {
        "status": queries.status(today=today),
        "policy": policy_of,
        "people": [
            Person(
                row=row,
                role=roles.get(row.role, row.role),
                url=f"{listing}?member={ids.encode('member', row.member_id)}",
                standing=_standing(row),
            )
            for row in found
        ],
        "courses": lines,
        "waiting": queries.waiting_messages(),
        "overdue_url": f"{listing}?state=overdue",
        "messages_url": reverse("training:messages", args=[slug]),
        "may_manage": Permission.TRAINING_MANAGE in request.permissions,
        "tabs": shared.tabs(request, slug, "overview"),
    }
    return render(request, "training/overview.html", context)


def _standing(row: PersonRow) -> str:
    if row.withheld:
        return "lapsed"
    if row.overdue:
        return "overdue"
    if row.open:
        return "open"
    return "done" if row.last_finished_at else "free"
