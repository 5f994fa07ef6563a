"""Courses taken by people of tests."""

import re
from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import ApprovalRequest, Membership
from accounts.services import approvals
from core import clock, ids
from core.actor import Actor
from outbound.models import OutboxMessage
from tests.make import accounts
from training import catalog
from training.models import Assignment, Attempt, PracticeCampaign, PracticeResult, Record
from training.practice import noting, planning, running
from training.services import duties, learning, modules, suspicious


def answers(attempt: Attempt, *, wrong: int = 0) -> list[int]:
    """Return answers to the questions of an attempt, the first `wrong` of them wrong."""
    course = catalog.course(attempt.course)
    chosen = []
    for number, code in enumerate(attempt.asked):
        options = course.question(code).options
        chosen.append(next(i for i, option in enumerate(options) if option.right != (number < wrong)))
    return chosen


def take(
    member: Membership,
    code: str = "phishing",
    *,
    wrong: int = 0,
    actor: Actor | None = None,
    at: datetime | None = None,
) -> Attempt:
    """Take a course from its first page to its end."""
    at = at or clock.now()
    actor = actor or accounts.actor(member.user)
    attempt = learning.start(member=member, code=code, actor=actor, at=at, today=at.date())
    course = catalog.course(code)
    for number, page in enumerate(course.pages, 1):
        chosen = list(range(len(page.step.options))) if page.step and page.step.kind == "order" else [0]
        learning.take_page(member=member, code=code, number=number, chosen=chosen, at=at)
    for number, chosen_one in enumerate(answers(attempt, wrong=wrong), 1):
        learning.answer(member=member, code=code, number=number, chosen=chosen_one, at=at)
    return learning.finish(member=member, code=code, acknowledged=True, actor=actor, at=at, today=at.date())


def record(member: Membership, code: str = "phishing", *, at: datetime | None = None) -> UUID:
    """Let somebody pass a course, and return the record's id."""
    attempt = take(member, code, at=at)
    return Record.objects.get(attempt=attempt).pk


def assigned(member: Membership, code: str = "phishing", *, days: int = 14) -> Assignment:
    """Assign a course to somebody, due in so many days."""
    at = clock.now()
    duties.assign(
        member_ids=[member.pk],
        course=code,
        why=Assignment.Why.BY_HAND,
        due_on=at.date() + timedelta(days=days),
        actor=Actor.system("tests"),
        at=at,
        today=at.date(),
    )
    return Assignment.objects.get(member=member, course=code, state="open")


def furnish(owner: Membership, colleague: Membership) -> dict[str, str]:
    """Make one record of each kind, and return their outside names."""
    at, actor = clock.now(), accounts.actor(owner.user)
    certificate = record(owner)
    mine = assigned(colleague)
    told = suspicious.report(
        kind="mail",
        done="nothing",
        sender="Bank",
        text="Click here",
        actor=accounts.actor(colleague.user),
        at=at,
    )
    written = modules.write(module_id=None, body=modules.EXAMPLE, actor=actor, at=at)
    campaign, result = practised(owner, colleague, at=at)
    return {
        "practice": ids.encode("practice", campaign),
        "practice_result": ids.encode("practice_result", result),
        "certificate": ids.encode("certificate", certificate),
        "training_record": ids.encode("training_record", mine.pk),
        "message_report": ids.encode("message_report", told.pk),
        "training_module": ids.encode("training_module", written.pk),
    }


def settled(count: int, role: str = "billing_clerk", *, at: datetime) -> list[Membership]:
    """Make members who have been here long enough to practise."""
    return [accounts.member(role, at=at - timedelta(days=60)) for _ in range(count)]


def ask_to_practise(planner: Membership, *, at: datetime, lure: str = "overdue-notice") -> PracticeCampaign:
    """Plan practice for everybody, over the next two weeks."""
    return planning.plan(
        lure=lure,
        roles=["everyone"],
        member_ids=[],
        opens_on=at.date(),
        closes_on=at.date() + timedelta(days=13),
        announced=True,
        agreement="",
        actor=accounts.actor(planner.user),
        at=at,
    )


def release(campaign: PracticeCampaign, second: Membership, *, at: datetime) -> None:
    """Let a second person release practice."""
    asked = ApprovalRequest.objects.get(subject_id=campaign.pk)
    approvals.approve(request_id=asked.pk, actor=accounts.actor(second.user), at=at)


def post(result: PracticeResult, *, at: datetime) -> str:
    """Send one practice mail, and return the secret of its link."""
    running.send(result_id=result.pk, actor=Actor.system("tests"), at=at)
    result.refresh_from_db()
    body = OutboxMessage.objects.get(pk=result.message).body
    return re.search(r"/doc/(\w+)", body["text"])[1]


def practised(owner: Membership, colleague: Membership, *, at: datetime) -> tuple[UUID, UUID]:
    """Put down practice that runs, past the rules of how many: the owner has opened the link."""
    campaign = PracticeCampaign(
        lure="overdue-notice", state="running", roles=["everyone"], opens_on=at.date(), closes_on=at.date(),
        made_by=colleague.user_id, made_at=at, approved_by=owner.user_id, released_at=at,
    )  # fmt: skip
    campaign.save(force_insert=True)
    mine = PracticeResult(
        campaign=campaign, member=owner, role="owner", due_at=at, state="clicked", sent_at=at, clicked_at=at
    )
    theirs = PracticeResult(campaign=campaign, member=colleague, role="accountant", due_at=at)
    PracticeResult.objects.bulk_create([mine, theirs])
    return campaign.pk, mine.pk


def over(planner: Membership, second: Membership, *, at: datetime, lure: str = "overdue-notice") -> UUID:
    """Let practice run to its end: one of ten typed, two opened the link, four reported it."""
    people = [*settled(5, at=at), *settled(5, "accountant", at=at)]
    campaign = planning.plan(
        lure=lure, roles=[], member_ids=[member.pk for member in people], opens_on=at.date(),
        closes_on=at.date() + timedelta(days=4), announced=True, agreement="", actor=accounts.actor(planner.user),
        at=at,
    )  # fmt: skip
    release(campaign, second, at=at)
    for number, row in enumerate(PracticeResult.objects.filter(campaign=campaign).order_by("member_id")):
        sent = at + timedelta(hours=3 * number)
        raw = post(row, at=sent)
        noting.fetched(raw=raw, at=sent)
        if number < 3:
            acted = sent + timedelta(minutes=2)
            noting.noted(raw=raw, typed=number < 1, agent="Firefox", person_id=None, at=acted)
        if number % 3 == 0:
            who = accounts.actor(people[number].user)
            noting.recognised(text=raw, actor=who, at=sent + timedelta(minutes=7 + number))
    running.end_old(actor=Actor.system("tests"), at=at + timedelta(days=12))
    return campaign.pk


def begin(member: Membership, code: str) -> Attempt:
    """Let somebody begin a course, read it to its end and answer the first question."""
    at, actor = clock.now(), accounts.actor(member.user)
    attempt = learning.start(member=member, code=code, actor=actor, at=at, today=at.date())
    course = catalog.course(code)
    for number, page in enumerate(course.pages, 1):
        count = len(page.step.options) if page.step else 0
        chosen = list(reversed(range(count))) if page.step and page.step.kind == "order" else [0]
        learning.take_page(member=member, code=code, number=number, chosen=chosen, at=at)
    learning.answer(member=member, code=code, number=1, chosen=0, at=at)
    return attempt
