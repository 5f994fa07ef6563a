"""The attacker runs whole statements in the scope of an organization, and wants other figures in its payments.

The columns that stay are read from the running database's own triggers.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.apps import apps

from billing.creditnotes import services as creditnotes
from billing.customers.models import Customer
from core import clock
from core.actor import ActorKind
from core.datapolicy import FieldClass
from payments.models import AutopayRun, Refund
from payments.services import autopay, links
from tenancy import context
from tenancy.checks import policy_of
from tenancy.context import Scope, scope
from tests import databases
from tests.make import accounts, billing, payments, statements

pytestmark = pytest.mark.django_db(transaction=True)
# How far a payment is given back, within what came (a CHECK), and what a credit note promises of a refund, once.
TALLIES = {
    ("payments_payment", "refunding_minor"),
    ("payments_payment", "refunded_minor"),
    ("payments_payment", "reversed_minor"),
}
# Set anew with each plan; nothing has been asked for by them.
WISHES = {
    ("payments_reminderstep", column)
    for column in ("fee_minor", "fee_percentage", "fee_least_minor", "fee_most_minor")
}


def staying() -> dict[str, set[str]]:
    """Columns that a trigger keeps, by table, in the condition under which it keeps them."""
    found: dict[str, set[str]] = {}
    for table, trigger in databases.as_owner(
        "SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE tgfoid = 'payments_stays'::regproc"
    ):
        found.setdefault(table, set()).update(re.findall(r"old\.(\w+) IS DISTINCT FROM", trigger))
    return found


def other(table: str, column: str) -> str:
    """SQL for another value of the column's type."""
    ((kind,),) = databases.as_owner(
        "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
        [table, column],
    )
    return {
        "uuid": "uuidv7()",
        "date": f"coalesce({column}, current_date) + 1",
        "timestamp with time zone": f"coalesce({column}, now()) + interval '1 day'",
        "character varying": f"CASE WHEN {column} = 'x' THEN 'y' ELSE 'x' END",
        "bytea": f"{column} || '\\x00'",
        "boolean": f"NOT {column}",
    }.get(kind, f"coalesce({column}, 0) + 1")


@pytest.fixture
def tenant(tenant_a: UUID) -> Iterator[UUID]:
    """An organization with a row in each of these tables."""
    at = clock.now()
    with scope(Scope(tenant_a)):
        owner = accounts.member("owner")
        customer: Customer = billing.customer()
        invoice = billing.finalized(of=customer, lines=[billing.line("100")])
        links.mint(invoice_id=invoice.pk, actor=accounts.actor(owner.user), at=at)
        promised = payments.promised(payments.bank(customer.pk, 500, onto=((invoice.pk, 300),)), 100)
        note = creditnotes.issue(
            invoice_id=invoice.pk,
            wanted=creditnotes.Wanted(amount_minor=100),
            actor=billing.ACTOR,
            at=at,
        )
        Refund.objects.filter(pk=promised.pk).update(credit_note=note, promised_minor=50)
        payments.disputed(payments.card(customer.pk, invoice.pk, 100))
        agreed = autopay.set(
            customer_id=customer.pk,
            payment_method_id=payments.saved(customer.pk).pk,
            currency="EUR",
            limit_minor=100,
            actor=replace(accounts.actor(owner.user), kind=ActorKind.CUSTOMER),
            at=at,
        )
        AutopayRun(
            customer_id=customer.pk,
            invoice_id=invoice.pk,
            autopay=agreed,
            state="announced",
            currency="EUR",
            amount_minor=100,
            charge_on=at.date(),
            announced_at=at,
            updated_at=at,
        ).save(force_insert=True)
        statements.line()
    yield tenant_a


def rows(tables: set[str]) -> dict[str, list[tuple[Any, ...]]]:
    with databases.connect_as("owner") as owner:
        return {
            table: owner.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in sorted(tables)
        }


def test_what_was_asked_and_what_came_stays(tenant: UUID) -> None:
    kept = staying()
    before, passed = rows(set(kept)), []
    assert all(before.values()) and sum(map(len, kept.values())) > 50
    with databases.connect_as("default") as rogue, databases.connect_as("owner") as owner:
        for table, column in ((table, column) for table, columns in kept.items() for column in columns):
            where = "WHERE captured_minor > 0" if table == "payments_payment" else ""
            sql = f"UPDATE {table} SET {column} = {other(table, column)} {where}"
            for who in (rogue, owner):
                try:
                    with who.transaction():
                        if who is rogue:
                            token = context.token(Scope(tenant), who.info.backend_pid)
                            who.execute("SELECT app.enter(%s)", [token])
                        who.execute(sql)
                    passed.append((table, column))
                except psycopg.errors.RestrictViolation:
                    continue
    assert passed == []
    assert rows(set(kept)) == before


@pytest.mark.parametrize("state", ["failed", "declined", "canceled"])
def test_a_refund_that_is_over_stays_over(tenant: UUID, state: str) -> None:
    """Its amount is free again: revived, it would be given back twice."""
    databases.as_owner(f"UPDATE payments_refund SET state = '{state}'")
    before = rows({"payments_refund"})
    for then in ("pending", "sent", "succeeded"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            databases.as_owner(f"UPDATE payments_refund SET state = '{then}'")
    assert rows({"payments_refund"}) == before


def test_every_amount_that_can_be_written_is_kept_or_a_tally(db: None) -> None:
    """A new column of money is decided about."""
    kept = staying()
    written = databases.as_owner(
        "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relname LIKE 'payments_%' AND attnum > 0 AND NOT attisdropped "
        "AND has_column_privilege('strongbox_app', attrelid, attnum, 'UPDATE')"
    )
    undecided = set()
    for model in apps.get_app_config("payments").get_models():
        policy, table = policy_of(model), model._meta.db_table
        if policy is None:
            continue
        for name, kind in policy.fields.items():
            column = model._meta.get_field(name).column
            if kind is FieldClass.MONEY and (table, column) in written and column not in kept.get(table, ()):
                undecided.add((table, column))
    assert undecided == TALLIES | WISHES
