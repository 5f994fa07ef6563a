"""The periodic work walks over every organization: one that cannot be worked on keeps no other from its turn."""

import logging
from datetime import timedelta

import pytest

from audit.models import Event
from core import clock
from payments import tasks
from payments.models import HookReceipt, PayLink, PaymentMethod
from payments.services import links, methods
from tenancy.context import Scope, scope
from tests.databases import as_owner
from tests.guarantees import canaries
from tests.make import billing as bill
from tests.make import payments as make

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = timedelta(days=3 * 365)


@pytest.fixture
def both(tenant_a, tenant_b, gateway):
    """Return two organizations with the same to be done, the one first that is walked over first."""
    for tenant in (tenant_a, tenant_b):
        with scope(Scope(tenant)):
            at = clock.now()
            account = make.account(secret_key=gateway.key)
            invoice = bill.finalized()
            links.mint(invoice_id=invoice.pk, actor=make.ACTOR, at=at)
            PayLink.objects.update(expires_at=at - LONG_AGO)
            HookReceipt(
                account_id=account.pk, event_reference="evt_1", object_reference="cs_1", event_type="x",
                state="applied", next_try_at=at, created_at=at, received_at=at - LONG_AGO,
            ).save(force_insert=True)  # fmt: skip
            kept = methods.save(
                customer_id=invoice.customer_id, account_id=account.pk, method=make.method("pm_card_visa"),
                actor=make.ACTOR, at=at,
            )  # fmt: skip
            methods.remove(method_id=kept.pk, actor=make.ACTOR, at=at)
    walked = tasks._open_tenants()
    return sorted((tenant_a, tenant_b), key=walked.index)


def left(model, tenant):
    with scope(Scope(tenant)):
        return model.objects.count()


def refuse_deletions(table, tenant):
    """Have the database keep one organization's rows, as a record would that something still points to."""
    as_owner(
        """CREATE FUNCTION kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'kept' USING ERRCODE = 'foreign_key_violation'; END $$"""
    )
    as_owner(
        f"CREATE TRIGGER kept BEFORE DELETE ON {table} FOR EACH ROW WHEN (OLD.tenant_id = '{tenant}') "
        "EXECUTE FUNCTION kept()"
    )


@pytest.mark.parametrize(
    ("work", "model"),
    [(tasks.end_retention, PayLink), (tasks.tidy_hooks, HookReceipt)],
    ids=["links", "messages"],
)
def test_rows_that_cannot_be_removed_keep_no_other_organizations_rows(both, caplog, work, model):
    first, second = both
    refuse_deletions(model._meta.db_table, first)
    with caplog.at_level(logging.ERROR, logger="strongbox.payments"):
        assert work() == 1
    assert (left(model, first), left(model, second)) == (1, 0)
    assert "1 of 3 organizations had no full turn" in caplog.text


def test_a_key_nobody_can_read_keeps_no_provider_from_forgetting(both, caplog):
    spoil("payments_gatewayaccount", "secret_key", both[0])
    with caplog.at_level(logging.ERROR, logger="strongbox.payments"):
        assert tasks.forget_removed_methods() == 1
    assert "1 of 3 organizations had no full turn" in caplog.text
    assert left(PaymentMethod, both[0]) == left(PaymentMethod, both[1]) == 1


def test_a_value_nobody_can_read_keeps_no_other_organization_from_being_looked_through(both, caplog):
    first, second = both
    with scope(Scope(second)):
        customer = bill.customer()
        customer.notes = canaries.card_number()
        customer.save(update_fields=["notes"])
    spoil("billing_customer", "name", first)
    with caplog.at_level(logging.ERROR, logger="strongbox.payments"):
        assert tasks.scan_all_cards() == 1
    assert "1 of 3 organizations had no full turn" in caplog.text
    with scope(Scope(second)):
        assert Event.objects.filter(event="cards.scanned").count() == 1


def spoil(table, column, tenant):
    """Turn one bit of an envelope over, past everything that the application could do."""
    as_owner(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    as_owner(
        f"UPDATE {table} SET {column} = set_byte({column}, octet_length({column}) - 1, "
        f"get_byte({column}, octet_length({column}) - 1) # 1) WHERE tenant_id = %s",
        [tenant],
    )
    as_owner(f"ALTER TABLE {table} ENABLE TRIGGER USER")
