"""`reminders_run` makes the default plan on first use, sends what is due once, and says what it held back."""

import json
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from outbound.models import OutboxMessage
from payments.models import ReminderPlan
from payments.reminders import plans
from tenancy.context import Scope, scope
from tests.make import billing as make

WHO = {"actor": make.ACTOR, "at": make.AT}


def run(*options: str) -> dict[str, object]:
    out = StringIO()
    call_command("reminders_run", "--organization", "a", "--json", *options, stdout=out)
    answer: dict[str, object] = json.loads(out.getvalue().splitlines()[-1])
    return answer


@pytest.mark.django_db(transaction=True)
def test_what_is_due_on_a_day_is_sent_once(tenant_a):
    with scope(Scope(tenant_a)):
        days = {"issued_on": date(2026, 1, 1), "due_on": date(2026, 3, 10)}
        make.finalized(of=make.customer(email="pay@ada.example"), **days)
        make.finalized(of=make.customer("Nobody"), **days)
    assert run("--on", "2026-03-13") == {
        "on": "2026-03-13", "default_plan": "paused", "mails": 0, "reminders": 0, "late_fees": 0, "held_back": {},
    }  # fmt: skip
    with scope(Scope(tenant_a)):
        plans.start(plan_id=ReminderPlan.objects.get().pk, on=date(2026, 1, 1), **WHO)
    tried = run("--on", "2026-03-13", "--dry-run")
    assert (tried["mails"], tried["held_back"]) == (1, {"no_address": 1})
    first, again = run("--on", "2026-03-13"), run("--on", "2026-03-13")
    assert (first["default_plan"], first["mails"], first["held_back"]) == ("active", 1, {"no_address": 1})
    assert (again["mails"], again["reminders"]) == (0, 0)
    with scope(Scope(tenant_a)):
        assert OutboxMessage.objects.filter(template="reminder_friendly").count() == 1


def test_a_day_that_is_none_is_one_clear_sentence_and_makes_nothing(db, tenant_a):
    with pytest.raises(CommandError, match=r"--on takes a day like 2026-08-14\."):
        call_command("reminders_run", "--organization", "a", "--on", "soon")
    with scope(Scope(tenant_a)):
        assert ReminderPlan.objects.count() == 0
