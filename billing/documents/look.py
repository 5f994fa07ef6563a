"""How an organization's documents look: its colour and one of two layouts, beside its logo.

Promise kept: a colour that could not be read on white paper is refused with the figure, and the nearest darker one of
the same hue is offered; a document is never made in a colour nobody looked at.
"""

import re
from datetime import datetime
from decimal import Decimal

from audit import services as audit
from billing import events
from billing.documents.pdf.documents import Look
from billing.issuer.models import Issuer
from billing.issuer.rules import Layout
from billing.issuer.services import IssuerMissing
from core.actor import Actor
from core.errors import Refusal
from tenancy.context import use_case

# Of text on its background (WCAG 2.2, success criterion 1.4.3), in hundredths: whole numbers compare exactly.
LEAST_CONTRAST = 450
# The darkest background that the colour stands on: the tinted block with the ways to pay.
_BACKGROUND = "#f7f7f4"
_FLARE = Decimal("0.05")
_COLOUR = re.compile(r"#[0-9a-f]{6}\Z", re.ASCII)


class AccentUnreadable(Refusal):
    """This colour cannot be read on white paper."""

    code = "accent_unreadable"


class UnknownLayout(Refusal):
    """A document is set classic or compact."""

    code = "unknown_layout"


@use_case
def set_look(*, accent: str, layout: str, actor: Actor, at: datetime) -> None:
    """Set documents in this colour and layout from now on; those that were handed out stay as they are kept.

    Raises:
        AccentUnreadable, UnknownLayout
        IssuerMissing: nobody has said who bills.
    """
    look = read(accent=accent, layout=layout)
    row = Issuer.objects.select_for_update().first()
    if row is None:
        raise IssuerMissing
    if (row.accent, row.layout) == (look.accent, look.layout.value):
        return
    row.accent, row.layout, row.updated_at = look.accent, look.layout.value, at
    row.save(update_fields=["accent", "layout", "updated_at"])
    audit.record(events.LOOK_SET, actor=actor, fields=["accent", "layout"])


def current() -> Look:
    """Return how documents of the organization in scope look."""
    row = Issuer.objects.values_list("accent", "layout").first()
    return Look() if row is None else Look(accent=row[0] or Look().accent, layout=Layout(row[1]))


def read(*, accent: str, layout: str) -> Look:
    """Return a look that can be set.

    Raises:
        AccentUnreadable, UnknownLayout
    """
    if layout not in set(Layout):
        raise UnknownLayout(field="layout")
    colour = accent.strip().lower()
    if not _COLOUR.match(colour):
        raise AccentUnreadable("Write a colour as # and six digits or letters a to f.", field="accent")
    has = contrast(colour)
    if has < LEAST_CONTRAST:
        raise AccentUnreadable(
            f"On white paper this colour has a contrast of {has // 100}.{has % 100:02d} to 1; 4.5 to 1 is needed. "
            f"{darker(colour)} is the nearest that can be read.",
            field="accent",
        )
    return Look(accent=colour, layout=Layout(layout))


def darker(colour: str) -> str:
    """Return the lightest colour of the same hue that can be read."""
    parts = _parts(colour)
    for share in range(100, -1, -1):
        found = "#" + "".join(f"{part * share // 100:02x}" for part in parts)
        if contrast(found) >= LEAST_CONTRAST:
            return found
    return "#000000"


def contrast(colour: str) -> int:
    """Return a colour's contrast with the background of documents, in hundredths (WCAG 2.2, contrast ratio)."""
    shades = sorted((_luminance(_BACKGROUND), _luminance(colour)))
    return int(100 * (shades[1] + _FLARE) / (shades[0] + _FLARE))


def _luminance(colour: str) -> Decimal:
    red, green, blue = (_linear(part) for part in _parts(colour))
    return (2126 * red + 7152 * green + 722 * blue) / 10_000


def _linear(part: int) -> Decimal:
    share = Decimal(part) / 255
    if share <= Decimal("0.04045"):
        return share / Decimal("12.92")
    return ((share + Decimal("0.055")) / Decimal("1.055")) ** Decimal("2.4")


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
