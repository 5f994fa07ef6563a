"""What the pages of training have in common."""

from datetime import date

from django.urls import reverse

from accounts.models import Membership
from accounts.permissions import Permission
from billing.issuer import queries as issuers
from core import clock
from core.errors import NotFound
from edge.access import Own
from edge.request import Request
from training import queries
from web.kit.parts import Crumb, Tab

MINE = Own(reason="Learning one's own modules and reporting a message is everybody's, whatever their role.")
WHY = {
    "hire": "For newcomers",
    "yearly": "Once a year",
    "role": "Duty of the role",
    "version": "New version",
    "by_hand": "Assigned by hand",
    "own_wish": "Own wish",
}


def today() -> date:
    """Return the day it is for the organization in scope."""
    return clock.today(issuers.time_zone())


def member_of(request: Request) -> Membership:
    """Return the membership of whoever is asking.

    Raises:
        NotFound
    """
    if request.member is None:
        raise NotFound
    return request.member


def tabs(request: Request, slug: str, current: str) -> list[Tab]:
    """Return the sides of training for whoever looks after it."""
    sides = [
        ("overview", "Overview", None),
        ("assignments", "Assignments", None),
        ("courses", "Modules", None),
        ("campaigns", "Practice", None),
        ("messages", "Reported messages", queries.waiting_messages() or None),
    ]
    if Permission.TRAINING_MANAGE in request.permissions:
        sides.append(("settings", "Settings", None))
    return [
        Tab(label, reverse(f"training:{name}", args=[slug]), current=name == current, count=count)
        for name, label, count in sides
    ]


def crumbs(slug: str, *more: Crumb) -> list[Crumb]:
    """Return the way back to the overview of training."""
    return [Crumb("Training", reverse("training:overview", args=[slug])), *more]


def mine(slug: str, *more: Crumb) -> list[Crumb]:
    """Return the way back to one's own training."""
    return [Crumb("Your training", reverse("training:mine", args=[slug])), *more]
