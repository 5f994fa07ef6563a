"""Opening one customer to a colleague whose role opens none, from the page to what they see and cannot see."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import Membership
from audit.models import Event
from billing.customers.models import CustomerGrant
from core import clock, ids
from tenancy.context import Scope, scope
from tests.make import accounts
from tests.make import billing as make


class Office:
    """An owner, a developer, and two customers with an invoice each."""

    def __init__(self, tenant: Any) -> None:
        self.tenant = tenant
        with scope(Scope(tenant)):
            self.owner, self.developer = accounts.member("owner"), accounts.member("developer")
            self.customers = [make.customer(name) for name in ("Ada Opened", "Ben Shut")]
            self.invoices = [make.finalized(of=customer) for customer in self.customers]

    def path(self, index: int, rest: str = "") -> str:
        return f"/o/a/customers/{ids.encode('customer', self.customers[index].pk)}{rest}"

    def client(self, member: Membership, *, at: datetime | None = None) -> Client:
        with scope(Scope(self.tenant)):
            opened = accounts.session(member.user, at=at)
        client = Client()
        client.cookies[settings.SESSION_COOKIE_NAME] = opened.raw_key
        return client

    def events(self, code: str) -> list[Event]:
        with scope(Scope(self.tenant)):
            return list(Event.objects.filter(event=code).order_by("at", "id"))

    def grants(self) -> int:
        with scope(Scope(self.tenant)):
            return CustomerGrant.objects.count()


@pytest.fixture
def office(db: None, tenant_a: Any) -> Office:
    return Office(tenant_a)


def given(office: Office, **changes: str) -> dict[str, str]:
    until = clock.now().date() + timedelta(days=30)
    return {"member": ids.encode("member", office.developer.pk), "until": str(until), **changes}


def test_a_colleague_sees_the_one_customer_until_it_is_closed(office: Office) -> None:
    owner, developer = office.client(office.owner), office.client(office.developer)
    assert developer.get(office.path(0)).status_code == 403
    assert owner.post(office.path(0, "/grants"), given(office)).status_code == 302
    page = owner.get(office.path(0, "/grants")).content.decode()
    assert "until" in page
    assert 'End<span class="unseen"> what is open to Ada Lovelace' in page

    assert developer.get("/o/a/").headers["Location"] == "/o/a/invoices"
    assert developer.get(office.path(0)).status_code == 200
    assert developer.get(office.path(1)).status_code == 404
    listed = developer.get("/o/a/customers").content.decode()
    assert ("Ada Opened" in listed, "Ben Shut" in listed) == (True, False)
    found = developer.get("/o/a/customers?q=Ben").content.decode()
    assert "Ben Shut" not in found
    invoices = developer.get("/o/a/invoices").content.decode()
    numbers = [invoice.number or "" for invoice in office.invoices]
    assert [number in invoices for number in numbers] == [True, False]
    assert developer.get(f"/o/a/invoices?q={numbers[1]}").content.decode().count("/o/a/invoices/inv_") == 0
    for index, status in ((0, 200), (1, 404)):
        invoice = ids.encode("invoice", office.invoices[index].pk)
        assert developer.get(f"/o/a/invoices/{invoice}").status_code == status
        assert developer.get(f"/o/a/invoices/{invoice}/timeline").status_code == 403
    assert developer.get(office.path(0, "/access")).status_code == 403
    assert developer.get(office.path(0, "/edit")).status_code == 403
    assert [
        event.facts for event in office.events("customer.read") if event.actor_id == office.developer.user_id
    ] == [{"by_grant": True}]
    refused = [event.facts["status"] for event in office.events("access.refused")]
    assert sorted(refused) == [403, 403, 403, 403, 403, 404, 404]

    ended = owner.post(office.path(0, "/grants/end"), {"member": given(office)["member"]})
    assert ended.status_code == 302
    assert developer.get(office.path(0)).status_code == 403
    assert developer.get("/o/a/customers").status_code == 403
    assert [event.subject_id for event in office.events("grant.ended")] == [office.customers[0].pk]


def test_what_must_not_be_given_is_refused_beside_its_field(office: Office) -> None:
    owner = office.client(office.owner)
    late = str(clock.now().date() + timedelta(days=400))
    own = ids.encode("member", office.owner.pk)
    for changes, sentence in (
        ({"until": late}, "Access ends by itself: choose a day"),
        ({"until": "2020-01-01"}, "Access ends by itself: choose a day"),
        ({"member": own}, "Choose an answer that is offered"),
        ({"member": ""}, "Choose one answer"),
    ):
        response = owner.post(office.path(0, "/grants"), given(office, **changes))
        assert response.status_code == 422
        assert sentence in response.content.decode()
    assert owner.post(office.path(0, "/grants/end"), {"member": own}).status_code == 422
    assert office.grants() == 0
    assert office.events("grant.given") == []


def test_giving_asks_for_a_fresh_factor(office: Office) -> None:
    stale = office.client(office.owner, at=clock.now() - timedelta(minutes=10))
    for response in (
        stale.get(office.path(0, "/grants")),
        stale.post(office.path(0, "/grants"), given(office)),
        stale.post(office.path(0, "/grants/end"), {"member": "x"}),
    ):
        assert response.headers["Location"].startswith("/step-up?")
    assert office.grants() == 0


def test_a_grant_opens_nothing_to_somebody_else(office: Office) -> None:
    office.client(office.owner).post(office.path(0, "/grants"), given(office))
    with scope(Scope(office.tenant)):
        other = accounts.member("developer")
    assert office.client(other).get(office.path(0)).status_code == 403
    assert office.grants() == 1
