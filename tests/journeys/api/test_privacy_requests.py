"""Requests about personal data over the API: taken in, listed, read; answered by people alone."""

import pytest

from accounts.permissions import Permission
from audit.models import Event
from compliance.requests.models import PrivacyRequest
from core import ids
from tenancy.context import Scope, scope
from tests.make import billing
from tests.make.api import key_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_request_is_taken_in_and_read_and_never_by_another_organization() -> None:
    ours, theirs = key_of("a"), key_of("b")
    blind = key_of("a", frozenset({Permission.INVOICE_READ}))
    with scope(Scope(ours.tenant)):
        customer = ids.encode("customer", billing.customer("Ada").pk)
    made = ours.post("privacy_requests", {"kind": "erasure", "customer": customer, "words": "Forget me"})
    assert (made.status_code, made.json()["state"], made.json()["customer"]) == (201, "received", customer)
    pk = made.json()["id"]
    assert ours.get(f"privacy_requests/{pk}").json() == made.json()
    assert "Forget me" not in ours.get(f"privacy_requests/{pk}").content.decode()
    listed = ours.get("privacy_requests?kind=erasure&state=received").json()["data"]
    assert [one["id"] for one in listed] == [pk]
    assert ours.get("privacy_requests?kind=access").json()["data"] == []
    assert ours.get("privacy_requests?kind=nonsense").status_code in (400, 422)
    # Nobody is named: who asks must be told.
    unsaid = ours.post("privacy_requests", {"kind": "access"})
    assert (unsaid.status_code, unsaid.json()["errors"][0]["pointer"]) == (422, "/name")
    for body in ({"kind": "access", "name": "4111 1111 1111 1111"}, {"kind": "sale", "name": "x"}):
        assert ours.post("privacy_requests", body).status_code == 422
    assert theirs.get(f"privacy_requests/{pk}").status_code == 404
    assert theirs.get("privacy_requests").json()["data"] == []
    assert theirs.post("privacy_requests", {"kind": "access", "customer": customer}).status_code in (404, 422)
    for answer in (
        blind.get("privacy_requests"),
        blind.post("privacy_requests", {"kind": "access", "name": "x"}),
    ):
        assert answer.status_code == 403
    with scope(Scope(ours.tenant)):
        assert PrivacyRequest.objects.count() == 1
        assert Event.objects.filter(event="privacy_request.opened").count() == 1
    with scope(Scope(theirs.tenant)):
        assert not PrivacyRequest.objects.exists()
