"""One mail a customer, each step once, never to nobody; promises, disputes, payments stop it; a fee is drafted once."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from billing.customers import services as customers
from billing.issuer import services as issuers
from billing.settlement import services as settlement
from core.errors import NotFound, Refusal
from payments import tasks
from payments.models import (
    PayLink,
    PaymentPromise,
    Reminder,
)
from payments.reminders import daily, plans, queries, sending
from payments.reminders.rules import Hold
from payments.services import collect
from tenancy import context
from tests.make import billing as make
from tests.services.payments.reminders.owing import DUE, WHO, at, mails, owed, recorded, rows, run, started


def test_one_mail_names_all_that_is_due_with_a_link_each(in_a):
    issuers.set_issuer(name="Kestrel & Co", **WHO)
    customer = make.customer(email="pay@ada.example")
    first, second = owed(customer), owed(customer, due_on=DUE - timedelta(days=7))
    started()
    done = run(DUE + timedelta(days=3))
    assert (done.mails, done.reminders, done.fees, done.held) == (1, 2, 0, {})
    (mail,) = mails()
    assert (mail["to"], mail["subject"]) == ("pay@ada.example", "Reminder: 2 invoices are due")
    assert "Kestrel & Co has not received" in mail["text"]
    for invoice in (first, second):
        assert f"Invoice {invoice.number}" in mail["text"]
        assert PayLink.objects.filter(invoice_id=invoice.pk).count() == 1
    assert mail["text"].count("/pay/") == 2
    assert rows(invoice=first) == [("skipped", -3), ("sent", 3)]
    assert rows(invoice=second) == [("skipped", -3), ("skipped", 3), ("sent", 10)]
    assert recorded("reminder") == ["reminder.sent"] * 2


def test_whatever_runs_twice_sends_once(in_a):
    owed()
    started()
    days = [DUE + timedelta(days=number) for number in range(-10, 40)]
    sent = [(run(day).mails, run(day).mails) for day in days]
    assert [(day - DUE).days for day, (first, _) in zip(days, sent, strict=True) if first] == [-3, 3, 10, 21]
    assert {second for _, second in sent} == {0}
    assert rows() == [("sent", -3), ("sent", 3), ("sent", 10), ("sent", 21)]


def test_missed_days_are_caught_up_by_one_mail(in_a):
    owed()
    started()
    assert run(DUE + timedelta(days=15)).mails == 1
    assert rows() == [("skipped", -3), ("skipped", 3), ("sent", 10)]
    assert run(DUE + timedelta(days=16)).mails == 0


def test_nobody_is_nobodys_address(in_a):
    invoice = owed(email=None)
    started()
    done = run(DUE + timedelta(days=3))
    assert (done.mails, done.held, mails(), rows()) == (0, {"no_address": 1}, [], [])
    (held,) = sending.preview(on=DUE + timedelta(days=3)).held
    assert (held.debt.number, held.hold, held.why) == (
        invoice.number, Hold.NO_ADDRESS, "The customer has no e-mail address",
    )  # fmt: skip
    customers.update(customer_id=invoice.customer_id, changes={"email": "new@ada.example"}, **WHO)
    assert run(DUE + timedelta(days=4)).mails == 1


def test_a_payment_stops_it(in_a):
    invoice = owed()
    started()
    collect.record(
        customer_id=invoice.customer_id, currency="EUR", amount_minor=10_000, wanted=[(invoice.pk, 10_000)],
        received_on=make.AT.date(), source="staff", **WHO,
    )  # fmt: skip
    assert run(DUE + timedelta(days=10)) == sending.Run()


def test_a_dispute_and_money_on_its_way_stop_it_and_their_end_starts_it(in_a):
    invoice = owed()
    started()
    for mark, reason in (("disputes", "disputed"), ("processing", "on_its_way")):
        settlement.mark(invoice_ids=[invoice.pk], at=make.AT, **{mark: 1})
        assert run(DUE + timedelta(days=3)).held == {reason: 1}
        settlement.mark(invoice_ids=[invoice.pk], at=make.AT, **{mark: -1})
    assert run(DUE + timedelta(days=5)).mails == 1


def test_a_promise_stops_it_until_its_day_has_passed(in_a):
    invoice = owed()
    started()
    until = DUE + timedelta(days=12)
    plans.promise(invoice_id=invoice.pk, promised_on=until, note="said so", today=DUE, **WHO)
    assert run(DUE + timedelta(days=3)).held == {"promised": 1}
    assert run(until).held == {"promised": 1}
    assert run(until + timedelta(days=1)).mails == 1
    assert rows() == [("skipped", -3), ("skipped", 3), ("sent", 10)]
    assert PaymentPromise.objects.get().note == "said so"
    assert recorded("promise") == ["promise.recorded"]


def test_a_promise_is_replaced_and_taken_back(in_a):
    invoice = owed()
    started()
    for days in (5, 9):
        plans.promise(
            invoice_id=invoice.pk, promised_on=DUE + timedelta(days=days), note="", today=DUE, **WHO
        )
    assert PaymentPromise.objects.filter(ended_at__isnull=True).get().promised_on == DUE + timedelta(days=9)
    plans.end_promise(invoice_id=invoice.pk, **WHO)
    assert run(DUE + timedelta(days=3)).mails == 1
    assert recorded("promise") == ["promise.recorded", "promise.recorded", "promise.ended"]
    with pytest.raises(plans.NothingPromised), context.attempt():
        plans.end_promise(invoice_id=invoice.pk, **WHO)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"promised_on": DUE - timedelta(days=1)}, "promise_in_past"),
        ({"promised_on": date(9999, 1, 1)}, "day_out_of_range"),
        ({"note": "4111 1111 1111 1111"}, "invalid"),
        ({"invoice_id": UUID(int=5)}, "not_found"),
    ],
)
def test_what_is_no_promise(in_a, change, code):
    values = {"invoice_id": owed().pk, "promised_on": DUE, "note": "", "today": DUE, **change}
    with pytest.raises(Refusal) as refused, context.attempt():
        plans.promise(**values, **WHO)
    assert refused.value.code == code
    assert PaymentPromise.objects.count() == 0


def test_by_hand_who_gets_what_is_said_first_and_nobody_twice_in_three_days(in_a):
    customer = make.customer(email="pay@ada.example")
    first, second = owed(customer), owed(customer, due_on=DUE - timedelta(days=20))
    later = owed(make.customer("Grace Hopper", email="g@h.example"), due_on=date(2026, 5, 1))
    nobody = owed(make.customer("Nobody"))
    on = DUE + timedelta(days=2)
    wanted = [first.pk, second.pk, later.pk, nobody.pk]
    said = sending.preview_by_hand(invoice_ids=wanted, on=on)
    assert [(letter.email, letter.words, len(letter.items)) for letter in said.letters] == [
        ("pay@ada.example", "friendly", 2)
    ]
    held = {each.debt.number: each.hold for each in said.held}
    assert held == {later.number: Hold.NOT_LATE, nobody.number: Hold.NO_ADDRESS}
    done = sending.remind(invoice_ids=wanted, on=on, **WHO)
    assert (done.mails, done.reminders, done.held) == (1, 2, {"not_late": 1, "no_address": 1})
    again = sending.remind(invoice_ids=wanted, on=on + timedelta(days=2), **WHO)
    assert (again.mails, again.held["recent"]) == (0, 2)
    assert rows() == [("sent", None), ("sent", None)]
    assert (len(mails()), mails()[0]["subject"]) == (1, "Reminder: 2 invoices are due")


def test_what_would_go_out_is_said_and_nothing_written(in_a):
    invoice = owed()
    started()
    said = sending.preview(on=DUE + timedelta(days=10))
    (letter,) = said.letters
    assert [(item.debt.number, item.step.days, item.words) for item in letter.items] == [
        (invoice.number, 10, "friendly")
    ]
    assert (rows(), mails()) == ([], [])


def test_recovered_money_is_what_came_after_a_reminder(in_a):
    early, late = owed(), owed(make.customer("Grace Hopper", email="g@h.example"))
    pay = {"currency": "EUR", "received_on": make.AT.date(), "source": "staff", "actor": make.ACTOR}
    collect.record(
        customer_id=early.customer_id, amount_minor=4_000, wanted=[(early.pk, 4_000)], at=make.AT, **pay
    )
    plan = started()
    run(DUE + timedelta(days=3))
    assert queries.recovered(plan.pk) == {}
    after = at(DUE + timedelta(days=4))
    collect.record(
        customer_id=late.customer_id, amount_minor=10_000, wanted=[(late.pk, 10_000)], at=after, **pay
    )
    collect.record(
        customer_id=early.customer_id, amount_minor=1_000, wanted=[(early.pk, 1_000)], at=after, **pay
    )
    assert queries.recovered(plan.pk) == {"EUR": 11_000}


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("UTC", datetime(2026, 3, 13, 7, 59, tzinfo=UTC), None),
        ("UTC", datetime(2026, 3, 13, 8, 0, tzinfo=UTC), date(2026, 3, 13)),
        ("Pacific/Auckland", datetime(2026, 3, 12, 19, 0, tzinfo=UTC), date(2026, 3, 13)),
        ("America/Los_Angeles", datetime(2026, 3, 13, 14, 59, tzinfo=UTC), None),
        ("America/Los_Angeles", datetime(2026, 3, 13, 15, 0, tzinfo=UTC), date(2026, 3, 13)),
    ],
)
def test_the_day_is_the_organizations_own_from_its_morning(in_a, zone, moment, day):
    issuers.set_issuer(name="A", time_zone=zone, **WHO)
    owed()
    started()
    sent = daily.remind(tenant_id=context.current_tenant(), actor=make.ACTOR, now=lambda: moment)
    assert sent == (1 if day else 0)
    assert set(Reminder.objects.values_list("on_day", flat=True)) == ({day} if day else set())


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
def test_a_day_of_23_or_25_hours_sends_once(in_a, day):
    issuers.set_issuer(name="A", time_zone="Europe/Berlin", **WHO)
    owed(due_on=day - timedelta(days=3))
    started()
    hours = [
        datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour) for hour in range(-2, 24)
    ]
    sent = [
        daily.remind(tenant_id=context.current_tenant(), actor=make.ACTOR, now=lambda moment=moment: moment)
        for moment in hours
    ]
    assert sum(sent) == 1


def test_unknown_records_are_not_there(in_a):
    for act in (
        lambda: plans.start(plan_id=UUID(int=3), on=DUE, **WHO),
        lambda: plans.choose(customer_id=UUID(int=3), plan_id=None, is_paused=True, **WHO),
        lambda: plans.choose(customer_id=owed().customer_id, plan_id=UUID(int=3), is_paused=True, **WHO),
    ):
        with pytest.raises(NotFound), context.attempt():
            act()


@pytest.mark.django_db(transaction=True)
def test_the_task_walks_every_organization(tenant_a, tenant_b):
    for tenant in (tenant_a, tenant_b):
        with context.scope(context.Scope(tenant)):
            issuers.set_issuer(name="A", time_zone=_morning(), **WHO)
            customer = make.customer(email="pay@ada.example")
            today = datetime.now(UTC).date()
            make.finalized(
                of=customer, issued_on=today - timedelta(days=40), due_on=today - timedelta(days=6)
            )
            plans.start(plan_id=plans.default_plan(**WHO).pk, on=today - timedelta(days=30), **WHO)
    assert tasks.remind() == 2
    assert tasks.remind() == 0


def _morning() -> str:
    """Return a zone in which it is between nine and twenty now, so that the day is the same as here, or nearly."""
    hour = datetime.now(UTC).hour
    offset = (12 - hour + 12) % 24 - 12
    return f"Etc/GMT{-offset:+d}" if offset else "UTC"
