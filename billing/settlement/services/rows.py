"""What settling shares: locked rows, an allocation or an entry of credit with everything that hangs on it.

Lock order, everywhere: the credit of the customer, then invoices by id. Whoever takes money, gives it back or moves
it within one customer and currency waits for the others, so that what is read after the lock stays true.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from django.db.models import Sum

from audit import services as audit
from billing import events
from billing.invoices import rules as invoice_rules
from billing.invoices.models import Invoice
from billing.invoices.queries import due_minor
from billing.invoices.services.rows import change_of, tell
from billing.issuer import queries as issuers
from billing.ledger import services as ledger
from billing.ledger.rules import Account, Side
from billing.settlement.models import Allocation, CreditBalance, CreditEntry, WriteOff
from billing.tallies import services as tallies
from core.actor import Actor
from core.errors import Refusal
from tenancy.models import only

Cause = CreditEntry.Cause


class CreditNotEnough(Refusal):
    """The customer has less credit than that."""

    code = "credit_not_enough"


@dataclass(slots=True)
class Money:
    """The locked money of one customer and currency: their credit, and the invoices that are to change."""

    customer_id: UUID
    currency: str
    balance: CreditBalance
    booked_on: date
    actor: Actor
    at: datetime
    invoices: dict[UUID, Invoice] = field(default_factory=dict)

    def lock_invoices(self, invoice_ids: Iterable[UUID]) -> None:
        """Lock those of the invoices that are of this customer and currency."""
        rows = Invoice.objects.select_for_update(no_key=True).filter(
            pk__in=list(invoice_ids), customer_id=self.customer_id, currency=self.currency
        )
        self.invoices = {invoice.pk: invoice for invoice in rows.order_by("pk")}

    def room(self, invoice_id: UUID) -> int:
        """Return how much an invoice still takes; nothing for one that is voided, a draft or another's."""
        invoice = self.invoices.get(invoice_id)
        if invoice is None or invoice.status != Invoice.Status.FINALIZED:
            return 0
        # What was given up as lost is taken when it comes after all.
        return max(0, due_minor(invoice)) + invoice.written_off_minor

    def allocate(
        self, invoice_id: UUID, amount_minor: int, payment_id: UUID | None, *, from_credit: bool = False
    ) -> None:
        """Put money onto a locked invoice, or take it off (below zero)."""
        invoice = self.invoices[invoice_id]
        Allocation.objects.create(
            customer_id=invoice.customer_id,
            invoice_id=invoice.pk,
            payment_id=payment_id,
            from_credit=from_credit,
            currency=invoice.currency,
            amount_minor=amount_minor,
            booked_on=self.booked_on,
            at=self.at,
        )
        before = change_of(invoice)
        self._reinstate(invoice, amount_minor - max(0, due_minor(invoice)))
        invoice.amount_paid_minor += amount_minor
        save(invoice, before, self.at)
        if amount_minor < 0:
            audit.record(events.INVOICE_REOPENED, actor=self.actor, subject=("invoice", invoice.pk))
            return
        paid = due_minor(invoice) + invoice.written_off_minor <= 0
        event = events.INVOICE_PAID if paid else events.INVOICE_PARTIALLY_PAID
        audit.record(event, actor=self.actor, subject=("invoice", invoice.pk))
        tell(invoice, "paid" if paid else "partially_paid")

    def take_off(self, invoice: Invoice, amount_minor: int, *, noted_minor: int) -> None:
        """Note on a locked invoice that a credit note took something back, and what of it came off what is open."""
        before = change_of(invoice)
        self._reinstate(invoice, amount_minor - max(0, due_minor(invoice)))
        was_open = due_minor(invoice) > 0
        invoice.credited_minor += amount_minor
        invoice.noted_minor += noted_minor
        save(invoice, before, self.at)
        if was_open and amount_minor and due_minor(invoice) + invoice.written_off_minor <= 0:
            audit.record(events.INVOICE_PAID, actor=self.actor, subject=("invoice", invoice.pk))
            tell(invoice, "paid")

    def write_off(
        self,
        invoice: Invoice,
        amount_minor: int,
        *,
        reason: str,
        asked_by: UUID | None,
        agreed_by: UUID | None,
    ) -> None:
        """Give up as lost what is due on a locked invoice, or some of it."""
        before = change_of(invoice)
        invoice.written_off_minor += amount_minor
        save(invoice, before, self.at)
        self._lose(invoice, amount_minor, reason=reason, asked_by=asked_by, agreed_by=agreed_by)

    def _reinstate(self, invoice: Invoice, amount_minor: int) -> None:
        """Take up again what had been given up, as far as something came for it; the caller saves the invoice."""
        amount_minor = min(amount_minor, invoice.written_off_minor)
        if amount_minor < 1:
            return
        invoice.written_off_minor -= amount_minor
        self._lose(invoice, -amount_minor)
        audit.record(events.INVOICE_REINSTATED, actor=self.actor, subject=("invoice", invoice.pk))

    def _lose(
        self, invoice: Invoice, amount_minor: int, *, reason: str | None = None, **who: UUID | None
    ) -> None:
        row = WriteOff.objects.create(
            customer_id=invoice.customer_id,
            invoice_id=invoice.pk,
            currency=invoice.currency,
            amount_minor=amount_minor,
            reason=reason,
            at=self.at,
            **who,
        )
        ledger.post(
            kind="invoice_written_off" if amount_minor > 0 else "invoice_reinstated",
            sides=[Side(Account.BAD_DEBT, amount_minor), Side(Account.RECEIVABLE, -amount_minor)],
            currency=invoice.currency,
            booked_on=self.booked_on,
            at=self.at,
            customer_id=invoice.customer_id,
            invoice_id=invoice.pk,
            source_id=row.pk,
            late_ok=True,
        )

    def credit(
        self,
        amount_minor: int,
        payment_id: UUID | None,
        cause: Cause,
        *,
        credit_note_id: UUID | None = None,
        reason: str | None = None,
    ) -> UUID:
        """Give the customer credit, or take it (below zero); return the entry's id.

        Raises:
            CreditNotEnough
        """
        if self.balance.amount_minor + amount_minor < 0:
            raise CreditNotEnough(field="amount_minor")
        entry = CreditEntry.objects.create(
            customer_id=self.customer_id,
            payment_id=payment_id,
            credit_note_id=credit_note_id,
            currency=self.currency,
            amount_minor=amount_minor,
            cause=cause,
            reason=reason,
            at=self.at,
        )
        self.balance.amount_minor += amount_minor
        self.balance.save(update_fields=["amount_minor"])
        return UUID(str(entry.pk))

    def sources(self) -> list[tuple[UUID | None, int]]:
        """Return which payment has left how much credit, the oldest first (ids sort by time)."""
        rows = (
            CreditEntry.objects.filter(customer_id=self.customer_id, currency=self.currency)
            .values("payment_id")
            .annotate(held=Sum("amount_minor"))
            .order_by("payment_id")
        )
        return [(row["payment_id"], int(row["held"])) for row in rows if row["held"] > 0]


