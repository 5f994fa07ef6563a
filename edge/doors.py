"""Which of the product's doors an address belongs to; nothing else reads the path."""

import re
from dataclasses import dataclass
from enum import StrEnum

SLUG = "[a-z0-9-]{1,63}"
_STAFF = re.compile(rf"^/o/(?P<slug>{SLUG})(?:/|$)")
_PORTAL = re.compile(rf"^/p/(?P<slug>{SLUG})(?:/|$)")


class DoorKind(StrEnum):
    """The doors: staff pages, customer pages, the operator's pages, the API, and what stands before any of them."""

    STAFF = "staff"
    PORTAL = "portal"
    OPERATOR = "operator"
    API = "api"
    ENTRANCE = "entrance"


@dataclass(frozen=True, slots=True)
class Door:
    """A door, and the organization its address names."""

    kind: DoorKind
    slug: str = ""

    @property
    def speaks_json(self) -> bool:
        """Tell whether answers, errors included, are JSON."""
        return self.kind is DoorKind.API


def door_of(path: str) -> Door:
    """Say which door a path belongs to."""
    if match := _STAFF.match(path):
        return Door(DoorKind.STAFF, match["slug"])
    if match := _PORTAL.match(path):
        return Door(DoorKind.PORTAL, match["slug"])
    if path == "/ops" or path.startswith("/ops/"):
        return Door(DoorKind.OPERATOR, "operator")
    if path.startswith("/api/"):
        return Door(DoorKind.API)
    return Door(DoorKind.ENTRANCE)
