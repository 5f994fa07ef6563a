"""How strongly people sign in: by kind of factor, who lacks one, and what was refused in thirty days."""

from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import events, oversight, rules
from accounts import queries as people
from accounts.permissions import Permission
from accounts.services import watching
from audit import queries as trail_queries
from audit.queries import Filters
from billing.issuer import queries as issuers
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.charts.bars import Bar, BarChart
from web.console import trail
from web.kit import formats
from web.kit.parts import Crumb

_DAYS = 30
_REFUSED = {
    events.SIGNIN_FAILED.code: "Sign-ins with a wrong password",
    events.MFA_FAILED.code: "Second factors that did not match",
    events.MFA_REPLAYED.code: "Codes used a second time",
    events.RECOVERY_CODE_USED.code: "Recovery codes used",
}


@dataclass(frozen=True, slots=True)
class Lacking:
    """A member with a password alone."""

    pk: str
    name: str
    role: str


@access(get=Permission.SECURITY_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show how strongly people sign in."""
    staff, customers = oversight.coverage()
    lacking = oversight.without_factor()
    if lacking:
        recording.read(
            request,
            events.MEMBERS_READ,
            subjects=[member.pk for member in lacking][:1_000],
            fields=["user.name"],
        )
    refused, chart = _refused(request, slug)
    context = {
        "coverage": [staff, customers],
        "lacking": [
            Lacking(ids.encode("member", member.pk), people.name_of(member.user), member.role.code)
            for member in lacking
        ],
        "refused": refused,
        "chart": chart,
        "total": sum(number for _, number, _ in refused),
        "idle": formats.duration(rules.SESSION_IDLE.total_seconds()),
        "absolute": formats.duration(rules.SESSION_ABSOLUTE.total_seconds()),
        "step_up": formats.duration(rules.STEP_UP.total_seconds()),
        "shortest": rules.PASSWORD_MIN,
        "may_remind": Permission.MEMBER_MANAGE in request.permissions,
        "may_read": Permission.MEMBER_READ in request.permissions,
        "crumbs": [Crumb("Security", reverse("console:security", args=[slug]))],
    }
    return render(request, "console/signin.html", context)


@access(post=Permission.MEMBER_MANAGE)
def remind(request: Request, slug: str, pk: str) -> HttpResponse:
    """Remind one member."""
    watching.remind_of_factor(member_id=ids.decode("member", pk), actor=request.actor, at=clock.now())
    messages.success(request, "A mail is on its way to them. They get one a day at most.")
    return redirect("console:sign_in", slug)


def _refused(request: Request, slug: str) -> tuple[list[tuple[str, int, str]], BarChart]:
    """Count what was refused here in thirty days, by kind and by day, each with its rows in the trail."""
    zone, today = issuers.time_zone(), clock.today()
    first = today - timedelta(days=_DAYS - 1)
    reads = Permission.AUDIT_READ in request.permissions
    since, until = trail.midnight(first, zone), trail.midnight(today + timedelta(days=1), zone)
    days = dict.fromkeys((first + timedelta(days=back) for back in range(_DAYS)), 0)
    found = []
    for code, words in _REFUSED.items():
        counted = trail_queries.per_day(Filters(event=code, since=since, until=until), zone=zone)
        url = trail.search_url(slug, event=code, since=str(first), until=str(today)) if reads else ""
        found.append((words, sum(counted.values()), url))
        for day, number in counted.items():
            days[day] = days.get(day, 0) + number
    bars = [
        Bar(formats.day(day), number, formats.number(number), partial=day == today)
        for day, number in days.items()
    ]
    said = formats.count(sum(days.values()), "event")
    chart = BarChart(
        "Refused by day",
        f"Refused by day, {said} in {_DAYS} days",
        bars,
        ("Day", "Refused"),
        note=said,
        plot_height=64,
    )
    return found, chart
