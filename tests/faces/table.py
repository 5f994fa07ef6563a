"""The URL table as the walk sees it: which pages there are, who may open them, and which nobody can come to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve

from accounts import permissions as authority
from accounts.permissions import PORTAL, Permission
from edge.access import Own, Public, Rule, rules_of
from edge.checks import routes

# Pages that a walk cannot come to, each with its reason.
UNSEEN: dict[str, str] = {}


def pages() -> dict[str, Rule]:
    """Return every route that answers a browser's GET, with who may: the API has no pages but its reference."""
    found = {}
    for path, _, view in routes():
        rule = (rules_of(view) or {}).get("GET")
        if rule is not None and (not path.startswith("api/") or isinstance(rule, Public)):
            found[path] = rule
    return found


def route(url: str) -> str:
    """Return the route behind an address; none for what is no page of ours, such as a static file."""
    try:
        return resolve(urlsplit(url).path).route
    except Resolver404:
        return ""


def open_to(rule: Rule, path: str, person_permissions: frozenset[Permission] | None) -> bool:
    """Say whether somebody may open a route. Nobody has None, a customer the portal's permissions."""
    if isinstance(rule, Public):
        # Whoever is signed in sees the same there as everybody.
        return person_permissions is None
    if person_permissions is None:
        return False
    if isinstance(rule, Own):
        return not path.startswith("o/") or person_permissions != PORTAL
    return rule.permission in person_permissions


def openable(permissions: frozenset[Permission] | None) -> list[str]:
    """Return every route that somebody may open."""
    return [path for path, rule in pages().items() if open_to(rule, path, permissions)]


def of_role(code: str, *, of_operator: bool) -> frozenset[Permission]:
    """Return what somebody with a role may."""
    if code == "customer":
        return frozenset(PORTAL)
    return authority.of_role(code, custom=frozenset(), of_operator=of_operator)


def bare(organization: str) -> Iterator[tuple[str, str]]:
    """Give the routes that take no record's name, with their address in an organization."""
    for path in pages():
        address = path.replace("<organization:slug>", organization)
        if not re.search(r"<[^>]+>", address):
            yield path, f"/{address}"
