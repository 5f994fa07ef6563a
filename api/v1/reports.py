"""Reports: the figures of a time in every currency, and statements of account. Amounts are in minor units."""

from collections.abc import Mapping
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.customers import queries as customers
from billing.issuer import queries as issuers
from billing.periods.rules import Month
from billing.reports import queries, recurring, rules, sources, statements
from billing.reports.sources import Source
from core import clock, ids
from core import days as core_days
from core.errors import FieldError, Invalid
from edge import recording
from edge.access import access

_ON = ("on", "The day, at the end of which it was owed; today if absent.")
_DAYS = [
    ("since", "From this day on; the first of the month eleven months ago if absent."),
    ("until", "To this day; today if absent. Fewer than 36 months."),
]


class ShownAge(serializers.Serializer[Any]):
    """What has been due for so many days."""

    age = serializers.ChoiceField(choices=list(rules.AGES))
    count = serializers.IntegerField(help_text="How many invoices.")
    amount_minor = serializers.IntegerField()


class ShownOwed(serializers.Serializer[Any]):
    """What is owed in one currency; `ledger_minor` is what the ledger's receivables say."""

    currency = serializers.CharField()
    ages = ShownAge(many=True)
    total_minor = serializers.IntegerField()
    ledger_minor = serializers.IntegerField()


class ShownAging(schema.Shown):
    """What was owed at the end of a day, by age."""

    object = serializers.ChoiceField(choices=["report.aging"])
    on = serializers.DateField()
    currencies = ShownOwed(many=True)


class ShownRevenueRow(serializers.Serializer[Any]):
    """Of one month, currency and product; lines of no product of the catalogue have none."""

    month = serializers.CharField(help_text="Such as 2026-08.")
    currency = serializers.CharField()
    product = fields.Id(kind="product", allow_null=True)
    amount_minor = serializers.IntegerField(help_text="Without tax, less credit notes and voided invoices.")


class ShownRevenue(schema.Shown):
    """What was invoiced, less what was credited and voided."""

    object = serializers.ChoiceField(choices=["report.revenue"])
    since = serializers.DateField()
    until = serializers.DateField()
    rows = ShownRevenueRow(many=True)


class ShownTaxRow(serializers.Serializer[Any]):
    """Of one month, currency and rate."""

    month = serializers.CharField()
    currency = serializers.CharField()
    category = serializers.CharField()
    percentage = serializers.CharField()
    name = serializers.CharField(help_text="Which of several stacked taxes; empty where there is one.")
    base_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField()


class ShownTaxReport(schema.Shown):
    """Tax of what was invoiced, less what was credited and voided."""

    object = serializers.ChoiceField(choices=["report.tax"])
    since = serializers.DateField()
    until = serializers.DateField()
    rows = ShownTaxRow(many=True)


class ShownCashRow(serializers.Serializer[Any]):
    """Of one month, currency and account."""

    month = serializers.CharField()
    currency = serializers.CharField()
    account = serializers.ChoiceField(choices=["bank", "gateway"])
    came_minor = serializers.IntegerField()
    left_minor = serializers.IntegerField(help_text="Below zero.")


class ShownCash(schema.Shown):
    """What came to the bank and the payment provider, and what left."""

    object = serializers.ChoiceField(choices=["report.cash"])
    since = serializers.DateField()
    until = serializers.DateField()
    rows = ShownCashRow(many=True)


class ShownMrrRow(serializers.Serializer[Any]):
    """Recurring revenue of one month and currency: what there was, how it moved, and what there is."""

    month = serializers.CharField()
    currency = serializers.CharField()
    before_minor = serializers.IntegerField()
    new_minor = serializers.IntegerField()
    expansion_minor = serializers.IntegerField()
    contraction_minor = serializers.IntegerField()
    churn_minor = serializers.IntegerField()
    after_minor = serializers.IntegerField()
    annual_minor = serializers.IntegerField()
    customers_before = serializers.IntegerField()
    customers_lost = serializers.IntegerField()


class ShownMrr(schema.Shown):
    """Recurring revenue by month."""

    object = serializers.ChoiceField(choices=["report.mrr"])
    since = serializers.DateField()
    until = serializers.DateField()
    rows = ShownMrrRow(many=True)


