"""A billing manager sells something regularly: product, price, subscription, change with its numbers, pause, end."""

from datetime import date, timedelta

import pytest

from billing.catalog.models import Price, Product
from billing.subscriptions.models import PendingCharge, Subscription
from core import clock, ids
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import installation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk():
    return world.organization("a", [world.RoleCode.OWNER, world.RoleCode.BILLING_MANAGER])


def inside():
    return scope(Scope(installation.tenant("a")))


def test_from_a_product_to_the_end_of_its_subscription(desk):
    page = desk.people["billing_manager"].client
    here = "/o/a"
    today: date = clock.now().date()
    made = page.post(f"{here}/products/new", {"code": "care", "name": "Care plan", "kind": "service"})
    assert made.status_code == 302, made.content
    price_page = made["Location"]
    wrong = page.post(price_page, {"code": "monthly", "currency": "EUR"})
    assert wrong.status_code == 422
    terms = {
        "code": "monthly",
        "currency": "EUR",
        "interval": "month",
        "interval_count": "1",
        "model": "graduated",
        "tiers": "10; 5.00; 0\n; 4.00; 0",
        "tax_behavior": "exclusive",
        "valid_from": "2020-01-01",
    }
    assert page.post(price_page, terms).status_code == 302
    with inside():
        product, price = Product.objects.get(code="care"), Price.objects.get(code="monthly")
        assert (price.steps, price.model) == (2, "graduated")
    shown = page.get(f"{here}/products/{ids.encode('product', product.pk)}").content.decode()
    assert "€5.00 each, 2 tiers every month" in shown
    customer = desk.records["other_customer"]
    choose = page.get(f"{here}/subscriptions/new").content.decode()
    assert f"?customer={customer}" in choose
    start = {
        "customer": customer,
        "price": ids.encode("price", price.pk),
        "quantity": "12",
        "start_on": today.isoformat(),
        "timing": "advance",
    }
    begun = page.post(f"{here}/subscriptions/new?customer={customer}", start)
    assert begun.status_code == 302, begun.content
    one = begun["Location"]
    shown = page.get(one).content.decode()
    assert "Next invoice" in shown
    assert "58.00" in shown  # ten at 5.00 and two at 4.00
    with inside():
        row = Subscription.objects.latest("created_at")
        item = row.items.get()
    change = {
        "item": ids.encode("subscription_item", item.pk),
        "price": ids.encode("price", price.pk),
        "quantity": "20",
        "on": today.isoformat(),
    }
    review = page.post(f"{one}/change", change)
    assert review.status_code == 200
    words = review.content.decode()
    assert "Next invoice now" in words
    assert "58.00" in words
    assert "90.00" in words
    with inside():
        assert row.items.count() == 1, "a review writes nothing"
    assert page.post(f"{one}/change", {**change, "action": "confirm"}).status_code == 302
    with inside():
        assert row.items.filter(to_on__isnull=True).get().quantity == 20
    assert page.post(f"{one}/pause", {"on": today.isoformat()}).status_code == 302
    assert page.post(f"{one}/pause", {"on": today.isoformat()}).status_code == 422
    assert page.post(f"{one}/resume", {"on": today.isoformat()}).status_code == 302
    assert page.post(f"{one}/cancel", {"when": "period"}).status_code == 302
    assert page.post(f"{one}/keep").status_code == 302
    assert page.post(f"{one}/cancel", {"when": "day", "on": today.isoformat()}).status_code == 302
    with inside():
        row.refresh_from_db()
        assert (row.status, row.ends_on) == ("ended", today)
    pk = ids.encode("price", price.pk)
    later = (today + timedelta(days=40)).isoformat()
    replaced = page.post(
        f"{here}/prices/{pk}/supersede", {**terms, "tiers": "; 6.00; 0", "valid_from": later}
    )
    assert replaced.status_code == 302, replaced.content
    product_page = f"{here}/products/{ids.encode('product', product.pk)}"
    assert page.post(f"{product_page}/retire").status_code == 302
    assert page.post(f"{product_page}/restore").status_code == 302
    charged = page.post(
        f"{here}/customers/{customer}/charge",
        {"description": "Set-up", "quantity": "1", "unit_amount": "25.00", "due_on": today.isoformat()},
    )
    assert charged.status_code == 302
    with inside():
        charge = PendingCharge.objects.latest("created_at")
    assert page.post(f"{here}/charges/{ids.encode('charge', charge.pk)}/withdraw").status_code == 302
    clock_page = page.get(f"{here}/settings/test-clock").content.decode()
    assert "What moves" in clock_page
    assert page.post(f"{here}/settings/test-clock", {"to": today.isoformat()}).status_code == 422
