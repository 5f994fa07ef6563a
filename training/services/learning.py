"""Taking a course: pages, steps, five questions, a promise, a record.

Promise kept: the right answer leaves the server only after an answer was given; an answer that was given stays; what
is passed is passed by the mark that stood when it was begun, and the record says so.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from accounts import tokens
from accounts.models import Membership
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from tenancy import context
from tenancy.context import use_case
from training import catalog, events, rules
from training.courses import Course, Option, Question, Step
from training.models import Assignment, Attempt, Record
from training.services import duties

_SEED_BYTES = 16


class TriesUsedUp(Refusal):
    """Three tries are used up. Talk to whoever looks after training, or try again tomorrow."""

    code = "tries_used_up"


class NothingChosen(Refusal):
    """Choose an answer."""

    code = "nothing_chosen"


class NotFinished(Conflict):
    """There are pages or questions left."""

    code = "not_finished"


class NotAcknowledged(Refusal):
    """Tick the sentence to finish."""

    code = "not_acknowledged"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of an attempt as it is shown: the answers in their shuffled order, by their own numbers."""

    number: int
    question: Question
    order: Sequence[int]
    chosen: int | None

    @property
    def right(self) -> int:
        """Return the number of the right answer."""
        return next(index for index, option in enumerate(self.question.options) if option.right)


@use_case
def start(*, member: Membership, code: str, actor: Actor, at: datetime, today: date) -> Attempt:
    """Begin a course, or go on where it was left.

    Raises:
        NotFound: there is no such course.
        TriesUsedUp
    """
    course = catalog.course(code)
    mine = duties.by_own_wish(member_id=member.pk, course=code, actor=actor, at=at, today=today)
    before: Attempt | None = Attempt.objects.filter(assignment=mine, state=Attempt.State.OPEN).first()
    if before is not None and bytes(before.digest) == course.digest:
        return before
    if before is not None:
        # Its words have changed since: nobody passes what is taught no more.
        before.state, before.ended_at = Attempt.State.ABANDONED, at
        before.save(update_fields=["state", "ended_at"])
    if tries_left(mine, at=at) <= 0:
        raise TriesUsedUp
    seed = secrets.token_bytes(_SEED_BYTES)
    made = Attempt(
        assignment=mine,
        member=member,
        course=code,
        version=course.version,
        digest=course.digest,
        number=Attempt.objects.filter(assignment=mine).count() + 1,
        seed=seed,
        asked=rules.draw(seed, [question.code for question in course.questions]),
        pass_percent=course.pass_percent,
        started_at=at,
    )
    made.save(force_insert=True)
    audit.record(
        events.STARTED,
        actor=actor,
        subject=("training_record", mine.pk),
        facts={"course": code, "version": course.version, "attempt": made.number},
    )
    return made


def tries_left(mine: Assignment, *, at: datetime) -> int:
    """Return how many tries somebody has now."""
    since = max(mine.tries_since, at - rules.TRIES_REST)
    failed = Attempt.objects.filter(assignment=mine, state=Attempt.State.FAILED, ended_at__gt=since)
    return rules.TRIES - failed.count()


def current(*, member: Membership, course: Course) -> Attempt | None:
    """Return the attempt a member is in the middle of, if its words are still taught."""
    found: Attempt | None = (
        Attempt.objects.filter(
            member=member,
            course=course.code,
            state=Attempt.State.OPEN,
            assignment__state=Assignment.State.OPEN,
        )
        .order_by("-id")
        .first()
    )
    return found if found is not None and bytes(found.digest) == course.digest else None


def asked(attempt: Attempt, course: Course, number: int) -> Asked:
    """Return a question of an attempt by its number, from 1.

    Raises:
        NotFound
    """
    if not 1 <= number <= len(attempt.asked):
        raise NotFound
    question = course.question(attempt.asked[number - 1])
    order = rules.arranged(bytes(attempt.seed), question.code, len(question.options))
    chosen = attempt.answers[number - 1] if number <= len(attempt.answers) else None
    return Asked(number, question, order, chosen)


def shuffled(attempt: Attempt, number: int, step: Step) -> list[tuple[int, Option]]:
    """Return the answers of a page's step in the order they are shown, with their own numbers."""
    order = rules.arranged(bytes(attempt.seed), f"page{number}", len(step.options))
    return [(index, step.options[index]) for index in order]


@use_case
def take_page(*, member: Membership, code: str, number: int, chosen: Sequence[int], at: datetime) -> Attempt:
    """Finish a page: with what was answered where it has a step. Practice counts nothing; it may be done again.

    Raises:
        NotFound, NothingChosen, NotFinished.
    """
    course = catalog.course(code)
    attempt = _locked(member, course)
    if not 1 <= number <= len(course.pages):
        raise NotFound
    if number > attempt.page + 1:
        raise NotFinished
    step = course.pages[number - 1].step
    if step is not None:
        attempt.steps = {**attempt.steps, str(number): _checked(step, chosen)}
    attempt.page = max(attempt.page, number)
    attempt.save(update_fields=["steps", "page"])
    return attempt


