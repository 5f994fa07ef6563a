"""The places of the staff shell. What a person cannot open is absent, and so is what has not been built.

Each face adds its pages here: a label, the name of a route that takes the organization's slug, an icon, and
the permission that opens it. The first page a person may open is where an organization greets them.
"""

from dataclasses import dataclass

from django.urls import reverse

from accounts.permissions import Permission
from web.kit.parts import NavGroup, NavItem


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of the navigation."""

    label: str
    route: str
    icon: str
    permission: Permission


GROUPS: tuple[tuple[str, tuple[Place, ...]], ...] = (
    ("Billing", (Place("Approvals", "people:approvals", "approval", Permission.APPROVAL_READ),)),
    (
        "Settings",
        (
            Place("Members", "people:members", "customers", Permission.MEMBER_READ),
            Place("Roles", "people:roles", "shield", Permission.MEMBER_READ),
        ),
    ),
    ("Developers", (Place("API keys", "developers:keys", "key", Permission.APIKEY_MANAGE),)),
)


def groups(slug: str, held: frozenset[Permission], path: str) -> list[NavGroup]:
    """Return the navigation of a person with these permissions, who is at `path`."""
    shown = []
    for label, places in GROUPS:
        items = [_item(place, slug, path) for place in places if place.permission in held]
        if items:
            shown.append(NavGroup(label, items))
    return shown


def first_page(slug: str, held: frozenset[Permission]) -> str:
    """Return the first page a person may open; nothing when their role opens none."""
    found = groups(slug, held, "")
    return found[0].items[0].url if found else ""


def _item(place: Place, slug: str, path: str) -> NavItem:
    url = reverse(place.route, kwargs={"slug": slug})
    return NavItem(
        place.label, url, place.icon, current=path == url or path.startswith(url.rstrip("/") + "/")
    )
