"""What the demo sells: a handful of products, and subscriptions that are due each month."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from billing.catalog import services as catalog
from billing.catalog.rules import Terms, Tier
from billing.subscriptions import services as subscriptions
from billing.usage import services as usage
from core.actor import Actor


def fill(buyers: Sequence[UUID], *, owner: Actor, at: datetime, today: date) -> None:
    """Add products and prices, and let a few customers subscribe; call it in the organization's scope."""
    first = today.replace(month=1, day=1)
    meter = usage.create_meter(
        code="measurements", name="Measurements sent", aggregation="sum", actor=owner, at=at
    )
    seats = ("care", "Care plan", Terms(model="per_unit", currency="EUR", unit_amount=Decimal("29.00")))
    flat = ("hosting", "Hosting", Terms(model="flat", currency="EUR", flat_minor=4_900))
    counted = (
        "measurements",
        "Measurements",
        Terms(
            model="graduated",
            currency="EUR",
            tiers=(
                Tier(Decimal(1_000), Decimal("0")),
                Tier(Decimal(10_000), Decimal("0.02")),
                Tier(None, Decimal("0.01")),
            ),
        ),
    )
    setup = ("setup", "Setting up", Terms(model="flat", currency="EUR", flat_minor=25_000))
    made = []
    for code, name, terms in (seats, flat, counted, setup):
        product = catalog.create_product(
            code=code, name=name, tax_code="standard", kind="service", actor=owner, at=at
        )
        made.append(
            catalog.create_price(
                product_id=product.pk,
                terms=terms,
                code="standard",
                interval="none" if code == "setup" else "month",
                meter_id=meter.pk if code == "measurements" else None,
                valid_from=first,
                actor=owner,
                at=at,
            ).pk
        )
    this_month = today.replace(day=1)
    for number, buyer in enumerate(buyers[:6]):
        items = [subscriptions.ItemInput(price_id=made[0], quantity=Decimal(number + 1))]
        if number % 2:
            items.append(subscriptions.ItemInput(price_id=made[1]))
        if number == 0:
            items.append(subscriptions.ItemInput(price_id=made[2]))
        subscriptions.start(customer_id=buyer, items=items, start_on=this_month, actor=owner, at=at)
    subscriptions.add_charge(customer_id=buyers[0], price_id=made[3], due_on=this_month, actor=owner, at=at)
