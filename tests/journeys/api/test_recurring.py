"""Products, prices, subscriptions, usage and charges over the API, with what is refused and why."""

from datetime import date, timedelta

from billing.subscriptions import planning
from core import clock
from tenancy.context import Scope, scope
from tests.make import recurring
from tests.make.api import events_of


def sold(api, **values):
    """Add a product with a price."""
    code = values.pop("of", None) or f"team{len(api.get('products').json()['data'])}"
    product = api.post("products", {"code": code, "name": "Team plan"}).json()
    body = {
        "product": product["id"],
        "currency": "EUR",
        "unit_amount": "10.00",
        "interval": "month",
        "valid_from": "2020-01-01",
        **values,
    }
    made = api.post("prices", body)
    assert made.status_code == 201, made.json()
    return made.json()


def customer(api, currency="EUR"):
    """Add a customer."""
    return api.post("customers", {"name": "Ada Lovelace", "currency": currency}).json()["id"]


def test_a_product_is_added_described_anew_retired_and_taken_back(api):
    made = api.post("products", {"code": "team", "name": "Team plan", "kind": "digital"})
    assert made.status_code == 201, made.json()
    product = made.json()
    assert api.get(f"products/{product['id']}").json() == product
    assert (
        api.patch(f"products/{product['id']}", {"description": "For up to ten"}).json()["description"]
        == "For up to ten"
    )
    assert api.post(f"products/{product['id']}/retire").json()["state"] == "retired"
    twice = api.post(f"products/{product['id']}/retire")
    assert (twice.status_code, twice.json()["code"]) == (409, "product_retired")
    late = api.post("prices", {"product": product["id"], "currency": "EUR", "unit_amount": "1"})
    assert (late.status_code, late.json()["code"]) == (409, "product_retired")
    assert api.get("products?state=retired").json()["data"][0]["id"] == product["id"]
    assert api.post(f"products/{product['id']}/restore").json()["state"] == "active"
    again = api.post("products", {"code": "team", "name": "Other"})
    assert (again.status_code, again.json()["code"]) == (409, "product_exists")
    wrong = api.post("products", {"code": "Not a code", "name": "x", "tax_code": "nowhere"})
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/code", "/tax_code"]


def test_a_price_is_never_edited_but_superseded(api):
    price = sold(api, code="monthly")
    assert api.get(f"prices/{price['id']}").json() == price
    today = clock.now().date()
    later = (today + timedelta(days=30)).isoformat()
    made = api.post(f"prices/{price['id']}/supersede", {"unit_amount": "12.00", "valid_from": later})
    assert made.status_code == 201, made.json()
    successor = made.json()
    assert (successor["version"], successor["unit_amount"], successor["interval"]) == (2, "12", "month")
    old = api.get(f"prices/{price['id']}").json()
    assert (old["unit_amount"], old["valid_to"]) == ("10", later)
    assert api.post(f"prices/{price['id']}/supersede", {"unit_amount": "9"}).status_code == 409
    sold_now = api.get(f"prices?sold_on={today.isoformat()}").json()["data"]
    assert [row["id"] for row in sold_now] == [price["id"]]
    assert api.post(f"prices/{successor['id']}/retire", {"on": later}).json()["valid_to"] == later
    for code in ("price.created", "price.superseded", "price.retired"):
        assert events_of(api.tenant, code)


def test_tiers_that_cannot_be_reckoned_with_are_refused_field_by_field(api):
    product = api.post("products", {"code": "calls", "name": "Calls"}).json()["id"]
    body = {
        "product": product,
        "currency": "EUR",
        "model": "graduated",
        "interval": "month",
        "tiers": [{"up_to": "10", "unit_amount": "1"}, {"up_to": "5", "unit_amount": "-1"}],
    }
    refused = api.post("prices", body)
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == {
        "/tiers/1/unit_amount",
        "/tiers/1/up_to",
    }
    fine = {**body, "tiers": [{"up_to": "10", "unit_amount": "1", "flat_minor": 500}, {"unit_amount": "0.5"}]}
    assert api.post("prices", fine).json()["tiers"][1] == {
        "up_to": None,
        "unit_amount": "0.5",
        "flat_minor": 0,
    }


