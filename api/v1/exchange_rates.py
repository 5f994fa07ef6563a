"""Exchange rates: entered and read. A later entry for a day takes an earlier one's place; none is changed."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.rates import queries, services
from core import clock, ids
from edge import recording
from edge.access import access


class NewExchangeRate(fields.Body):
    """What a unit of one currency was worth in another on a day."""

    valid_on = fields.Day()
    from_currency = fields.Currency()
    to_currency = fields.Currency()
    rate = fields.DecimalText()


class ShownExchangeRate(schema.Shown):
    """A rate; of several for one pair and day the latest counts."""

    id = fields.Id(kind="exchange_rate")
    object = serializers.ChoiceField(choices=["exchange_rate"])
    valid_on = serializers.DateField()
    from_currency = serializers.CharField()
    to_currency = serializers.CharField()
    rate = fields.DecimalText()
    source = serializers.ChoiceField(choices=["manual", "ecb"])  # type: ignore[assignment]  # a field of ours
    created_at = serializers.DateTimeField()


def write(row: queries.RateRow) -> dict[str, Any]:
    """Write a rate as it is shown."""
    return {
        "id": ids.encode("exchange_rate", row.id),
        "object": "exchange_rate",
        "valid_on": row.valid_on,
        "from_currency": row.from_currency,
        "to_currency": row.to_currency,
        "rate": row.rate_written,
        "source": row.source,
        "created_at": row.created_at,
    }


@access(get=Permission.LEDGER_READ, post=Permission.EXCHANGE_RATE_WRITE)
class ExchangeRates(Endpoint):
    """All exchange rates."""

    listed = "exchange_rates"
    filters = frozenset({"currency"})

    @schema.describe(
        "exchange_rates_list",
        "List exchange rates",
        gives=ShownExchangeRate,
        listed=True,
        filters=[("currency", "Only rates from or to this currency.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of rates, the latest entry first."""
        page, filters = self.page()
        rows, next_after = queries.entered(
            limit=page.limit, after=page.after, currency=filters.get("currency") or ""
        )
        recording.read(self.edge, events.EXCHANGE_RATE_READ, subjects=[row.id for row in rows])
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "exchange_rates_create",
        "Enter an exchange rate",
        takes=NewExchangeRate,
        gives=ShownExchangeRate,
        created=True,
    )
    def post(self, request: Request) -> Response:
        """Enter the rate of a day."""
        row = services.enter(**self.body(NewExchangeRate), actor=self.actor, at=clock.now())
        return self.created(write(queries.entry(row.pk)), "exchange_rates")


@access(get=Permission.LEDGER_READ)
class OneExchangeRate(Endpoint):
    """One exchange rate."""

    @schema.describe("exchange_rates_get", "Read an exchange rate", gives=ShownExchangeRate)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the rate."""
        row = queries.entry(ids.decode("exchange_rate", pk))
        recording.read(self.edge, events.EXCHANGE_RATE_READ, subject=("exchange_rate", row.id))
        return self.one(write(row))
