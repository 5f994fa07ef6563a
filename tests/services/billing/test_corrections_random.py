"""Allocations, credit notes, credit, write-offs and refunds in any sequence: no cent is made or lost.

Two hundred operations in the suite; as many as STRONGBOX_RANDOM_OPERATIONS says, from STRONGBOX_RANDOM_SEED.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from uuid import UUID

from django.db import connection

from billing.creditnotes import queries as creditnotes
from billing.creditnotes import services as notes
from billing.creditnotes.rules import LineCredit
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.issuer import coins
from billing.issuer import services as issuers
from billing.ledger import queries as ledger
from billing.settlement import queries as settled
from billing.settlement import services as settlement
from core import clock
from core.errors import Refusal
from payments.models import Payment, Refund
from payments.services import crediting, refunds
from tenancy import context
from tests.make import billing as make
from tests.make import payments

OPERATIONS = int(os.environ.get("STRONGBOX_RANDOM_OPERATIONS", "200"))
SEED = int(os.environ.get("STRONGBOX_RANDOM_SEED", "20261125"))
BY = {"actor": make.ACTOR}


class Office:
    """Does one thing after the other, and counts by itself what came, went, was billed and taken back."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        # What is to be paid is rounded to five Rappen; the books are kept in francs.
        issuers.set_issuer(name="Office", currency="CHF", actor=make.ACTOR, at=make.AT)
        coins.round_totals(currencies=["CHF"], actor=make.ACTOR, at=make.AT)
        self.customers = [make.customer(f"Customer {index}", currency="CHF").pk for index in range(3)]
        self.rates = [make.tax_rate("20"), make.tax_rate("5", code="reduced"), None]
        self.came = self.went = self.billed = self.taken_back = 0

    def invoice(self) -> Invoice:
        rows = list(Invoice.objects.filter(status="finalized").order_by("-id")[:12])
        return self.draw.choice(rows) if rows else self.bill()

    def bill(self) -> Invoice:
        lines = [
            make.line(f"{self.draw.randint(1, 9_999) / 100:.2f}", rate=self.draw.choice(self.rates))
            for _ in range(self.draw.randint(1, 4))
        ]
        made = invoices.create_draft(
            customer_id=self.draw.choice(self.customers), lines=lines, at=clock.now(), **BY
        )
        made = invoices.finalize(invoice_id=made.pk, at=clock.now(), **BY)
        self.billed += made.total_minor
        return made

    def void(self) -> None:
        invoice = self.invoice()
        invoices.void(invoice_id=invoice.pk, reason="Wrong", at=clock.now(), **BY)
        self.billed -= invoice.total_minor

    def pay(self) -> None:
        invoice, amount = self.invoice(), self.draw.randint(1, 12_000)
        payments.bank(
            invoice.customer_id, amount, onto=((invoice.pk, self.draw.randint(1, amount)),), currency="CHF"
        )
        self.came += amount

    def credit(self) -> None:
        invoice = self.invoice()
        left = creditnotes.left(invoice)
        wanted = notes.Wanted()
        if self.draw.random() < 0.4:
            wanted = notes.Wanted(amount_minor=self.draw.randint(1, max(1, left.total_minor)))
        elif self.draw.random() < 0.6:
            line = self.draw.choice(left.lines)
            wanted = notes.Wanted(
                lines=[LineCredit(line_id=line.id, net_minor=self.draw.randint(1, max(1, line.left_minor)))]
            )
        offset = None if self.draw.random() < 0.6 else 0
        made = notes.issue(invoice_id=invoice.pk, wanted=wanted, offset_minor=offset, at=clock.now(), **BY)
        self.taken_back += made.total_minor

    def credit_and_refund(self) -> None:
        invoice = self.invoice()
        back = sum(each.left_minor for each in crediting.sources(invoice.pk))
        left = creditnotes.left(invoice).total_minor
        amount = self.draw.randint(1, max(1, min(back, left)))
        explained = [each.refund_id for each in crediting.unexplained(invoice.pk)][: self.draw.randint(0, 1)]
        made, _ = crediting.credit(
            invoice_id=invoice.pk, refund_minor=amount, given_back=explained, at=clock.now(), **BY
        )
        self.taken_back += made.total_minor

    def apply_credit(self) -> None:
        invoice = self.invoice()
        held = settled.credit(customer_id=invoice.customer_id).get("CHF", 0)
        amount = self.draw.randint(1, max(1, held))
        settlement.apply_credit(invoice_id=invoice.pk, amount_minor=amount, at=clock.now(), **BY)

    def release(self) -> None:
        invoice = self.invoice()
        for row in settled.allocations(invoice_id=invoice.pk)[:1]:
            if row.payment_id is not None:
                settlement.release(
                    invoice_id=invoice.pk,
                    payment_id=row.payment_id,
                    amount_minor=self.draw.randint(1, max(1, row.amount_minor)),
                    at=clock.now(),
                    **BY,
                )

    def write_off(self) -> None:
        settlement.write_off(invoice_id=self.invoice().pk, reason="Lost", at=clock.now(), **BY)

    def refund(self) -> None:
        payment = Payment.objects.order_by("?").first()
        if payment is not None:
            amount = self.draw.randint(1, payment.captured_minor)
            refunds.ask(payment_id=payment.pk, amount_minor=amount, reason="Asked", at=clock.now(), **BY)

    def end_refund(self) -> None:
        refund = Refund.objects.filter(state="pending").order_by("id").first()
        if refund is None:
            return
        if self.draw.random() < 0.7:
            refunds.record_payout(refund_id=refund.pk, paid_on=clock.today(), at=clock.now(), **BY)
            self.went += refund.amount_minor
        else:
            refunds.cancel(refund_id=refund.pk, at=clock.now(), **BY)

    def expire(self) -> None:
        customer = self.draw.choice(self.customers)
        held = settled.credit(customer_id=customer).get("CHF", 0)
        settlement.expire(
            customer_id=customer,
            currency="CHF",
            amount_minor=self.draw.randint(1, max(1, held)),
            reason="Lapsed",
            at=clock.now(),
            **BY,
        )

    def moves(self) -> list[tuple[Callable[[], object], int]]:
        return [
            (self.bill, 5), (self.pay, 6), (self.credit, 5), (self.credit_and_refund, 3), (self.apply_credit, 4),
            (self.release, 2), (self.write_off, 3), (self.refund, 3), (self.end_refund, 4), (self.expire, 1),
            (self.void, 1),
        ]  # fmt: skip