def test_a_subscription_from_start_to_end(api):
    price, ada = sold(api), customer(api)
    start = clock.now().date().replace(day=1)
    made = api.post(
        "subscriptions",
        {"customer": ada, "items": [{"price": price["id"], "quantity": "5"}], "start_on": start.isoformat()},
    )
    assert made.status_code == 201, made.json()
    row = made.json()
    assert (row["status"], row["next_invoice_on"]) == ("active", start.isoformat())
    assert api.get(f"subscriptions/{row['id']}").json() == row
    next_invoice = api.get(f"subscriptions/{row['id']}/upcoming").json()
    assert (next_invoice["total_minor"], next_invoice["lines"][0]["quantity"]) == (5000, "5")
    with scope(Scope(api.tenant)):
        planned = planning.due(start, None, 10)
        assert planning.claim([(None, one) for one in planned], at=clock.now()) == []
    item = row["items"][0]["id"]
    today = clock.now().date()
    body = {"changes": [{"item": item, "quantity": "8"}]}
    preview = api.post(f"subscriptions/{row['id']}/preview", body).json()
    assert preview["before"]["total_minor"] == 5000
    after = preview["after"]["lines"]
    assert len(after) == (3 if today > start else 2) or today == start
    assert api.get(f"subscriptions/{row['id']}").json()["items"][0]["quantity"] == "5", "nothing was written"
    changed = api.post(f"subscriptions/{row['id']}/change", body).json()
    assert (changed["items"][0]["quantity"], changed["items"][0]["replaces"]) == ("8", item)
    assert api.get(f"subscriptions/{row['id']}/upcoming").json()["lines"] == after
    paused = api.post(f"subscriptions/{row['id']}/pause").json()
    assert (paused["status"], paused["items"]) == ("paused", [])
    resumed = api.post(f"subscriptions/{row['id']}/resume").json()
    assert (resumed["status"], resumed["items"][0]["quantity"]) == ("active", "8")
    canceled = api.post(f"subscriptions/{row['id']}/cancel").json()
    assert (canceled["status"], canceled["cancel_at_period_end"]) == ("canceled", True)
    assert api.post(f"subscriptions/{row['id']}/keep").json()["status"] == "active"
    ended = api.post(f"subscriptions/{row['id']}/cancel", {"at_period_end": False}).json()
    assert (ended["status"], ended["ends_on"]) == ("ended", today.isoformat())
    late = api.post(f"subscriptions/{row['id']}/resume")
    assert (late.status_code, late.json()["code"]) == (409, "subscription_ended")
    assert [found["id"] for found in api.get("subscriptions?status=ended").json()["data"]] == [row["id"]]
    for code in ("started", "changed", "paused", "resumed", "canceled", "kept", "ended", "read", "listed"):
        assert events_of(api.tenant, f"subscription.{code}"), code


