"""A document that arrives finished, as a billing run stores it, arrives whole: the database sees to it."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import IntegrityError, connection

from billing.customers.models import Customer
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from tenancy import context
from tests import databases
from tests.make import billing as make

pytestmark = pytest.mark.django_db(transaction=True)
FITS = "the parts of a finished invoice come to its totals"


def copy_of(model: Any, own: str, **changes: str) -> str:
    """SQL that copies the rows of one invoice, with other values in some columns."""
    columns = [field.column for field in model._meta.concrete_fields if not field.generated]
    listed = ", ".join(f'"{column}"' for column in columns)
    chosen = ", ".join(changes.get(column, f'"{column}"') for column in columns)
    return f"INSERT INTO {model._meta.db_table} ({listed}) SELECT {chosen} FROM {model._meta.db_table} WHERE {own}"


Changes = dict[str, str] | None


def arrive(source: UUID, line: Changes, tax: Changes, total: dict[str, str]) -> list[str]:
    """What stores a finished copy of an invoice, its parts first, changed as told; None leaves them out."""
    made, own = f"'{uuid4()}'", f"invoice_id = '{source}'"
    parts = [
        copy_of(model, own, id="uuidv7()", invoice_id=made, **changes)
        for model, changes in ((InvoiceLine, line), (InvoiceTax, tax))
        if changes is not None
    ]
    return [*parts, copy_of(Invoice, f"id = '{source}'", id=made, sequence="7", number="'INV-7'", **total)]


@pytest.fixture
def final(tenant_a: UUID) -> UUID:
    with context.scope(context.Scope(tenant_a)):
        make.customer("Somebody else")
        made = make.finalized(lines=[make.line("100", rate=make.tax_rate()), make.line("50")])
    return made.pk


OTHER = f"(SELECT id FROM {Customer._meta.db_table} c WHERE c.id <> customer_id LIMIT 1)"
WRONG = {
    "a line of another amount": ({"net_minor": "net_minor + 1"}, {}, {}),
    "a tax of another amount": ({}, {"tax_minor": "tax_minor - 1"}, {}),
    "a line of another customer": ({"customer_id": OTHER}, {}, {}),
    "a tax of another customer": ({}, {"customer_id": OTHER}, {}),
    "no line at all": (None, {}, {}),
    "no tax though there is one": ({}, None, {}),
    "another subtotal": ({}, {}, {"subtotal_minor": "subtotal_minor + 1", "total_minor": "total_minor + 1"}),
}  # fmt: skip


def test_one_that_fits_is_taken(tenant_a: UUID, final: UUID) -> None:
    with context.scope(context.Scope(tenant_a)), connection.cursor() as cursor:
        for sql in arrive(final, {}, {}, {}):
            cursor.execute(sql)
            assert cursor.rowcount > 0
    with context.scope(context.Scope(tenant_a)):
        assert Invoice.objects.filter(number="INV-7").count() == 1


@pytest.mark.parametrize("how", sorted(WRONG))
def test_one_that_does_not_fit_is_refused_and_would_be_taken_without_the_trigger(
    tenant_a: UUID, final: UUID, how: str
) -> None:
    written = arrive(final, *WRONG[how])
    with (
        pytest.raises(IntegrityError, match=FITS),
        context.scope(context.Scope(tenant_a)),
        connection.cursor() as cursor,
    ):
        for sql in written:
            cursor.execute(sql)
    with databases.connect_as("owner") as owner:
        owner.autocommit = False
        with pytest.raises(psycopg.errors.RestrictViolation, match=FITS):
            for sql in written:
                owner.execute(sql)
        owner.rollback()
        owner.execute("ALTER TABLE billing_invoice DISABLE TRIGGER fits")
        assert [owner.execute(sql).rowcount > 0 for sql in written] == [True] * len(written)
        owner.rollback()
