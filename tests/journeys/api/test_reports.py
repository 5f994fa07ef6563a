"""Reports over the API: the figures of the pages, in minor units by currency, and statements of account."""

from datetime import timedelta

import pytest

from core import clock
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization, RoleCode
from tests.make import accounts, billing, recurring


@pytest.fixture
def ours(db: None) -> Organization:
    made = world.organization("a", [RoleCode.OWNER])
    with scope(Scope(made.id)):
        on = clock.now().date() - timedelta(days=70)
        seats = recurring.price(of=recurring.product("seats", "Seats"))
        recurring.subscription(seats, quantity="3", on=on)
        billing.finalized(
            currency="USD", issued_on=on, due_on=on + timedelta(days=5),
            lines=[billing.line("50", rate=billing.tax_rate("7", code="reduced"))],
        )  # fmt: skip
        reader = accounts.api_key(accounts.member("owner"), scopes=["report:read"])
    made.keys["reader"] = world.Someone(reader.key.pk, world.machine(reader.raw))
    return made


def get(ours: Organization, path: str, key: str = "reader", status: int = 200):
    answer = ours.keys[key].client.get(f"/api/v1/{path}")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_reports_agree_with_each_other(ours: Organization) -> None:
    aging = get(ours, "reports/aging")
    by_currency = {each["currency"]: each for each in aging["currencies"]}
    assert set(by_currency) == {"EUR", "USD"}
    for each in by_currency.values():
        assert each["total_minor"] == each["ledger_minor"] == sum(age["amount_minor"] for age in each["ages"])
    assert {age["age"]: age["amount_minor"] for age in by_currency["USD"]["ages"]}["61-90"] == 5350
    earned, taxed = get(ours, "reports/revenue")["rows"], get(ours, "reports/tax")["rows"]
    assert sum(row["amount_minor"] for row in earned) == sum(row["base_minor"] for row in taxed)
    assert [row["tax_minor"] for row in taxed if row["currency"] == "USD"] == [350]
    came = get(ours, "reports/cash")["rows"]
    assert {row["account"] for row in came} == {"bank", "gateway"}
    moved = get(ours, "reports/mrr")["rows"]
    assert 3000 <= moved[-1]["after_minor"] == moved[-1]["annual_minor"] // 12
    kinds = ("new_minor", "expansion_minor", "contraction_minor", "churn_minor")
    for row in moved:
        assert row["before_minor"] + sum(row[kind] for kind in kinds) == row["after_minor"]


def test_a_statement_and_what_it_refuses(ours: Organization) -> None:
    pk = ours.records["customer"]
    found = get(ours, f"customers/{pk}/statement")
    assert (
        found["opening_minor"] + sum(row["amount_minor"] for row in found["movements"])
        == found["closing_minor"]
    )
    assert {"invoice", "payment"} <= {row["kind"] for row in found["movements"]}
    for query, pointer in (
        ("since=2026-02-01&until=2026-01-01", "/until"), ("since=2000-01-01", "/until"), ("since=x", "/since"),
        ("since=1999-01-01", "/since"), ("at=2026-01-01", "/at"),
    ):  # fmt: skip
        refused = get(ours, f"customers/{pk}/statement?{query}", status=422)
        assert [error["pointer"] for error in refused["errors"]] == [pointer]
    assert "account_statement.read" in [event.event for event in world.events_of(ours.id)]