def test_what_was_paid_ahead_is_given_back_once(api):
    price, ada = sold(api, unit_amount="31.00"), customer(api)
    start = clock.now().date() - timedelta(days=1)
    body = {"customer": ada, "items": [{"price": price["id"]}], "start_on": start.isoformat()}
    row = api.post("subscriptions", body).json()["id"]
    early = api.post(f"subscriptions/{row}/give-back", Idempotency_Key="early")
    assert (early.status_code, early.json()["code"]) == (409, "nothing_unused")
    with scope(Scope(api.tenant)):
        recurring.bill(start)
    assert api.post(f"subscriptions/{row}/cancel", {"at_period_end": False}).status_code == 200
    with scope(Scope(api.tenant)):
        assert recurring.bill(clock.now().date()) == []
    keyless = api.post(f"subscriptions/{row}/give-back")
    assert (keyless.status_code, keyless.json()["code"]) == (428, "idempotency_key_missing")
    assert api.get("credit_notes").json()["data"] == []
    first = api.post(f"subscriptions/{row}/give-back", Idempotency_Key="once")
    assert first.status_code == 200, first.json()
    (note,) = api.get("credit_notes").json()["data"]
    assert 2700 <= note["total_minor"] <= 3000
    assert api.post(f"subscriptions/{row}/give-back", Idempotency_Key="once").json() == first.json()
    again = api.post(f"subscriptions/{row}/give-back", Idempotency_Key="twice")
    assert (again.status_code, again.json()["code"]) == (409, "nothing_unused")
    assert len(api.get("credit_notes").json()["data"]) == 1
    assert events_of(api.tenant, "subscription.gave_back")


def test_what_does_not_fit_a_subscription_is_refused_field_by_field(api):
    euros, ada = sold(api), customer(api)
    dollars, yearly, once = sold(api, currency="USD"), sold(api, interval="year"), sold(api, interval="none")
    flat = sold(api, model="flat", unit_amount="0", flat_minor=900)

    def errors(*items):
        given = [{"price": price["id"], "quantity": quantity} for price, quantity in items]
        answer = api.post("subscriptions", {"customer": ada, "items": given})
        assert answer.status_code == 422, answer.json()
        return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]

    assert errors((euros, "1"), (dollars, "1")) == [("/items/1/price", "other_currency")]
    assert errors((euros, "1"), (yearly, "1")) == [("/items/1/price", "other_interval")]
    assert errors((once, "1")) == [("/items/0/price", "not_recurring")]
    assert errors((euros, "-1")) == [("/items/0/quantity", "too_small")]
    assert errors((euros, "0")) == [("/items/0/quantity", "too_small")]
    dear = sold(api, unit_amount="1000.00")
    assert errors((dear, "999999999999")) == [("/items/0/quantity", "amount_too_large")]
    assert errors((flat, "2")) == [("/items/0/quantity", "not_allowed")]
    nothing = api.post("subscriptions", {"customer": ada, "items": []})
    assert [error["pointer"] for error in nothing.json()["errors"]] == ["/items"]
    unknown = api.post("subscriptions", {"customer": ada, "items": [{"price": "prc_x"}]})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def test_records_of_a_neighbour_do_not_exist(api, other):
    price, ada = sold(api), customer(api)
    theirs, grace = sold(other), customer(other)
    body = {"customer": ada, "items": [{"price": theirs["id"]}]}
    assert api.post("subscriptions", body).status_code == 404
    assert (
        api.post("subscriptions", {"customer": grace, "items": [{"price": price["id"]}]}).status_code == 404
    )
    row = api.post("subscriptions", {"customer": ada, "items": [{"price": price["id"]}]}).json()
    for name in ("pause", "resume", "cancel", "keep"):
        assert other.post(f"subscriptions/{row['id']}/{name}").status_code == 404
    change = {"changes": [{"item": row["items"][0]["id"], "price": theirs["id"]}]}
    assert api.post(f"subscriptions/{row['id']}/change", change).status_code == 404
    assert other.get(f"products/{price['product']}").status_code == 404
    assert other.get(f"prices/{price['id']}").status_code == 404
    event = {"key": "1", "subscription": row["id"], "meter": "requests"}
    told = other.post("usage_events", {"events": [event]}).json()["outcomes"]
    assert [one["code"] for one in told] == ["no_such_subscription"]


