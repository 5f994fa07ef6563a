"""One mail a customer, each step once, never to nobody; promises, disputes, payments stop it; a fee is drafted once."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection

from billing.customers import services as customers
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceLine
from billing.issuer import services as issuers
from billing.ledger import queries as books
from billing.settlement import services as settlement
from core.errors import Invalid, NotFound, Refusal
from outbound.models import OutboxMessage
from payments import tasks
from payments.models import (
    LateFee,
    PayLink,
    PaymentPromise,
    Reminder,
    ReminderChoice,
    ReminderPlan,
    ReminderStep,
)
from payments.reminders import daily, looking, plans, queries, sending
from payments.reminders.plans import StepInput
from payments.reminders.rules import Fee, Hold
from payments.services import collect
from tenancy import context
from tests.make import billing as make

DUE = date(2026, 3, 10)
WHO = {"actor": make.ACTOR, "at": make.AT}


def owed(of=None, *, due_on: date = DUE, email: str | None = "pay@ada.example") -> Invoice:
    customer = of or make.customer(email=email)
    return make.finalized(of=customer, issued_on=date(2026, 1, 1), due_on=due_on)


def started(on: date = date(2026, 1, 1)) -> ReminderPlan:
    plan = plans.default_plan(**WHO)
    plans.start(plan_id=plan.pk, on=on, **WHO)
    return plan


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def run(on: date) -> sending.Run:
    return sending.run(tenant_id=context.current_tenant(), on=on, actor=make.ACTOR, now=lambda: at(on))


def mails() -> list[dict[str, str]]:
    return [row.body for row in OutboxMessage.objects.filter(template__startswith="reminder_").order_by("id")]


def rows(**filters) -> list[tuple[str, int | None]]:
    found = Reminder.objects.filter(**filters).order_by("id")
    return [(row.state, row.step and row.step.days) for row in found]


def recorded(*about: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event FROM audit_event WHERE split_part(event, '.', 1) = ANY(%s) ORDER BY at, id",
            [list(about)],
        )
        return [row[0] for row in cursor.fetchall()]


def test_the_default_plan_is_made_once_and_paused(in_a):
    plan = plans.default_plan(**WHO)
    assert plans.default_plan(**WHO).pk == plan.pk
    (only,) = looking.plans().values()
    assert [(step.days, step.words) for step in only.steps] == [
        (-3, "upcoming"), (3, "friendly"), (10, "firm"), (21, "final"),
    ]  # fmt: skip
    assert (only.state, only.runs, only.is_default) == ("paused", False, True)
    owed()
    assert run(DUE + timedelta(days=3)) == sending.Run()
    assert recorded("reminder_plan") == ["reminder_plan.created"]


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


def test_a_customer_is_paused_or_has_a_plan_of_their_own(in_a):
    invoice = owed()
    started()
    own = plans.create(name="Gentle", steps=[StepInput(days=5, words="friendly")], **WHO)
    plans.start(plan_id=own.pk, on=date(2026, 1, 1), **WHO)
    choose = {"customer_id": invoice.customer_id, **WHO}
    plans.choose(plan_id=own.pk, is_paused=True, **choose)
    assert run(DUE + timedelta(days=5)).held == {"paused": 1}
    plans.choose(plan_id=own.pk, is_paused=False, **choose)
    assert run(DUE + timedelta(days=4)).mails == 0
    assert run(DUE + timedelta(days=5)).mails == 1
    plans.archive(plan_id=own.pk, **WHO)
    assert ReminderChoice.objects.get().plan_id is None
    assert run(DUE + timedelta(days=10)).mails == 1
    assert recorded("reminder_choice") == ["reminder_choice.updated"] * 2
    with pytest.raises(plans.PlanInUse), context.attempt():
        plans.archive(plan_id=plans.default_plan(**WHO).pk, **WHO)


def test_starting_a_plan_floods_nobody(in_a):
    owed(due_on=date(2026, 3, 1))
    started(on=date(2026, 6, 1))
    assert run(date(2026, 6, 1)) == sending.Run()
    assert rows() == [("skipped", -3), ("skipped", 3), ("skipped", 10), ("skipped", 21)]
    assert mails() == []


def test_a_changed_step_reminds_nobody_again(in_a):
    owed()
    plan = started()
    assert run(DUE + timedelta(days=3)).mails == 1
    steps = list(ReminderStep.objects.filter(plan=plan).order_by("days"))
    friendly = next(step for step in steps if step.days == 3)
    changed = [StepInput(id=friendly.pk, days=5, words="firm"), StepInput(days=8, words="final")]
    plans.change(plan_id=plan.pk, name="Short", steps=changed, **WHO)
    assert [step.days for step in looking.plans()[plan.pk].steps] == [5, 8]
    assert run(DUE + timedelta(days=6)).mails == 0
    assert run(DUE + timedelta(days=8)).mails == 1
    assert recorded("reminder_plan")[-1] == "reminder_plan.updated"


def test_two_steps_change_places(in_a):
    plan = plans.create(
        name="Two", steps=[StepInput(days=1, words="friendly"), StepInput(days=2, words="firm")], **WHO
    )
    one, two = ReminderStep.objects.filter(plan=plan).order_by("days")
    swapped = [StepInput(id=one.pk, days=2, words="friendly"), StepInput(id=two.pk, days=1, words="firm")]
    plans.change(plan_id=plan.pk, name="Two", steps=swapped, **WHO)
    assert [(step.id, step.days) for step in looking.plans()[plan.pk].steps] == [(two.pk, 1), (one.pk, 2)]


@pytest.mark.parametrize(
    ("name", "steps", "pointer"),
    [
        (" ", [StepInput(days=1, words="firm")], "/name"),
        ("4111 1111 1111 1111", [StepInput(days=1, words="firm")], "/name"),
        ("Plan", [], "/steps"),
        ("Plan", [StepInput(days=1, words="firm")] * 2, "/steps"),
        ("Plan", [StepInput(days=-61, words="firm")], "/steps/0/days"),
        ("Plan", [StepInput(days=1, words="rude")], "/steps/0"),
        ("Plan", [StepInput(days=0, words="firm", fee=Fee(kind="fixed", amount_minor=1, currency="EUR"))],
         "/steps/0/fee"),
        ("Plan", [StepInput(days=1, words="firm", fee=Fee(kind="fixed", currency="EUR"))], "/steps/0/fee_amount"),
        ("Plan", [StepInput(days=1, words="firm", fee=Fee(kind="interest", currency="EUR"))],
         "/steps/0/fee_percentage"),
        ("Plan", [StepInput(days=1, words="firm", fee=Fee(kind="fixed", amount_minor=1, currency="XXX"))],
         "/steps/0/fee_currency"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_refused_by_name(in_a, name, steps, pointer):
    with pytest.raises(Invalid) as refused, context.attempt():
        plans.create(name=name, steps=steps, **WHO)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert ReminderPlan.objects.count() == 0


def test_a_late_fee_is_drafted_once_as_an_invoice_of_its_own(in_a):
    invoice = owed()
    fixed = Fee(kind="fixed", currency="EUR", amount_minor=4_000)
    interest = Fee(kind="interest", currency="EUR", percentage=Decimal("36.5"), least_minor=50)
    steps = [StepInput(days=5, words="firm", fee=fixed), StepInput(days=15, words="final", fee=interest)]
    plan = plans.create(name="Strict", steps=steps, **WHO)
    plans.start(plan_id=plan.pk, on=date(2026, 1, 1), **WHO)
    plans.choose(customer_id=invoice.customer_id, plan_id=plan.pk, is_paused=False, **WHO)
    plans.default_plan(**WHO)
    assert (run(DUE + timedelta(days=5)).fees, run(DUE + timedelta(days=5)).fees) == (1, 0)
    fee = LateFee.objects.get()
    draft = Invoice.objects.get(pk=fee.fee_invoice_id)
    assert (draft.status, draft.total_minor, draft.tax_minor, draft.customer_id) == (
        "draft", 4_000, 0, invoice.customer_id,
    )  # fmt: skip
    (line,) = InvoiceLine.objects.filter(invoice_id=draft.pk)
    assert line.description == f"Late fee for invoice {invoice.number}, which was due on 2026-03-10"
    # 100.00 × 36.5 % × 10 days (since the first fee) ÷ 365 = 1.00
    assert run(DUE + timedelta(days=15)).fees == 1
    assert sorted(LateFee.objects.values_list("amount_minor", flat=True)) == [100, 4_000]
    assert recorded("late_fee") == ["late_fee.proposed"] * 2
    assert books.check() == []


def test_a_late_fee_costs_no_late_fee_and_a_discarded_one_does_not_come_back(in_a):
    invoice = owed()
    fee = Fee(kind="fixed", currency="EUR", amount_minor=500)
    plan = plans.default_plan(**WHO)
    plans.change(plan_id=plan.pk, name="Fees", steps=[StepInput(days=1, words="firm", fee=fee)], **WHO)
    plans.start(plan_id=plan.pk, on=date(2026, 1, 1), **WHO)
    assert run(DUE + timedelta(days=1)).fees == 1
    draft = LateFee.objects.get().fee_invoice_id
    invoices.update_draft(
        invoice_id=draft, changes={"issued_on": date(2026, 3, 12), "due_on": date(2026, 3, 20)}, **WHO
    )
    make.finalize(draft)
    done = run(date(2026, 3, 25))
    assert (done.mails, done.fees) == (1, 0)
    other = owed(make.customer("Grace Hopper", email="g@h.example"))
    assert run(DUE + timedelta(days=20)).fees == 1
    invoices.discard_draft(invoice_id=LateFee.objects.get(invoice=other).fee_invoice_id, **WHO)
    assert run(DUE + timedelta(days=30)).fees == 0
    assert LateFee.objects.filter(invoice=invoice).count() == 1


def test_an_archived_customer_is_reminded_and_charged_nothing(in_a):
    invoice = owed()
    fee = Fee(kind="fixed", currency="EUR", amount_minor=500)
    plan = plans.default_plan(**WHO)
    plans.change(plan_id=plan.pk, name="Fees", steps=[StepInput(days=1, words="firm", fee=fee)], **WHO)
    plans.start(plan_id=plan.pk, on=date(2026, 1, 1), **WHO)
    customers.archive(customer_id=invoice.customer_id, **WHO)
    done = run(DUE + timedelta(days=1))
    assert (done.mails, done.fees, LateFee.objects.count()) == (1, 0, 0)


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


def said_of(on: date, *invoices: Invoice) -> tuple[str, str]:
    """Remind by hand on a day: what is previewed is what is sent."""
    wanted = [invoice.pk for invoice in invoices]
    (letter,) = sending.preview_by_hand(invoice_ids=wanted, on=on).letters
    shown = sending.written(letter, urls=dict.fromkeys(wanted, "[the payment link]"))
    sending.remind(invoice_ids=wanted, on=on, actor=make.ACTOR, at=at(on))
    sent = mails()[-1]
    assert sent["subject"] == shown.subject
    assert sent["text"].splitlines()[0] == shown.text.splitlines()[0]
    return sent["subject"], sent["text"].splitlines()[0]


_CLAIMS = ("before", "still", "Another", "last", "Last", "Second")


def test_who_was_never_reminded_is_not_told_that_they_were(in_a):
    issuers.set_issuer(name="Kestrel", **WHO)
    invoice = owed()
    subject, text = said_of(DUE + timedelta(days=166), invoice)
    assert subject == f"Reminder: invoice {invoice.number} was due on 10 March 2026"
    assert text == (
        f"Perhaps it was overlooked: Kestrel has not received payment of invoice {invoice.number} yet."
    )
    assert not [word for word in _CLAIMS if word in subject + text]
    assert Reminder.objects.get().words == "friendly"
    again = said_of(DUE + timedelta(days=170), invoice)
    assert again == (
        f"Last reminder: invoice {invoice.number} is still not paid",
        f"Kestrel has reminded you of invoice {invoice.number} before and has received no payment. This is the last "
        "reminder before further steps. Please pay now, or answer this mail today.",
    )


def test_steps_that_were_only_passed_over_are_not_spoken_of(in_a):
    invoice = owed()
    started()
    run(DUE + timedelta(days=30))
    assert rows() == [("skipped", -3), ("skipped", 3), ("skipped", 10), ("sent", 21)]
    assert mails()[0]["subject"] == f"Reminder: invoice {invoice.number} was due on 10 March 2026"
    assert Reminder.objects.get(state="sent").words == "friendly"


def test_day_by_day_each_letter_is_sterner_and_only_the_last_is_called_so(in_a):
    invoice = owed()
    started()
    for days in range(-5, 40):
        run(DUE + timedelta(days=days))
    assert [mail["subject"] for mail in mails()] == [
        f"Invoice {invoice.number} is due on 10 March 2026",
        f"Reminder: invoice {invoice.number} was due on 10 March 2026",
        f"Another reminder: invoice {invoice.number} is overdue",
        f"Last reminder: invoice {invoice.number} is still not paid",
    ]


def test_the_sternest_words_are_said_only_of_the_invoices_they_are_true_of(in_a):
    issuers.set_issuer(name="Kestrel", **WHO)
    customer = make.customer(email="pay@ada.example")
    old, new = owed(customer), owed(customer, due_on=DUE + timedelta(days=20))
    said_of(DUE + timedelta(days=12), old)
    subject, text = said_of(DUE + timedelta(days=30), old, new)
    assert subject == f"Last reminder: invoice {old.number} is still not paid"
    assert text.startswith(f"Kestrel has reminded you of invoice {old.number} before ")
    assert "Listed with it is another open invoice." in mails()[-1]["text"]
    assert set(Reminder.objects.filter(invoice=new).values_list("words", flat=True)) == {"friendly"}


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
