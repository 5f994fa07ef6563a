"""Builders of products, prices and subscriptions, and the plainest billing run there is, inside the open scope."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from billing.catalog import services as catalog
from billing.catalog.models import Price, Product
from billing.catalog.rules import Terms, Tier
from billing.customers.models import Customer
from billing.invoices import services as invoices
from billing.invoices.models import Invoice, InvoiceLine
from billing.subscriptions import planning, services
from billing.subscriptions.models import PendingCharge, Subscription
from billing.usage import services as usage
from billing.usage.models import Meter
from billing.usage.rules import EventInput, Outcome
from tests.make import billing as make


def moment(day: date, hour: int = 12) -> datetime:
    """Return an hour of a day, in UTC."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def product(code: str = "team", name: str = "Team plan", **values) -> Product:
    """Add a product."""
    return catalog.create_product(code=code, name=name, actor=make.ACTOR, at=make.AT, **values)


def tier(up_to: str | None, unit_amount: str, flat_minor: int = 0) -> Tier:
    """Describe a tier."""
    return Tier(None if up_to is None else Decimal(up_to), Decimal(unit_amount), flat_minor)


def price(
    amount: str = "10.00",
    *,
    of: Product | None = None,
    model: str = "per_unit",
    currency: str = "EUR",
    interval: str = "month",
    tiers: Sequence[Tier] = (),
    flat_minor: int = 0,
    minimum_minor: int = 0,
    package_size: str | None = None,
    valid_from: date = date(2020, 1, 1),
    **values,
) -> Price:
    """Add a price that has been sold for years."""
    terms = Terms(
        model=model,
        currency=currency,
        unit_amount=Decimal(amount),
        tiers=tuple(tiers),
        flat_minor=flat_minor,
        minimum_minor=minimum_minor,
        package_size=None if package_size is None else Decimal(package_size),
    )
    return catalog.create_price(
        product_id=(of or product()).pk,
        terms=terms,
        interval=interval,
        valid_from=valid_from,
        actor=make.ACTOR,
        at=make.AT,
        **values,
    )


def meter(code: str = "requests", aggregation: str = "sum") -> Meter:
    """Add a meter."""
    return usage.create_meter(
        code=code, name=code.title(), aggregation=aggregation, actor=make.ACTOR, at=make.AT
    )


def subscription(
    *prices: Price, of: Customer | None = None, quantity: str = "1", on: date = date(2026, 3, 1), **values
) -> Subscription:
    """Start a subscription."""
    return services.start(
        customer_id=(of or make.customer()).pk,
        items=[services.ItemInput(price_id=each.pk, quantity=Decimal(quantity)) for each in prices],
        start_on=on,
        actor=make.ACTOR,
        at=moment(on),
        **values,
    )


def change(
    of: Subscription, on: date, *, item: UUID | None = None, price: Price | None = None, quantity=None, **more
):
    """Change one item, the only open one unless another is named."""
    if item is None:
        item = of.items.filter(to_on__isnull=True).get().pk
    one = services.ItemChange(
        item_id=item,
        price_id=None if price is None else price.pk,
        quantity=None if quantity is None else Decimal(quantity),
    )
    return services.change(
        subscription_id=of.pk, changes=[one], on=on, actor=make.ACTOR, at=moment(on), **more
    )


def used(of: Subscription, at: datetime, quantity: str = "1", *, key: str = "", **values) -> Outcome:
    """Record one event."""
    event = EventInput(
        key=key or f"{at.isoformat()}/{quantity}/{values}",
        subscription_id=of.pk,
        meter=values.pop("meter", "requests"),
        at=at,
        quantity=Decimal(quantity),
        **values,
    )
    return usage.record(events=[event], actor=make.ACTOR, at=max(at, make.AT))[0]


def charge(of: Customer, amount: str = "25.00", text: str = "Set-up", **values) -> PendingCharge:
    """Put something onto the next invoice."""
    values = {"unit_amount": Decimal(amount), "due_on": date(2026, 3, 1), **values}
    return services.add_charge(customer_id=of.pk, description=text, actor=make.ACTOR, at=make.AT, **values)


def bill(on: date) -> list[Invoice]:
    """Bill everything due on or before a day, one invoice after the other."""
    made: list[Invoice] = []
    after = None
    while planned := planning.due(on, after, 100):
        for one in planned:
            assert not one.left_out, one.left_out
            invoice = None
            if one.lines:
                invoice = invoices.create_draft(
                    customer_id=one.customer_id,
                    currency=one.currency,
                    lines=one.lines,
                    issued_on=on,
                    actor=make.ACTOR,
                    at=moment(on),
                )
                made.append(invoices.finalize(invoice_id=invoice.pk, actor=make.ACTOR, at=moment(on)))
            assert not planning.claim([(invoice and invoice.pk, one)], at=moment(on))
        after = planned[-1].customer_id
    return made


def lines(invoice: Invoice) -> list[tuple[str, int]]:
    """Return description and amount of each line."""
    found = InvoiceLine.objects.filter(invoice_id=invoice.pk).order_by("position")
    return [(line.description, line.net_minor) for line in found]
