"""Many hands at once: an invoice is paid once, what came twice is credit, and no more goes back than came."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from billing.ledger import queries as books
from billing.settlement import queries
from billing.settlement import services as settlement
from payments.models import Attempt, Payment, Refund
from payments.services import collect, disputes, refunds
from tenancy import context
from tests import databases
from tests.make import billing as bill
from tests.make import payments as make

# Beside fifty threads of another file a role would have more connections than it may.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("many connections")]
THREADS = 24


def together(act, arguments, *, threads=THREADS):
    """Run one call an argument, as many at once as there are threads, each on a connection of its own."""
    threads = min(threads, len(arguments))
    barrier = Barrier(threads)

    def run(mine):
        try:
            barrier.wait(timeout=60)
            return [_answer(act, argument) for argument in mine]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(run, [arguments[start::threads] for start in range(threads)]))
    return [answer for part in parts for answer in part]


def _answer(act, argument):
    try:
        return act(argument)
    except Exception as error:
        return error


def deadlocks() -> int:
    ((count,),) = databases.as_owner(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    return count


def test_of_twelve_payments_of_one_invoice_it_is_paid_once_and_the_rest_is_credit(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        invoice = bill.finalized()
        late = [make.apply(make.started(invoice), "canceled") for _ in range(6)]

    def pay(one):
        with context.scope(context.Scope(tenant_a)):
            if one is None:
                make.bank_payment((invoice, 10_000))
            else:
                make.apply(one)

    assert together(pay, [*late, *[None] * 6]) == [None] * 12
    with context.scope(context.Scope(tenant_a)):
        paid = make.fresh(invoice)
        assert (paid.payment_status, paid.amount_paid_minor, paid.attempts_open) == ("paid", 10_000, 0)
        assert queries.credit(customer_id=invoice.customer_id) == {"EUR": 110_000}
        assert Payment.objects.filter(state="succeeded").count() == 12
        assert books.check() == []
    assert deadlocks() == 0


def test_one_outcome_told_by_many_settles_once(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        invoice = bill.finalized()
        attempt = make.started(invoice)

    def tell(_):
        with context.scope(context.Scope(tenant_a)):
            make.apply(attempt)

    assert together(tell, list(range(12))) == [None] * 12
    with context.scope(context.Scope(tenant_a)):
        assert make.fresh(invoice).amount_paid_minor == 10_000
        assert make.events_of(attempt.payment_id) == ["payment.started", "payment.succeeded"]
        assert books.check() == []


def test_of_many_clicks_one_attempt_comes(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        invoice, _ = bill.finalized(), make.account()

    def click(_):
        with context.scope(context.Scope(tenant_a)):
            return make.started(invoice).pk

    assert len(set(together(click, list(range(12))))) == 1
    with context.scope(context.Scope(tenant_a)):
        assert (Attempt.objects.count(), make.fresh(invoice).attempts_open) == (1, 1)


def test_of_two_hundred_refunds_exactly_the_allowed_ones_are_promised(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        ada = bill.customer()
        captured = [make.card_payment(bill.finalized(of=ada, lines=[bill.line("1.00")])) for _ in range(20)]

    def ask(payment):
        with context.scope(context.Scope(tenant_a)):
            return refunds.ask(
                payment_id=payment.pk, amount_minor=60, reason="", actor=make.ACTOR, at=make.AT
            ).payment_id

    answers = together(ask, captured * 10)
    promised = [answer for answer in answers if not isinstance(answer, Exception)]
    assert sorted(promised) == sorted(payment.pk for payment in captured)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert {type(answer) for answer in refused} == {refunds.RefundExceedsPayment}
    assert len(refused) == 180
    with context.scope(context.Scope(tenant_a)):
        assert Refund.objects.count() == 20
        assert set(Payment.objects.values_list("refunding_minor", flat=True)) == {60}
        assert books.check() == []
    assert deadlocks() == 0


def test_credit_is_not_spent_twice(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        ada = bill.customer()
        make.bank_payment(of=ada, amount_minor=30_000)
        invoices = [bill.finalized(of=ada) for _ in range(8)]

    def spend(invoice):
        with context.scope(context.Scope(tenant_a)):
            settlement.apply_credit(invoice_id=invoice.pk, amount_minor=10_000, actor=make.ACTOR, at=make.AT)

    answers = together(spend, invoices)
    assert answers.count(None) == 3
    assert sum(isinstance(answer, settlement.CreditNotEnough) for answer in answers) == 5
    with context.scope(context.Scope(tenant_a)):
        assert queries.credit(customer_id=ada.pk) == {}
        assert books.check() == []


def test_everything_at_once_about_one_customer_never_deadlocks(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        ada = bill.customer()
        invoices = [bill.finalized(of=ada) for _ in range(6)]
        ready = [make.started(one) for one in invoices]
        bank = [make.bank_payment((one, 4_000), amount_minor=9_000) for one in invoices]
        cards = [make.card_payment((one, 1_000)) for one in invoices]

    def act(job):
        kind, row = job
        with context.scope(context.Scope(tenant_a)):
            if kind == "apply":
                make.apply(row)
            elif kind == "refund":
                refunds.ask(payment_id=row.pk, amount_minor=500, reason="", actor=make.ACTOR, at=make.AT)
            elif kind == "reverse":
                collect.reverse(payment_id=row.pk, reason="Returned", actor=make.ACTOR, at=make.AT)
            elif kind == "spend":
                settlement.apply_credit(invoice_id=row.pk, amount_minor=1_000, actor=make.ACTOR, at=make.AT)
            elif kind == "start":
                make.started((row, 500))
            else:
                disputes.apply_facts(facts=make.dispute_says(row, "lost"), actor=make.ACTOR, at=make.AT)

    jobs = [("apply", row) for row in ready] + [("reverse", row) for row in bank]
    jobs += [("refund", row) for row in cards] + [("lose", row) for row in cards]
    jobs += [("spend", row) for row in invoices] + [("start", row) for row in invoices]
    answers = together(act, jobs, threads=36)
    expected = (
        collect.PaymentMovedOn, collect.NotPayable, collect.MoreThanDue, refunds.RefundExceedsPayment,
        refunds.PaymentNotRefundable, settlement.NothingDue, settlement.CreditNotEnough,
    )  # fmt: skip
    assert [one for one in answers if one is not None and not isinstance(one, expected)] == []
    with context.scope(context.Scope(tenant_a)):
        assert books.check() == []
    assert deadlocks() == 0
