"""Finalized things cannot change: not by instance, queryset, cascade or SQL, and not by the tables' owner."""

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError

from billing.invoices import queries
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.ledger.models import LedgerEntry, LedgerTransaction
from billing.ledger.rules import Side
from billing.ledger.services import PostingOutOfBalance, post
from core import clock
from crypto import rotation
from crypto.envelope import Purpose
from tenancy import context
from tests import databases
from tests.make import billing as make

CHANGES = {
    "number": "'X-1'",
    "imported_number": "'X-1'",
    "sequence": "99",
    "fiscal_year": "2025",
    "currency": "'USD'",
    "rounding": "'line'",
    "tax_rule": "'export'",
    "issued_on": "'2026-03-02'",
    "due_on": "'2027-01-01'",
    "subtotal_minor": "subtotal_minor + 1",
    "tax_minor": "tax_minor + 1, total_minor = total_minor + 1",
    "prepaid_minor": "1",
    "rounding_minor": "1",
    "seller": "buyer",
    "buyer": "seller",
    "note": "buyer",
    '"references"': "buyer",
    "content_digest": "'\\x00'",
    "created_at": "now()",
    "finalized_at": "now()",
    "status": "'draft'",
    "customer_id": "(SELECT id FROM billing_customer WHERE id <> customer_id LIMIT 1)",
    "voided_at": "now()",
    "void_reason": "buyer",
    "role": "'deposit', quote_id = uuidv7()",
    "quote_id": "uuidv7(), role = 'progress'",
    "plan_id": "uuidv7(), role = 'final'",
}


ENTRY = "tenant_id, id, transaction_id, account, currency, amount_minor"


@pytest.fixture
def final(in_a):
    make.customer("Somebody else")
    return make.finalized(lines=[make.line("100", rate=make.tax_rate())], note="Thank you")


def refused_by_the_database(act):
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        act()
    return refused.value


