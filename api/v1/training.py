"""Training: how it stands, and who has passed what, for whoever keeps personnel records elsewhere."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing.issuer import queries as issuers
from core import clock, ids
from edge import recording
from edge.access import access
from training import events, queries
from training.models import PracticeCampaign, Record
from training.practice import queries as practice
from training.practice.lures import Difficulty, Fit
from training.practice.queries import Run


class ShownStatus(schema.Shown):
    """How training stands, in numbers of people."""

    object = serializers.ChoiceField(choices=["training_status"])
    members = serializers.IntegerField()
    complete = serializers.IntegerField(help_text="Who has nothing left to take.")
    overdue = serializers.IntegerField()
    due_soon = serializers.IntegerField(help_text="Due within a week.")
    withheld = serializers.IntegerField(help_text="Whose sensitive rights wait until they are done.")


class ShownRecord(schema.Shown):
    """Somebody has passed a module. The certificate of a record is checked by its code, which stands on it."""

    id = fields.Id(kind="certificate")
    object = serializers.ChoiceField(choices=["training_record"])
    member = fields.Id(kind="member")
    course = serializers.CharField()
    version = serializers.IntegerField()
    fingerprint = serializers.CharField(help_text="SHA-256 of the words that were taught.")
    right = serializers.IntegerField()
    asked = serializers.IntegerField()
    pass_percent = serializers.IntegerField(help_text="The pass mark of that day.")
    attempt = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField()
    valid_until = serializers.DateField()


class ShownPractice(schema.Shown):
    """Phishing practice in numbers of people. They are null while fewer than five have got the mail."""

    id = fields.Id(kind="practice")
    object = serializers.ChoiceField(choices=["practice_campaign"])
    lure = serializers.CharField(help_text="Which mail of the library.")
    difficulty = serializers.ChoiceField(
        choices=[each.value for each in Difficulty], help_text="On a scale of our own: cues against fit."
    )
    cues = serializers.IntegerField()
    fit = serializers.ChoiceField(choices=[each.value for each in Fit])
    status = serializers.ChoiceField(choices=PracticeCampaign.State.choices)
    opens_on = serializers.DateField()
    closes_on = serializers.DateField()
    arrived = serializers.IntegerField(allow_null=True)
    reported = serializers.IntegerField(allow_null=True)
    first_report_seconds = serializers.IntegerField(
        allow_null=True, help_text="From the first mail to the first report."
    )
    median_report_seconds = serializers.IntegerField(allow_null=True)
    clicked = serializers.IntegerField(allow_null=True, help_text="Compare it only at equal difficulty.")
    typed = serializers.IntegerField(allow_null=True)


def write_practice(run: Run) -> dict[str, Any]:
    """Write practice as it is shown."""
    campaign, lure, totals = run.campaign, run.lure, run.totals
    numbers = {
        "arrived": totals.sent,
        "reported": totals.told,
        "first_report_seconds": totals.first_report_seconds,
        "median_report_seconds": totals.median_report_seconds,
        "clicked": totals.clicked,
        "typed": totals.typed,
    }
    return {
        "id": ids.encode("practice", campaign.pk),
        "object": "practice_campaign",
        "lure": lure.code,
        "difficulty": lure.difficulty,
        "cues": lure.cues,
        "fit": lure.fit,
        "status": campaign.state,
        "opens_on": campaign.opens_on,
        "closes_on": campaign.closes_on,
        **(numbers if totals.is_shown else dict.fromkeys(numbers)),
    }


def write(record: Record) -> dict[str, Any]:
    """Write a record as it is shown."""
    return {
        "id": ids.encode("certificate", record.pk),
        "object": "training_record",
        "member": ids.encode("member", record.member_id),
        "course": record.course,
        "version": record.version,
        "fingerprint": bytes(record.digest).hex(),
        "right": record.right,
        "asked": record.asked,
        "pass_percent": record.pass_percent,
        "attempt": record.number,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "valid_until": record.valid_until,
    }


@access(get=Permission.TRAINING_READ)
class Status(Endpoint):
    """How training stands."""

    @schema.describe("training_status_read", "Read how training stands", gives=ShownStatus)
    def get(self, request: Request) -> Response:
        """Answer with numbers of people."""
        found = queries.status(today=clock.today(issuers.time_zone()))
        recording.read(self.edge, events.READ)
        return Response(
            {
                "object": "training_status",
                "members": found.members,
                "complete": found.complete,
                "overdue": found.overdue,
                "due_soon": found.due_soon,
                "withheld": found.withheld,
            }
        )


@access(get=Permission.TRAINING_READ)
class Records(Endpoint):
    """Who has passed what."""

    listed = "training/records"

    @schema.describe("training_records_list", "List what people have passed", gives=ShownRecord, listed=True)
    def get(self, request: Request) -> Response:
        """Answer with a page of records, newest first."""
        page, _ = self.page()
        rows, following = queries.records(after=page.after, limit=page.limit)
        recording.read(self.edge, events.READ, subjects=[row.pk for row in rows])
        return Response(page.answer([write(row) for row in rows], following))


@access(get=Permission.TRAINING_READ)
class Practices(Endpoint):
    """How phishing practice went."""

    listed = "training/campaigns"

    @schema.describe(
        "training_campaigns_list", "List phishing practice in numbers", gives=ShownPractice, listed=True
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of campaigns, newest first; names are no part of it."""
        page, _ = self.page()
        rows, following = practice.campaigns(after=page.after, limit=page.limit)
        recording.read(self.edge, events.READ, subjects=[row.campaign.pk for row in rows])
        return Response(page.answer([write_practice(row) for row in rows], following))
