"""Where nothing can be recorded, nothing happens: not a change, not a read, not even a refusal (ASVS 16.5.3)."""

from uuid import UUID

import pytest

from billing.customers.models import Customer
from tenancy.context import Scope, scope
from tests import databases
from tests.guarantees import world
from tests.make import accounts

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_audit_that_cannot_be_written_stops_everything(tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)):
        key = world.machine(accounts.api_key(accounts.member("owner")).raw)
    body = {"name": "Canary Bakery", "currency": "EUR"}
    assert key.get("/api/v1/customers").status_code == 200
    databases.as_owner("REVOKE INSERT ON audit_event FROM strongbox_app")
    columns = databases.as_owner(
        "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.column_privileges "
        "WHERE table_name = 'audit_event' AND grantee = 'strongbox_app' AND privilege_type = 'INSERT'"
    )[0][0]
    if columns:
        databases.as_owner(f"REVOKE INSERT ({columns}) ON audit_event FROM strongbox_app")
    changed = key.post("/api/v1/customers", body, content_type="application/json")
    read = key.get("/api/v1/customers")
    refused = key.get("/api/v1/customers/cus_00000000000000000000000000")
    assert [changed.status_code, read.status_code, refused.status_code] == [500, 500, 500]
    assert b"Canary" not in read.content
    assert changed.json()["code"] == "internal_error"
    with scope(Scope(tenant_a)):
        assert Customer.objects.count() == 0
