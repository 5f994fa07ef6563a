"""Types a marker into every text that training keeps: modules, notes, excuses, reports, what was agreed on practice."""

from datetime import timedelta

from accounts.services import approvals
from core import clock
from core.actor import Actor
from tests.make import accounts
from tests.make import training as make
from training.practice import planning
from training.services import duties, excuses, modules, suspicious


def over_the_services(marker: str, actor: Actor) -> None:
    """Write a module, give more time, excuse somebody, report a message and decide about it."""
    at, today = clock.now(), clock.now().date()
    body = modules.EXAMPLE.replace("# How we", f"# {marker} how we")
    made = modules.write(module_id=None, body=body, actor=actor, at=at)
    modules.publish(module_id=made.pk, again=False, actor=actor, at=at, today=today)
    clerk, approver = accounts.member("billing_clerk"), accounts.member("approver")
    mine = make.assigned(clerk)
    duties.extend(
        assignment_id=mine.pk, due_on=today + timedelta(days=9), note=f"{marker} note", actor=actor, at=at,
        today=today,
    )  # fmt: skip
    asked = excuses.ask(assignment_id=mine.pk, reason=f"{marker} reason", actor=actor, at=at)
    approvals.approve(request_id=asked.pk, actor=accounts.actor(approver.user), at=at)
    make.settled(5, at=at)
    planning.plan(
        lure="overdue-notice", roles=["everyone"], member_ids=[], opens_on=today + timedelta(days=3),
        closes_on=today + timedelta(days=9), announced=True, agreement=f"{marker} agreement", actor=actor, at=at,
    )  # fmt: skip
    told = suspicious.report(
        kind="mail", done="opened", sender=f"{marker} sender", text=f"{marker} text", actor=actor, at=at
    )
    suspicious.decide(message_id=told.pk, verdict="attack", note=f"{marker} note", actor=actor, at=at)
