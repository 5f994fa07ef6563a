"""Customers who owe, a plan that runs, and what has gone out."""

from datetime import UTC, date, datetime

from django.db import connection

from billing.invoices.models import Invoice
from outbound.models import OutboxMessage
from payments.models import (
    Reminder,
    ReminderPlan,
)
from payments.reminders import plans, sending
from tenancy import context
from tests.make import billing as make

DUE = date(2026, 3, 10)

WHO = {"actor": make.ACTOR, "at": make.AT}


def owed(of=None, *, due_on: date = DUE, email: str | None = "pay@ada.example") -> Invoice:
    customer = of or make.customer(email=email)
    return make.finalized(of=customer, issued_on=date(2026, 1, 1), due_on=due_on)


def started(on: date = date(2026, 1, 1)) -> ReminderPlan:
    plan = plans.default_plan(**WHO)
    plans.start(plan_id=plan.pk, on=on, **WHO)
    return plan


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def run(on: date) -> sending.Run:
    return sending.run(tenant_id=context.current_tenant(), on=on, actor=make.ACTOR, now=lambda: at(on))


def mails() -> list[dict[str, str]]:
    return [row.body for row in OutboxMessage.objects.filter(template__startswith="reminder_").order_by("id")]


def rows(**filters) -> list[tuple[str, int | None]]:
    found = Reminder.objects.filter(**filters).order_by("id")
    return [(row.state, row.step and row.step.days) for row in found]


def recorded(*about: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event FROM audit_event WHERE split_part(event, '.', 1) = ANY(%s) ORDER BY at, id",
            [list(about)],
        )
        return [row[0] for row in cursor.fetchall()]
