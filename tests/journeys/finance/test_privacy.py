"""People's own data over the pages: asked for in the portal, answered by staff, fetched by whoever asked."""

import io
import re
import zipfile
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from audit.models import Event
from billing.customers.models import Customer
from billing.exports import services as exports
from compliance.breaches.models import Breach
from compliance.personaldata.models import ErasureEntry
from compliance.requests import making
from compliance.requests.models import PrivacyRequest
from compliance.retention.models import LegalHold
from core import clock, ids
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import accounts, api
from tests.make import billing as make

pytestmark = pytest.mark.django_db(transaction=True)


class House:
    """Two customers of one organization with their portals, and the owner."""

    def __init__(self, tenant: UUID) -> None:
        api.set_issuer(tenant)
        self.tenant = tenant
        with scope(Scope(tenant)):
            self.ada = make.customer("Augusta Byron", email="ada@ada.example")
            self.grace = make.customer("Grace Hopper", email="grace@grace.example")
            make.finalized(of=self.ada)
            self.owner = world.browser(accounts.session(accounts.member("owner").user).raw_key)
            self.adas, self.graces = (
                world.browser(accounts.session(accounts.portal_access(row.pk).user).raw_key)
                for row in (self.ada, self.grace)
            )

    def request(self) -> PrivacyRequest:
        with scope(Scope(self.tenant)):
            return PrivacyRequest.objects.order_by("-id")[0]

    def url(self, step: str = "") -> str:
        return f"/o/a/privacy/requests/{ids.encode('privacy_request', self.request().pk)}{step}"


@pytest.fixture
def house(tenant_a: UUID) -> House:
    return House(tenant_a)


def posted(client: Client, url: str, **values: Any) -> str:
    """Post a form and return where it leads; a page of errors fails."""
    response = client.post(url, values)
    assert response.status_code == 302, re.sub(r"<[^>]+>|\s+", " ", response.content.decode())[-1500:]
    return response.headers["Location"]


def test_a_copy_is_asked_for_in_the_portal_and_reaches_whoever_asked_alone(house: House) -> None:
    posted(house.adas, "/p/a/privacy/ask", kind="access", words="Everything, please")
    row = house.request()
    assert (row.state, row.identity, row.customer_id) == ("verified", "portal", house.ada.pk)
    own = f"/p/a/privacy/{ids.encode('privacy_request', row.pk)}/data.zip"
    posted(house.owner, house.url("/collect"))
    making.make(tenant_id=house.tenant, request_id=row.pk, actor=Actor.system("tests"), now=clock.now)
    # Nothing reaches the portal before staff has answered.
    assert house.adas.get(own).status_code == 404
    page = house.owner.get(house.url())
    assert b"Download" in page.content and b"Everything, please" in page.content
    staff_copy = b"".join(house.owner.get(house.url("/data.zip")).streaming_content)
    posted(house.owner, house.url("/answer"), answer="Here it is")
    response = house.adas.get(own)
    assert response.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(b"".join(response.streaming_content))) as book:
        assert b"Augusta Byron" in book.read("data/billing.Customer.json")
        assert b"Grace" not in b"".join(book.read(name) for name in book.namelist())
    assert staff_copy
    assert house.graces.get(own).status_code == 404
    assert b"A copy of my data" not in house.graces.get("/p/a/privacy").content
    assert house.graces.post(own.replace("data.zip", "withdraw")).status_code == 404
    assert b"Here it is" in house.adas.get("/p/a/privacy").content
    with scope(Scope(house.tenant)):
        assert Event.objects.filter(event="subject.exported", subject_id=house.ada.pk).exists()


