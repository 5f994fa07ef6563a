"""Every page of the portal by everybody, and every door whose key is in the address without that key.

The cases come from the URL table. A route whose arguments nobody can fill fails here.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from accounts import tokens
from accounts.permissions import PORTAL
from compliance.requests import making
from compliance.requests import services as requests
from core import clock, ids
from core.actor import Actor
from edge import suspension
from edge.access import Needs, Own, Public, rules_of
from edge.checks import routes
from payments.services import links
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tests.guarantees import world
from tests.guarantees.addresses import address as filled
from tests.guarantees.asking import call, methods, sends_to, undone
from tests.guarantees.world import Organization, Someone
from tests.make import accounts, billing

# One worker fills its database with everything, once.
pytestmark = pytest.mark.xdist_group("doors")
ALL = list(routes())
PORTAL_ROUTES = [(path, name, view) for path, name, view in ALL if path.startswith("p/<organization:slug>/")]
KEYED = [(path, name, view) for path, name, view in ALL if path.startswith("pay/<str:token>")]
_RECORDS = {
    "credit-notes": "credit_note",
    "invoices": "finalized",
    "payments": "payment",
    "contacts": "contact",
    "quotes": "answerable",
    "privacy": "privacy_request",
    "methods": "payment_method",
}
_WORDS = {"kind": "card", "currency": "EUR"}


def address(path: str, organization: Organization) -> str:
    """Fill a portal route's arguments with an organization's records."""
    filled = path.replace("<organization:slug>", organization.slug)
    noun = filled.split("/")[2]
    for name, word in _WORDS.items():
        filled = filled.replace(f"<str:{name}>", word)
    if "<str:pk>" in filled:
        filled = filled.replace("<str:pk>", organization.records[_RECORDS[noun]])
    assert "<" not in filled, f"nobody knows how to fill {path}"
    return "/" + filled


@pytest.fixture(scope="module")
def stored(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Organization, Organization]]:
    with world.kept(django_db_blocker, lambda: world.two(a=[world.RoleCode.OWNER])) as made:
        yield made


def neighbour(of: Organization) -> Someone:
    """Sign in another customer of the same organization, with nothing to their name."""
    with scope(Scope(of.id)):
        access = accounts.portal_access(billing.customer("Charles Babbage").pk)
        opened = accounts.session(access.user)
    return Someone(access.user_id, world.browser(opened.raw_key))


def answered(of: Organization) -> None:
    """Collect what is held about the customer who asked, and answer: before, their file is there for nobody."""
    actor, key = Actor.system("tests"), ids.decode("privacy_request", of.records["privacy_request"])
    with scope(Scope(of.id)):
        requests.collect(request_id=key, actor=actor, at=clock.now())
    making.make(tenant_id=of.id, request_id=key, actor=actor, now=clock.now)
    with scope(Scope(of.id)):
        requests.answer(request_id=key, text="Here it is", actor=actor, at=clock.now())


@pytest.mark.parametrize(("path", "name", "view"), PORTAL_ROUTES, ids=[name for _, name, _ in PORTAL_ROUTES])
def test_portal_route_by_everybody(
    path: str, name: str, view: Any, ours: Organization, theirs: Organization
) -> None:
    url, customer, another = address(path, ours), ours.people["customer"], neighbour(ours)
    if name == "portal:privacy_file":
        answered(ours)
    for method, rule in methods(view):
        cell = f"{method} {name}"
        assert isinstance(rule, Needs) and rule.permission in PORTAL, cell
        with undone():
            response = call(customer, method, url)
            assert response.status_code < 500 and response.status_code not in (401, 403, 405), cell
            assert sends_to(response) not in ("/login", "/step-up", "/login/mfa"), cell
            if response.status_code == 404:
                # What is not there for want of a provider or an agreement, and never for want of a right.
                assert name in ("portal:add_method", "portal:stop_autopay"), cell
        for stranger in (ours.people["owner"], theirs.people["customer"], theirs.people["owner"]):
            with undone():
                assert call(stranger, method, url).status_code == 404, f"{cell} by a stranger"
                refused = world.events_of(ours.id, actor_id=stranger.id, event="access.refused")
                assert [event.facts["status"] for event in refused] == [404], f"{cell}: unrecorded"
        with undone():
            response = call(another, method, url)
            if "<str:pk>" in path:
                assert response.status_code == 404, f"{cell} by another customer"
            body = _printed(response)
            assert [kind for kind, text in ours.records.items() if text in body] == [], cell
        with undone():
            assert sends_to(call(None, method, url)) == "/login", f"{cell} by nobody"


@pytest.mark.parametrize(("path", "name", "view"), PORTAL_ROUTES, ids=[name for _, name, _ in PORTAL_ROUTES])
def test_half_signed_in_opens_no_portal(path: str, name: str, view: Any, ours: Organization) -> None:
    with scope(Scope(ours.id)):
        access = accounts.portal_access(billing.customer("Charles Babbage").pk)
        accounts.totp(access.user)
        half = accounts.session(access.user, complete=False)
    person = Someone(access.user_id, world.browser(half.raw_key))
    for method, _rule in methods(view):
        with undone():
            assert sends_to(call(person, method, address(path, ours))) == "/login/mfa", f"{method} {name}"


@pytest.mark.parametrize(("path", "name", "view"), KEYED, ids=[name for _, name, _ in KEYED])
def test_a_door_whose_key_is_in_the_address_stays_shut_without_it(
    path: str, name: str, view: Any, ours: Organization
) -> None:
    for token in (tokens.mint_link(tenant=ours.id), tokens.mint_link(tenant=ours.id)[:40], "0" * 58):
        url = "/" + re.sub("<str:token>", token, path)
        for method, rule in methods(view):
            assert isinstance(rule, Public), name
            with undone():
                response = Client(raise_request_exception=False).generic(method, url)
                # Asking for a new link is answered alike for every key; no other page opens.
                meant = (302, 404) if name == "pay:renew" else (404,)
                assert response.status_code in meant, f"{method} {name}: {response.status_code}"
                body = response.content.decode()
                assert [kind for kind, text in ours.records.items() if text in body] == []


def suspended(of: Organization, why: str) -> Tenant:
    with scope(Scope(of.id)):
        Tenant.objects.filter(pk=of.id).update(suspended_at=clock.now(), suspended_why=why)
        return Tenant.objects.get(pk=of.id)


OURS = [(path, name, view) for path, name, view in ALL if path.startswith(("o/<", "p/<", "api/v1/"))]


def test_no_route_of_a_suspended_organization_opens_but_those_named(ours: Organization) -> None:
    """Staff, keys and customers, over the whole URL table: one answer, in the trail, and nothing else done."""
    named = {name for _, name, _ in ALL}
    assert {*suspension.ALWAYS, *suspension.READING, *suspension.PAYING} <= named
    people = {"o": ours.people["owner"], "p": ours.people["customer"], "a": ours.keys["all"]}
    before = {each.pk for by in people.values() for each in world.events_of(ours.id, actor_id=by.id)}
    shut: list[str] = []
    with undone():
        tenant = suspended(ours, "unpaid")
        for path, name, view in OURS:
            by = people[path[0]]
            url = address(path, ours) if path[0] == "p" else filled(path, ours)
            # The last is the one that changes something, where there is one. No view is asked which it was.
            for method, rule in methods(view)[-1:]:
                # The reference of the API is about no organization; what goes on is walked below.
                if (isinstance(rule, Own) and path[0] == "a") or suspension.goes_on(tenant, name, method):
                    continue
                response = call(by, method, url)
                shut.append(f"{method} {name}")
                assert response.status_code == 403, f"{method} {name}: {response.status_code}"
                if path[0] == "a":
                    assert response.json()["code"] == "organization_suspended", name
                # Why is the organization's business, and not its customers'.
                told = b"The contract is in arrears" in response.content
                assert told is (path[0] != "p"), f"{method} {name}"
        events = [each for by in people.values() for each in world.events_of(ours.id, actor_id=by.id)]
        new = [(each.event, each.reason) for each in events if each.pk not in before]
        assert new == [("access.refused", "organization_suspended")] * len(shut)
    assert len(shut) > 400
    with undone():
        suspended(ours, "unpaid")
        for path, name, _ in OURS:
            if path[0] != "a" and suspension.goes_on(tenant, name, "GET"):
                url = address(path, ours) if path[0] == "p" else filled(path, ours)
                with undone():
                    assert call(people[path[0]], "GET", url).status_code not in (401, 403), name


def test_where_it_is_in_doubt_who_is_paid_nobody_is(ours: Organization) -> None:
    payer, stranger = ours.people["customer"], Client(raise_request_exception=False)
    with scope(Scope(ours.id)):
        invoice_id = ids.decode("invoice", ours.records["finalized"])
        url = links.mint(invoice_id=invoice_id, actor=Actor.system("tests"), at=clock.now())
    token = url.rpartition("/")[2]
    for why, status in (("unpaid", 200), ("incident", 403), ("law", 403)):
        with undone():
            suspended(ours, why)
            assert stranger.get(f"/pay/{token}").status_code == status
            assert payer.client.get(f"/p/{ours.slug}/bank-details").status_code == status
            assert stranger.get(f"/pay/{token}/invoice.pdf").status_code == 200
            assert stranger.post(f"/pay/{token}/join").status_code == 403
            assert payer.client.get(f"/p/{ours.slug}/").status_code == 200


def test_the_doors_are_walked() -> None:
    assert len(PORTAL_ROUTES) > 15
    assert len(KEYED) >= 6
    assert all(rules_of(view) for _, _, view in [*PORTAL_ROUTES, *KEYED])


def _printed(response: Any) -> str:
    """Return what people read of an answer, a paper's words too."""
    if response.headers["Content-Type"] == "application/pdf":
        return "".join(page.extract_text() for page in PdfReader(BytesIO(response.content)).pages)
    return str(response.content.decode())
