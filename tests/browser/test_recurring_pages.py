"""Every page of products and subscriptions: readable by all, in both themes, under the policy, narrow enough."""

from datetime import timedelta

from playwright.sync_api import Browser

from billing.subscriptions import services
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import billing as make
from tests.make import recurring


def pages(live: Live) -> list[str]:
    """Sell something of each kind, bill it, and name the pages that show it."""
    today = clock.now().date()
    begun = today - timedelta(days=40)
    with scope(Scope(live.tenant)):
        ada = make.customer("Mirjam Ostlund-Featherstonehaugh and Daughters")
        seats = recurring.price("29.00", of=recurring.product("care", "Care plan with everything in it"))
        tiers = [recurring.tier("10", "5.00", 100), recurring.tier(None, "4.00")]
        tiered = recurring.price("0", of=seats.product, code="tiered", model="graduated", tiers=tiers)
        counted = recurring.price("0.02", of=seats.product, code="calls", meter_id=recurring.meter().pk)
        row = recurring.subscription(seats, tiered, counted, of=ada, quantity="1", on=begun)
        recurring.used(row, recurring.moment(today - timedelta(days=1)), "1234")
        recurring.bill(today - timedelta(days=2))
        item = row.items.get(price=seats)
        recurring.change(row, today, item=item.pk, quantity="8")
        recurring.charge(
            ada, due_on=today + timedelta(days=9), text="Setting everything up at the customer's place"
        )
        left = recurring.subscription(seats, of=ada, on=begun)
        recurring.bill(begun)
        services.cancel(
            subscription_id=left.pk,
            actor=make.ACTOR,
            at=recurring.moment(begun + timedelta(days=1)),
            at_period_end=False,
        )
        recurring.bill(begun + timedelta(days=1))
        ended = ids.encode("subscription", left.pk)
        product, price = ids.encode("product", seats.product_id), ids.encode("price", seats.pk)
        subscription, customer = ids.encode("subscription", row.pk), ids.encode("customer", ada.pk)
    paths = [
        "products",
        "products?state=retired",
        "products/new",
        f"products/{product}",
        f"products/{product}/edit",
        f"products/{product}/retire",
        f"products/{product}/prices/new",
        f"prices/{price}/supersede",
        f"prices/{price}/retire",
        "meters/new",
        "subscriptions",
        "subscriptions?status=paused",
        "subscriptions/new",
        f"subscriptions/new?customer={customer}",
        f"subscriptions/{subscription}",
        f"subscriptions/{subscription}/change",
        f"subscriptions/{subscription}/pause",
        f"subscriptions/{subscription}/cancel",
        "subscriptions?status=unused",
        f"subscriptions/{ended}",
        f"subscriptions/{ended}/give-back",
        f"customers/{customer}/charge",
        "settings/test-clock",
    ]
    return [f"/o/{live.slug}/{path}" for path in paths]


def test_nothing_is_wrong_with_the_pages_of_products_and_subscriptions(browser: Browser, live: Live) -> None:
    who = live.person()
    assert judge(browser, live, pages(live), [live.cookie(who)]) == {}
