"""Rates and closed months, for tests about the books. Call these inside a scope."""

from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import connection

from billing.customers.models import Customer
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.periods import services as periods
from billing.periods.models import AccountingPeriod
from billing.rates import services as rates
from core.actor import Actor
from payments.models import Payment
from payments.services import collect
from tests.make import accounts, billing

ACTOR = Actor.system("tests")


def at(day: str, hour: int = 12) -> datetime:
    """Return an instant of a day."""
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def rate(day: str, value: str, currency: str = "USD", *, base: str = "EUR"):
    """Enter what a unit of a currency was worth on a day."""
    return rates.enter(
        valid_on=date.fromisoformat(day),
        from_currency=currency,
        to_currency=base,
        rate=Decimal(value),
        actor=ACTOR,
        at=at("2026-12-31"),
    )


def invoice(day: str, amount: str, *, of: Customer, currency: str = "USD", rate=None) -> Invoice:
    """Finalize an invoice of a day."""
    lines = [billing.line(amount, rate=rate)]
    draft = billing.draft(of=of, lines=lines, currency=currency, issued_on=date.fromisoformat(day))
    made = invoices.finalize(invoice_id=draft.pk, actor=ACTOR, at=at(day))
    settle()
    return made


def paid(day: str, amount_minor: int, *invoiced: Invoice, source: str = Payment.Source.STAFF) -> Payment:
    """Record money of a day onto invoices, in their order."""
    first, left, wanted = invoiced[0], amount_minor, []
    for each in invoiced:
        wanted.append((each.pk, min(left, each.total_minor)))
        left -= wanted[-1][1]
    made = collect.record(
        customer_id=first.customer_id,
        currency=first.currency,
        amount_minor=amount_minor,
        wanted=[(invoice_id, most) for invoice_id, most in wanted if most],
        received_on=date.fromisoformat(day),
        source=source,
        actor=ACTOR,
        at=at(day),
    )
    settle()
    return made


def settle() -> None:
    """Let the database do what it does at a commit."""
    connection.settle_constraints()


def close(month: str, *, by: Actor = ACTOR, on: str | None = None) -> AccountingPeriod:
    """Close a month, such as 2026-01, some days after it."""
    starts_on = date.fromisoformat(f"{month}-01")
    later = (
        at(on)
        if on
        else datetime(starts_on.year + starts_on.month // 12, starts_on.month % 12 + 1, 4, tzinfo=UTC)
    )
    return periods.close(starts_on=starts_on, actor=by, at=later)


def person(name: str, role: str = "owner") -> Actor:
    """Return a signed-in member."""
    return accounts.actor(accounts.member(role, user=accounts.person(name=name)).user)
