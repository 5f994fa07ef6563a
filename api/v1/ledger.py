"""The books: accounts, transactions with their sides, and the months that are closed. Read only: events write them."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.ledger import reading
from billing.periods import queries as periods
from core import ids
from edge import recording
from edge.access import access


class ShownLedgerAccount(schema.Shown):
    """An account of the chart; entries name it by its code."""

    id = fields.Id(kind="ledger_account")
    object = serializers.ChoiceField(choices=["ledger_account"])
    code = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=["asset", "liability", "equity", "income", "expense"])
    external_code = serializers.CharField(help_text="Its number in the accountant's chart.")
    state = serializers.ChoiceField(choices=["active", "archived"])
    created_at = serializers.DateTimeField()


class ShownSide(serializers.Serializer[Any]):
    """One side: a debit is above zero, a credit below."""

    account = serializers.CharField()
    currency = serializers.CharField()
    amount_minor = serializers.IntegerField()
    base_minor = serializers.IntegerField(help_text="In the books' own currency.")


class ShownLedgerTransaction(schema.Shown):
    """One event in the books: its sides sum to zero in each currency and in the books' own."""

    id = fields.Id(kind="ledger_transaction")
    object = serializers.ChoiceField(choices=["ledger_transaction"])
    kind = serializers.CharField()
    booked_on = serializers.DateField()
    customer = fields.Id(kind="customer", allow_null=True)
    invoice = fields.Id(kind="invoice", allow_null=True)
    exchange_rate = fields.DecimalText(
        allow_null=True, help_text="Null in the books' own currency; 0 as long as no rate is known."
    )
    entries = ShownSide(many=True)
    created_at = serializers.DateTimeField()


class ShownPeriod(schema.Shown):
    """A month that is or was closed."""

    id = fields.Id(kind="period")
    object = serializers.ChoiceField(choices=["period"])
    month = serializers.CharField(help_text="Such as 2026-08.")
    state = serializers.ChoiceField(choices=["open", "closed"])
    closed_at = serializers.DateTimeField()
    reopened_at = serializers.DateTimeField(allow_null=True)


def write_account(row: reading.AccountRow) -> dict[str, Any]:
    """Write an account as it is shown."""
    return {
        "id": ids.encode("ledger_account", row.id),
        "object": "ledger_account",
        "code": row.code,
        "name": row.name,
        "type": row.type,
        "external_code": row.external_code,
        "state": row.state,
        "created_at": row.created_at,
    }


def write_transaction(row: reading.TransactionRow) -> dict[str, Any]:
    """Write a transaction as it is shown."""
    return {
        "id": ids.encode("ledger_transaction", row.id),
        "object": "ledger_transaction",
        "kind": row.kind,
        "booked_on": row.booked_on,
        "customer": None if row.customer_id is None else ids.encode("customer", row.customer_id),
        "invoice": None if row.invoice_id is None else ids.encode("invoice", row.invoice_id),
        "exchange_rate": None if row.exchange_rate is None else row.rate_written,
        "entries": [
            {
                "account": side.account,
                "currency": side.currency,
                "amount_minor": side.amount_minor,
                "base_minor": side.base_minor,
            }
            for side in row.sides
        ],
        "created_at": row.at,
    }


def write_period(row: periods.PeriodRow) -> dict[str, Any]:
    """Write a month as it is shown."""
    return {
        "id": ids.encode("period", row.id),
        "object": "period",
        "month": str(row.month),
        "state": row.state,
        "closed_at": row.closed_at,
        "reopened_at": row.reopened_at,
    }


@access(get=Permission.LEDGER_READ)
class LedgerAccounts(Endpoint):
    """The chart of accounts."""

    listed = "ledger_accounts"

    @schema.describe("ledger_accounts_list", "List accounts", gives=ShownLedgerAccount, listed=True)
    def get(self, request: Request) -> Response:
        """Answer with a page of accounts, by code."""
        page, _ = self.page()
        rows, next_after = reading.account_page(limit=page.limit, after=page.place)
        recording.read(self.edge, events.LEDGER_READ, subjects=[row.id for row in rows])
        return Response(page.answer([write_account(row) for row in rows], next_after))


@access(get=Permission.LEDGER_READ)
class OneLedgerAccount(Endpoint):
    """One account."""

    @schema.describe("ledger_accounts_get", "Read an account", gives=ShownLedgerAccount)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the account."""
        row = reading.account(ids.decode("ledger_account", pk))
        recording.read(self.edge, events.LEDGER_READ, subject=("ledger_account", row.id))
        return self.one(write_account(row))


@access(get=Permission.LEDGER_READ)
class LedgerTransactions(Endpoint):
    """All transactions."""

    listed = "ledger_transactions"
    filters = frozenset({"kind"})

    @schema.describe(
        "ledger_transactions_list",
        "List transactions",
        gives=ShownLedgerTransaction,
        listed=True,
        filters=[("kind", "Only transactions of this kind.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of transactions, the latest written first."""
        page, filters = self.page()
        found = reading.transactions(kind=filters.get("kind") or "", after=page.after, limit=page.limit + 1)
        rows = found[: page.limit]
        recording.read(self.edge, events.LEDGER_READ, subjects=[row.id for row in rows])
        following = rows[-1].id if len(found) > page.limit else None
        return Response(page.answer([write_transaction(row) for row in rows], following))


@access(get=Permission.LEDGER_READ)
class OneLedgerTransaction(Endpoint):
    """One transaction."""

    @schema.describe("ledger_transactions_get", "Read a transaction", gives=ShownLedgerTransaction)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the transaction."""
        row = reading.transaction(ids.decode("ledger_transaction", pk))
        recording.read(self.edge, events.LEDGER_READ, subject=("ledger_transaction", row.id))
        return self.one(write_transaction(row))


@access(get=Permission.LEDGER_READ)
class Periods(Endpoint):
    """The months that are or were closed."""

    listed = "periods"

    @schema.describe("periods_list", "List closed months", gives=ShownPeriod, listed=True)
    def get(self, request: Request) -> Response:
        """Answer with a page of months, the last one first."""
        page, _ = self.page()
        before = periods.period_by_id(page.after).month.starts_on if page.after else None
        found = periods.periods(before=before, limit=page.limit + 1)
        rows = found[: page.limit]
        recording.read(self.edge, events.PERIOD_READ, subjects=[row.id for row in rows])
        following = rows[-1].id if len(found) > page.limit else None
        return Response(page.answer([write_period(row) for row in rows], following))


@access(get=Permission.LEDGER_READ)
class OnePeriod(Endpoint):
    """One month."""

    @schema.describe("periods_get", "Read a closed month", gives=ShownPeriod)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the month."""
        row = periods.period_by_id(ids.decode("period", pk))
        recording.read(self.edge, events.PERIOD_READ, subject=("period", row.id))
        return self.one(write_period(row))
