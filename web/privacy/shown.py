"""What the pages of privacy share: how tables, kinds and reasons are called, and a request as a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from django.urls import reverse

from compliance.personaldata import collecting, erasing
from compliance.requests import rules, services
from compliance.requests.models import PrivacyRequest
from core import ids
from web.kit import formats
from web.kit.parts import Crumb

KINDS: Mapping[str, str] = dict(PrivacyRequest.Kind.choices)
IDENTITIES: Mapping[str, str] = dict(PrivacyRequest.Identity.choices)
REFUSALS: Mapping[str, str] = dict(PrivacyRequest.Refusal.choices)
_ERASED = "Erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One request in a list."""

    id: UUID
    url: str
    kind: str
    state: str
    who: str
    received_on: date
    due_on: date
    clock: str
    tint: str
    by_portal: bool


def row(found: PrivacyRequest, *, slug: str, today: date) -> Row:
    """Show a request in a list."""
    words, tint = clock_of(found, today)
    return Row(
        id=found.pk,
        url=reverse("privacy:request", args=[slug, ids.encode("privacy_request", found.pk)]),
        kind=KINDS[found.kind],
        state=found.state,
        who=who(found),
        received_on=found.received_on,
        due_on=found.due_on,
        clock=words,
        tint=tint,
        by_portal=found.by_portal,
    )


def who(found: PrivacyRequest) -> str:
    """Say about whom a request is."""
    if found.customer is not None and found.customer.subject_key is None:
        return _ERASED
    if found.contact is not None:
        employer = "" if found.customer is None else f", {found.customer.name}"
        return _ERASED if found.contact.subject_key is None else f"{found.contact.name}{employer}"
    if found.customer is not None:
        return str(found.customer.name)
    return str(found.name or found.email or "Nobody named")


def clock_of(found: PrivacyRequest, today: date) -> tuple[str, str]:
    """Say how much time is left, in words and a tint."""
    if found.state not in rules.OPEN:
        return "", ""
    left = (found.due_on - today).days
    if left < 0:
        return f"{formats.count(-left, 'day')} late", "bad"
    if left == 0:
        return "today", "bad"
    return f"{formats.count(left, 'day')} left", "warn" if left <= rules.SOON.days else ""


def table(label: str) -> str:
    """Name a table for people: what its rows are."""
    name = label.rpartition(".")[2]
    spaced = "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in name).strip()
    return f"{spaced[:1].upper()}{spaced[1:]}"


def holdings(found: PrivacyRequest) -> list[dict[str, Any]]:
    """Say where the person of a request is held: what, how much, what for."""
    counts = collecting.counts(services.person_of(found))
    return [
        {"what": table(label), "count": count, "purpose": erasing.policy_words(label)}
        for label, count in sorted(counts.items())
    ]


def crumbs(slug: str) -> list[Crumb]:
    """Return the way back to the list."""
    return [Crumb("Privacy requests", reverse("privacy:requests", args=[slug]))]
