"""Number series, how totals are rounded, and a customer's credit, as keys read them."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.customers import queries as customers
from billing.issuer import queries
from billing.issuer.models import Series
from billing.issuer.rules import COINS
from billing.settlement import queries as settlement
from billing.settlement.models import CreditEntry
from core import ids
from edge import recording
from edge.access import access


class ShownSeries(schema.Shown):
    """A number series."""

    id = fields.Id(kind="series")
    object = serializers.ChoiceField(choices=["series"])
    code = serializers.CharField()
    purpose = serializers.ChoiceField(choices=Series.Purpose.values)
    pattern = serializers.CharField()
    is_usual = serializers.BooleanField(help_text="New documents take it unless another is named.")
    is_closed = serializers.BooleanField()


class ShownCoin(schema.Shown):
    """A currency whose smallest coin is more than one unit."""

    currency = serializers.CharField()
    smallest_minor = serializers.IntegerField()
    is_rounded = serializers.BooleanField(help_text="What is to be paid ends in whole coins.")


class ShownRounding(schema.Shown):
    """In which currencies totals are rounded to the smallest coin."""

    object = serializers.ChoiceField(choices=["rounding"])
    currencies = ShownCoin(many=True)


class ShownCreditEntry(schema.Shown):
    """A movement of a customer's credit, more (above zero) or less."""

    id = fields.Id(kind="credit")
    object = serializers.ChoiceField(choices=["credit_entry"])
    customer = fields.Id(kind="customer")
    payment = fields.Id(kind="payment", allow_null=True)
    credit_note = fields.Id(kind="credit_note", allow_null=True)
    cause = serializers.ChoiceField(choices=CreditEntry.Cause.values)
    currency = serializers.CharField()
    amount_minor = serializers.IntegerField()
    at = serializers.DateTimeField()


@access(get=Permission.INVOICE_READ)
class AllSeries(Endpoint):
    """The series of our own numbers."""

    listed = "series"

    @schema.describe("series_list", "List number series", gives=ShownSeries, listed=True)
    def get(self, request: Request) -> Response:
        """Answer with the series, by code."""
        page, _ = self.page()
        found = [row for row in queries.series() if row.kind == Series.Kind.OWN]
        before = next((index for index, row in enumerate(found, 1) if row.id == page.after), 0)
        shown = found[before : before + page.limit]
        recording.read(self.edge, events.ISSUER_READ)
        data = [
            {
                "id": ids.encode("series", row.id),
                "object": "series",
                "code": row.code,
                "purpose": row.purpose,
                "pattern": row.pattern,
                "is_usual": row.is_usual,
                "is_closed": row.retired_at is not None,
            }
            for row in shown
        ]
        return Response(page.answer(data, shown[-1].id if before + page.limit < len(found) else None))


@access(get=Permission.ORGANIZATION_READ)
class Rounding(Endpoint):
    """How totals are rounded. A person changes it (Settings, Organization): it changes what customers pay."""

    @schema.describe("rounding_get", "See how totals are rounded", gives=ShownRounding)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with the currencies that know a smallest coin, and whether totals end in it."""
        rounded = queries.rounded_currencies()
        recording.read(self.edge, events.ISSUER_READ, fields=["rounded_currencies"])
        known = [
            {"currency": currency, "smallest_minor": coin, "is_rounded": currency in rounded}
            for currency, coin in sorted(COINS.items())
        ]
        return self.one({"object": "rounding", "currencies": known})


@access(get=Permission.PAYMENT_READ)
class CreditEntries(Endpoint):
    """The movements of one customer's credit."""

    listed = "credit_entries"

    @schema.describe(
        "customers_credit_entries", "List a customer's credit entries", gives=ShownCreditEntry, listed=True
    )
    def get(self, request: Request, pk: str) -> Response:
        """Answer with a page of movements, the last first."""
        page, _ = self.page(of=pk)
        customer_id = customers.get(ids.decode("customer", pk)).id
        found = settlement.entries(customer_id=customer_id, limit=page.limit + 1, after=page.after)
        shown = found[: page.limit]
        recording.read(self.edge, events.CREDIT_READ, subject=("customer", customer_id))
        data = [_entry(row, pk) for row in shown]
        return Response(page.answer(data, shown[-1].id if len(found) > page.limit else None))


def _entry(row: settlement.CreditRow, customer: str) -> dict[str, Any]:
    note = row.credit_note_id
    return {
        "id": ids.encode("credit", row.id),
        "object": "credit_entry",
        "customer": customer,
        "payment": None if row.payment_id is None else ids.encode("payment", row.payment_id),
        "credit_note": None if note is None else ids.encode("credit_note", note),
        "cause": row.cause,
        "currency": row.currency,
        "amount_minor": row.amount_minor,
        "at": row.at,
    }
