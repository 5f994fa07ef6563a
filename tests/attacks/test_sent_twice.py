"""A page that is sent twice, by a double click or by going back: money leaves once."""

import pytest

from core import ids
from payments.models import Refund
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import accounts as people
from tests.make import billing as bill
from tests.make import collecting as make

pytestmark = pytest.mark.django_db


def test_a_refund_page_that_is_sent_twice_gives_back_once(tenant_a):
    with scope(Scope(tenant_a)):
        payment = make.card_payment(bill.finalized())
        client = world.browser(people.session(people.member("owner").user).raw_key)
    path = f"/o/a/payments/{ids.encode('payment', payment.pk)}/refund"
    body = {"amount_minor": "40.00", "reason_code": "other", "reason": "Because"}
    page = client.post(path, {**body, "action": "review"}).content.decode()
    assert 'name="seen" value="0"' in page
    sent = {**body, "action": "refund", "seen": "0"}
    assert client.post(path, sent).status_code == 302
    again = client.post(path, sent)
    assert (again.status_code, "was given back meanwhile" in again.content.decode()) == (422, True)
    with scope(Scope(tenant_a)):
        assert [refund.amount_minor for refund in Refund.objects.all()] == [4_000]
        assert make.fresh(payment).refunding_minor == 4_000
