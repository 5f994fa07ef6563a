"""What is too old goes and is logged, a hold keeps it; a breach has its clocks and knows whom it touched."""

from datetime import UTC, datetime, timedelta

import pytest

from audit.models import Event
from billing.customers import services as customers
from billing.customers.models import Customer
from compliance.breaches import affected
from compliance.breaches import services as breaches
from compliance.personaldata import erasing, processing
from compliance.personaldata import services as personaldata
from compliance.retention import queries, rules, services
from core import clock, ids
from core.actor import Actor, ActorKind, Via
from edge.models import IdempotencyKey
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tenancy.models import Job
from tests.make import accounts, api
from tests.make import billing as make

NOW = make.AT
MUCH_LATER = NOW + timedelta(days=800)


def due(code: str, at: datetime) -> tuple[int, int]:
    return next((each.due, each.held) for each in queries.due_now(at) if each.code == code)


@pytest.mark.django_db(transaction=True)
def test_what_is_too_old_goes_and_a_hold_keeps_it(tenant_a) -> None:
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        old, held, billed, active = (make.customer(name) for name in ("Old", "Held", "Billed", "Active"))
        make.finalized(of=billed)
        for row in (old, held, billed):
            customers.archive(customer_id=row.pk, actor=make.ACTOR, at=NOW)
        hold = services.place_hold(customer_id=held.pk, reason="A suit", actor=make.ACTOR, at=NOW)
        with pytest.raises(services.HeldAlready), context.attempt():
            services.place_hold(customer_id=held.pk, reason="Again", actor=make.ACTOR, at=NOW)
        done = jobs.start(kind="test", at=NOW)
        jobs.finish(job_id=done.pk, at=NOW)
        jobs.start(kind="runs", at=NOW)
        left = accounts.member("accountant", at=NOW)
        type(left).objects.filter(pk=left.pk).update(state="removed", ended_at=NOW)
        assert due("lapsed_customers", MUCH_LATER) == (1, 1)
        assert due("jobs", MUCH_LATER) == (1, 0)
        with pytest.raises(erasing.HeldByLaw), context.attempt():
            personaldata.erase_customer(customer_id=held.pk, actor=make.ACTOR, at=NOW)
    run = services.run(tenant_id=tenant_a, actor=make.ACTOR, now=lambda: MUCH_LATER)
    with scope(Scope(tenant_a)):
        erased = {row.pk: row.erased_at is not None for row in Customer.objects.all()}
        assert {key: erased[key] for key in (old.pk, held.pk, billed.pk, active.pk)} == {
            old.pk: True, held.pk: False, billed.pk: False, active.pk: False,
        }  # fmt: skip
        assert list(Job.objects.filter(kind__in=["test", "runs"]).values_list("kind", flat=True)) == ["runs"]
        (logged,), _ = queries.runs()
        assert (logged.pk, logged.failed) == (run, 0)
        parts = {each.rule: (each.removed, each.held) for each in logged.shreddings.all()}
        assert parts["lapsed_customers"] == (1, 1)
        assert parts["accounts"][0] >= 1
        assert Event.objects.get(event="retention.ran").facts["removed"] == logged.removed
        services.lift_hold(hold_id=hold.pk, reason="Settled", actor=make.ACTOR, at=MUCH_LATER)
        with pytest.raises(services.HoldLifted), context.attempt():
            services.lift_hold(hold_id=hold.pk, reason="Settled", actor=make.ACTOR, at=MUCH_LATER)
        assert due("lapsed_customers", MUCH_LATER) == (1, 0)
        services.place_hold(customer_id=None, reason="An audit", actor=make.ACTOR, at=MUCH_LATER)
        assert due("lapsed_customers", MUCH_LATER) == (0, 1)
        # Ten years after the year of the last document nothing keeps the customer any more.
        assert rules.last_year_kept(datetime(2037, 1, 1, tzinfo=UTC).date()) == 2027


