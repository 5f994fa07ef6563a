"""One subscription that cannot be billed stops neither its customer's others nor anybody else's."""

from datetime import UTC, date, datetime

import pytest
from django.db import connection

from billing.invoices.models import Invoice
from billing.ledger import queries as ledger
from billing.runs import queries, rules, services
from billing.runs.shapes import Shapes
from billing.subscriptions import services as subscriptions
from tenancy import context
from tests.databases import as_owner as owner
from tests.make import billing as make
from tests.make import recurring

pytestmark = pytest.mark.django_db(transaction=True)
ON = date(2026, 3, 1)
AT = datetime(2026, 3, 2, 12, tzinfo=UTC)


def spoil(table: str, change: str, where: str) -> None:
    """Write what no service lets through, past the triggers that keep it from being written."""
    for sql in ("DISABLE TRIGGER USER", "", "ENABLE TRIGGER USER"):
        owner(f"ALTER TABLE {table} {sql}" if sql else f"UPDATE {table} SET {change} WHERE {where}", [])


def run(tenant):
    with context.scope(context.Scope(tenant)):
        row = services.begin(on=ON, actor=make.ACTOR, at=AT)
    services.work(tenant_id=tenant, run_id=row.pk, actor=make.ACTOR, clock=lambda: AT)
    return row.pk


def test_what_cannot_be_billed_is_left_out_and_named_and_the_rest_is_billed(tenant_a, monkeypatch):
    with context.scope(context.Scope(tenant_a)):
        make.tax_rate("20")
        team = recurring.price("10.00", tax_code="standard")
        huge = recurring.price("900000000000", of=recurring.product("huge", "Huge plan"), tax_code="standard")
        ada, bob = make.customer("Ada"), make.customer("Bob")
        good = recurring.subscription(team, of=ada)
        # Beyond what can be booked by itself; and only with its tax.
        beyond = recurring.subscription(huge, of=ada)
        taxed = recurring.subscription(huge, of=ada, quantity="11")
        recurring.charge(ada, "25.00")
        unbookable = recurring.charge(ada, "900000000000")
        for _ in range(60):
            recurring.charge(ada, "1.00")
        recurring.subscription(team, of=bob)
    spoil("billing_subscriptionitem", "quantity = 1000", f"subscription_id = '{beyond.pk}'")
    spoil("billing_pendingcharge", "quantity = 100", f"id = '{unbookable.pk}'")
    with context.scope(context.Scope(tenant_a)):
        preview = queries.preview(on=ON, actor=make.ACTOR, at=AT)
        assert (preview.invoices, [one.code for one in preview.skipped]) == (2, ["amount_too_large"])
    looks: list[int] = []
    computed = Shapes.of

    def counted(self, planned, **values):
        looks.append(len(planned.subjects))
        return computed(self, planned, **values)

    monkeypatch.setattr(Shapes, "of", counted)
    found = run(tenant_a)
    # Three culprits among 65 are found by halves, in each of the two walks.
    assert len(looks) < 65
    with context.scope(context.Scope(tenant_a)):
        assert sorted(Invoice.objects.values_list("customer_id", "subtotal_minor")) == sorted(
            [(ada.pk, 9_500), (bob.pk, 1_000)]
        )
        row = queries.get(found)
        assert (row.state, row.invoices, row.customers_skipped) == ("done", 2, 1)
        named = {(skip.subject_kind, skip.subject_id, skip.code) for skip in queries.skips(found, limit=9)}
        assert named == {
            ("subscription", beyond.pk, "amount_too_large"),
            ("subscription", taxed.pk, "amount_too_large"),
            ("charge", unbookable.pk, "amount_too_large"),
        }
        assert {skip.way_out for skip in queries.skips(found, limit=9)} == {
            rules.way_out("amount_too_large", kind) for kind in ("subscription", "charge")
        }
        good.refresh_from_db()
        assert good.next_on == date(2026, 4, 1)
        # Mended, it is billed by the next run, and nothing else twice.
        subscriptions.withdraw_charge(charge_id=unbookable.pk, actor=make.ACTOR, at=AT)
    spoil("billing_subscriptionitem", "quantity = 1", f"subscription_id = '{taxed.pk}'")
    run(tenant_a)
    with context.scope(context.Scope(tenant_a)):
        assert Invoice.objects.filter(customer_id=ada.pk).count() == 2
        assert Invoice.objects.filter(customer_id=bob.pk).count() == 1
        assert ledger.check() == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM billing_billingrunskip")
            assert cursor.fetchone() == (4,)
