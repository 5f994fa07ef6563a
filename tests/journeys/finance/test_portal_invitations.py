"""Opening a customer's portal, as a clerk does it: with a fresh second factor, and never to a colleague."""

from datetime import timedelta

import pytest

from accounts.models import Invitation
from core import clock
from outbound.models import OutboxMessage
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization
from tests.make import accounts

EMAIL = "payer@customer.example"
ROLES = [world.RoleCode.OWNER, world.RoleCode.BILLING_CLERK]


@pytest.fixture
def ours(db: None) -> Organization:
    return world.organization("a", ROLES)


def page(ours: Organization) -> str:
    return f"/o/a/customers/{ours.records['customer']}/portal"


def invitations(ours: Organization) -> list[tuple[str, bool]]:
    """List the invitations to portals, oldest first: the address, and whether the link still works."""
    with scope(Scope(ours.id)):
        found = Invitation.objects.filter(customer_id__isnull=False).order_by("created_at", "id")
        return [(row.email, row.withdrawn_at is None) for row in found]


def stale(ours: Organization) -> world.Client:
    with scope(Scope(ours.id)):
        clerk = accounts.member("billing_clerk")
        return world.browser(accounts.session(clerk.user, at=clock.now() - timedelta(minutes=10)).raw_key)


def test_a_clerk_invites_and_sends_it_once_more(ours: Organization) -> None:
    clerk = ours.people["billing_clerk"].client
    assert "Send the invitation" in clerk.get(page(ours)).content.decode()
    for _ in range(2):
        assert clerk.post(page(ours), {"email": EMAIL}).status_code == 302
    assert invitations(ours) == [(EMAIL, False), (EMAIL, True)]
    with scope(Scope(ours.id)):
        assert OutboxMessage.objects.filter(template="portal_invitation").count() == 2


def test_inviting_asks_for_a_fresh_factor(ours: Organization) -> None:
    clerk = stale(ours)
    shown = clerk.get(page(ours))
    assert shown.status_code == 200
    assert "Send the invitation" not in shown.content.decode()
    assert f"/step-up?next={page(ours)}" in shown.content.decode()
    asked = clerk.post(page(ours), {"email": EMAIL})
    assert asked.headers["Location"].startswith("/step-up?")
    assert invitations(ours) == []
    [refused] = world.events_of(ours.id, event="access.refused")
    assert (refused.result, refused.reason) == ("refused", "step_up_required")


def test_sending_once_more_asks_for_it_again(ours: Organization) -> None:
    assert ours.people["billing_clerk"].client.post(page(ours), {"email": EMAIL}).status_code == 302
    assert stale(ours).post(page(ours), {"email": EMAIL}).headers["Location"].startswith("/step-up?")
    assert invitations(ours) == [(EMAIL, True)]


def test_a_colleagues_address_is_refused_beside_the_field(ours: Organization) -> None:
    with scope(Scope(ours.id)):
        colleague = accounts.member("auditor").user.email
    answer = ours.people["billing_clerk"].client.post(page(ours), {"email": colleague})
    assert answer.status_code == 422
    assert "This is the address of a member." in answer.content.decode()
    assert invitations(ours) == []
    [refused] = world.events_of(ours.id, event="member.invitation_refused")
    assert (refused.result, refused.reason) == ("refused", "members_have_no_portal")
