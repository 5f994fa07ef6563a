"""Every route and method, by everybody: every role of its organization, a foreign member, a customer of the same
organization, somebody half signed in, a stranger; and every API operation by every kind of key.

The cases come from the URL table. A route whose arguments nobody can fill fails here.
"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.urls import resolve

from accounts.models import Session
from accounts.permissions import API_KEY_SCOPES
from core import clock, ids
from edge.access import Granted, Needs, Own, Public, rules_of
from edge.checks import routes
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.addresses import address
from tests.guarantees.asking import call, methods, sends_to, undone
from tests.guarantees.world import Organization, Someone
from tests.make import accounts, installation
from web.search import hits, jumps

ALL = list(routes())
STAFF = [(path, name, view) for path, name, view in ALL if path.startswith("o/<organization:slug>/")]
GRANTED = [
    (path, name, view)
    for path, name, view in STAFF
    if any(isinstance(rule, Granted) for rule in (rules_of(view) or {}).values())
]
API = [(path, name, view) for path, name, view in ALL if path.startswith("api/v1/")]
REFUSED = frozenset({401, 403, 404, 405, 419})


@pytest.mark.parametrize(("path", "name", "view"), STAFF, ids=[name for _, name, _ in STAFF])
def test_staff_route_by_every_role(
    path: str, name: str, view: Any, ours: Organization, theirs: Organization
) -> None:
    url = address(path, ours)
    for method, rule in methods(view):
        assert not isinstance(rule, Public), f"{name}: a page of an organization is public"
        for role, person in ours.people.items():
            if role == "customer":
                continue
            with undone():
                allowed = isinstance(rule, Own) or rule.permission in person.permissions
                counted = allowed and method == "GET"
                before = world.count_of(ours.id, actor_id=person.id) if counted else 0
                response = call(person, method, url)
                cell = f"{method} {name} as {role}: {response.status_code} {sends_to(response)}"
                assert response.status_code < 500, cell
                if allowed:
                    if response.status_code in REFUSED:  # by a rule of the service, not by the gate
                        reasons = {event.reason for event in world.events_of(ours.id, actor_id=person.id)}
                        assert not reasons & {"missing_permission", "file_undeclared"}, cell
                        assert response.status_code != 404 or isinstance(rule, Own), cell
                    assert sends_to(response) not in ("/login", "/step-up", "/login/mfa"), cell
                    if counted and response.status_code == 200:
                        assert world.count_of(ours.id, actor_id=person.id) > before, f"{cell}: unseen"
                else:
                    assert response.status_code == 403, cell
                    events = world.events_of(ours.id, actor_id=person.id, event="access.refused")
                    assert len(events) == 1, cell
                    assert events[0].facts["status"] == 403
        for stranger in (theirs.people["owner"], ours.people["customer"]):
            with undone():
                response = call(stranger, method, url)
                assert response.status_code == 404, f"{method} {name} by a foreigner: {response.status_code}"
                refusals = world.events_of(ours.id, actor_id=stranger.id, event="access.refused")
                assert [event.facts["status"] for event in refusals] == [404], f"{method} {name}: unrecorded"
        with undone():
            assert sends_to(call(None, method, url)) == "/login", f"{method} {name} by nobody"


@pytest.mark.parametrize(("path", "name", "view"), STAFF, ids=[name for _, name, _ in STAFF])
def test_a_foreign_record_is_not_there(
    path: str, name: str, view: Any, ours: Organization, theirs: Organization
) -> None:
    """One's own organization in the address, somebody else's record behind it."""
    if "<str:pk>" not in path:
        assert "<organization:slug>" in path
        return
    url = address(path.replace("<organization:slug>", ours.slug), theirs)
    for method, _rule in methods(view):
        with undone():
            response = call(ours.people["owner"], method, url)
            assert response.status_code == 404, f"{method} {name}: {response.status_code}"


def test_every_kind_of_id_leads_somewhere_or_says_why_not() -> None:
    ways = [hits.NOUNS, jumps.PAGES, jumps.PARTS, jumps.LISTED, jumps.OTHER, jumps.NOWHERE]
    assert sorted(kind for way in ways for kind in way) == sorted(ids.PREFIXES)


def test_a_pasted_id_leads_to_its_page_and_a_foreign_one_nowhere(
    ours: Organization, theirs: Organization
) -> None:
    owner, narrow = ours.people["owner"], ours.people["developer"]
    search = f"/o/{ours.slug}/search"
    by_kind = {ids.kind_of(pk) or "": pk for pk in ours.records.values()}
    foreign = {ids.kind_of(pk) or "": pk for pk in theirs.records.values()}
    led = 0
    for kind, pk in by_kind.items():
        if kind in jumps.NOWHERE:
            continue
        with undone():
            answered = owner.client.get(search, {"q": pk})
            assert answered.status_code == 302, kind
            rule = (rules_of(resolve(sends_to(answered)).func) or {})["GET"]
            led += 1
            # Whoever may not open the page is not told that the record exists.
            if isinstance(rule, Needs | Granted) and rule.permission not in narrow.permissions:
                assert narrow.client.get(search, {"q": pk}).status_code == 200, kind
        if kind in foreign and kind not in jumps.OTHER:
            with undone():
                assert owner.client.get(search, {"q": foreign[kind]}).status_code == 200, kind
    assert led > 50


@pytest.mark.parametrize(("path", "name", "view"), GRANTED, ids=[name for _, name, _ in GRANTED])
def test_a_grant_opens_one_customer_and_no_other(path: str, name: str, view: Any, ours: Organization) -> None:
    """A role without the permission is refused; with a grant it sees this customer, and of another not even that it
    exists."""
    person, owner = ours.people["developer"], ours.people["owner"]
    url = address(path, ours)
    others = {"customer": ours.records["other_customer"], "invoice": ours.records["other_invoice"]}
    shown = ours.records["customer" if "customers" in path else "invoice"]
    elsewhere = address(path, replace(ours, records={**ours.records, **others}))
    for method, rule in methods(view):
        assert isinstance(rule, Granted), f"{method} {name}: what a grant opens is opened as a whole"
        assert rule.permission not in person.permissions
        with undone():
            assert call(person, method, url).status_code == 403, f"{method} {name} without a grant"
        with undone():
            world.open_customer(ours, "customer", to=person, by=owner)
            response = call(person, method, url)
            assert response.status_code == 200, f"{method} {name}: {response.status_code}"
            assert world.events_of(ours.id, actor_id=person.id)[0].facts["by_grant"] is True
            said = response.content.decode(errors="replace")
            assert [text for text in others.values() if text in said] == []
            # A file names no record by its id.
            assert shown in said or response.headers["Content-Type"] == "application/pdf"
            assert call(person, method, f"{url}?customer={others['customer']}").status_code in (200, 404)
            if elsewhere != url:
                assert call(person, method, elsewhere).status_code == 404, (
                    f"{method} {name} of another customer"
                )
                (refused,) = world.events_of(ours.id, actor_id=person.id, event="access.refused")
                assert refused.facts["status"] == 404
        with undone():
            world.open_customer(ours, "other_customer", to=person, by=owner)
            response = call(person, method, url)
            assert response.status_code == (404 if elsewhere != url else 200)
            assert shown not in response.content.decode()


def test_grants_are_walked() -> None:
    assert sorted(name for _, name, _ in GRANTED) == [
        "billing:customer",
        "billing:customers",
        "billing:invoice",
        "billing:invoice_explanation",
        "billing:invoice_pdf",
        "billing:invoices",
    ]


@pytest.mark.parametrize(("path", "name", "view"), STAFF, ids=[name for _, name, _ in STAFF])
def test_half_signed_in_is_not_signed_in(path: str, name: str, view: Any, ours: Organization) -> None:
    with scope(Scope(ours.id)):
        member = accounts.member("owner")
        accounts.totp(member.user)
        half = accounts.session(member.user, complete=False)
    person = Someone(member.user_id, world.browser(half.raw_key))
    for method, _rule in methods(view):
        with undone():
            response = call(person, method, address(path, ours))
            assert sends_to(response) == "/login/mfa", f"{method} {name}: {response.status_code}"
            (event,) = world.events_of(
                installation.tenant("operator"), actor_id=member.user_id, event="access.refused"
            )
            assert (event.reason, event.facts["status"], event.facts["route"]) == (
                "unauthenticated",
                401,
                name,
            )


@pytest.mark.parametrize(("path", "name", "view"), API, ids=[name for _, name, _ in API])
def test_api_operation_by_every_key(
    path: str, name: str, view: Any, ours: Organization, theirs: Organization
) -> None:
    url = address(path, ours)
    for method, rule in methods(view):
        cell = f"{method} {name}"
        if isinstance(rule, Own):  # the reference: any key or session that works
            with undone():
                assert call(ours.keys["all"], method, url).status_code == 200, cell
            with undone():
                assert call(None, method, url).status_code == 401, cell
            continue
        assert isinstance(rule, Needs), cell
        with undone():
            before = world.count_of(ours.id, key_id=ours.keys["all"].id)
            response = call(ours.keys["all"], method, url)
            assert rule.permission in API_KEY_SCOPES, cell
            assert response.status_code not in REFUSED, f"{cell}: {response.status_code} {response.content!r}"
            assert response.status_code < 500, cell
            if response.status_code < 400:
                assert world.count_of(ours.id, key_id=ours.keys["all"].id) > before, f"{cell}: unseen"
        with undone():
            assert call(ours.keys["narrow"], method, url).status_code == 403, cell
            refused = world.events_of(ours.id, key_id=ours.keys["narrow"].id, event="access.refused")
            assert len(refused) == 1, cell
        with undone():
            assert call(None, method, url).status_code == 401, cell
        with undone():
            session = ours.people["owner"]
            assert call(session, method, url).status_code in (401, 403), f"{cell} by a session"
        if "<str:pk>" in path:
            with undone():
                response = call(theirs.keys["all"], method, url)
                assert response.status_code == 404, f"{cell} by a foreign key: {response.status_code}"
                refused = world.events_of(theirs.id, key_id=theirs.keys["all"].id, event="access.refused")
                assert len(refused) == 1, f"{cell}: unrecorded"
        elif method == "GET":
            with undone():
                body = call(theirs.keys["all"], method, url).content.decode()
                found = [kind for kind, text in ours.records.items() if text in body]
                assert found == [], f"{cell} shows {found} of another organization"


def test_every_route_is_walked() -> None:
    """What is neither a page of an organization nor an API operation is named here, so that no new door is missed."""
    walked = {name for _, name, _ in [*STAFF, *API]}
    others = {name for _, name, _ in ALL} - walked
    # The portal and the doors whose key is in the address are walked in test_doors, hooks and questions about an alert
    # by their own tests, the pages of the installation in test_ops_routes.
    prefixes = (
        "ops_",
        "signin:",
        "me:",
        "mailbox:",
        "kit:",
        "healthz",
        "readyz",
        "portal:",
        "pay:",
        "hooks:",
        "certificates:",
        "practice:",
        "asked:",
    )
    assert sorted(name for name in others if not name.startswith(prefixes)) == []


@pytest.mark.parametrize(
    ("path", "name", "view"),
    [(path, name, view) for path, name, view in ALL if path.startswith("me/")],
    ids=[name for _, name, _ in ALL if name.startswith("me:")],
)
def test_ones_own_pages_ask_who_one_is(path: str, name: str, view: Any, ours: Organization) -> None:
    url = "/" + re.sub(r"<str:pk>", "ses_00000000000000000000000000", path)
    for method, rule in methods(view):
        assert isinstance(rule, Own), name
        with undone():
            assert sends_to(call(None, method, url)) == "/login", f"{method} {name}"


def test_a_session_that_ended_leaves_an_event_and_a_stranger_none(ours: Organization) -> None:
    operator = installation.tenant("operator")
    before = world.count_of(operator, event="access.refused")
    assert sends_to(call(None, "GET", "/o/a/customers")) == "/login"
    assert world.count_of(operator, event="access.refused") == before
    ended = Someone(ours.id, world.browser("0" * 64))
    assert sends_to(call(ended, "GET", "/o/a/customers")) == "/login"
    events = world.events_of(operator, event="access.refused")
    assert len(events) == before + 1
    assert (events[0].actor_kind, events[0].reason) == ("stranger", "unauthenticated")


def test_a_missing_second_factor_leaves_an_event_where_something_was_to_be_done(ours: Organization) -> None:

    owner = ours.people["owner"]
    with scope(Scope(user=owner.id)):
        long_ago = clock.now() - timedelta(seconds=settings.STEP_UP_SECONDS + 60)
        assert Session.objects.filter(user_id=owner.id).update(step_up_at=long_ago) == 1
    url = "/o/a/settings/roles/new"
    assert sends_to(call(owner, "GET", url)) == "/step-up"
    assert world.events_of(ours.id, actor_id=owner.id, event="access.refused") == []
    assert sends_to(call(owner, "POST", url)) == "/step-up"
    (event,) = world.events_of(ours.id, actor_id=owner.id, event="access.refused")
    assert (event.reason, event.facts["status"], event.facts["route"]) == (
        "step_up_required",
        403,
        "people:new_role",
    )


@pytest.mark.parametrize("slug", ["A", "a_b", "a" * 64, "ä"])
def test_an_address_names_an_organization_in_one_way(ours: Organization, slug: str) -> None:
    """What the doorway does not read as an organization's name, no page reads as one."""
    for page in ("", "customers"):
        assert call(ours.people["owner"], "GET", f"/o/{slug}/{page}").status_code == 404
        assert call(None, "GET", f"/o/{slug}/{page}").status_code == 404


def test_the_walk_bites(ours: Organization) -> None:
    """A page that forgot to say who may see it is refused, and the system check names it."""
    from edge.gate import Undeclared, rule_for

    with pytest.raises(Undeclared):
        rule_for(lambda request: HttpResponse("open"), "GET")
