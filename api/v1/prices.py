"""Prices: added, superseded, retired; never edited, because subscriptions and documents keep what was agreed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.catalog import queries, rules, services
from billing.catalog.models import Price
from billing.subscriptions import clock as days
from core import clock, ids, money
from edge import recording
from edge.access import access

_BEHAVIORS = tuple(Price.TaxBehavior.values)


class WholeNumber(fields.Minor):
    """A whole number of minor units, from nothing on."""

    def to_internal_value(self, data: Any) -> int:
        """Read the number."""
        return (
            0
            if data == 0 and isinstance(data, int) and not isinstance(data, bool)
            else super().to_internal_value(data)
        )


class NewTier(fields.Body):
    """One step of a price: up to and including so many; the last has no end."""

    up_to = fields.DecimalText(required=False, allow_null=True)
    unit_amount = fields.DecimalText()
    flat_minor = WholeNumber(required=False)


class _Terms(fields.Body):
    model = fields.Choice(words=rules.MODELS, required=False, help_text="per_unit if absent.")
    unit_amount = fields.DecimalText(required=False, help_text="Major units, of one unit or one package.")
    package_size = fields.DecimalText(required=False, allow_null=True)
    flat_minor = WholeNumber(required=False, help_text="Charged once a period, whatever the quantity.")
    minimum_minor = WholeNumber(required=False, help_text="The least that a period comes to.")
    tiers = fields.Bodies(of=NewTier, limit=rules.MOST_TIERS, required=False)
    tax_code = fields.Text(limit=40, blank=True, required=False, help_text="Code of a tax rate.")
    valid_from = fields.Day(required=False, help_text="Today if absent.")


class NewPrice(_Terms):
    """What a price is added with."""

    product = fields.Id(kind="product")
    currency = fields.Currency()
    code = fields.Text(
        limit=40, required=False, help_text="Names it through its versions; standard if absent."
    )
    interval = fields.Choice(
        words=rules.INTERVALS, required=False, help_text="none, which is once, if absent."
    )
    interval_count = fields.Minor(required=False)
    meter = fields.Id(kind="meter", required=False, allow_null=True)
    tax_behavior = fields.Choice(words=_BEHAVIORS, required=False, help_text="exclusive if absent.")


class NextPrice(_Terms):
    """What takes the place of a price; what is absent stays as it was."""


class Retiring(fields.Body):
    """From which day nobody new has it."""

    on = fields.Day(required=False, help_text="Today if absent.")


class ShownTier(schema.Shown):
    """One step of a price."""

    up_to = fields.DecimalText(allow_null=True)
    unit_amount = fields.DecimalText()
    flat_minor = serializers.IntegerField()


class ShownPrice(schema.Shown):
    """One version of a price; `valid_to` is the first day on which nobody new can have it."""

    id = fields.Id(kind="price")
    object = serializers.ChoiceField(choices=["price"])
    product = fields.Id(kind="product")
    code = serializers.CharField()
    version = serializers.IntegerField()
    currency = serializers.CharField()
    model = serializers.ChoiceField(choices=rules.MODELS)
    unit_amount = fields.DecimalText()
    package_size = fields.DecimalText(allow_null=True)
    flat_minor = serializers.IntegerField()
    minimum_minor = serializers.IntegerField()
    tiers = ShownTier(many=True)
    interval = serializers.ChoiceField(choices=rules.INTERVALS)
    interval_count = serializers.IntegerField()
    meter = fields.Id(kind="meter", allow_null=True)
    tax_behavior = serializers.ChoiceField(choices=_BEHAVIORS)
    tax_code = serializers.CharField()
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()


def write(row: queries.PriceRow) -> dict[str, Any]:
    """Write a price as it is shown."""
    terms = row.terms
    return {
        "id": ids.encode("price", row.id),
        "object": "price",
        "product": ids.encode("product", row.product_id),
        "code": row.code,
        "version": row.version,
        "currency": terms.currency,
        "model": terms.model,
        "unit_amount": fields.decimal_text(terms.unit_amount),
        "package_size": None if terms.package_size is None else fields.decimal_text(terms.package_size),
        "flat_minor": terms.flat_minor,
        "minimum_minor": terms.minimum_minor,
        "tiers": [
            {
                "up_to": None if tier.up_to is None else fields.decimal_text(tier.up_to),
                "unit_amount": fields.decimal_text(tier.unit_amount),
                "flat_minor": tier.flat_minor,
            }
            for tier in terms.tiers
        ],
        "interval": row.interval,
        "interval_count": row.interval_count,
        "meter": None if row.meter_id is None else ids.encode("meter", row.meter_id),
        "tax_behavior": row.tax_behavior,
        "tax_code": row.tax_code,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "created_at": row.created_at,
    }


def _terms(given: Mapping[str, Any], currency: str, old: rules.Terms | None = None) -> rules.Terms:
    before = old or rules.Terms(model="per_unit", currency=currency)
    model = given.get("model", before.model)
    tiers = tuple(
        rules.Tier(tier.get("up_to"), tier["unit_amount"], tier.get("flat_minor", 0))
        for tier in given.get("tiers", ())
    )
    stays = model == before.model
    return rules.Terms(
        model=model,
        currency=currency,
        unit_amount=given.get("unit_amount", before.unit_amount if stays else Decimal(0)),
        package_size=given.get("package_size", before.package_size if stays else None),
        flat_minor=given.get("flat_minor", before.flat_minor),
        minimum_minor=given.get("minimum_minor", before.minimum_minor),
        tiers=tiers or (before.tiers if stays else ()),
    )


@access(get=Permission.PRODUCT_READ, post=Permission.PRODUCT_WRITE)
class Prices(Endpoint):
    """All prices."""

    listed = "prices"
    filters = frozenset({"currency", "product", "sold_on"})

    @schema.describe(
        "prices_list",
        "List prices",
        gives=ShownPrice,
        listed=True,
        filters=[
            ("product", "Only this product's."),
            ("currency", "Only of this currency."),
            ("sold_on", "Only those that somebody new can have on this day."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of prices, newest first."""
        page, filters = self.page()
        wanted: dict[str, Any] = {}
        if "product" in filters:
            wanted["product_id"] = self.value("product", fields.Id(kind="product"), filters)
        if "currency" in filters:
            wanted["currency"] = self.choice(filters, "currency", tuple(money.EXPONENTS))
        if "sold_on" in filters:
            wanted["on"] = self.value("sold_on", fields.Day(), filters)
        rows, next_after = queries.prices(limit=page.limit, after=page.after, **wanted)
        recording.read(self.edge, events.PRODUCT_READ, subjects=[row.product_id for row in rows])
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "prices_create",
        "Add a price",
        takes=NewPrice,
        gives=ShownPrice,
        created=True,
        examples={
            "Seats by the month": {
                "product": "prd_01j9z3k4m5n6p7q8r9s0t1v2w3",
                "currency": "EUR",
                "unit_amount": "12.50",
                "interval": "month",
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Add a price to a product."""
        given, at = self.body(NewPrice), clock.now()
        row = services.create_price(
            product_id=given["product"],
            terms=_terms(given, given["currency"]),
            code=given.get("code", "standard"),
            interval=given.get("interval", "none"),
            interval_count=given.get("interval_count", 1),
            meter_id=given.get("meter"),
            tax_behavior=given.get("tax_behavior", "exclusive"),
            tax_code=given.get("tax_code"),
            valid_from=given.get("valid_from") or days.today(at),
            actor=self.actor,
            at=at,
        )
        return self.created(write(queries.price(row.pk)), "prices")


@access(get=Permission.PRODUCT_READ)
class OnePrice(Endpoint):
    """One price."""

    @schema.describe("prices_get", "Read a price", gives=ShownPrice)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the price."""
        row = queries.price(ids.decode("price", pk))
        recording.read(self.edge, events.PRODUCT_READ, subject=("price", row.id))
        return self.one(write(row))


@access(post=Permission.PRODUCT_WRITE)
class Superseded(Endpoint):
    """Replacing a price."""

    @schema.describe(
        "prices_supersede", "Replace a price from a day on", takes=NextPrice, gives=ShownPrice, created=True
    )
    def post(self, request: Request, pk: str) -> Response:
        """Begin its next version. Subscriptions keep the version they have."""
        old = queries.price(ids.decode("price", pk))
        given, at = self.body(NextPrice), clock.now()
        row = services.supersede_price(
            price_id=old.id,
            terms=_terms(given, old.currency, old.terms),
            tax_code=given.get("tax_code"),
            valid_from=given.get("valid_from") or days.today(at),
            actor=self.actor,
            at=at,
        )
        return self.created(write(queries.price(row.pk)), "prices")


@access(post=Permission.PRODUCT_WRITE)
class Retired(Endpoint):
    """Retiring a price."""

    @schema.describe("prices_retire", "Retire a price", takes=Retiring, gives=ShownPrice)
    def post(self, request: Request, pk: str) -> Response:
        """Sell it to nobody new from a day on."""
        old = queries.price(ids.decode("price", pk))
        given, at = self.body(Retiring), clock.now()
        row = services.retire_price(
            price_id=old.id,
            on=given.get("on") or days.today(at),
            actor=self.actor,
            at=at,
        )
        return self.changed(write(queries.price(row.pk)))
