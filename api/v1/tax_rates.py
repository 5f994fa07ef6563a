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
from edge import recording
from edge.access import access


class NewTaxRate(fields.Body):
    """What a tax rate is added with."""

    code = fields.Text(
        limit=40, required=False, help_text="Lower-case letters, digits and _ . -; made if absent."
    )
    name = fields.Text(limit=120)
    category = fields.Choice(
        words=tuple(rules.CATEGORIES), required=False, help_text="EN 16931; S if absent."
    )
    percentage = fields.DecimalText()
    valid_from = fields.Day(required=False, help_text="Today (UTC) if absent.")


class ShownTaxRate(schema.Shown):
    """A tax rate, valid from a day on; `valid_to` is the first day on which it is not valid any more."""

    id = fields.Id(kind="tax_rate")
    object = serializers.ChoiceField(choices=["tax_rate"])
    code = serializers.CharField()
    name = serializers.CharField()
    category = serializers.CharField()
    percentage = fields.DecimalText()
    valid_from = serializers.DateField()
    valid_to = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()


def write(row: queries.TaxRateRow | TaxRate) -> dict[str, Any]:
    """Write a tax rate as it is shown."""
    return {
        "id": ids.encode("tax_rate", row.id),
        "object": "tax_rate",
        "code": row.code,
        "name": row.name,
        "category": row.category,
        "percentage": fields.decimal_text(row.percentage),
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
        row = services.create(
            code=given.get("code") or f"rate-{ids.base32(ids.uuid7())[-12:]}",
            name=given["name"],
            category=given.get("category", "S"),
            percentage=given["percentage"],
            valid_from=given.get("valid_from", at.date()),
            actor=self.actor,
            at=at,
        )
        return self.created(write(row), "tax_rates")


@access(get=Permission.TAX_RATE_READ)
class OneTaxRate(Endpoint):
    """One tax rate."""

    @schema.describe("tax_rates_get", "Read a tax rate", gives=ShownTaxRate)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the tax rate."""
        row = queries.get(ids.decode("tax_rate", pk))
        recording.read(self.edge, events.TAX_RATE_READ, subject=("tax_rate", row.id))
        return self.one(write(row))