def test_answers_that_are_kept_forget_the_person(in_a) -> None:
    ada = make.customer("Kanarine", email="kanarine@ada.example")
    row = IdempotencyKey(
        scope_hash=b"s" * 32, body_hash=b"b" * 32, status=201, created_at=clock.now(),
        response={"headers": {}, "body": f'{{"id": "{ids.encode("customer", ada.pk)}", "name": "Kanarine"}}'},
    )  # fmt: skip
    row.save(force_insert=True)
    done = personaldata.erase_customer(customer_id=ada.pk, actor=make.ACTOR, at=NOW)
    assert done.erased["answers"] == 1
    kept = IdempotencyKey.objects.get(pk=row.pk)
    assert (kept.status, kept.response["body"]) == (201, '{"object": "erased"}')


def somebody() -> Actor:
    return Actor(kind=ActorKind.USER, via=Via.WEB, request_id=ids.uuid7(), id=ids.uuid7())


def enter(at: datetime, **more) -> breaches.Breach:
    found = breaches.Found(
        title="Stolen session", kind="confidentiality", facts="Seen in the trail", aware_at=at, **more
    )
    return breaches.open_breach(found=found, actor=make.ACTOR, at=at)


def test_a_breach_knows_whom_it_touched(in_a) -> None:
    from audit import services as audit
    from billing import events as billing_events

    thief, honest = somebody(), somebody()
    seen, listed, other = make.customer("Seen"), make.customer("Listed"), make.customer("Other")
    draft = make.draft(of=listed)
    audit.record(billing_events.CUSTOMER_READ, actor=thief, subject=("customer", seen.pk))
    audit.record(billing_events.INVOICE_LISTED, actor=thief, subjects=[draft.pk])
    audit.record(billing_events.CUSTOMER_READ, actor=honest, subject=("customer", other.pk))
    at = clock.now() + timedelta(seconds=5)
    row = enter(at, actor_id=thief.id)
    assert affected.customers(row, at=at) == sorted([seen.pk, listed.pk])
    assert breaches.count_affected(breach_id=row.pk, actor=make.ACTOR, at=at) == 2
    # A whole list taken out touches everybody on it; so does a breach nobody can be named for.
    audit.record(billing_events.EXPORT_DOWNLOADED, actor=thief, subject=("export", ids.uuid7()))
    assert len(affected.customers(row, at=at)) == 3
    assert len(affected.customers(enter(at), at=at)) == 3


def test_a_breach_is_closed_once_those_who_must_know_were_told(in_a) -> None:
    row = enter(NOW)
    assert row.authority_due_at == NOW + timedelta(hours=72)
    assert row.people_due_at == NOW + timedelta(days=60)

    def close():
        return breaches.close(breach_id=row.pk, text="Over", actor=make.ACTOR, at=NOW)

    with pytest.raises(breaches.RiskNotJudged), context.attempt():
        close()
    breaches.judge(breach_id=row.pk, risk="high", text="Names and bank details", actor=make.ACTOR, at=NOW)
    with pytest.raises(breaches.NotToldYet), context.attempt():
        close()
    assert breaches.tell_due_soon(actor=make.ACTOR, at=NOW + timedelta(hours=40)) == 0
    assert breaches.tell_due_soon(actor=make.ACTOR, at=NOW + timedelta(hours=49)) == 1
    assert breaches.tell_due_soon(actor=make.ACTOR, at=NOW + timedelta(hours=50)) == 0
    breaches.note(breach_id=row.pk, kind="authority", text="Told", actor=make.ACTOR, at=NOW)
    with pytest.raises(breaches.NotToldYet), context.attempt():
        close()
    breaches.note(breach_id=row.pk, kind="people", text="Told", actor=make.ACTOR, at=NOW)
    close()
    with pytest.raises(breaches.BreachClosed), context.attempt():
        breaches.note(breach_id=row.pk, kind="fact", text="More", actor=make.ACTOR, at=NOW)
    codes = list(Event.objects.filter(subject_id=row.pk).values_list("event", flat=True))
    assert {"breach.opened", "breach.noted", "breach.due_soon", "breach.closed"} <= set(codes)


def test_the_record_of_processing_is_made_from_what_runs() -> None:
    found = processing.record()
    tables = {held.label: (held, activity) for activity in found for held in activity.tables}
    held, activity = tables["billing.Customer"]
    assert {"name", "email", "address"} <= set(held.data)
    assert held.encrypted
    assert held.erasure == "Their key is destroyed"
    assert activity.legal_basis == ("contract",)
    assert not [label for label, (each, _) in tables.items() if not each.encrypted]
