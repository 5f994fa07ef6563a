"""The test clock: a test organization's time, moved forward by hand."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.subscriptions import clock as days
from billing.subscriptions import tasks, testclock
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from tenancy import jobs
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import DayField, Form


class MoveForm(Form):
    """Where time is moved to."""

    to = DayField(
        label="Move to",
        help_text="Each day on the way is billed, and customers are reminded as their plans say.",
    )


@access(get=Permission.SUBSCRIPTION_READ, post=Permission.BILLING_RUN)
def index(request: Request, slug: str) -> HttpResponse:
    """Show which day it is, and move it."""
    recording.read(request, events.TEST_CLOCK_READ)
    form = MoveForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            tasks.ask(to=form.cleaned_data["to"], actor=request.actor)
        if not form.errors:
            messages.success(request, f"Time moves to {formats.day(form.cleaned_data['to'])}.")
            return redirect("recurring:test_clock", slug)
    moving = jobs.lasting(kind=testclock.KIND)
    context = {
        "today": days.today(clock.now()),
        "is_test": testclock.is_test(),
        "is_moved": days.is_moved(),
        "moving": moving,
        "job_pk": "" if moving is None else ids.encode("job", moving.pk),
        "jobs_url": reverse("console:jobs", args=[slug]),
        "may_move": Permission.BILLING_RUN in request.permissions,
    }
    return answer(request, "recurring/test_clock.html", context, form=form)