def test_an_erasure_by_letter_is_established_reviewed_and_done(house: House) -> None:
    customer = ids.encode("customer", house.ada.pk)
    yesterday = (clock.now() - timedelta(days=1)).date().isoformat()
    found = house.owner.get("/o/a/privacy/requests/new?q=Augusta")
    assert customer in found.content.decode()
    posted(
        house.owner, "/o/a/privacy/requests/new", customer=customer, kind="erasure", received_on=yesterday,
        name="Augusta", email="ada@ada.example", words="Forget me",
    )  # fmt: skip
    refused = house.owner.post(house.url("/answer"), {"answer": "Done"})
    assert refused.status_code == 422 and b"Find out first who asks" in refused.content
    with scope(Scope(house.tenant)):
        assert Customer.objects.get(pk=house.ada.pk).erased_at is None
    posted(house.owner, house.url("/identity"), identity="called_back")
    posted(house.owner, house.url("/extend"), reason="We have to look through old papers")
    review = house.owner.get(house.url("/answer")).content.decode()
    assert "tax law" in review and "Erase Augusta Byron" in review
    early = house.owner.post(house.url("/answer"), {"answer": "You are erased"})
    assert early.status_code == 422 and b"words that were typed searched first" in early.content
    with scope(Scope(house.tenant)):
        charles = make.customer("Charles Babbage", notes="Knows Augusta Byron")
        make.finalized(of=charles, lines=[make.line(text="A table for Augusta Byron")])
    assert b"Search the words" in house.owner.get(house.url("")).content
    posted(house.owner, house.url("/search"))
    making.search(
        tenant_id=house.tenant, request_id=house.request().pk, actor=Actor.system("tests"), now=clock.now
    )
    assert b"Read and decide" in house.owner.get(house.url("")).content
    page = house.owner.get(house.url("/words")).content.decode()
    assert "Knows Augusta Byron" in page
    # A finalized document says which law keeps it, and until when; taking somebody out of it is not offered.
    assert (
        page.count("GDPR Article 17(3)(b); tax law")
        == len(re.findall("stays as it was issued until", page))
        > 0
    )
    assert page.count('value="redact"') < page.count('value="keep_law"')
    keys = re.findall(r'name="find" value="(\w+)"', page)
    undecided = house.owner.post(house.url("/words"), {"find": keys[0]})
    assert undecided.status_code == 422
    for key in keys:
        done = house.owner.post(house.url("/words"), {"find": key, "what": "redact"})
        if done.status_code == 422:
            assert b"The law keeps this record as it is" in done.content
            posted(house.owner, house.url("/words"), find=key, what="keep_law")
    posted(house.owner, house.url("/answer"), answer="You are erased")
    with scope(Scope(house.tenant)):
        assert ErasureEntry.objects.get().request_id == house.request().pk
        invoice = Event.objects.filter(event="invoice.finalized", subject_kind="invoice")[0].subject_id
    # Every page that showed them still opens, and none of them names them but the invoice.
    for path in (
        f"customers/{customer}", f"customers/{customer}/privacy", f"customers/{customer}/contacts", "customers",
        f"customers/{customer}/access", f"customers/{customer}/payments", "privacy/requests?view=answered",
        "invoices", "subscriptions",
    ):  # fmt: skip
        shown = house.owner.get(f"/o/a/{path}")
        assert shown.status_code == 200, path
        if path not in ("invoices",):
            assert b"ada@ada.example" not in shown.content and b"Byron" not in shown.content, path
    paper = house.owner.get(f"/o/a/invoices/{ids.encode('invoice', invoice)}")
    assert b"Augusta Byron" in paper.content
    # The portal is closed with them.
    assert house.adas.get("/p/a/privacy").status_code in (302, 404)


def test_holds_restrictions_and_breaches_over_the_pages(house: House) -> None:
    customer = ids.encode("customer", house.ada.pk)
    posted(house.owner, "/o/a/compliance/retention/hold", customer=customer, reason="A suit")
    again = house.owner.post("/o/a/compliance/retention/hold", {"customer": customer, "reason": "A suit"})
    assert again.status_code == 422
    with scope(Scope(house.tenant)):
        hold = LegalHold.objects.get()
    posted(
        house.owner, f"/o/a/compliance/retention/holds/{ids.encode('legal_hold', hold.pk)}", reason="Settled"
    )
    posted(house.owner, "/o/a/compliance/retention/run")
    posted(house.owner, f"/o/a/customers/{customer}/privacy/restrict", turn="restrict")
    assert b"kept and not used" in house.owner.get(f"/o/a/customers/{customer}/privacy").content
    posted(house.owner, f"/o/a/customers/{customer}/privacy/restrict", turn="lift")
    at_once = clock.now()
    at = at_once.strftime("%Y-%m-%dT%H:%M")
    breach = posted(
        house.owner, "/o/a/compliance/breaches/new", title="Lost laptop", kind="confidentiality",
        facts="Its disk was encrypted", aware_at=at,
    )  # fmt: skip
    assert house.owner.post(f"{breach}/close", {"text": "Over"}).status_code == 422
    posted(house.owner, f"{breach}/risk", risk="unlikely", text="Encrypted")
    posted(house.owner, f"{breach}/note", kind="action", text="Its key was revoked")
    posted(house.owner, f"{breach}/touched")
    listed = house.owner.get(f"{breach}/touched?format=csv").content.decode()
    assert "Augusta Byron" in listed and "Grace Hopper" in listed
    # Who keeps the register sees how many and who; a list of addresses leaves by who may take it, and not while frozen.
    with scope(Scope(house.tenant)):
        officer = world.browser(accounts.session(accounts.member("security_officer").user).raw_key)
    assert officer.get(f"{breach}/touched?format=csv").status_code == 403
    with scope(Scope(house.tenant)):
        exports.turn(frozen=True, reason="Looked at", actor=Actor.system("tests"), at=at_once)
    page = officer.get(f"{breach}/touched")
    assert (page.status_code, b"Augusta Byron" in page.content, b"format=csv" in page.content) == (
        200,
        True,
        False,
    )
    refused = [who.get(f"{breach}/touched?format=csv") for who in (officer, house.owner)]
    assert [each.status_code for each in refused] == [409, 409]
    assert not any(b"ada@ada.example" in each.content for each in refused)
    with scope(Scope(house.tenant)):
        taken = Event.objects.get(event="breach.list_taken")
        assert taken.facts == {"personal": True, "rows": 2}
        assert Event.objects.filter(event="access.refused", facts__status=403).count() == 1
    posted(house.owner, f"{breach}/close", text="Nothing is left to do")
    with scope(Scope(house.tenant)):
        row = Breach.objects.get()
        assert (row.state, row.customers_affected) == ("closed", 2)
    activities = house.owner.get("/o/a/compliance/processing?format=json").json()["activities"]
    assert "billing the customer and reaching them about it" in {each["purpose"] for each in activities}
