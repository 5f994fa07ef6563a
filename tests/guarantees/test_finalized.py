"""No business column of a finalized document changes: not by the app, not by the owner of the tables.

The columns are the models' own, so that one that is added tomorrow is tried as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, connection, models, transaction

from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from tenancy.context import Scope, scope
from tests import databases
from tests.make import billing as make

pytestmark = pytest.mark.django_db(transaction=True)
# How far it is paid, and when that was noted; a generated column follows from others.
SETTLEMENT = {
    "amount_paid_minor", "noted_minor", "credited_minor", "written_off_minor",
    "payment_status", "attempts_open", "attempts_processing", "disputes_open", "updated_at",
}  # fmt: skip
DOCUMENT = (Invoice, InvoiceLine, InvoiceTax)
REFUSED = {"23001"}  # restrict_violation, raised by the triggers alone


@dataclass(frozen=True)
class Final:
    """A finalized invoice of one line and one tax."""

    tenant: UUID
    invoice: UUID

    def sql(self, model: type[models.Model], change: str) -> str:
        own = "id" if model is Invoice else "invoice_id"
        return f"UPDATE {model._meta.db_table} SET {change} WHERE {own} = '{self.invoice}'"

    def rows(self) -> list[list[tuple[Any, ...]]]:
        return [databases.as_owner(f"SELECT * FROM {model._meta.db_table} ORDER BY id") for model in DOCUMENT]


def business_columns(model: type[models.Model]) -> list[str]:
    return [
        field.column
        for field in model._meta.concrete_fields
        if not field.generated and not (model is Invoice and field.column in SETTLEMENT)
    ]


def other_value(model: type[models.Model], column: str) -> str:
    """SQL for a value that differs from what the column holds, of its own type, and that nothing else refuses."""
    kind = databases.as_owner(
        "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
        [model._meta.db_table, column],
    )[0][0]
    quoted = f'"{column}"'
    last = f"length({quoted}) - 1"
    envelope = {Invoice: "buyer", InvoiceLine: "description", InvoiceTax: "NULL"}[model]
    return {
        "uuid": "uuidv7()",
        "jsonb": f"coalesce({quoted}, '[]') || '[1]'",
        "date": f"coalesce({quoted}, current_date) + 1",
        "timestamp with time zone": f"coalesce({quoted}, now()) + interval '1 day'",
        "character varying": f"CASE WHEN {quoted} = 'x' THEN 'y' ELSE 'x' END",
        "bytea": f"coalesce(set_byte({quoted}, {last}, (get_byte({quoted}, {last}) + 1) % 256), {envelope})",
    }.get(kind, f"coalesce({quoted}, 0) + 1")


CASES = [(model, column) for model in DOCUMENT for column in business_columns(model)]


@pytest.fixture
def final(tenant_a: UUID) -> Iterator[Final]:
    with scope(Scope(tenant_a)):
        made = make.finalized(lines=[make.line("100", rate=make.tax_rate())], note="Thank you")
    yield Final(tenant_a, made.pk)


def changes() -> Iterator[tuple[type[models.Model], str, str]]:
    for model, column in CASES:
        value = other_value(model, column)
        if not (model is InvoiceTax and column == "reason"):  # nothing to copy an envelope from
            yield model, column, f'"{column}" = {value}'
    yield InvoiceTax, "reason", "\"reason\" = decode('0101' || repeat('ab', 60), 'hex')"


def test_the_walk_sees_every_column() -> None:
    assert len(CASES) > 45
    assert {field.column for field in Invoice._meta.concrete_fields} >= SETTLEMENT
    assert {column for model, column in CASES if model is InvoiceTax} == {
        "id", "tenant_id", "invoice_id", "customer_id", "category", "percentage", "name", "base_minor", "tax_minor",
        "tax_exact", "reason_code", "reason",
    }  # fmt: skip


def test_the_app_cannot_change_one(final: Final) -> None:
    before, passed = final.rows(), []
    with scope(Scope(final.tenant)):
        for model, column, change in changes():
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(final.sql(model, change))
            except DatabaseError as refused:
                state = getattr(refused.__cause__, "sqlstate", "")
                # 42501: another organization's, or no right to the column at all
                if state not in REFUSED | {"42501"}:
                    passed.append((column, state, str(refused)))
            else:
                passed.append((column, "", "written"))
    assert passed == []
    assert final.rows() == before


def test_the_owner_of_the_tables_cannot_either(final: Final) -> None:
    before, passed = final.rows(), []
    for model, column, change in changes():
        try:
            databases.as_owner(final.sql(model, change))
        except psycopg.Error as refused:
            if refused.sqlstate not in REFUSED:
                passed.append((model.__name__, column, refused.sqlstate, str(refused)))
        else:
            passed.append((model.__name__, column, "", "written"))
    assert passed == []
    assert final.rows() == before


def test_it_is_the_triggers_that_refuse(final: Final) -> None:
    """The bite: with the triggers off, the owner writes most of the same statements."""
    written = set()
    with databases.connect_as("owner") as owner, owner.transaction(force_rollback=True):
        for model in DOCUMENT:
            owner.execute(f"ALTER TABLE {model._meta.db_table} DISABLE TRIGGER USER")
        for model, column, change in changes():
            try:
                with owner.transaction(force_rollback=True):
                    if owner.execute(final.sql(model, change)).rowcount == 1:
                        written.add((model.__name__, column))
            except psycopg.Error as refused:
                assert refused.sqlstate in ("23514", "23503", "23505"), (column, str(refused))
    assert {
        ("Invoice", "number"), ("Invoice", "due_on"), ("Invoice", "seller"), ("Invoice", "note"),
        ("Invoice", "content_digest"), ("InvoiceLine", "net_minor"), ("InvoiceLine", "description"),
        ("InvoiceLine", "quantity"), ("InvoiceTax", "tax_minor"), ("InvoiceTax", "percentage"),
    } <= written  # fmt: skip