def test_usage_is_recorded_once_whatever_is_sent_again(api):
    meter = api.post("meters", {"code": "requests", "name": "Requests", "aggregation": "sum"}).json()
    assert api.get(f"meters/{meter['id']}").json() == meter
    assert [one["id"] for one in api.get("meters").json()["data"]] == [meter["id"]]
    price, ada = sold(api, meter=meter["id"], unit_amount="0.01"), customer(api)
    start = (clock.now().date() - timedelta(days=2)).isoformat()
    row = api.post(
        "subscriptions", {"customer": ada, "items": [{"price": price["id"]}], "start_on": start}
    ).json()
    at = (clock.now() - timedelta(minutes=1)).isoformat()

    def event(key, **values):
        return {"key": key, "subscription": row["id"], "meter": "requests", "at": at, **values}

    sent = [event(f"k{n}", quantity="3") for n in range(500)]
    first = api.post("usage_events", {"events": [*sent, *sent[:10], event("far", at="2099-01-01T00:00:00Z")]})
    counts = {name: first.json()[name] for name in ("recorded", "known", "refused")}
    assert counts == {"recorded": 500, "known": 10, "refused": 1}
    again = api.post("usage_events", {"events": sent}).json()
    assert (again["recorded"], again["known"]) == (0, 500)
    other_body = api.post("usage_events", {"events": [event("k1", quantity="9")]}).json()
    assert [one["code"] for one in other_body["outcomes"]] == ["key_reused"]
    many = api.post("usage_events", {"events": [event(f"m{n}") for n in range(1_001)]})
    assert (many.status_code, many.json()["errors"][0]["code"]) == (422, "too_many")
    huge = api.post("usage_events", {"events": [event("h", quantity="9999999999999")]})
    assert huge.json()["errors"][0]["pointer"] == "/events/0/quantity"
    listed = api.get(f"usage_events?subscription={row['id']}&limit=100").json()
    assert (len(listed["data"]), listed["has_more"]) == (100, True)
    assert api.get("usage_events").status_code == 422
    assert "'k17'" not in str(listed)  # the key itself: a cursor may well hold these three letters
    for code in ("meter.created", "meter.read", "usage.recorded", "usage.read"):
        assert events_of(api.tenant, code), code


def test_a_charge_waits_and_can_be_withdrawn_until_it_is_billed(api):
    ada = customer(api)
    made = api.post("charges", {"customer": ada, "description": "Set-up", "unit_amount": "25.00"})
    assert made.status_code == 201, made.json()
    charge = made.json()
    assert (charge["state"], charge["currency"]) == ("pending", "EUR")
    assert api.get(f"charges/{charge['id']}").json() == charge
    assert api.post(f"charges/{charge['id']}/withdraw").json()["state"] == "withdrawn"
    assert api.post(f"charges/{charge['id']}/withdraw").status_code == 409
    once = sold(api, interval="none", unit_amount="7.50")
    priced = api.post("charges", {"customer": ada, "price": once["id"], "quantity": "2"}).json()
    with scope(Scope(api.tenant)):
        (planned,) = planning.due(clock.now().date(), None, 10)
        assert [(line.description, line.quantity) for line in planned.lines] == [("Team plan", 2)]
        assert planning.claim([(None, planned)], at=clock.now()) == []
    assert api.get("charges?state=billed").json()["data"][0]["id"] == priced["id"]
    assert api.post(f"charges/{priced['id']}/withdraw").json()["code"] == "charge_billed"
    wrong = api.post("charges", {"customer": ada, "unit_amount": "-5", "quantity": "-1"})
    assert {error["pointer"] for error in wrong.json()["errors"]} == {
        "/description",
        "/quantity",
        "/unit_amount",
    }
    for code in ("charge.added", "charge.withdrawn", "charge.read"):
        assert events_of(api.tenant, code), code


def test_the_builders_of_tests_agree_with_the_api(api):
    """A price that is made by a service is what the API shows."""
    with scope(Scope(api.tenant)):
        row = recurring.price("3.50", tiers=(), valid_from=date(2026, 1, 1))
    shown = api.get("prices").json()["data"]
    assert [(one["unit_amount"], one["valid_from"]) for one in shown] == [("3.5", "2026-01-01")]
    assert row.version == 1