class ShownMovement(serializers.Serializer[Any]):
    """One movement: by how much it changes what the customer owes, and what they owe after it."""

    transaction = fields.Id(kind="ledger_transaction")
    on = serializers.DateField()
    kind = serializers.ChoiceField(choices=list(statements.WORDS))
    number = serializers.CharField(help_text="Of the document; empty where there is none.")
    amount_minor = serializers.IntegerField()
    balance_minor = serializers.IntegerField()


class ShownStatement(schema.Shown):
    """A statement of account: what was owed, what moved it, and what is owed."""

    object = serializers.ChoiceField(choices=["account_statement"])
    customer = fields.Id(kind="customer")
    currency = serializers.CharField()
    since = serializers.DateField()
    until = serializers.DateField()
    opening_minor = serializers.IntegerField()
    closing_minor = serializers.IntegerField()
    credit_minor = serializers.IntegerField(
        help_text="What the customer has as credit; the balance is after it."
    )
    movements = ShownMovement(many=True)


class Reporting(Endpoint):
    """What reports share."""

    filters: ClassVar[frozenset[str]] = frozenset({"since", "until"})

    def day(self, filters: Mapping[str, str], name: str) -> date | None:
        """Read a day."""
        if name not in filters:
            return None
        found: date = self.value(name, serializers.DateField(), filters)
        if not core_days.FIRST <= found <= core_days.LAST:
            raise Invalid([FieldError(f"/{name}", "day_out_of_range", core_days.SENTENCE)])
        return found

    def days(self) -> tuple[date, date]:
        """Read the days a report is about.

        Raises:
            Invalid: they end before they begin, or are too many.
        """
        filters = self.asked()
        until = self.day(filters, "until") or _today()
        month = Month.of(until)
        for _ in range(11):
            month = month.before
        since = self.day(filters, "since") or month.starts_on
        if until < since:
            raise Invalid([FieldError("/until", "before_since", "This day is before the first.")])
        if len(rules.months(since, until)) == rules.MOST_MONTHS:
            sentence = f"A report holds fewer than {rules.MOST_MONTHS} months."
            raise Invalid([FieldError("/until", "too_long", sentence)])
        return since, until

    def told(self, report: str, rows: list[dict[str, Any]], since: date, until: date) -> HttpResponseBase:
        """Answer with a report of some days, and record that it was read."""
        facts = {"report": report, "since": since.isoformat(), "until": until.isoformat()}
        recording.read(self.edge, events.REPORT_READ, facts=facts)
        return self.one({"object": f"report.{report}", "since": since, "until": until, "rows": rows})


@access(get=Permission.REPORT_READ)
class Aging(Reporting):
    """What is owed, by age."""

    filters = frozenset({"on"})

    @schema.describe("reports_aging", "Report what is owed, by age", gives=ShownAging, filters=[_ON])
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with what was owed at the end of a day."""
        on = self.day(self.asked(), "on") or _today()
        found = [queries.aging(on=on, currency=currency) for currency in queries.currencies()]
        recording.read(self.edge, events.REPORT_READ, facts={"report": "aging", "on": on.isoformat()})
        written = [
            {
                "currency": each.currency,
                "ages": [
                    {"age": age, "count": held.count, "amount_minor": held.amount_minor}
                    for age, held in each.ages.items()
                ],
                "total_minor": each.total.amount_minor,
                "ledger_minor": each.ledger_minor,
            }
            for each in found
        ]
        return self.one({"object": "report.aging", "on": on, "currencies": written})


@access(get=Permission.REPORT_READ)
class Revenue(Reporting):
    """What was earned."""

    @schema.describe(
        "reports_revenue", "Report revenue by month and product", gives=ShownRevenue, filters=_DAYS
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with revenue."""
        since, until = self.days()
        rows = [
            {"month": str(month), "currency": currency,
             "product": None if key == "other" else ids.encode("product", UUID(key)),
             "amount_minor": each.amount_minor}
            for currency in queries.currencies()
            for (key, month), each in _sorted(sources.revenue(since=since, until=until, currency=currency))
        ]  # fmt: skip
        return self.told("revenue", rows, since, until)


