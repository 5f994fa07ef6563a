"""An organization says who bills: once it has, its invoices name it; without the right, nothing changes."""

import pytest

from billing.issuer import queries
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization

FORM = {
    "name": "Alder Clinic BV",
    "line1": "Keizersgracht 1",
    "postal_code": "1015 CJ",
    "city": "Amsterdam",
    "country": "NL",
    "tax_id": "NL001234567B01",
    "currency": "EUR",
    "payment_days": "30",
    "time_zone": "Europe/Amsterdam",
    "rounded_currencies": ["CHF"],
}


@pytest.fixture
def ours(db: None) -> Organization:
    return world.organization("a", [world.RoleCode.OWNER, world.RoleCode.BILLING_CLERK])


def test_the_owner_says_who_bills(ours: Organization) -> None:
    answered = ours.people["owner"].client.post("/o/a/settings/organization", FORM)
    assert (answered.status_code, answered.headers["Location"]) == (302, "/o/a/settings/organization")
    with scope(Scope(ours.id)):
        found = queries.get()
    assert found is not None
    assert (found.name, found.address["city"], found.tax_id) == (
        "Alder Clinic BV",
        "Amsterdam",
        "NL001234567B01",
    )
    assert (found.payment_days, found.time_zone) == (30, "Europe/Amsterdam")
    changed = world.events_of(ours.id, event="issuer.updated", actor_id=ours.people["owner"].id)
    assert [event.result for event in changed] == ["success", "success"]
    with scope(Scope(ours.id)):
        assert queries.rounded_currencies() == ["CHF"]
    page = ours.people["owner"].client.get("/o/a/settings/organization").content.decode()
    assert "Keizersgracht 1" in page


def test_a_field_that_cannot_be_used_is_named_and_nothing_changes(ours: Organization) -> None:
    with scope(Scope(ours.id)):
        before = queries.get()
    card = {**FORM, "name": "4242 4242 4242 4242", "payment_days": "9999"}
    answered = ours.people["owner"].client.post("/o/a/settings/organization", card)
    assert answered.status_code == 422
    assert "4242 4242" not in answered.content.decode()
    with scope(Scope(ours.id)):
        assert queries.get() == before


def test_a_clerk_may_not(ours: Organization) -> None:
    with scope(Scope(ours.id)):
        before = queries.get()
    clerk = ours.people["billing_clerk"]
    assert clerk.client.post("/o/a/settings/organization", FORM).status_code == 403
    with scope(Scope(ours.id)):
        assert queries.get() == before
    refused = world.events_of(ours.id, event="access.refused", actor_id=clerk.id)
    assert [event.reason for event in refused] == ["missing_permission"]
