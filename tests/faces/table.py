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

# Pages that this walk cannot come to: what they need that a demo cannot have, and who judges them instead.
_PAID = "somebody has to pay at the provider's page; tests/browser/test_payer_pages.py"
_CHOSEN = "rows are chosen by a form; tests/browser/test_list_pages.py"
_CONTESTED = "a bank has to contest a payment; tests/browser/test_payment_pages.py"
_SENT = "a receiver outside has to answer; tests/browser/test_delivery_pages.py"
_KNOWN = "an advisory has to name what runs here; tests/browser/test_patch_pages.py"
_LEARNED = "every page of a module has to be read first; tests/browser/test_training_pages.py"
UNSEEN: dict[str, str] = {
    "me/security/passkeys/<str:pk>": "a device has to make a passkey; tests/journeys/staff/test_signing_in.py",
    "pay/<str:token>/result": _PAID,
    "pay/<str:token>/state": _PAID,
    "was-this-you/": "somebody has to be asked; tests/browser/test_alerts_pages.py",
    "was-this-you/<str:token>": "somebody signs in from a new place; tests/browser/test_alerts_pages.py",
    "doc/<str:token>": "a practice mail has to be sent; tests/browser/test_training_pages.py",
    "doc/<str:token>/lesson": "a practice mail has to be sent; tests/browser/test_training_pages.py",
    "certificates/<str:code>": "the code stands on paper only; tests/browser/test_training_pages.py",
    "p/<organization:slug>/pay": "what is to be paid is chosen by a form; tests/browser/test_payer_pages.py",
    "p/<organization:slug>/methods/saved": _PAID,
    "p/<organization:slug>/methods/<str:pk>/remove": _PAID,
    "p/<organization:slug>/automatic-payment/on": _PAID,
    "p/<organization:slug>/automatic-payment/<str:currency>/off": _PAID,
    "o/<organization:slug>/invoices/selected/<str:pk>": _CHOSEN,
    "o/<organization:slug>/customers/selected/<str:pk>": _CHOSEN,
    "o/<organization:slug>/settings/bank-account/cancel": "a change has to wait; tests/browser/test_billing_pages.py",
    "o/<organization:slug>/import": "an old address: it leads on to the files",
    "o/<organization:slug>/billing-runs/<str:pk>": "somebody has to begin one; tests/browser/test_run_pages.py",
    "o/<organization:slug>/training/learn/<slug:lesson>/questions/<int:number>": _LEARNED,
    "o/<organization:slug>/training/learn/<slug:lesson>/finish": _LEARNED,
    "o/<organization:slug>/disputes/<str:pk>": _CONTESTED,
    "o/<organization:slug>/disputes/<str:pk>/answer": _CONTESTED,
    "o/<organization:slug>/disputes/<str:pk>/accept": _CONTESTED,
    "o/<organization:slug>/audit/streams/<str:pk>": _SENT,
    "o/<organization:slug>/audit/streams/<str:pk>/change": _SENT,
    "o/<organization:slug>/audit/streams/<str:pk>/pause": _SENT,
    "o/<organization:slug>/audit/streams/<str:pk>/remove": _SENT,
    "o/<organization:slug>/developers/first-key": "it answers a form; a look leads back to the page of the form",
    "o/<organization:slug>/close/<str:month>/reopen": "a month has to be closed; tests/browser/test_books_pages.py",
    "ops/patches/findings/<str:pk>": _KNOWN,
    "ops/patches/findings/<str:pk>/accept": _KNOWN,
}


def pages() -> dict[str, Rule]:
    """Return every route that answers a browser's GET, with who may: the API has no pages but its reference."""
    found = {}
    for path, _, view in routes():
        rule = (rules_of(view) or {}).get("GET")
        if rule is not None and (not path.startswith("api/") or path.endswith("/docs")):
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
