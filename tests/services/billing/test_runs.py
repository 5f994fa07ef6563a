"""Billing runs: everything due, once, whatever dies or runs beside; refused and skipped with a reason."""

import os
import random
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connections

from billing.customers import services as customers
from billing.customers.models import Customer
from billing.invoices.models import Invoice
from billing.ledger import queries as books
from billing.runs import rules, services
from billing.runs.models import BillingRun, BillingRunChunk, BillingRunSkip
from billing.subscriptions.models import BilledPeriod, PendingCharge
from billing.tallies import queries as tallies
from tenancy import bulk, context
from tenancy.models import Job
from tests import databases
from tests.make import billing as make
from tests.make.charges import Charges, charge
from tests.services.billing.test_concurrency import deadlocks, together

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
# Starts children that work on a run, to be killed: Django is loaded once for all of them. Reads what they are to be
# told, prints each one's pid when it begins and its exit code when it ended.
_FORKS = """
import os, sys
import django; django.setup()
from tests.make import charges
from billing.runs import services
services.CHUNK = 20
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        charges.main(*line.split())
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
TODAY = NOW.date()


def clock() -> datetime:
    return NOW


def inside(tenant: UUID):
    return context.scope(context.Scope(tenant))


def fill(tenant: UUID, people: int, *, charges: int = 1) -> list[UUID]:
    """Give so many customers so many charges each."""
    with inside(tenant):
        rows = [
            customers.prepare({"name": f"Customer {n}", "currency": "EUR"}, at=make.AT) for n in range(people)
        ]
        customers.create_many(rows, actor=make.ACTOR)
        PendingCharge.objects.bulk_create(
            charge(row.pk, at=make.AT, on=TODAY, amount=f"{10 + n}.00")
            for row in rows
            for n in range(charges)
        )
    return [row.pk for row in rows]


def begin(tenant: UUID, on: date = TODAY) -> BillingRun:
    with inside(tenant):
        return services.begin(on=on, actor=make.ACTOR, at=NOW)


def work(tenant: UUID, run: BillingRun) -> services.Result:
    return services.work(tenant_id=tenant, run_id=run.pk, actor=make.ACTOR, clock=clock, planner=Charges())


def check(tenant: UUID, people: int, *, charges: int = 1) -> None:
    """Every charge stands on one invoice, the numbers have no gap, the books and the totals agree."""
    with inside(tenant):
        made = list(
            Invoice.objects.order_by("sequence").values_list("sequence", "customer_id", "total_minor")
        )
        assert [row[0] for row in made] == list(range(1, people + 1))
        assert len({row[1] for row in made}) == people
        assert BilledPeriod.objects.filter(invoice__isnull=False).count() == people * charges
        assert not PendingCharge.objects.filter(billed_at__isnull=True).exists()
        assert books.check() == []
        assert sum(row.count for row in tallies.totals("invoice")) == people
        chunks = BillingRunChunk.objects.values_list("invoices", "total_minor")
        assert sum(row[0] for row in chunks) == people
        assert sum(row[1] for row in chunks) == sum(row[2] for row in made)


def test_what_is_due_is_billed_once_and_a_second_run_finds_nothing(tenant_a):
    fill(tenant_a, 30, charges=3)
    run = begin(tenant_a)
    assert work(tenant_a, run) == services.Result(run_id=run.pk, state="done", invoices=30, skipped=0)
    check(tenant_a, 30, charges=3)
    again = begin(tenant_a)
    assert again.pk != run.pk
    assert work(tenant_a, again).invoices == 0
    check(tenant_a, 30, charges=3)
    with inside(tenant_a):
        job = Job.objects.get(pk=run.job_id)
        assert (job.state, job.done, job.total, job.counts) == (
            "done",
            30,
            30,
            {"invoices": 30, "skipped": 0},
        )


def test_two_who_begin_share_a_run(tenant_a):
    fill(tenant_a, 1)

    def start(_):
        with inside(tenant_a):
            return services.begin(on=TODAY, actor=make.ACTOR, at=NOW).pk

    assert len(set(together(start, range(8)))) == 1
    with inside(tenant_a):
        assert Job.objects.filter(kind=services.KIND).count() == 1


def test_a_day_to_come_is_for_test_organizations(tenant_a):
    tomorrow = TODAY + timedelta(days=2)
    databases.as_owner("UPDATE tenancy_tenant SET mode = 'live' WHERE id = %s", [tenant_a])
    with pytest.raises(services.RunInFuture):
        begin(tenant_a, tomorrow)
    with inside(tenant_a):
        assert not BillingRun.objects.exists()
    databases.as_owner("UPDATE tenancy_tenant SET mode = 'test' WHERE id = %s", [tenant_a])
    assert begin(tenant_a, tomorrow).issued_on == tomorrow
    assert begin(tenant_a, TODAY - timedelta(days=9)).issued_on == TODAY


def test_who_cannot_be_billed_is_skipped_with_a_reason_and_stops_nobody(tenant_a):
    people = fill(tenant_a, 5)
    with inside(tenant_a):
        customers.archive(customer_id=people[1], actor=make.ACTOR, at=make.AT)
        Customer.objects.filter(pk=people[2]).update(subject_key=None)
        PendingCharge.objects.bulk_create([charge(people[3], at=make.AT, on=TODAY, amount="-50.00")])
    result = work(tenant_a, begin(tenant_a))
    assert (result.state, result.invoices, result.skipped) == ("done", 2, 3)
    with inside(tenant_a):
        found = dict(BillingRunSkip.objects.values_list("customer_id", "code"))
        assert found == {
            people[1]: "customer_archived", people[2]: "customer_erased", people[3]: "negative_total"
        }  # fmt: skip
        assert set(found.values()) <= set(rules.REASONS)
        assert PendingCharge.objects.filter(billed_at__isnull=True).count() == 4


def test_one_that_the_database_refuses_is_found_and_skipped(tenant_a):
    people = fill(tenant_a, 9)
    with inside(tenant_a):
        # Nothing of ours lets such a day through; the database's own type does not either.
        PendingCharge.objects.filter(customer_id=people[4]).update(billed_at=None)

    class Broken(Charges):
        def claim(self, rows, *, at):
            from django.db import IntegrityError

            if any(item.customer_id == people[4] for _, item in rows):
                raise IntegrityError("refused")
            return super().claim(rows, at=at)

    run = begin(tenant_a)
    result = services.work(tenant_id=tenant_a, run_id=run.pk, actor=make.ACTOR, clock=clock, planner=Broken())
    assert (result.invoices, result.skipped) == (8, 1)
    with inside(tenant_a):
        assert list(BillingRunSkip.objects.values_list("customer_id", "code")) == [(people[4], "failed")]
        assert [n for (n,) in Invoice.objects.order_by("sequence").values_list("sequence")] == list(
            range(1, 9)
        )


def test_without_an_issuer_a_run_fails_and_says_why(tenant_b):
    from billing.issuer.services import IssuerMissing

    databases.as_owner("DELETE FROM billing_issuer WHERE tenant_id = %s", [tenant_b])
    with pytest.raises(IssuerMissing):
        begin(tenant_b)


def test_eight_at_once_bill_each_fact_once_without_deadlock(tenant_a):
    fill(tenant_a, 400, charges=2)
    run = begin(tenant_a)
    assert {one.state for one in together(lambda _: work(tenant_a, run), range(8))} == {"done"}
    check(tenant_a, 400, charges=2)
    assert deadlocks() == 0


def test_people_finalize_while_a_run_draws_its_numbers(tenant_a):
    fill(tenant_a, 300)
    with inside(tenant_a):
        ada = make.customer()
        drafts = [make.draft(of=ada).pk for _ in range(20)]
    run = begin(tenant_a)

    def act(what):
        if what is None:
            return work(tenant_a, run)
        with inside(tenant_a):
            return make.finalize(what).sequence

    assert not [one for one in together(act, [None, None, *drafts]) if isinstance(one, Exception)]
    with inside(tenant_a):
        numbers = Invoice.objects.order_by("sequence").values_list("sequence", flat=True)
        assert list(numbers) == list(range(1, 321))
        assert books.check() == []
    assert deadlocks() == 0


def test_killed_at_random_twenty_times_it_ends_with_each_fact_billed_once(tenant_a, monkeypatch):
    people = 1_500
    fill(tenant_a, people, charges=2)
    monkeypatch.setattr(services, "CHUNK", 20)
    run = begin(tenant_a)
    connections.close_all()
    chance = random.Random(20260301)
    killed = 0
    with subprocess.Popen(
        [sys.executable, "-c", _FORKS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        while killed < 20:
            print(tenant_a, run.pk, file=parent.stdin, flush=True)
            child = os.pidfd_open(int(parent.stdout.readline()))
            if wait_for_chunks(tenant_a, run, child):
                time.sleep(chance.uniform(0, 0.08))
                signal.pidfd_send_signal(child, signal.SIGKILL)
            os.close(child)
            code = int(parent.stdout.readline())
            if code == 0:
                break
            assert code == -signal.SIGKILL
            killed += 1
        parent.stdin.close()
    with inside(tenant_a):
        before = services.result(run.pk)
    assert killed == 20, f"it was done after {killed} kills, with {before.invoices} invoices"
    assert before.invoices < people
    assert work(tenant_a, run).invoices == people
    check(tenant_a, people, charges=2)


def wait_for_chunks(tenant: UUID, run: BillingRun, child: int) -> bool:
    """Wait until a process has brought a chunk more, so that every kill meets it at work; False when it ended."""
    with inside(tenant):
        before = BillingRunChunk.objects.count()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([child], [], [], 0.01)[0]:
            return False
        with inside(tenant):
            if BillingRunChunk.objects.count() > before:
                return True
    signal.pidfd_send_signal(child, signal.SIGKILL)
    raise AssertionError("the run does not move")


def test_the_bulk_role_is_not_for_the_middle_of_a_transaction(tenant_a):
    with inside(tenant_a), pytest.raises(bulk.ScopeIsOpen), bulk.role():
        pass