def today(at: datetime) -> date:
    """Return the day it is where the organization keeps its books."""
    return invoice_rules.local_day(at, issuers.time_zone())


def lock_money(*, customer_id: UUID, currency: str, booked_on: date, actor: Actor, at: datetime) -> Money:
    """Lock a customer's money in one currency; what is read afterwards stays as it is until the commit."""
    found = {"customer_id": customer_id, "currency": currency}
    rows = CreditBalance.objects.select_for_update(no_key=True).filter(**found)
    balance = only(rows)
    if balance is None:
        # Two may come first at once: the unique key lets one of them in, and the other waits for it here.
        CreditBalance.objects.bulk_create([CreditBalance(**found)], ignore_conflicts=True)
        balance = rows.get()
    return Money(customer_id, currency, balance, booked_on, actor, at)


def save(invoice: Invoice, before: tallies.Change, at: datetime) -> None:
    """Store what of an invoice its payments change, and what that adds to the tallies."""
    if invoice.status == Invoice.Status.FINALIZED:
        invoice.payment_status = invoice_rules.payment_status(
            # Given up is not paid.
            due_minor=due_minor(invoice) + invoice.written_off_minor,
            paid_minor=invoice.amount_paid_minor + invoice.prepaid_minor,
            processing=invoice.attempts_processing > 0,
        )
    invoice.updated_at = at
    invoice.save(
        update_fields=[
            "amount_paid_minor", "noted_minor", "credited_minor", "written_off_minor", "payment_status",
            "attempts_open", "attempts_processing", "disputes_open", "updated_at",
        ]
    )  # fmt: skip
    tallies.add([before.taken_back(), change_of(invoice)])


def allocated(*, payment_id: UUID) -> dict[UUID, int]:
    """Return what a payment has put on which invoice, in minor units, in the order of their ids."""
    rows = (
        Allocation.objects.filter(payment_id=payment_id)
        .values("invoice_id")
        .annotate(held=Sum("amount_minor"))
        .order_by("invoice_id")
    )
    return {row["invoice_id"]: int(row["held"]) for row in rows if row["held"]}


def credit_of(*, payment_id: UUID) -> int:
    """Return what a payment has left in the customer's credit, in minor units."""
    found = CreditEntry.objects.filter(payment_id=payment_id).aggregate(held=Sum("amount_minor"))["held"]
    return int(found or 0)
