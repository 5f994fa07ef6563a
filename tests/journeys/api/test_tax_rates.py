"""Tax rates over the API."""

from tests.make.api import events_of


def test_a_rate_is_added_listed_and_read(api):
    made = api.post("tax_rates", {"code": "at-10", "name": "USt 10 %", "percentage": "10.00"})
    assert made.status_code == 201
    rate = made.json()
    assert (rate["code"], rate["category"], rate["percentage"], rate["valid_to"]) == (
        "at-10",
        "S",
        "10",
        None,
    )
    assert api.get(f"tax_rates/{rate['id']}").json() == rate
    unnamed = api.post("tax_rates", {"name": "Export", "percentage": "0", "category": "G"}).json()
    assert [row["id"] for row in api.get("tax_rates").json()["data"]] == [unnamed["id"], rate["id"]]
    assert [row["id"] for row in api.get("tax_rates?code=at-10").json()["data"]] == [rate["id"]]
    assert len(events_of(api.tenant, "tax_rate.created")) == 2
    assert len(events_of(api.tenant, "tax_rate.read")) == 3


def test_a_rate_that_no_document_may_carry_is_refused(api):
    twice = {"code": "at-20", "name": "USt 20 %", "percentage": "20"}
    assert api.post("tax_rates", twice).status_code == 201
    taken = api.post("tax_rates", twice)
    assert (taken.status_code, taken.json()["code"]) == (409, "tax_rate_exists")
    exempt = api.post("tax_rates", {"name": "Befreit", "percentage": "5", "category": "E"})
    assert (exempt.status_code, exempt.json()["code"]) == (422, "percentage_not_allowed")
    assert len(api.get("tax_rates").json()["data"]) == 1
