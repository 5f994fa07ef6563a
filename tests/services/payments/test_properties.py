"""Whatever happens to a customer's money, in whatever order: the books hold after every step."""

import contextlib
import os
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.ledger import queries as books
from billing.settlement import services as settlement
from core.errors import Refusal
from core.money import Money
from payments.models import Attempt, Dispute, Payment, Refund
from payments.services import collect, disputes, refunds
from tenancy import context
from tests.make import billing as bill
from tests.make import installation
from tests.make import payments as make

AMOUNTS = st.integers(min_value=1, max_value=12_000)
STATES = st.sampled_from(["open", "requires_action", "processing", "succeeded", "failed", "canceled"])


class _RollBack(Exception):
    """Ends a run; nothing of it stays."""


class Purse(RuleBasedStateMachine):
    """One customer, a few invoices, and everything that may be done or said about their money."""

    @initialize()
    def begin(self):
        self.scope = context.scope(context.Scope(installation.tenant("a")))
        self.scope.__enter__()
        self.ada = bill.customer()
        self.account = make.account()
        self.invoices = [bill.finalized(of=self.ada) for _ in range(3)]

    def teardown(self):
        if hasattr(self, "scope"):
            with contextlib.suppress(_RollBack):
                self.scope.__exit__(_RollBack, _RollBack(), None)

    def attempt(self, act, **named):
        """Do something; a refusal leaves nothing behind."""
        try:
            with context.attempt():
                return act(**named)
        except Refusal:
            return None

    def pick(self, model, index, **named):
        rows = list(model.objects.filter(**named).order_by("id"))
        return rows[index % len(rows)] if rows else None

    @rule(amount=AMOUNTS, wanted=AMOUNTS, index=st.integers(0, 2))
    def a_transfer_arrives(self, amount, wanted, index):
        self.attempt(
            make.bank_payment, of=self.ada, amount_minor=amount
        ) if wanted > amount else self.attempt(
            lambda: make.bank_payment((self.invoices[index], wanted), amount_minor=amount)
        )

    @rule(amount=AMOUNTS, index=st.integers(0, 2), more=st.booleans())
    def a_payment_is_begun(self, amount, index, more):
        wanted = [(self.invoices[index], amount)]
        if more:
            wanted.append((self.invoices[(index + 1) % 3], 500))
        self.attempt(lambda: make.started(*wanted))

    @rule(state=STATES, index=st.integers(0, 50), off=st.sampled_from([0, 0, 0, 0, 1]))
    def the_provider_says(self, state, index, off):
        attempt = self.pick(Attempt, index)
        if attempt is not None:
            amount = Payment.objects.get(pk=attempt.payment_id).amount_minor + off
            make.apply(attempt, state, amount_minor=amount, reference=f"pi_{attempt.pk.hex}")

    @rule(amount=AMOUNTS, index=st.integers(0, 50))
    def a_refund_is_asked_for(self, amount, index):
        payment = self.pick(Payment, index)
        if payment is not None:
            self.attempt(
                refunds.ask,
                payment_id=payment.pk,
                amount_minor=amount,
                reason="",
                actor=make.ACTOR,
                at=make.AT,
            )

    @rule(state=st.sampled_from(["pending", "succeeded", "failed", "canceled"]), index=st.integers(0, 50))
    def the_provider_says_of_a_refund(self, state, index):
        refund = self.pick(Refund, index)
        if refund is None:
            return
        if Payment.objects.get(pk=refund.payment_id).account_id is None:
            self.attempt(
                refunds.record_payout if state == "succeeded" else refunds.cancel,
                refund_id=refund.pk, actor=make.ACTOR, at=make.AT,
                **({"paid_on": make.AT.date()} if state == "succeeded" else {}),
            )  # fmt: skip
        else:
            outcome = make.refund_says(refund, state)
            refunds.apply(refund_id=refund.pk, outcome=outcome, actor=make.ACTOR, at=make.AT)

    @rule(
        state=st.sampled_from(["needs_response", "under_review", "won", "lost"]), index=st.integers(0, 50),
        part=st.sampled_from([1, 2, 3]),
    )  # fmt: skip
    def the_bank_says(self, state, index, part):
        payment = self.pick(Payment, index, account__isnull=False, captured_minor__gt=3)
        if payment is None:
            return
        known = Dispute.objects.filter(payment=payment).first()
        amount = known.amount_minor if known else payment.captured_minor // part
        facts = make.dispute_says(payment, state, amount=Money(amount, payment.currency))
        self.attempt(disputes.apply_facts, facts=facts, actor=make.ACTOR, at=make.AT)

    @rule(index=st.integers(0, 50))
    def a_transfer_is_taken_back(self, index):
        payment = self.pick(Payment, index, account__isnull=True)
        if payment is not None:
            self.attempt(
                collect.reverse, payment_id=payment.pk, reason="Returned", actor=make.ACTOR, at=make.AT
            )

    @rule(amount=AMOUNTS, index=st.integers(0, 2))
    def credit_is_spent(self, amount, index):
        self.attempt(
            settlement.apply_credit, invoice_id=self.invoices[index].pk, amount_minor=amount, actor=make.ACTOR,
            at=make.AT,
        )  # fmt: skip

    @rule(amount=AMOUNTS, index=st.integers(0, 2), payment=st.integers(0, 50))
    def money_is_taken_off(self, amount, index, payment):
        found = self.pick(Payment, payment)
        if found is not None:
            self.attempt(
                settlement.release, invoice_id=self.invoices[index].pk, payment_id=found.pk,
                amount_minor=amount, actor=make.ACTOR, at=make.AT,
            )  # fmt: skip

    @rule(index=st.integers(0, 2))
    def an_invoice_is_voided(self, index):
        self.attempt(lambda: bill.void(self.invoices[index].pk))

    @precondition(lambda self: hasattr(self, "ada"))
    @invariant()
    def the_books_hold(self):
        assert books.check() == []


@pytest.mark.django_db(transaction=True)
def test_whatever_happens_the_books_hold():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Purse,
        settings=settings(
            max_examples=int(os.environ.get("MONEY_EXAMPLES", "12")),
            stateful_step_count=25,
            deadline=timedelta(minutes=5),
            suppress_health_check=list(HealthCheck), database=None, derandomize=False,
        ),
    )  # fmt: skip
