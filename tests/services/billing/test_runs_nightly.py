"""Nights: switched on by somebody, begun with the issuer's own day, and what stalled is taken up again."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from audit.models import Event
from billing.invoices.models import Invoice
from billing.issuer import services as issuers
from billing.issuer.models import Issuer
from billing.runs import services, tasks
from billing.runs.models import BillingRun
from billing.subscriptions import planning
from billing.subscriptions.models import PendingCharge
from core import clock
from tenancy import context
from tests.make import billing as make
from tests.make.charges import charge

pytestmark = pytest.mark.django_db(transaction=True)


def inside(tenant: UUID) -> Any:
    return context.scope(context.Scope(tenant))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str]]:
    """What is handed to the worker, which the test then is."""
    found: list[tuple[list[str], str]] = []
    monkeypatch.setattr(tasks.work_run, "apply_async", lambda args, queue: found.append((args, queue)))
    return found


def prepare(tenant: UUID, *, people: int = 2, time_zone: str = "UTC", nightly: bool = True) -> None:
    with inside(tenant):
        on = clock.now().date() - timedelta(days=2)
        PendingCharge.objects.bulk_create(
            charge(make.customer().pk, at=clock.now(), on=on) for _ in range(people)
        )
        Issuer.objects.update(time_zone=time_zone)
        issuers.bill_nightly(is_on=nightly, actor=make.ACTOR, at=clock.now())


def test_nothing_is_billed_where_nobody_switched_it_on(tenant_a, sent):
    prepare(tenant_a, nightly=False)
    assert tasks.tend_runs() == 0
    assert sent == []
    with inside(tenant_a):
        assert not BillingRun.objects.exists()
        assert not Event.objects.filter(event="auto_billing.set").exists()


def test_a_night_is_begun_once_and_worked_off_by_the_worker(tenant_a, tenant_b, sent):
    prepare(tenant_a)
    assert tasks.tend_runs() == 1
    assert tasks.tend_runs() == 0
    ((args, queue),) = sent
    assert (args[0], queue) == (str(tenant_a), tasks.QUEUE)
    assert tasks.work_run(*args) == 2
    # Delivered twice, it finds nothing left.
    assert tasks.work_run(*args) == 2
    assert tasks.tend_runs() == 0
    with inside(tenant_a):
        run = BillingRun.objects.get()
        assert (run.state, run.created_by, Invoice.objects.count()) == ("done", None, 2)
        told = Event.objects.get(event="auto_billing.set")
        assert told.facts == {"on": True}
    with inside(tenant_b):
        assert not BillingRun.objects.exists()


@pytest.mark.parametrize(
    ("time_zone", "day"),
    [("Pacific/Kiritimati", 11), ("UTC", 10), ("Pacific/Pago_Pago", 9)],
)
def test_the_day_begins_where_the_issuer_is(tenant_a, sent, monkeypatch, time_zone, day):
    prepare(tenant_a, time_zone=time_zone)
    # At half past ten in UTC it is tomorrow in Kiritimati and still yesterday in Pago Pago.
    noon = datetime(2026, 3, 10, 10, 30, tzinfo=UTC)
    monkeypatch.setattr(tasks.clock, "now", lambda: noon)
    assert tasks.tend_runs() == 1
    with inside(tenant_a):
        run = BillingRun.objects.get()
        assert (run.on.day, run.issued_on.day) == (day, day)


def test_what_stalled_is_sent_once_more_and_ends(tenant_a, sent):
    prepare(tenant_a, nightly=False)
    long_ago = clock.now() - services.STALLED_AFTER - timedelta(seconds=1)
    with inside(tenant_a):
        run = services.begin(on=long_ago.date(), actor=make.ACTOR, at=long_ago)
        fresh = services.begin(on=long_ago.date() - timedelta(days=1), actor=make.ACTOR, at=clock.now())
    assert tasks.tend_runs() == 1
    assert sent == [([str(tenant_a), str(run.pk)], tasks.QUEUE)]
    assert tasks.work_run(*sent[0][0]) == 2
    assert tasks.tend_runs() == 0
    with inside(tenant_a):
        assert dict(BillingRun.objects.values_list("pk", "state")) == {run.pk: "done", fresh.pk: "running"}


def test_how_many_are_due_is_told_before_they_are_planned(tenant_a):
    prepare(tenant_a, people=3, nightly=False)
    with inside(tenant_a):
        row = PendingCharge.objects.order_by("id").first()
        on = clock.now().date()
        more = [
            charge(row.customer_id, at=clock.now(), on=on, currency=currency) for currency in ("EUR", "USD")
        ]
        later = charge(row.customer_id, at=clock.now(), on=on + timedelta(days=1), currency="GBP")
        PendingCharge.objects.bulk_create([*more, later])
        assert planning.count(on) == len(planning.due(on, None, 100)) == 4
        assert planning.count(on - timedelta(days=1)) == 3
