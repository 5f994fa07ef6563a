"""The plain rows that components take: a view fills them, a template shows them, no query hides in either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Crumb:
    """A step of the way back."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One view of a list or one side of a record."""

    label: str
    url: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter in use, with the address of the list without it."""

    label: str
    remove_url: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, for a timeline. `tint` is "", "ok", "warn" or "bad"."""

    at: datetime
    sentence: str
    detail: str = ""
    tint: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class CursorPage:
    """Where a page of a long list stands. `total` is None when counting would cost more than it tells."""

    shown: int
    first: int = 1
    total: int | None = None
    next_url: str = ""
    previous_url: str = ""

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + self.shown - 1


@dataclass(frozen=True, slots=True)
class NavItem:
    """A place in the side navigation. `tint` "bad" marks a count that is overdue."""

    label: str
    url: str
    icon: str
    current: bool = False
    count: int = 0
    tint: str = ""
    # What follows G to come here.
    keys: str = ""


@dataclass(frozen=True, slots=True)
class NavGroup:
    """Places that belong together."""

    label: str
    items: Sequence[NavItem]


@dataclass(frozen=True, slots=True)
class OrganizationChoice:
    """An organization the person may work in."""

    name: str
    url: str
    role: str = ""
    current: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """A line across the page that stays until its reason is gone. The worst one is shown."""

    sentence: str
    tint: str = "warn"
    url: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Shell:
    """What stands around every staff page: whose organization, which person, where one can go."""

    organization: str = ""
    home_url: str = "/"
    sandbox: bool = False
    organizations: Sequence[OrganizationChoice] = ()
    person: str = ""
    role: str = ""
    theme: str = ""
    navigation: Sequence[NavGroup] = ()
    strips: Sequence[Strip] = ()
    person_links: Sequence[NavItem] = ()
    sign_out_url: str = ""
    help_url: str = ""
    search_url: str = ""
    search_keys: str = "Ctrl K"
    # What tells of jobs that run, to whoever may see them.
    bell_url: str = ""
    # Where C leads from a page that lists nothing to create.
    create_url: str = ""
    # Whether single keys act: "off" where the person has said so.
    keys: str = ""
    # The template of what opens over any page (the palette, the sheet of keys); customers' pages have none.
    tools: str = ""
    language: str = field(default="en")
    # A customer's portal, which speaks their language; staff pages are English.
    of_customer: bool = False

    @property
    def strip(self) -> Strip | None:
        """The worst strip, or none."""
        order = ("bad", "warn", "person", "info", "ok", "neutral")
        return min(self.strips, key=lambda strip: order.index(strip.tint), default=None)