def _checked(step: Step, chosen: Sequence[int]) -> list[int]:
    count = len(step.options)
    given = list(dict.fromkeys(chosen))
    if not given or any(not 0 <= index < count for index in given):
        raise NothingChosen(field="answer")
    if step.kind == "choose" and len(given) != 1:
        raise NothingChosen(field="answer")
    if step.kind == "order" and len(given) != count:
        raise NothingChosen("Give each step a place of its own, from 1 on.", field="answer")
    return given if step.kind == "order" else sorted(given)


def step_is_right(step: Step, chosen: Sequence[int]) -> bool:
    """Say whether a step was answered as it is best done."""
    if step.kind == "order":
        return list(chosen) == list(range(len(step.options)))
    return set(chosen) == {index for index, option in enumerate(step.options) if option.right}


@use_case
def answer(*, member: Membership, code: str, number: int, chosen: int | None, at: datetime) -> Attempt:
    """Answer a question. One that was answered stays as it is: pressing twice changes nothing.

    Raises:
        NotFound, NothingChosen, NotFinished.
    """
    course = catalog.course(code)
    attempt = _locked(member, course)
    if attempt.page < len(course.pages) or number > len(attempt.answers) + 1:
        raise NotFinished
    question = asked(attempt, course, number)
    if question.chosen is not None:
        return attempt
    if chosen is None or not 0 <= chosen < len(question.question.options):
        raise NothingChosen(field="answer")
    attempt.answers = [*attempt.answers, chosen]
    attempt.save(update_fields=["answers"])
    return attempt


def right_answers(attempt: Attempt, course: Course) -> int:
    """Count the right answers of an attempt."""
    return sum(
        course.question(code).options[chosen].right
        for code, chosen in zip(attempt.asked, attempt.answers, strict=False)
    )


@use_case
def finish(
    *, member: Membership, code: str, acknowledged: bool, actor: Actor, at: datetime, today: date
) -> Attempt:
    """End an attempt: passed, with a record and what was withheld given back; or not.

    Raises:
        NotFound, NotFinished, NotAcknowledged.
    """
    course = catalog.course(code)
    attempt = _locked(member, course)
    if attempt.page < len(course.pages) or len(attempt.answers) < len(attempt.asked):
        raise NotFinished
    if not acknowledged:
        raise NotAcknowledged(field="acknowledged")
    right, count = right_answers(attempt, course), len(attempt.asked)
    passed = rules.passes(right=right, asked=count, pass_percent=attempt.pass_percent)
    attempt.right, attempt.ended_at = right, at
    attempt.state = Attempt.State.PASSED if passed else Attempt.State.FAILED
    attempt.save(update_fields=["right", "ended_at", "state"])
    facts: dict[str, str | int | bool] = {
        "course": code, "version": attempt.version, "attempt": attempt.number, "right": right, "asked": count,
    }  # fmt: skip
    subject = ("training_record", attempt.assignment_id)
    if not passed:
        audit.record(events.FAILED, actor=actor, subject=subject, facts=facts)
        return attempt
    _keep(attempt, right, member=member, at=at, today=today)
    Assignment.objects.filter(pk=attempt.assignment_id).update(state=Assignment.State.DONE, ended_at=at)
    audit.record(events.COMPLETED, actor=actor, subject=subject, facts=facts)
    duties.settle(member_ids=[member.pk], actor=actor, today=today)
    return attempt


def _keep(attempt: Attempt, right: int, *, member: Membership, at: datetime, today: date) -> Record:
    record = Record(
        member=member,
        attempt=attempt,
        course=attempt.course,
        version=attempt.version,
        digest=attempt.digest,
        role=member.role.code,
        number=attempt.number,
        right=right,
        asked=len(attempt.asked),
        pass_percent=attempt.pass_percent,
        acknowledged=rules.ACKNOWLEDGEMENT,
        started_at=attempt.started_at,
        finished_at=at,
        valid_until=today + timedelta(days=catalog.policy().repeat_days),
    )
    record.code_hash = tokens.digest("training_certificate", code_of(record.pk))
    record.save(force_insert=True)
    return record


def code_of(record_id: UUID) -> str:
    """Write the code of a certificate from its record's id, with the installation's pepper."""
    return tokens.link_of("training_certificate_secret", tenant=context.current_tenant(), row=record_id)


def _locked(member: Membership, course: Course) -> Attempt:
    found = current(member=member, course=course)
    if found is None:
        raise NotFound
    # The assignment first, as in `start`: two windows of one person take turns.
    Assignment.objects.select_for_update().get(pk=found.assignment_id)
    locked: Attempt | None = (
        Attempt.objects.select_for_update().filter(pk=found.pk, state=Attempt.State.OPEN).first()
    )
    if locked is None:
        raise NotFound
    return locked