@access(get=Permission.REPORT_READ)
class Tax(Reporting):
    """What is owed to tax offices."""

    @schema.describe("reports_tax", "Report tax by month and rate", gives=ShownTaxReport, filters=_DAYS)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with tax."""
        since, until = self.days()
        rows = []
        for currency in queries.currencies():
            for (key, month), each in _sorted(sources.tax(since=since, until=until, currency=currency)):
                category, percentage, name = [*key.split(":", 2), "", ""][:3]
                rows.append(
                    {"month": str(month), "currency": currency, "category": category, "percentage": percentage,
                     "name": name, "base_minor": each.base_minor, "tax_minor": each.amount_minor}
                )  # fmt: skip
        return self.told("tax", rows, since, until)


@access(get=Permission.REPORT_READ)
class Cash(Reporting):
    """What came and left."""

    @schema.describe("reports_cash", "Report cash by month and account", gives=ShownCash, filters=_DAYS)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with cash."""
        since, until = self.days()
        rows = []
        for currency in queries.currencies():
            source = sources.cash(since=since, until=until, currency=currency)
            came, left = queries.by_month(source.of(sign=1)), queries.by_month(source.of(sign=-1))
            for key in sorted(came.keys() | left.keys(), key=lambda each: (each[1].starts_on, each[0])):
                rows.append(
                    {"month": str(key[1]), "currency": currency, "account": key[0],
                     "came_minor": came[key].amount_minor if key in came else 0,
                     "left_minor": left[key].amount_minor if key in left else 0}
                )  # fmt: skip
        return self.told("cash", rows, since, until)


@access(get=Permission.REPORT_READ)
class Mrr(Reporting):
    """What comes regularly."""

    @schema.describe("reports_mrr", "Report recurring revenue by month", gives=ShownMrr, filters=_DAYS)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with recurring revenue."""
        since, until = self.days()
        months = rules.months(since, until)
        rows = []
        for currency in queries.currencies():
            items = recurring.items(since=months[0].before.starts_on, until=until, currency=currency)
            rows += [
                {
                    "month": str(each.month),
                    "currency": currency,
                    "before_minor": each.before_minor,
                    **{f"{kind}_minor": amount for kind, amount in each.moves.items()},
                    "after_minor": each.after_minor,
                    "annual_minor": each.annual_minor,
                    "customers_before": each.customers_before,
                    "customers_lost": each.customers_lost,
                }
                for each in recurring.of_months(items, months, until=until)
                if each.before_minor or each.after_minor
            ]
        return self.told("mrr", rows, since, until)


@access(get=Permission.REPORT_READ)
class AccountStatement(Reporting):
    """A customer's statement of account."""

    filters = frozenset({"since", "until", "currency"})

    @schema.describe(
        "account_statements_get",
        "Read a statement of account",
        gives=ShownStatement,
        filters=[*_DAYS, ("currency", "The customer's own if absent.")],
    )
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the statement of some days."""
        customer = customers.get(ids.decode("customer", pk))
        since, until = self.days()
        currency = self.asked().get("currency", customer.currency)
        found = statements.statement(customer_id=customer.id, currency=currency, since=since, until=until)
        facts = {"since": since.isoformat(), "until": until.isoformat()}
        recording.read(self.edge, events.STATEMENT_READ, subject=("customer", customer.id), facts=facts)
        return self.one(
            {
                "object": "account_statement",
                "customer": pk,
                "currency": currency,
                "since": since,
                "until": until,
                "opening_minor": found.opening_minor,
                "closing_minor": found.closing_minor,
                "credit_minor": found.credit_minor,
                "movements": [
                    {
                        "transaction": ids.encode("ledger_transaction", row.transaction_id),
                        "on": row.on,
                        "kind": row.what,
                        "number": row.number,
                        "amount_minor": row.amount_minor,
                        "balance_minor": row.balance_minor,
                    }
                    for row in found.rows
                ],
            }
        )


def _today() -> date:
    return clock.today(issuers.time_zone())


def _sorted(source: Source) -> list[tuple[tuple[str, Month], queries.Sum]]:
    return sorted(queries.by_month(source).items(), key=lambda each: (each[0][1].starts_on, each[0][0]))
