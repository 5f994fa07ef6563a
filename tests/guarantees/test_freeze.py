"""While exports are frozen no file of many persons leaves, and no list goes on: by the URL table itself."""

import html
from collections.abc import Iterator

import pytest

from accounts.models import User
from billing.exports import services as exports
from compliance.requests.models import PrivacyRequest
from core import clock, ids
from edge import leaving
from edge.access import rules_of
from edge.checks import routes
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.addresses import address
from tests.guarantees.asking import call, undone
from tests.guarantees.world import Organization, Someone
from tests.make import accounts

ALL = list(routes())
STAFF = [(path, name, view) for path, name, view in ALL if path.startswith("o/<organization:slug>/")]
API = [(path, name, view) for path, name, view in ALL if path.startswith("api/v1/")]
PLACED = {*leaving.HELD, *leaving.HELD_AS_FILE, *leaving.SINGLE}
FILES = [(path, name, view) for path, name, view in ALL if name in PLACED]


def test_every_file_has_its_place_in_the_freeze() -> None:
    """What stands in neither list is refused by the doorway itself, so a new way out is missing here at once."""
    assert {name for _, name, _ in FILES} == PLACED
    assert len(PLACED) == len(leaving.HELD) + len(leaving.HELD_AS_FILE) + len(leaving.SINGLE)
    assert all(len(reason) > 15 for reason in leaving.SINGLE.values())


def test_while_exports_are_frozen_no_file_of_many_persons_leaves(
    ours: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, key, payer = ours.people["owner"], ours.keys["all"], ours.people["customer"]
    with undone():
        with scope(Scope(ours.id)):
            who = accounts.actor(User.objects.get(pk=owner.id))
            exports.turn(frozen=True, reason="Somebody takes too much", actor=who, at=clock.now())
        passed = 0
        for path, name, _ in FILES:
            if not path.startswith(("o/<", "p/<", "api/")):
                continue  # links whose key is in the address, and the operator's own pages
            by = key if path.startswith("api/") else payer if path.startswith("p/") else owner
            seen = {event.pk for event in world.events_of(ours.id, actor_id=by.id)}
            with undone():
                url = address(path, ours)
                if name in leaving.HELD_AS_FILE:
                    assert call(by, "GET", url).status_code == 200, name
                    seen |= {event.pk for event in world.events_of(ours.id, actor_id=by.id)}
                    url += "?format=csv"
                response = call(by, "GET", url)
                new = [each for each in world.events_of(ours.id, actor_id=by.id) if each.pk not in seen]
                if name in leaving.SINGLE:
                    assert "exports_frozen" not in [each.reason for each in new], name
                    assert response.status_code not in (401, 403), name
                    passed += "Content-Disposition" in response.headers
                    continue
                said = html.unescape(response.content.decode())
                assert response.status_code == 409, f"{name}: {response.status_code}"
                assert "Exports are frozen since" in said, name
                assert ("by Ada Lovelace" in said) is (by is owner), name
                # Nothing was read for it, and the attempt stands in the trail.
                assert [(each.event, each.reason) for each in new] == [
                    ("access.refused", "exports_frozen")
                ], name
                if name == "privacy:request_file":
                    with scope(Scope(ours.id)):
                        row = PrivacyRequest.objects.get(
                            pk=ids.decode("privacy_request", ours.records["privacy_request"])
                        )
                    assert f"must have it by {row.due_on:%-d %B %Y} at the latest" in said
        assert passed > 5
    url = address("o/<organization:slug>/invoices/<str:pk>/pdf", ours)
    monkeypatch.delitem(leaving.SINGLE, "billing:invoice_pdf")
    with undone():
        assert call(owner, "GET", url).status_code == 403
        (event,) = world.events_of(ours.id, actor_id=owner.id, event="access.refused")
        assert event.reason == "file_undeclared"


LISTED = [(path, name) for path, name, view in API if getattr(getattr(view, "cls", None), "listed", "")]
HELD = (409, [("access.refused", "exports_frozen")])


@pytest.fixture
def frozen(ours: Organization) -> Iterator[Organization]:
    with undone():
        with scope(Scope(ours.id)):
            who = accounts.actor(User.objects.get(pk=ours.people["owner"].id))
            exports.turn(frozen=True, reason="Somebody takes too much", actor=who, at=clock.now())
        yield ours


def asked(ours: Organization, by: Someone, url: str) -> tuple[int, list[tuple[str, str]]]:
    """What is answered, and what that leaves in the trail."""
    seen = {event.pk for event in world.events_of(ours.id, actor_id=by.id)}
    status = call(by, "GET", url).status_code
    new = [each for each in world.events_of(ours.id, actor_id=by.id) if each.pk not in seen]
    return status, [(each.event, each.reason) for each in new]


def test_while_exports_are_frozen_lists_of_the_api_end_with_their_first_page(frozen: Organization) -> None:
    """Each list says of itself that it is one, and those that go on have a reason."""
    key = frozen.keys["all"]
    assert {name for name in leaving.LISTS if name.startswith("api:")} < {name for _, name in LISTED}
    assert all(len(reason) > 15 for reason in (leaving.LISTS | leaving.LIST_ROOMS).values())
    for path, name in LISTED:
        url = address(path, frozen)
        for more in (
            "?cursor=AAAA",
            f"?limit={leaving.FIRST_PAGE + 1}",
            f"?limit=0000{leaving.FIRST_PAGE + 1}",
        ):
            answered = asked(frozen, key, url + more)
            if name in leaving.LISTS:
                assert answered[0] in (200, 422) and "exports_frozen" not in str(answered[1]), name
            else:
                assert answered == HELD, (name, answered)


def test_while_exports_are_frozen_programs_run_out_of_first_pages(frozen: Organization) -> None:
    """Other filters are other first pages; single records go on."""
    key, url = frozen.keys["all"], address("api/v1/customers", frozen)
    answers = [asked(frozen, key, f"{url}?limit={n + 1}") for n in range(leaving.FIRST_PAGES.size + 1)]
    assert [status for status, _ in answers] == [200] * leaving.FIRST_PAGES.size + [409]
    assert answers[-1] == HELD
    assert asked(frozen, key, address("api/v1/customers/<str:pk>", frozen))[0] == 200
    assert asked(frozen, key, url)[0] == 200


@pytest.mark.parametrize("room", sorted({name.partition(":")[0] for _, name, _ in STAFF}))
def test_while_exports_are_frozen_no_page_has_a_next_one(room: str, frozen: Organization) -> None:
    """Whether it is a list or not: each is asked for its next page."""
    owner = frozen.people["owner"]
    for path, name, view in STAFF:
        if name.partition(":")[0] != room or "GET" not in (rules_of(view) or {}) or name in PLACED:
            continue
        answered = asked(frozen, owner, address(path, frozen) + "?cursor=aaaa")
        if room in leaving.LIST_ROOMS:
            assert ("access.refused", "exports_frozen") not in answered[1], name
        elif answered[0] not in (403, 302):  # by the gate, before anybody looks at what is held
            assert answered == HELD, (name, answered)


def test_what_is_not_frozen_has_a_next_page(ours: Organization) -> None:
    with undone():
        key = ours.keys["all"]
        assert asked(ours, key, address("api/v1/customers", ours) + "?limit=100")[0] == 200
