"""Prices and periods in words."""

from billing.catalog.queries import PriceRow
from web.kit import formats

KINDS = {"service": "Service", "digital": "Digital", "goods": "Goods"}
MODELS = {
    "per_unit": "Per unit",
    "flat": "Flat",
    "graduated": "Graduated: each unit at the price of its tier",
    "volume": "Volume: all units at the price of the tier reached",
    "package": "By the package",
}
INTERVALS = {
    "none": "Once",
    "day": "By the day",
    "week": "By the week",
    "month": "By the month",
    "year": "By the year",
}
BEHAVIORS = {"exclusive": "On top of the price", "inclusive": "Inside the price"}
TIMINGS = {"advance": "On the first day of a period", "arrears": "When a period is over"}
AGGREGATIONS = {
    "sum": "All quantities added up",
    "max": "The largest quantity",
    "last": "The last quantity",
    "unique": "How many different values",
}


def interval(name: str, count: int) -> str:
    """Say how often: "every month", "every 3 months", "once"."""
    if name == "none":
        return "once"
    return f"every {name}" if count == 1 else f"every {count} {name}s"


def amount(price: PriceRow) -> str:
    """Say what a price says, shortly."""
    terms = price.terms
    parts = []
    if terms.model == "per_unit":
        parts.append(f"{formats.price(terms.unit_amount, terms.currency)} each")
    elif terms.model == "package":
        size = formats.number(terms.package_size or 1)
        parts.append(f"{formats.price(terms.unit_amount, terms.currency)} per {size}")
    elif terms.tiers:
        first = terms.tiers[0]
        parts.append(f"{formats.price(first.unit_amount, terms.currency)} each, {len(terms.tiers)} tiers")
    if terms.flat_minor or not parts:
        parts.append(formats.money(terms.flat_minor, terms.currency))
    words = " + ".join(parts)
    return (
        f"{words}, at least {formats.money(terms.minimum_minor, terms.currency)}"
        if terms.minimum_minor
        else words
    )


def price(row: PriceRow) -> str:
    """Say a price: what, how often, counted by what."""
    metered = f", counted by {row.meter_code}" if row.meter_code else ""
    return f"{amount(row)} {interval(row.interval, row.interval_count)}{metered}"
