"""Booking into a closed month: by SQL, as the application or the owner, and in the race with whoever closes it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier

import psycopg
import pytest
from django.db import ProgrammingError, connection, connections

from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.ledger import queries as ledger
from billing.ledger import trial
from billing.ledger.models import LedgerTransaction
from billing.periods.models import AccountingPeriod, LedgerBalance
from core.errors import Refusal
from tenancy.context import Scope, scope
from tests import databases
from tests.make import billing, books

pytestmark = pytest.mark.django_db(transaction=True)
# Whole and balanced: the day alone is wrong.
_BOOK = (
    "WITH posting AS (INSERT INTO billing_ledgertransaction (tenant_id, id, kind, booked_on, at) "
    "SELECT tenant_id, gen_random_uuid(), 'made_up', %s, now() FROM billing_issuer WHERE tenant_id = %s "
    "RETURNING tenant_id, id) "
    "INSERT INTO billing_ledgerentry (tenant_id, id, transaction_id, account, currency, amount_minor) "
    "SELECT tenant_id, uuidv7(), id, side.* "
    "FROM posting, (VALUES ('receivable', 'EUR', 1), ('revenue', 'EUR', -1)) AS side"
)


@pytest.fixture
def closed(tenant_a):
    """An organization whose July is closed."""
    with scope(Scope(tenant_a)):
        books.invoice("2026-07-10", "100.00", of=billing.customer(), currency="EUR")
        books.close("2026-07")
    return tenant_a


def booked(tenant) -> list[date]:
    with scope(Scope(tenant)):
        return sorted(LedgerTransaction.objects.values_list("booked_on", flat=True))


def test_not_even_the_owner_of_the_tables_books_into_it(closed):
    for day in ("2026-07-01", "2026-07-31", "2019-01-01"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="are closed"):
            databases.as_owner(_BOOK, [day, closed])
    assert booked(closed) == [date(2026, 7, 10)]


def test_the_application_opens_no_month_by_taking_its_row_away(closed):
    for attack in (
        "DELETE FROM billing_accountingperiod",
        "UPDATE billing_ledgerbalance SET amount_minor = 0",
        "DELETE FROM billing_exchangerate",
        "UPDATE billing_ledgeraccount SET code = 'mine'",
    ):
        refused = pytest.raises(ProgrammingError, match="permission denied")
        with refused, scope(Scope(closed)), connection.cursor() as cursor:
            cursor.execute(attack)
    with scope(Scope(closed)):
        assert AccountingPeriod.objects.get().state == "closed"
        assert LedgerBalance.objects.get(account="receivable").amount_minor == 100_00


def test_another_organizations_books_stay_open(closed, tenant_b):
    with scope(Scope(tenant_b)):
        books.invoice("2026-07-10", "1.00", of=billing.customer(), currency="EUR")
    assert booked(tenant_b) == [date(2026, 7, 10)]


def test_nothing_slips_in_while_a_month_is_being_closed(tenant_a):
    """Twelve finalize documents of July while somebody closes it: each stands in its balances, or was refused."""
    hands = 12
    with scope(Scope(tenant_a)):
        customer = billing.customer()
        drafts = [billing.draft(of=customer, issued_on=date(2026, 7, 31)).pk for _ in range(hands)]
    barrier = Barrier(hands + 1)

    def run(draft):
        try:
            barrier.wait(timeout=60)
            with scope(Scope(tenant_a)):
                if draft is None:
                    return books.close("2026-07").state
                invoices.finalize(invoice_id=draft, actor=books.ACTOR, at=books.at("2026-08-05"))
                return "finalized"
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(hands + 1) as pool:
        answers = list(pool.map(run, [*drafts, None]))
    assert answers[-1] == "closed"
    assert set(answers[:-1]) <= {"finalized", "period_closed"}
    done = answers.count("finalized")
    with scope(Scope(tenant_a)):
        assert Invoice.objects.filter(status="finalized").count() == done
        kept = {row.account: row.amount_minor for row in LedgerBalance.objects.all()}
        assert kept == ({"receivable": done * 100_00, "revenue": -done * 100_00} if done else {})
        assert [row for row in trial.balances(date(2026, 8, 31)) if row.account == "receivable"] == [
            row for row in trial.balances(date(2026, 7, 31)) if row.account == "receivable"
        ]
        # What was refused took no number with it.
        numbers = sorted(Invoice.objects.filter(status="finalized").values_list("sequence", flat=True))
        assert numbers == list(range(1, done + 1))
        assert ledger.check() == []


def test_closing_twice_at_once_closes_once(tenant_a):
    with scope(Scope(tenant_a)):
        books.invoice("2026-07-10", "100.00", of=billing.customer(), currency="EUR")
    barrier = Barrier(2)

    def run(_):
        try:
            barrier.wait(timeout=60)
            with scope(Scope(tenant_a)):
                return books.close("2026-07").state
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(run, range(2))) == ["closed", "period_closed_already"]
    with scope(Scope(tenant_a)):
        assert AccountingPeriod.objects.count() == 1
        assert ledger.check() == []
