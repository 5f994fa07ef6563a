"""Billing runs: started, and read while they run and after."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.issuer import queries as issuer
from billing.runs import queries, tasks
from billing.runs.models import BillingRun
from core import clock, ids
from edge import recording
from edge.access import access


class NewBillingRun(fields.Body):
    """Which day is billed."""

    on = fields.Day(
        required=False,
        help_text="Everything due on or before this day; today if absent. A day to come in a test organization only.",
    )


class ShownTotal(schema.Shown):
    """What the invoices of one currency come to."""

    currency = serializers.CharField()
    invoices = serializers.IntegerField()
    total_minor = serializers.IntegerField()


class ShownSkipped(schema.Shown):
    """How many customers could not be billed for one reason."""

    code = serializers.CharField()
    reason = serializers.CharField()
    customers = serializers.IntegerField()


class ShownBillingRun(schema.Shown):
    """A run and what it has come to. Its job says how far it is."""

    id = fields.Id(kind="billing_run")
    object = serializers.ChoiceField(choices=["billing_run"])
    on = serializers.DateField()
    issued_on = serializers.DateField()
    state = serializers.ChoiceField(choices=BillingRun.State.values)
    code = serializers.CharField(help_text="Why it failed; empty otherwise.")
    auto_billing = serializers.BooleanField(
        help_text="Whether the organization's runs now begin by themselves each night; switched in its pages."
    )
    job = fields.Id(kind="job", allow_null=True)
    invoices = serializers.IntegerField()
    skipped = serializers.IntegerField()
    totals = ShownTotal(many=True)
    reasons = ShownSkipped(many=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


def write(row: queries.RunRow, *, nightly: bool) -> dict[str, Any]:
    """Write a run as it is shown."""
    return {
        "id": ids.encode("billing_run", row.id),
        "object": "billing_run",
        "on": row.on,
        "issued_on": row.issued_on,
        "state": row.state,
        "code": row.code,
        "auto_billing": nightly,
        "job": None if row.job_id is None else ids.encode("job", row.job_id),
        "invoices": row.invoices,
        "skipped": row.customers_skipped,
        "totals": [
            {"currency": total.currency, "invoices": total.invoices, "total_minor": total.total_minor}
            for total in row.totals
        ],
        "reasons": [
            {"code": one.code, "reason": one.reason, "customers": one.customers} for one in row.skipped
        ],
        "created_at": row.created_at,
        "finished_at": row.finished_at,
    }


@access(get=Permission.INVOICE_READ, post=Permission.BILLING_RUN)
class BillingRuns(Endpoint):
    """All billing runs."""

    listed = "billing_runs"

    @schema.describe("billing_runs_list", "List billing runs", gives=ShownBillingRun, listed=True)
    def get(self, request: Request) -> Response:
        """Answer with a page of runs, newest first."""
        page, _ = self.page()
        rows, next_after = queries.page(limit=page.limit, after=page.after)
        recording.read(self.edge, events.BILLING_RUN_READ, subjects=[row.id for row in rows])
        nightly = issuer.bills_nightly()
        return Response(page.answer([write(row, nightly=nightly) for row in rows], next_after))

    @schema.describe(
        "billing_runs_create", "Start a billing run", takes=NewBillingRun, gives=ShownBillingRun, created=True
    )
    def post(self, request: Request) -> Response:
        """Start the run of a day, or join the one that is under way; the worker does it."""
        given, at = self.body(NewBillingRun), clock.now()
        row = tasks.ask(on=given.get("on") or queries.today(at), actor=self.actor, at=at)
        return self.created(write(queries.get(row.pk), nightly=issuer.bills_nightly()), "billing_runs")


@access(get=Permission.INVOICE_READ)
class OneBillingRun(Endpoint):
    """One billing run."""

    @schema.describe("billing_runs_get", "Read a billing run", gives=ShownBillingRun)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the run as it is now."""
        row = queries.get(ids.decode("billing_run", pk))
        recording.read(self.edge, events.BILLING_RUN_READ, subject=("billing_run", row.id))
        return self.one(write(row, nightly=issuer.bills_nightly()))
