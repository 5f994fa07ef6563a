"""A pay link that was forwarded: whoever holds it may see and pay one invoice, and meets nothing a customer saved."""

from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import PortalAccess
from core import clock, ids
from payments.models import Attempt, GatewayAccount, GatewayCustomer, PageAsk, PaymentMethod
from payments.services import collect, janitor, mandates
from tenancy.context import Scope, scope
from tests.make import accounts, payer, paying
from tests.make import payments as make
from tests.shown import hidden

pytestmark = pytest.mark.django_db(transaction=True)
BACK = "http://localhost:8000/back"


class Payer:
    """A customer with a saved card, their portal, and somebody else who holds a link of theirs."""

    def __init__(self, tenant: UUID, key: str) -> None:
        self.tenant = tenant
        paying.organization(tenant)
        self.account = paying.connected(tenant, key)
        self.bill = paying.bill(tenant)
        self.portal = Client(raise_request_exception=False)
        with self.scope():
            access = accounts.portal_access(self.bill.customer)
            self.portal.cookies[settings.SESSION_COOKIE_NAME] = accounts.session(access.user).raw_key

    def scope(self):
        return scope(Scope(self.tenant))

    def keep_card(self) -> None:
        """Pay a part from the portal and keep the card."""
        with self.scope():
            attempt = collect.start(
                customer_id=self.bill.customer, items=[(self.bill.invoice, 1_000)], account_id=self.account,
                source="portal", save_method=True, actor=make.ACTOR, at=clock.now(),
            )  # fmt: skip
        url = collect.open_page(
            tenant_id=self.tenant, attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, at=clock.now()
        )
        payer.pay(url)
        collect.ask(tenant_id=self.tenant, attempt_id=attempt.pk, at=clock.now())
        with self.scope():
            assert PaymentMethod.objects.get().last4 == "4242"

    def by_link(self, **typed: str) -> str:
        """Press the button behind the link, and return where it leads."""
        return Client(raise_request_exception=False).post(self.bill.path, typed).headers["Location"]

    def by_portal(self, **typed: str) -> str:
        pk = ids.encode("invoice", self.bill.invoice)
        page = self.portal.get(f"/p/a/pay?invoice={pk}")
        left = hidden(page.content.decode(), f"left-{pk}")
        sent = {"invoice": pk, f"left-{pk}": left, "shown": left, pk: f"{int(left) / 100:.2f}", "way": "page"}
        answer = self.portal.post("/p/a/pay", {**sent, **typed})
        assert answer.status_code == 303, answer.content.decode()
        return answer.headers["Location"]

    def newest(self) -> Attempt:
        with self.scope():
            return Attempt.objects.order_by("-id")[0]

    def asked_for(self) -> str:
        """Return under whose name at the provider the newest page was asked for."""
        with self.scope():
            return str(PageAsk.objects.get(attempt=self.newest()).ask["customer"])


@pytest.fixture
def one(tenant_a, gateway) -> Payer:
    return Payer(tenant_a, gateway.key)


def test_the_page_behind_a_link_offers_nothing_that_was_saved(one):
    one.keep_card()
    page = Client().get(one.bill.path).content.decode()
    assert 'name="keep"' not in page
    url = one.by_link()
    assert "4242" not in payer.look(url).text
    assert one.asked_for() == ""
    # The customer, signed in, is offered it, on a page of their own.
    own = one.by_portal()
    assert own != url
    assert "4242" in payer.look(own).text


def test_asking_to_keep_another_card_does_not_open_the_customers_name_either(one):
    one.keep_card()
    with one.scope():
        agreed = mandates.keeping()
    url = one.by_link(keep="on", agreed=agreed)
    assert "4242" not in payer.look(url).text
    assert (one.asked_for(), one.newest().save_method) == ("", False)
    with one.scope():
        assert GatewayCustomer.objects.count() == 1


def test_an_open_page_of_the_portal_is_not_handed_to_whoever_comes_by_link(one):
    one.keep_card()
    own = one.by_portal()
    assert one.by_portal() == own
    other = one.by_link()
    assert other != own
    assert one.by_link() == other
    assert "4242" not in payer.look(other).text
    # Two pages, one charge: the older is closed as soon as there is a newer one.
    janitor.close_pages(tenant_id=one.tenant, actor=make.ACTOR, at=clock.now())
    payer.pay(other)
    collect.ask(tenant_id=one.tenant, attempt_id=one.newest().pk, at=clock.now())
    with one.scope():
        states = list(Attempt.objects.order_by("id").values_list("state", flat=True))
    assert states == ["succeeded", "canceled", "succeeded"]


def test_a_page_that_was_to_keep_the_first_card_is_closed_when_one_is_kept_otherwise(one):
    with one.scope():
        agreed = mandates.keeping()
    url = one.by_link(keep="on", agreed=agreed)
    linked = one.newest()
    assert linked.save_method
    other = paying.bill(one.tenant, of=one.bill.customer)
    one.bill, before = other, one.bill
    one.keep_card()
    one.bill = before
    janitor.close_pages(tenant_id=one.tenant, actor=make.ACTOR, at=clock.now())
    with one.scope():
        assert Attempt.objects.get(pk=linked.pk).state == "canceled"
        assert GatewayAccount.objects.count() == 1
        assert PortalAccess.objects.count() == 1
    with pytest.raises(payer.NotPaid):
        payer.pay(url)