def balances() -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT account, sum(amount_minor)::bigint FROM billing_ledgerentry GROUP BY account")
        return Counter(dict(cursor.fetchall()))


def untouched() -> list[Invoice]:
    """Invoices on which nothing but credit notes came: what is due of them is whole coins."""
    rows = Invoice.objects.filter(status="finalized", amount_paid_minor=0, written_off_minor=0)
    return list(rows.order_by("-id")[:5])


def test_no_cent_is_made_or_lost(in_a: UUID) -> None:
    draw = random.Random(SEED)
    office, done, refused = Office(draw), Counter[str](), Counter[str]()
    moves = office.moves()
    for step in range(OPERATIONS):
        (move,) = draw.choices([move for move, _ in moves], [weight for _, weight in moves])
        before = (office.came, office.went, office.billed, office.taken_back)
        try:
            with context.attempt():
                move()
        except Refusal as refusal:
            office.came, office.went, office.billed, office.taken_back = before
            refused[type(refusal).__name__] += 1
        else:
            done[move.__name__] += 1
        booked = balances()
        assert sum(booked.values()) == 0
        assert all(row.amount_due_minor % 5 == 0 for row in untouched())
        assert booked["bank"] == office.came - office.went, (step, move.__name__)
        assert -booked["revenue"] - booked["tax"] == office.billed - office.taken_back, (step, move.__name__)
        if step % 25 == 24 or step == OPERATIONS - 1:
            assert ledger.check() == [], (step, move.__name__)
    assert min(done[move.__name__] for move, _ in moves if move != office.void) > 0, (done, refused)
    assert sum(done.values()) > OPERATIONS // 2, (done, refused)
