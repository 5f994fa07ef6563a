"""The doors whose key is in the address: what a forged link, a forged request and a borrowed host get there."""

from uuid import UUID

import pytest
from django.conf import settings
from django.test import Client

from audit.models import Event
from core import clock, ids
from edge import throttle
from payments.models import Attempt, PageAsk, PayLink, Payment
from payments.services import links
from tenancy.context import Scope, scope
from tests.make import billing, paying

pytestmark = pytest.mark.django_db
UNLOGGED = ("", "/result", "/state", "/invoice.pdf")


def browser(**more: object) -> Client:
    return Client(raise_request_exception=False, **more)


@pytest.fixture
def bill(tenant_a: UUID, gateway) -> paying.Bill:
    paying.organization(tenant_a)
    paying.connected(tenant_a, gateway.key)
    return paying.bill(tenant_a)


def attempts(tenant: UUID) -> int:
    with scope(Scope(tenant)):
        return Attempt.objects.count()


def test_a_link_that_names_another_organization_opens_nothing_there(tenant_a, tenant_b, bill):
    forged = ids.base32(tenant_b) + bill.token[26:]
    for path in UNLOGGED:
        assert browser().get(f"/pay/{forged}{path}").status_code == 404, path
    assert browser().post(f"/pay/{forged}").status_code == 404
    assert (attempts(tenant_a), attempts(tenant_b)) == (0, 0)


def test_a_stranger_fills_nobodys_trail(tenant_b, bill, monkeypatch):
    monkeypatch.setattr(throttle, "API_STRANGER", throttle.Limit(size=3, per_second=0.001))
    # A network of its own: what another run has counted is not its.
    drawn = ids.uuid7().hex
    network = f"2001:db8:{drawn[-8:-4]}:{drawn[-4:]}::1"
    forged = [f"/pay/{ids.base32(tenant_b)}{number:032d}" for number in range(4)]
    forged += ["/recover/" + "0" * 32, "/o/b/invoices"]
    stranger = browser(REMOTE_ADDR=network)
    stranger.cookies[settings.SESSION_COOKIE_NAME] = "made-up"
    answers = [stranger.get(path) for path in forged]
    assert [each.status_code for each in answers] == [404, 404, 404, 429, 429, 429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    with scope(Scope(tenant_b)):
        assert Event.objects.filter(result__in=["refused", "failed"]).count() == 3
    # Who has a link of their own is let in as ever, from the same network too.
    assert browser(REMOTE_ADDR=network).get(bill.path).status_code == 200


def test_what_a_payer_adds_to_the_form_changes_neither_invoice_nor_amount(tenant_a, bill):
    with scope(Scope(tenant_a)):
        other = billing.finalized(of=billing.customer(email="b@other.example"))
    lies = {
        "invoice": ids.encode("invoice", other.pk), "amount": "1", "amount_minor": "1", "currency": "JPY",
        "customer": ids.encode("customer", other.customer_id), "return_url": "https://evil.example",
        "next": "https://evil.example",
    }  # fmt: skip
    sent_on = browser().post(f"{bill.path}?next=https://evil.example&return_url=https://evil.example", lies)
    assert sent_on.status_code == 303
    assert "evil" not in sent_on.headers["Location"]
    with scope(Scope(tenant_a)):
        payment = Payment.objects.get()
        assert (payment.amount_minor, payment.currency, payment.customer_id) == (10_000, "EUR", bill.customer)
        assert [item.invoice_id for item in payment.items.all()] == [bill.invoice]
        assert "evil" not in str(PageAsk.objects.get().ask)


def test_a_withdrawn_link_begins_nothing(tenant_a, bill):
    with scope(Scope(tenant_a)):
        links.revoke(invoice_id=bill.invoice, actor=paying.ACTOR, at=clock.now())
    assert browser().post(bill.path).status_code == 410
    for path in UNLOGGED:
        assert browser().get(bill.path + path).status_code == 410, path
    assert attempts(tenant_a) == 0


def test_a_form_of_another_site_begins_nothing(tenant_a, bill):
    assert browser(enforce_csrf_checks=True).post(bill.path).status_code == 419
    assert attempts(tenant_a) == 0


def test_a_borrowed_host_is_not_written_into_what_the_provider_is_told(tenant_a, bill):
    for name in ("HTTP_HOST", "HTTP_X_FORWARDED_HOST"):
        browser().post(bill.path, **{name: "evil.example"})
    with scope(Scope(tenant_a)):
        assert "evil" not in "".join(str(row.ask) for row in PageAsk.objects.all())
        assert PayLink.objects.count() == 1


def test_nothing_behind_a_link_is_kept_or_told_on(bill):
    for path in UNLOGGED:
        answer = browser().get(bill.path + path)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == "no-store", path
        assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), path
