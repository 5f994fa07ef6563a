"""The marker in products, prices, subscriptions, usage and charges, each by its own operation."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from core import clock

_FAR = "2099-12-01"
_SOON = (clock.now().date() + timedelta(days=3)).isoformat()
# Codes and choices of ours, so that the bodies fit together; what people write is left to the marker.
FIXED: dict[tuple[str, str], Any] = {
    **{
        (body, name): value
        for body in ("NewPrice", "NextPrice")
        for name, value in {
            "model": "per_unit",
            "flat_minor": 0,
            "minimum_minor": 0,
            "tax_code": "",
            "valid_from": "2020-01-01" if body == "NewPrice" else "2099-12-31",
        }.items()
    },
    ("NewProduct", "code"): "canary-free",
    ("NewProduct", "tax_code"): "",
    ("ProductWords", "tax_code"): "",
    ("NewPrice", "code"): "canary-free",
    ("NewPrice", "interval"): "month",
    ("NewPrice", "interval_count"): 1,
    ("NewMeter", "code"): "canary-free",
    ("NewSubscription", "start_on"): _FAR,
    ("NewSubscription", "trial_until"): _FAR,
    ("NewSubscription", "anchor_on"): _FAR,
    ("SubscriptionChange", "on"): _FAR,
    ("FromDay", "on"): _FAR,
    ("Cancellation", "on"): "2099-12-15",
    ("NewUsageEvent", "meter"): "canary-free",
    ("NewUsageEvent", "at"): "2026-01-01T00:00:00Z",
    ("NewCharge", "tax_code"): "",
    ("ClockMove", "to"): _SOON,
}
# Where one of two is given, the other is not.
EITHER = {
    ("NewPrice", "package_size"),
    ("NewPrice", "tiers"),
    ("NewPrice", "meter"),
    ("NextPrice", "package_size"),
    ("NextPrice", "tiers"),
    ("NewCharge", "price"),
}


def over_the_api(send: Callable[..., str], answers: dict[str, bytes], records: dict[str, str]) -> None:
    """Sell something, to somebody, once and regularly."""
    records["product"] = send("products_create", "POST", "products")
    send("products_update", "PATCH", f"products/{records['product']}")
    records["meter"] = send("meters_create", "POST", "meters")
    records["price"] = send("prices_create", "POST", "prices")
    records["subscription"] = send("subscriptions_create", "POST", "subscriptions")
    subscription = f"subscriptions/{records['subscription']}"
    (item,) = json.loads(answers["subscriptions_create"])["items"]
    records["subscription_item"] = item["id"]
    send("subscriptions_preview", "POST", f"{subscription}/preview")
    send("subscriptions_change", "POST", f"{subscription}/change")
    send("subscriptions_pause", "POST", f"{subscription}/pause")
    send("subscriptions_resume", "POST", f"{subscription}/resume")
    records["charge"] = send("charges_create", "POST", "charges")
    send("usage_events_record", "POST", "usage_events")
    send("subscriptions_cancel", "POST", f"{subscription}/cancel")
    successor = send("prices_supersede", "POST", f"prices/{records['price']}/supersede")
    send("prices_retire", "POST", f"prices/{successor}/retire")
    send("test_clock_move", "POST", "test_clock")
    send("exchange_rates_create", "POST", "exchange_rates")
    send("billing_runs_create", "POST", "billing_runs")
