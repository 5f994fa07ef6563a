"""The test clock: in a test organization time is moved forward, and every day on the way is billed."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.subscriptions import clock as days
from billing.subscriptions import tasks, testclock
from core import clock, ids
from edge import recording
from edge.access import access
from tenancy import jobs


class ClockMove(fields.Body):
    """Where time is moved to."""

    to = fields.Day(help_text=f"A later day, at most {testclock.MOST_DAYS} ahead.")


class ShownClock(schema.Shown):
    """Which day it is, whether that is real, and the job that is moving it."""

    object = serializers.ChoiceField(choices=["test_clock"])
    today = serializers.DateField()
    is_test = serializers.BooleanField()
    is_moved = serializers.BooleanField()
    job = fields.Id(kind="job", allow_null=True)


def _write() -> dict[str, Any]:
    moving = jobs.lasting(kind=testclock.KIND)
    return {
        "object": "test_clock",
        "today": days.today(clock.now()),
        "is_test": testclock.is_test(),
        "is_moved": days.is_moved(),
        "job": None if moving is None else ids.encode("job", moving.pk),
    }


@access(get=Permission.SUBSCRIPTION_READ, post=Permission.BILLING_RUN)
class Clock(Endpoint):
    """The clock of the organization."""

    @schema.describe("test_clock_get", "See which day it is", gives=ShownClock)
    def get(self, request: Request) -> HttpResponseBase:
        """Answer with the day it is in this organization."""
        recording.read(self.edge, events.TEST_CLOCK_READ)
        return self.one(_write())

    @schema.describe("test_clock_move", "Move time forward", takes=ClockMove, gives=ShownClock)
    def post(self, request: Request) -> Response:
        """Move the clock of a test organization to a day; the job says how far it has come."""
        tasks.ask(to=self.body(ClockMove)["to"], actor=self.actor)
        return self.changed(_write())
