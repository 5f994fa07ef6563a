"""Tax rates: added and read. One is never changed, because documents keep what they were taxed by."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.tax import queries, rules, services
from billing.tax.models import TaxRate
from core import clock, ids
from core.errors import FieldError, Invalid
from edge import recording
from edge.access import access

KINDS = tuple(kind for kind in TaxRate.Kind.values if kind != TaxRate.Kind.GROUP)


class NewComponent(fields.Body):
    """One of the taxes that a group puts together."""

    tax_rate = fields.Id(kind="tax_rate")


class NewTaxRate(fields.Body):
    """What a tax rate is added with: a percentage, or the rates it is made up of, such as state, county and city."""

    code = fields.Text(
        limit=40, required=False, help_text="Lower-case letters, digits and _ . -; made if absent."
    )
    name = fields.Text(limit=120)
    category = fields.Choice(
        words=tuple(rules.CATEGORIES), required=False, help_text="EN 16931; S if absent."
    )
    percentage = fields.DecimalText(required=False, help_text="Absent where there are components.")
    components = fields.Bodies(
        of=NewComponent, limit=services.MOST_COMPONENTS, required=False, help_text="Two or more open rates."
    )
    valid_from = fields.Day(required=False, help_text="Today (UTC) if absent.")
    country = fields.Text(limit=40, required=False, help_text="Where it is the law (ISO 3166-1).")
    region = fields.Text(limit=60, required=False, help_text="As it stands in addresses, such as NY.")
    kind = fields.Choice(words=KINDS, required=False, help_text="Which of its country's; other if absent.")
    reason = fields.Text(
        limit=400,
        required=False,
        help_text="Why nothing is charged, for documents; by the category if absent.",
    )


class NewCountry(fields.Body):
    """A country of the EU whose rates are added."""

    country = fields.Text(limit=40, help_text="ISO 3166-1, such as DE.")


class ShownTaxRate(schema.Shown):
    """A tax rate, valid from a day on; `valid_to` is the first day on which it is not valid any more."""

    id = fields.Id(kind="tax_rate")
    object = serializers.ChoiceField(choices=["tax_rate"])
    code = serializers.CharField()
    name = serializers.CharField()
    category = serializers.CharField()
    percentage = fields.DecimalText()
    country = serializers.CharField()
    region = serializers.CharField()
    kind = serializers.ChoiceField(choices=TaxRate.Kind.values)
    reason = serializers.CharField()
    reason_code = serializers.CharField()
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()


class ShownAdded(schema.Shown):
    """What was added; nothing where all of it was here."""

    object = serializers.ChoiceField(choices=["tax_rates_added"])
    tax_rates = ShownTaxRate(many=True)


def write(row: queries.TaxRateRow | TaxRate) -> dict[str, Any]:
    """Write a tax rate as it is shown."""
    return {
        "id": ids.encode("tax_rate", row.id),
        "object": "tax_rate",
        "code": row.code,
        "name": row.name,
        "category": row.category,
        "percentage": fields.decimal_text(row.percentage),
        "country": row.country,
        "region": row.region,
        "kind": row.kind,
        "reason": row.reason,
        "reason_code": row.reason_code,
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "created_at": row.created_at,
    }


@access(get=Permission.TAX_RATE_READ, post=Permission.TAX_RATE_WRITE)
class TaxRates(Endpoint):
    """All tax rates."""

    listed = "tax_rates"
    filters = frozenset({"code"})

    @schema.describe(
        "tax_rates_list",
        "List tax rates",
        gives=ShownTaxRate,
        listed=True,
        filters=[("code", "Only rates of this code.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of tax rates, newest first."""
        page, filters = self.page()
        rows, next_after = queries.page(limit=page.limit, after=page.after, code=filters.get("code"))
        recording.read(self.edge, events.TAX_RATE_READ, subjects=[row.id for row in rows])
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe("tax_rates_create", "Add a tax rate", takes=NewTaxRate, gives=ShownTaxRate, created=True)
    def post(self, request: Request) -> Response:
        """Add a tax rate."""
        given = self.body(NewTaxRate)
        at = clock.now()
        named = {
            "code": given.get("code") or f"rate-{ids.base32(ids.uuid7())[-12:]}",
            "name": given["name"],
            "valid_from": given.get("valid_from", at.date()),
            "actor": self.actor,
            "at": at,
        }
        if ("components" in given) is ("percentage" in given):
            raise Invalid(
                [FieldError("/percentage", "one_of_two", "Give a percentage or components, one of them.")]
            )
        if "components" in given:
            parts = [entry["tax_rate"] for entry in given["components"]]
            row = services.create_group(tax_rate_ids=parts, **named)
        else:
            about = {name: given[name] for name in ("country", "region", "kind", "reason") if name in given}
            row = services.create(
                category=given.get("category", "S"),
                percentage=given["percentage"],
                about=services.About(**about),
                **named,
            )
        return self.created(write(row), "tax_rates")


@access(post=Permission.TAX_RATE_WRITE)
class Countries(Endpoint):
    """The rates of a country of the EU, all at once."""

    @schema.describe(
        "tax_rates_add_country", "Add the rates of a country of the EU", takes=NewCountry, gives=ShownAdded
    )
    def post(self, request: Request) -> Response:
        """Add them with their history, and what is sold across a border without tax; what is here stays."""
        country = self.body(NewCountry)["country"].upper()
        rows = services.add_country(country=country, actor=self.actor, at=clock.now())
        return Response({"object": "tax_rates_added", "tax_rates": [write(row) for row in rows]})


@access(get=Permission.TAX_RATE_READ)
class OneTaxRate(Endpoint):
    """One tax rate."""

    @schema.describe("tax_rates_get", "Read a tax rate", gives=ShownTaxRate)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the tax rate."""
        row = queries.get(ids.decode("tax_rate", pk))
        recording.read(self.edge, events.TAX_RATE_READ, subject=("tax_rate", row.id))
        return self.one(write(row))
