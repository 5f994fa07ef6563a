"""Plans of reminders: made, changed and refused by name; late fees drafted once; who has a plan of their own."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from billing.customers import services as customers
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceLine
from billing.ledger import queries as books
from core.errors import Invalid
from payments.models import (
    LateFee,
    ReminderChoice,
    ReminderPlan,
    ReminderStep,
)
from payments.reminders import looking, plans, sending
from payments.reminders.plans import StepInput
from payments.reminders.rules import Fee
from tenancy import context
from tests.make import billing as make
from tests.services.payments.reminders.owing import DUE, WHO, mails, owed, recorded, rows, run, started


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
