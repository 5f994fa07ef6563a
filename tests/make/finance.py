"""An organization that bills: rates, customers, and an invoice in every state there is."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from billing.customers import services as customers
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.invoices.rules import LineInput
from billing.issuer import services as issuers
from billing.tax import services as tax
from core import clock
from core.actor import Actor
from tenancy.context import Scope, scope

# Days by which each open invoice is late; the first two are not due yet.
LATE = (-20, -1, 3, 30, 31, 75, 91, 400)


@dataclass(frozen=True)
class Books:
    """What was made."""

    customer: UUID
    other: UUID
    archived: UUID
    rate: UUID
    draft: UUID
    old_draft: UUID
    open: tuple[UUID, ...]
    voided: UUID
    due_minor: int
    overdue_minor: int


def books(tenant: UUID, *, actor: Actor | None = None) -> Books:
    """Fill an organization."""
    who, at = actor or Actor.system("tests"), clock.now()
    today = at.date()
    with scope(Scope(tenant)):
        issuers.set_issuer(
            name="Organization A",
            address={"line1": "1 Main Street", "city": "Cork", "postal_code": "T12 AB34", "country": "IE"},
            currency="EUR",
            actor=who,
            at=at,
        )
        rate = tax.create(
            code="standard", name="Standard rate", category="S", percentage=Decimal("19"),
            valid_from=today.replace(year=today.year - 2, month=1, day=1), actor=who, at=at,
        )  # fmt: skip
        buyers = [
            customers.create(
                name=name, currency="EUR", email=email, reference=reference,
                address={"line1": "4 Canal Walk", "city": "Galway", "postal_code": "H91 X2Y3", "country": "IE"},
                notes="Asks for paper", actor=who, at=at,
            )
            for name, email, reference in (
                ("Blue Mill Bakery", "accounts@bluemill.example", "C-1"),
                ("Mirjam Östlund-Featherstonehaugh and Daughters of Kilkenny", "office@kilkenny.example", "C-2"),
                ("Old Pier Logistics", "", "C-3"),
            )
        ]  # fmt: skip
        customers.archive(customer_id=buyers[2].pk, actor=who, at=at)

        def begun(number: int, late: int, since: int = 0) -> Invoice:
            return invoices.create_draft(
                customer_id=buyers[number % 2].pk,
                lines=[
                    LineInput(
                        description="Calibration of instruments, on site, with a written report for the file",
                        quantity=Decimal("1.5"),
                        unit_amount=Decimal(100 + number),
                        tax_rate_id=rate.pk,
                    )
                ],
                due_on=today - timedelta(days=late),
                issued_on=today - timedelta(days=late + 30),
                note="Thank you for your order.",
                actor=who,
                at=at - timedelta(days=since),
            )

        opened = []
        for number, late in enumerate(LATE):
            opened.append(invoices.finalize(invoice_id=begun(number, late).pk, actor=who, at=at))
        voided = invoices.finalize(invoice_id=begun(20, -5).pk, actor=who, at=at)
        invoices.void(invoice_id=voided.pk, reason="Sent to the wrong customer", actor=who, at=at)
        draft, old = begun(30, -5), begun(31, -5, since=12)
    return Books(
        customer=buyers[0].pk,
        other=buyers[1].pk,
        archived=buyers[2].pk,
        rate=rate.pk,
        draft=draft.pk,
        old_draft=old.pk,
        open=tuple(invoice.pk for invoice in opened),
        voided=voided.pk,
        due_minor=sum(invoice.total_minor for invoice in opened),
        overdue_minor=sum(
            invoice.total_minor for invoice, late in zip(opened, LATE, strict=True) if late > 0
        ),
    )
