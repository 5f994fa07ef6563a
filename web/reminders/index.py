"""The plans, what they have brought in, whom they concern, and what would go out on a day."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from billing.issuer import queries as issuers
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events
from payments.models import ReminderStep
from payments.reminders import plans as keeping
from payments.reminders import queries, sending
from payments.reminders.queries import ChoiceRow, FeeRow, PlanRow, ReminderRow
from payments.reminders.rules import Step
from web.kit import formats
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb

_MOST_SENT = 20
_WORDS = dict(ReminderStep.Words.choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A row and where it leads."""

    url: str
    row: PlanRow | ReminderRow | ChoiceRow | FeeRow
    detail: str = ""
    sums: tuple[str, ...] = ()


class DayForm(Form):
    """Which day is looked at."""

    on = DayField(
        label="On",
        required=False,
    )


@access(get=Permission.INVOICE_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the plans and what they do."""
    may_manage = Permission.REMINDER_MANAGE in request.permissions
    if may_manage:
        # First use makes it, paused: looking at the page reminds nobody.
        keeping.default_plan(actor=request.actor, at=clock.now())
    sent, _ = queries.sent(limit=_MOST_SENT)
    choices, fees = queries.choices(), queries.fees()
    shown = [*(row.customer_id for row in sent), *(row.customer_id for row in choices)]
    recording.read(request, events.REMINDER_LISTED, subjects=list(dict.fromkeys(shown)), fields=["name"])
    context = {
        "plans": [
            Linked(
                url=_plan_url(slug, row.plan.id) if may_manage else "",
                row=row,
                detail=", ".join(said(step) for step in row.plan.steps),
                sums=tuple(formats.money(amount, currency) for currency, amount in row.recovered.items()),
            )
            for row in queries.plans()
        ],
        "sent": [
            Linked(url=invoice_url(slug, row.invoice_id), row=row, detail=_WORDS[row.words]) for row in sent
        ],
        "choices": [
            Linked(
                url=reverse("reminders:customer", args=[slug, ids.encode("customer", row.customer_id)])
                if may_manage
                else "",
                row=row,
            )
            for row in choices
        ],
        "fees": [
            Linked(url="" if row.state == "discarded" else invoice_url(slug, row.fee_invoice_id), row=row)
            for row in fees
        ],
        "may_manage": may_manage,
        "may_send": Permission.INVOICE_SEND in request.permissions,
    }
    return render(request, "reminders/index.html", context)


@access(get=Permission.INVOICE_READ)
def preview(request: Request, slug: str) -> HttpResponse:
    """Say what would go out on a day, and what would be held back."""
    form = DayForm(request.GET or None)
    chosen = form.cleaned_data.get("on") if form.is_bound and form.is_valid() else None
    on = chosen or today() + timedelta(days=1)
    found = sending.preview(on=on)
    recording.read(
        request,
        events.REMINDER_LISTED,
        subjects=concerned(found),
        fields=["name", "email"],
    )
    context = {
        "form": DayForm(initial={"on": on}) if not form.errors else form,
        "on": on,
        "letters": found.letters,
        "held": found.held,
        "crumbs": crumbs(slug),
    }
    return render(request, "reminders/preview.html", context)


def concerned(found: sending.Plan) -> list[UUID]:
    """Return the customers that a plan of mails is about."""
    written, held = [each.customer_id for each in found.letters], [each.customer_id for each in found.held]
    return list(dict.fromkeys([*written, *held]))


def today() -> date:
    """Return the day it is for the organization in scope."""
    return clock.today(issuers.time_zone())


def said(step: Step) -> str:
    """Say when a step comes due."""
    if step.days == 0:
        return "on the due day"
    side = "after" if step.days > 0 else "before"
    return f"{formats.count(abs(step.days), 'day')} {side}"


def crumbs(slug: str) -> list[Crumb]:
    """Return the way back to the plans."""
    return [Crumb("Reminders", reverse("reminders:reminders", args=[slug]))]


def invoice_url(slug: str, invoice_id: UUID) -> str:
    """Return the address of an invoice."""
    return reverse("billing:invoice", args=[slug, ids.encode("invoice", invoice_id)])


def _plan_url(slug: str, plan_id: UUID) -> str:
    return reverse("reminders:plan", args=[slug, ids.encode("reminder_plan", plan_id)])
