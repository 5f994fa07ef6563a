"""Alerts: what the rules have found, and what became of it."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from alerts import events, queries, services
from alerts.models import Alert, Severity
from alerts.queries import Filters
from alerts.rules import BY_CODE
from api import fields, schema
from api.endpoint import Endpoint
from core import clock, ids
from edge import recording
from edge.access import access


class CloseAlert(fields.Body):
    """How an alert turned out."""

    reason = fields.Choice(words=tuple(Alert.Reason.values))
    words = fields.Text(
        limit=services.NOTE_LENGTH,
        required=False,
        help_text="What was found and done; needed when it was real.",
    )


class ShownAlert(schema.Shown):
    """What a rule has found. It names people by id alone; what they did stands in the audit trail."""

    id = fields.Id(kind="alert")
    object = serializers.ChoiceField(choices=["alert"])
    rule = serializers.CharField()
    rule_version = serializers.IntegerField(help_text="0: as the rule comes.")
    title = serializers.CharField()
    severity = serializers.ChoiceField(choices=Severity.values)
    state = serializers.ChoiceField(choices=Alert.State.values)
    count = serializers.IntegerField()
    person = fields.Id(kind="user", allow_null=True)
    network = serializers.CharField(help_text="A pseudonym of the network, never its address.")
    assigned_to = fields.Id(kind="user", allow_null=True)
    close_reason = serializers.CharField(help_text="Empty while it is not closed.")
    contained = serializers.CharField(
        help_text="What was stopped: end_sessions, freeze_exports, hold_payouts."
    )
    events = serializers.ListField(
        child=serializers.CharField(), help_text="Codes of the newest events found."
    )
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    opened_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(help_text="By when somebody should have looked.")
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)


def write(row: Alert) -> dict[str, Any]:
    """Write an alert as it is shown."""
    return {
        "id": ids.encode("alert", row.pk),
        "object": "alert",
        "rule": row.rule,
        "rule_version": row.rule_version,
        "title": BY_CODE[row.rule].title if row.rule in BY_CODE else row.rule,
        "severity": row.severity,
        "state": row.state,
        "count": row.count,
        "person": ids.encode("user", row.person_id) if row.person_id else None,
        "network": row.network,
        "assigned_to": ids.encode("user", row.assigned_to) if row.assigned_to else None,
        "close_reason": row.close_reason,
        "contained": row.contained,
        "events": [one["event"] for one in row.evidence],
        "first_seen_at": row.first_seen_at,
        "last_seen_at": row.last_seen_at,
        "opened_at": row.opened_at,
        "due_at": row.due_at,
        "acknowledged_at": row.acknowledged_at,
        "closed_at": row.closed_at,
    }


@access(get=Permission.ALERT_READ)
class Alerts(Endpoint):
    """All alerts."""

    listed = "alerts"
    filters = frozenset({"state", "severity", "rule"})

    @schema.describe(
        "alerts_list",
        "List alerts",
        gives=ShownAlert,
        listed=True,
        filters=[
            ("state", "Only those that stand so."),
            ("severity", "Only those this bad."),
            ("rule", "Only those of this rule, by its code."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of alerts, newest first."""
        page, filters = self.page()
        chosen = Filters(
            state=self.choice(filters, "state", Alert.State.values) or "",
            severity=self.choice(filters, "severity", Severity.values) or "",
            rule=self.choice(filters, "rule", sorted(BY_CODE)) or "",
        )
        rows, next_after = queries.page(chosen, limit=page.limit, after=page.after)
        recording.read(self.edge, events.ALERT_LISTED, subjects=[row.pk for row in rows])
        return Response(page.answer([write(row) for row in rows], next_after))


@access(get=Permission.ALERT_READ)
class OneAlert(Endpoint):
    """One alert."""

    @schema.describe("alerts_get", "Read an alert", gives=ShownAlert)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the alert."""
        row = queries.get(ids.decode("alert", pk))
        recording.read(self.edge, events.ALERT_READ, subject=("alert", row.pk))
        return self.one(write(row))


@access(post=Permission.ALERT_WRITE)
class Acknowledged(Endpoint):
    """Saying that somebody looks into it."""

    @schema.describe("alerts_acknowledge", "Acknowledge an alert", takes=fields.Nothing, gives=ShownAlert)
    def post(self, request: Request, pk: str) -> Response:
        """Note that somebody looks into it."""
        self.body(fields.Nothing)
        row = services.acknowledge(alert_id=ids.decode("alert", pk), actor=self.actor, at=clock.now())
        return self.changed(write(row))


@access(post=Permission.ALERT_WRITE)
class Closed(Endpoint):
    """Closing."""

    @schema.describe("alerts_close", "Close an alert", takes=CloseAlert, gives=ShownAlert)
    def post(self, request: Request, pk: str) -> Response:
        """Close the alert and say how it turned out."""
        found = queries.get(ids.decode("alert", pk))
        given = self.body(CloseAlert)
        row = services.close(alert_id=found.pk, **given, actor=self.actor, at=clock.now())
        return self.changed(write(row))
