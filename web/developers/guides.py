"""Guides: what an integrator does, each with a program that runs as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from core.errors import NotFound
from edge.access import access
from edge.request import Request
from web.kit.parts import Crumb

# Name: title and what one has afterwards.
GUIDES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "first-invoice": (
            "First invoice in 5 minutes",
            "A customer, an invoice with its number, and its PDF.",
        ),
        "trust-a-webhook": ("Trust a webhook", "Nothing acts on a message that is not ours, or comes twice."),
        "retry-safely": ("Retry safely", "A request that is sent again happens once."),
        "reconcile-a-day": (
            "Reconcile a day",
            "What came in on a day, to the cent, beside your bank’s figures.",
        ),
        "rotate-a-key": ("Rotate a key", "A new key in use before the old one stops."),
    }
)


@dataclass(frozen=True, slots=True)
class Link:
    """A guide in a list."""

    title: str
    about: str
    url: str


@access(get=Permission.EVENT_READ)
def detail(request: Request, slug: str, guide: str) -> HttpResponse:
    """Show a guide."""
    if guide not in GUIDES:
        raise NotFound
    title, about = GUIDES[guide]
    context = {
        "title": title,
        "about": about,
        "base": settings.PUBLIC_URL,
        "guides": [link for link in links(slug) if link.title != title],
        "crumbs": [Crumb("Developers", reverse("developers:start", args=[slug]))],
    }
    return render(request, f"developers/guides/{guide}.html", context)


def links(slug: str) -> list[Link]:
    """List the guides."""
    return [
        Link(title, about, reverse("developers:guide", args=[slug, name]))
        for name, (title, about) in GUIDES.items()
    ]