def execute(sql, params=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.rowcount


def test_the_list_of_columns_is_complete():
    writable = {"payment_status", "amount_paid_minor", "updated_at", "amount_due_minor", "total_minor"}
    writable |= {"attempts_open", "attempts_processing", "disputes_open"}
    # What credit notes and write-offs settle; that it agrees with them is held by triggers of theirs.
    writable |= {"noted_minor", "credited_minor", "written_off_minor"}
    listed = {name.strip('"') for name in CHANGES} | writable | {"id", "tenant_id", "series_id"}
    assert {field.column for field in Invoice._meta.concrete_fields} == listed


@pytest.mark.parametrize("column", sorted(CHANGES))
def test_no_business_column_changes_by_sql(final, column):
    before = queries.get(final.pk)
    refused_by_the_database(
        lambda: execute(f"UPDATE billing_invoice SET {column} = {CHANGES[column]} WHERE id = %s", [final.pk])
    )
    assert queries.get(final.pk) == before
    assert queries.content_is_intact(final.pk) is True


def test_no_change_by_instance_or_queryset(final):
    before = queries.get(final.pk)
    loaded = Invoice.objects.get(pk=final.pk)
    loaded.note = "Something else"
    refused_by_the_database(loaded.save)
    refused_by_the_database(lambda: Invoice.objects.filter(pk=final.pk).update(due_on="2027-01-01"))
    refused_by_the_database(lambda: Invoice.objects.filter(pk=final.pk).delete())
    refused_by_the_database(lambda: execute("DELETE FROM billing_invoice WHERE id = %s", [final.pk]))
    line = InvoiceLine.objects.get(invoice_id=final.pk)
    line.description = "Something else"
    refused_by_the_database(line.save)
    refused_by_the_database(lambda: InvoiceLine.objects.filter(invoice_id=final.pk).update(net_minor=1))
    refused_by_the_database(lambda: InvoiceLine.objects.filter(invoice_id=final.pk).delete())
    refused_by_the_database(lambda: InvoiceTax.objects.filter(invoice_id=final.pk).update(tax_minor=1))
    refused_by_the_database(lambda: InvoiceTax.objects.filter(invoice_id=final.pk).delete())
    assert queries.get(final.pk) == before


def test_no_cascade_reaches_it(final):
    before = queries.get(final.pk)
    with pytest.raises(ProtectedError):
        final.customer.delete()
    refused_by_the_database(
        lambda: execute("DELETE FROM billing_customer WHERE id = %s", [final.customer_id])
    )
    assert queries.get(final.pk) == before


def test_no_part_is_added_or_moved(final):
    before = queries.get(final.pk)
    line = InvoiceLine.objects.get(invoice_id=final.pk)
    other = make.draft(of=final.customer)
    line.pk, line._state.adding = InvoiceLine().pk, True
    line.position, line.description = 2, "One more"
    assert "only a draft" in str(refused_by_the_database(line.save))
    refused_by_the_database(
        lambda: InvoiceLine.objects.filter(invoice_id=other.pk).update(invoice_id=final.pk, position=3)
    )
    assert queries.get(final.pk) == before


def test_a_line_of_another_customer_is_not_taken(in_a):
    draft, other = make.draft(), make.customer("Other")
    line = InvoiceLine.objects.get(invoice_id=draft.pk)
    line.pk, line._state.adding, line.position, line.customer = InvoiceLine().pk, True, 2, other
    line.description = "One more"
    assert "of its own customer" in str(refused_by_the_database(line.save))


def test_settlement_stays_writable_and_a_voided_invoice_does_not_even_have_that(final):
    Invoice.objects.filter(pk=final.pk).update(amount_paid_minor=12000, payment_status="paid")
    read = queries.get(final.pk)
    assert (read.payment_status, read.amount_paid_minor, read.amount_due_minor) == ("paid", 12000, 0)
    Invoice.objects.filter(pk=final.pk).update(amount_paid_minor=0, payment_status="unpaid")
    make.void(final.pk)
    before = queries.get(final.pk)
    for changes in (
        {"amount_paid_minor": 1},
        {"payment_status": "paid"},
        {"status": "finalized", "voided_at": None},
    ):
        refused_by_the_database(lambda changes=changes: Invoice.objects.filter(pk=final.pk).update(**changes))
    assert queries.get(final.pk) == before


def test_the_number_stands_exactly_on_what_is_no_draft(in_a):
    draft = make.draft()
    refused_by_the_database(lambda: Invoice.objects.filter(pk=draft.pk).update(number="X-1"))
    refused_by_the_database(lambda: Invoice.objects.filter(pk=draft.pk).update(status="finalized"))
    assert queries.get(draft.pk).number is None


def test_a_counter_never_falls(final):
    for sql in (
        "UPDATE billing_seriescounter SET last_sequence = 0",
        "UPDATE billing_seriescounter SET last_sequence = last_sequence",
        "UPDATE billing_seriescounter SET fiscal_year = 2030, last_sequence = 2",
        "DELETE FROM billing_seriescounter",
    ):
        refused_by_the_database(lambda sql=sql: execute(sql))


@pytest.mark.django_db(transaction=True)
def test_the_owner_of_the_tables_is_refused_too(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        final = make.finalized(lines=[make.line("100", rate=make.tax_rate())])
        before = queries.get(final.pk)
    for sql in (
        "UPDATE billing_invoice SET due_on = '2030-01-01'",
        "UPDATE billing_invoice SET status = 'draft', number = NULL, sequence = NULL, finalized_at = NULL",
        "DELETE FROM billing_invoice",
        "TRUNCATE billing_invoice CASCADE",
        "UPDATE billing_invoiceline SET net_minor = 1",
        "DELETE FROM billing_invoiceline",
        # Lines of credit notes refer to these: without CASCADE it would not come to the trigger.
        "TRUNCATE billing_invoiceline CASCADE",
        "DELETE FROM billing_invoicetax",
        "UPDATE billing_ledgerentry SET amount_minor = 0",
        "DELETE FROM billing_ledgerentry",
        "TRUNCATE billing_ledgerentry",
        "DELETE FROM billing_ledgertransaction",
        "DELETE FROM billing_seriescounter",
    ):
        with pytest.raises(psycopg.Error) as refused:
            databases.as_owner(sql)
        assert refused.value.sqlstate in ("23001", "23503"), sql
    with context.scope(context.Scope(tenant_a)):
        assert queries.get(final.pk) == before


@pytest.mark.django_db(transaction=True, databases=["default", "rekey"])
def test_rotation_rewrites_the_envelopes_of_a_finalized_invoice_and_its_content_stays(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        final = make.finalized(note="Thank you", lines=[make.line("100", rate=make.tax_rate())])
        voided = make.void(make.finalized().pk)
        before = [queries.get(final.pk), queries.get(voided.pk)]
    stored = databases.as_owner("SELECT seller, buyer FROM billing_invoice ORDER BY id")
    rotation.rotate(
        tenant_id=tenant_a,
        purpose=Purpose.DOCUMENTS,
        actor=make.ACTOR,
        clock=clock.now,
        progress=lambda done, total: None,
    )
    rewritten = databases.as_owner("SELECT seller, buyer FROM billing_invoice ORDER BY id")
    assert all(new not in old for old, new in zip(stored, [row[0] for row in rewritten], strict=True))
    with context.scope(context.Scope(tenant_a)):
        assert [queries.get(final.pk), queries.get(voided.pk)] == before
        assert queries.content_is_intact(final.pk) is queries.content_is_intact(voided.pk) is True


@pytest.mark.django_db(transaction=True, databases=["default", "rekey"])
def test_the_role_that_changes_keys_may_write_envelopes_alone(tenant_a):
    columns = databases.as_owner(
        "SELECT table_name, array_agg(column_name::text ORDER BY column_name) "
        "FROM information_schema.column_privileges WHERE grantee = 'strongbox_rekey' "
        "AND privilege_type = 'UPDATE' AND table_name LIKE 'billing_invoice%' "
        "GROUP BY table_name ORDER BY table_name"
    )
    assert columns == [
        ("billing_invoice", ["buyer", "note", "references", "seller", "void_reason"]),
        ("billing_invoiceline", ["adjustments", "description"]),
        ("billing_invoicemessage", ["text"]),
        ("billing_invoicetax", ["reason"]),
    ]
    with databases.connect_as("rekey") as rekey, pytest.raises(psycopg.errors.InsufficientPrivilege):
        rekey.execute("UPDATE billing_invoice SET due_on = '2030-01-01'")


def test_an_unbalanced_posting_is_refused_by_the_service(in_a):
    sides = [Side("receivable", 1), Side("revenue", -2)]
    with pytest.raises(PostingOutOfBalance), context.attempt():
        post(kind="x", sides=sides, currency="EUR", booked_on=make.AT.date(), at=make.AT)
    assert LedgerTransaction.objects.count() == 0


def insert_transaction(tenant, key, entries):
    """As the services do it: whole, in one statement."""
    accounts, currencies, amounts = zip(*entries, strict=True) if entries else ((), (), ())
    execute(
        "WITH posting AS (INSERT INTO billing_ledgertransaction (tenant_id, id, kind, booked_on, at) "
        "VALUES (%(tenant)s, %(key)s, 'x', now(), now())) "
        f"INSERT INTO billing_ledgerentry ({ENTRY}) SELECT %(tenant)s, uuidv7(), %(key)s, side.* "
        "FROM unnest(%(accounts)s::text[], %(currencies)s::text[], %(amounts)s::bigint[]) AS side",
        {
            "tenant": tenant,
            "key": key,
            "accounts": list(accounts),
            "currencies": list(currencies),
            "amounts": list(amounts),
        },
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "entries",
    [
        [("receivable", "EUR", 100), ("revenue", "EUR", -99)],
        [("receivable", "EUR", 100), ("revenue", "USD", -100)],
        [("receivable", "EUR", 0)],
        [],
        [("receivable", "EUR", 100), ("no_such_account", "EUR", -100)],
    ],
    ids=["off by one", "two currencies", "one side", "no side", "unknown account"],
)
def test_the_books_cannot_be_unbalanced_even_by_sql(tenant_a, entries):
    key = make.ACTOR.request_id
    with pytest.raises(IntegrityError), context.scope(context.Scope(tenant_a)):
        insert_transaction(tenant_a, key, entries)
    with context.scope(context.Scope(tenant_a)):
        assert (LedgerTransaction.objects.count(), LedgerEntry.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_balanced_transaction_cannot_be_tipped_later(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        final = make.finalized()
        posting = LedgerTransaction.objects.get(invoice_id=final.pk)
    with pytest.raises(IntegrityError), context.scope(context.Scope(tenant_a)):
        execute(
            f"INSERT INTO billing_ledgerentry ({ENTRY}) VALUES (%s, uuidv7(), %s, 'revenue', 'EUR', 1)",
            [tenant_a, posting.pk],
        )
    with context.scope(context.Scope(tenant_a)):
        assert LedgerEntry.objects.count() == 2
        # What does balance is taken, in two currencies as in one.
        each = [
            (account, currency, sign)
            for currency in ("EUR", "USD")
            for account, sign in (("receivable", 1), ("revenue", -1))
        ]
        insert_transaction(tenant_a, make.ACTOR.request_id, each)
    with context.scope(context.Scope(tenant_a)):
        assert LedgerEntry.objects.count() == 6


def test_an_entry_needs_its_transaction(in_a):
    with pytest.raises(IntegrityError), transaction.atomic():
        execute(
            f"INSERT INTO billing_ledgerentry ({ENTRY}) VALUES (%s, uuidv7(), uuidv7(), 'revenue', 'EUR', 0)",
            [in_a],
        )
        execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("table", ["ledgertransaction", "ledgerentry", "ledgeraccount"])
def test_the_books_may_only_be_added_to(final, table):
    for sql in (f"UPDATE billing_{table} SET id = id", f"DELETE FROM billing_{table}"):
        assert "permission denied" in str(refused_by_the_database(lambda sql=sql: execute(sql)))
