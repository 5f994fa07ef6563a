"""The commands other programs call: the last line is one JSON object, and the exit code tells the truth."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from billing.customers.models import Customer
from billing.invoices import queries
from billing.invoices.models import Invoice
from core import ids
from tenancy import context
from tests import databases
from tests.make import billing as make

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLE = make.EINVOICES / "en16931" / "ubl-tc434-example5.xml"


def run(*arguments, code=0):
    out = io.StringIO()
    try:
        call_command(*arguments, "--json", stdout=out)
        status = 0
    except SystemExit as stop:
        status = stop.code
    assert status == code
    return json.loads(out.getvalue().splitlines()[-1])


def test_an_invoice_is_imported_named_and_refused_the_second_time(tenant_a):
    made = run("invoices_import", str(EXAMPLE), "--organization", "a", "--finalize")
    assert (made["refused"], made["total_minor"], made["currency"]) == ([], 467500, "DKK")
    with context.scope(context.Scope(tenant_a)):
        assert queries.get(ids.decode("invoice", made["created"][0])).number == "TOSL110"
    again = run("invoices_import", str(EXAMPLE), "--organization", "a", code=1)
    assert again["created"] == []
    assert [(row["code"], row["existing"]) for row in again["refused"]] == [
        ("already_imported", made["created"][0])
    ]


def test_a_dry_run_stores_nothing(tenant_a):
    assert run("invoices_import", str(EXAMPLE), "--organization", "a", "--dry-run")["total_minor"] == 467500
    with context.scope(context.Scope(tenant_a)):
        assert Invoice.objects.count() == 0


def test_customers_are_imported(tenant_a, tmp_path):
    file = tmp_path / "customers.csv"
    file.write_text("name,email\nAda,ada@example.com\n,x@example.com\n")
    result = run("customers_import", str(file), "--organization", "a")
    assert [(row["row"], row["field"], row["code"]) for row in result["refused"]] == [(3, "name", "required")]
    with context.scope(context.Scope(tenant_a)):
        assert Customer.objects.get().pk == ids.decode("customer", result["created"][0])


def test_what_is_not_there_is_an_error(tmp_path):
    with pytest.raises(CommandError):
        call_command("customers_import", str(tmp_path / "none.csv"), "--organization", "a")
    with pytest.raises(CommandError):
        call_command("invoices_import", str(EXAMPLE), "--organization", "nobody")


def test_the_books_are_proved_and_every_lie_in_them_is_found(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        final = make.finalized(lines=[make.line(rate=make.tax_rate())])
        make.void(make.finalized().pk)
    assert run("ledger_check") == {"organizations": 3, "transactions": 3, "errors": []}
    # Who owns the tables can turn off the triggers and lie to the database, but not to the proof.
    for table, trigger in (("billing_invoice", "frozen"), ("billing_ledgerentry", "appends")):
        databases.as_owner(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}")
    databases.as_owner(
        "UPDATE billing_invoice SET total_minor = total_minor + 1, tax_minor = tax_minor + 1 WHERE id = %s",
        [final.pk],
    )
    databases.as_owner("DELETE FROM billing_ledgerentry WHERE account = 'revenue' AND amount_minor > 0")
    errors = run("ledger_check", code=1)["errors"]
    assert sorted(error["kind"] for error in errors) == [
        "months_differ_from_tallies",
        "posting_differs_from_invoice",
        "posting_differs_from_invoice",
        "receivable_differs_from_invoices",
        "transaction_out_of_balance",
    ]
    assert {error["organization"] for error in errors} == {"a"}
    with context.scope(context.Scope(tenant_a)):
        assert [code for code, _ in make.recorded() if code == "ledger.checked"] == ["ledger.checked"] * 2
