"""Duties: who has to learn what by when, what happens when nobody does, and how it ends.

Promise kept: rights are withheld only by what stands here, only after the grace an organization has set, and come back
in the same transaction in which the last lapsed duty ends. Learning itself needs no right that could be withheld.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from accounts import queries as people
from accounts.models import Membership
from accounts.permissions import Permission
from accounts.services import members
from accounts.withholding import SENSITIVE
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict, Forbidden, NotFound, Refusal
from tenancy.context import use_case
from training import catalog, events, rules
from training.models import Assignment, Record

State, Why = Assignment.State, Assignment.Why


class NotYours(Forbidden):
    """This is your own duty. Somebody else decides about it."""

    code = "own_duty"


class EndedAlready(Conflict):
    """This duty has ended already."""

    code = "ended_already"


class DayHasPassed(Refusal):
    """Choose a day that has not passed."""

    code = "day_has_passed"


class TooLong(Refusal):
    """Choose a day within the next 60 days."""

    code = "too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one turn has changed."""

    assigned: int = 0
    dropped: int = 0
    overdue: int = 0
    withheld: int = 0
    returned: int = 0


@use_case
def keep(*, actor: Actor, at: datetime, today: date) -> Kept:
    """Bring every duty of the organization in scope up to date; safe to run at any time, twice."""
    found = list(catalog.at_work(today))
    assigned, dropped = _assign(found, actor=actor, at=at, today=today)
    overdue = _mark_overdue({member.pk for member in found}, actor=actor, at=at, today=today)
    withheld, returned = settle(member_ids=_unsettled(found, today=today), actor=actor, today=today)
    return Kept(assigned=assigned, dropped=dropped, overdue=overdue, withheld=withheld, returned=returned)


def _assign(found: Collection[Membership], *, actor: Actor, at: datetime, today: date) -> tuple[int, int]:
    """Give each member the duties of their role, and take back those that are none any more."""
    policy, listed = catalog.policy(), catalog.listing()
    history: dict[tuple[UUID, str], Assignment] = {}
    known: set[UUID] = set()
    for row in Assignment.objects.filter(member_id__in=[member.pk for member in found]).order_by("id"):
        known.add(row.member_id)
        # An open one is the one that counts, whatever came later.
        if (before := history.get((row.member_id, row.course))) is None or before.state != State.OPEN:
            history[row.member_id, row.course] = row
    valid = _valid_until(member.pk for member in found)
    new: list[Assignment] = []
    dropped = 0
    for member in found:
        for each in listed:
            mine = history.get((member.pk, each.course.code))
            is_duty = rules.concerns(each.roles, role=member.role.code, builtin=member.role.builtin)
            if mine is not None and mine.state == State.OPEN:
                if is_duty and mine.due_on is None:
                    _press(mine, due_on=rules.first_due(policy, today))
                elif not is_duty and mine.why in (Why.HIRE, Why.ROLE, Why.YEARLY):
                    _end(mine, State.DROPPED, at=at)
                    audit.record(
                        events.DROPPED,
                        actor=actor,
                        subject=("training_record", mine.pk),
                        facts={"course": mine.course},
                    )
                    dropped += 1
                continue
            if not is_duty:
                continue
            until = valid.get((member.pk, each.course.code))
            if mine is not None and mine.state == State.EXCUSED and mine.ended_at is not None:
                excused = mine.ended_at.date() + timedelta(days=policy.repeat_days)
                until = max(until or excused, excused)
            if until is None:
                due: date | None = rules.first_due(policy, today)
                why = Why.ROLE if member.pk in known else Why.HIRE
            else:
                due, why = rules.again_due(policy, valid_until=until, today=today), Why.YEARLY
            if due is not None:
                new.append(_new(member.pk, each.course.code, why, due_on=due, at=at, today=today))
    store(new, actor=actor)
    return len(new), dropped


def _valid_until(member_ids: Iterable[UUID]) -> dict[tuple[UUID, str], date]:
    """Return until when what each member has passed counts, by course."""
    rows = Record.objects.filter(member_id__in=list(member_ids))
    return {(row.member_id, row.course): row.valid_until for row in rows.order_by("valid_until")}


def _new(
    member_id: UUID, course: str, why: str, *, due_on: date | None, at: datetime, today: date
) -> Assignment:
    return Assignment(
        member_id=member_id,
        course=course,
        why=why,
        due_on=due_on,
        assigned_on=today,
        assigned_at=at,
        tries_since=at,
    )


def _press(mine: Assignment, *, due_on: date) -> None:
    """Make a duty of what somebody had begun by their own wish."""
    mine.due_on, mine.why = due_on, Why.ROLE
    mine.save(update_fields=["due_on", "why"])


def _end(mine: Assignment, state: str, *, at: datetime) -> None:
    mine.state, mine.ended_at = state, at
    mine.save(update_fields=["state", "ended_at"])


def store(new: Collection[Assignment], *, actor: Actor) -> None:
    """Store assignments; one that another turn has made meanwhile stays the only one (unique)."""
    if not new:
        return
    Assignment.objects.bulk_create(new, ignore_conflicts=True)
    kept = set(Assignment.objects.filter(pk__in=[row.pk for row in new]).values_list("pk", flat=True))
    for row in new:
        if row.pk in kept:
            audit.record(
                events.ASSIGNED,
                actor=actor,
                subject=("training_record", row.pk),
                facts={"course": row.course, "why": row.why},
            )


@use_case
def assign(
    *,
    member_ids: Collection[UUID],
    course: str,
    why: str,
    due_on: date,
    actor: Actor,
    at: datetime,
    today: date,
) -> int:
    """Assign a course to members who do not have it to take already; return to how many.

    Raises:
        NotFound: there is no such course.
    """
    catalog.course(course)
    open_ones = {
        row.member_id: row
        for row in Assignment.objects.filter(state=State.OPEN, course=course, member_id__in=list(member_ids))
    }
    for row in open_ones.values():
        if row.due_on is None:
            _press(row, due_on=due_on)
    new = [
        _new(member_id, course, why, due_on=due_on, at=at, today=today)
        for member_id in member_ids
        if member_id not in open_ones
    ]
    store(new, actor=actor)
    settle(member_ids=member_ids, actor=actor, today=today)
    return len(new)


@use_case
def by_own_wish(*, member_id: UUID, course: str, actor: Actor, at: datetime, today: date) -> Assignment:
    """Return what a member has of a course to take, locked; made without a day when it is no duty."""
    wanted = Assignment.objects.select_for_update().filter(
        member_id=member_id, course=course, state=State.OPEN
    )
    mine: Assignment | None = wanted.first()
    if mine is None:
        store(
            [_new(member_id, course, Why.OWN_WISH, due_on=None, at=at, today=today)],
            actor=actor,
        )
        mine = wanted.get()
    return mine


def _mark_overdue(member_ids: Collection[UUID], *, actor: Actor, at: datetime, today: date) -> int:
    """Note, once each, what has become overdue."""
    late = Assignment.objects.select_for_update().filter(
        state=State.OPEN, due_on__lt=today, overdue_at__isnull=True, member_id__in=list(member_ids)
    )
    marked = 0
    for row in late:
        row.overdue_at = at
        row.save(update_fields=["overdue_at"])
        audit.record(
            events.OVERDUE,
            actor=actor,
            subject=("training_record", row.pk),
            facts={"course": row.course, "days": (today - row.due_on).days},
        )
        marked += 1
    return marked


def _unsettled(found: Collection[Membership], *, today: date) -> list[UUID]:
    """Return the members whose row does not say what their duties say."""
    policy, due = catalog.policy(), _due_days([member.pk for member in found])
    return [
        member.pk
        for member in found
        if member.duty_due_on != min(due[member.pk], default=None)
        or member.withheld_rights != _withheld_by(due[member.pk], policy=policy, today=today)
    ]


def _due_days(member_ids: Collection[UUID]) -> dict[UUID, list[date]]:
    due: dict[UUID, list[date]] = defaultdict(list)
    rows = Assignment.objects.filter(
        state=State.OPEN, due_on__isnull=False, member_id__in=list(member_ids)
    ).values_list("member_id", "due_on")
    for member_id, due_on in rows:
        due[member_id].append(due_on)
    return due


def _withheld_by(days: Collection[date], *, policy: rules.Policy, today: date) -> frozenset[Permission]:
    lapsed = policy.withholds and any(
        rules.standing(state=State.OPEN, due_on=day, today=today, policy=policy) == "lapsed" for day in days
    )
    return SENSITIVE if lapsed else frozenset()


@use_case
def settle(*, member_ids: Collection[UUID], actor: Actor, today: date) -> tuple[int, int]:
    """Withhold or give back the rights of members by how their duties stand now; return how many of each."""
    policy, of_operator = catalog.policy(), people.in_operator_organization()
    withheld = returned = 0
    # Their rows are locked before their duties are read: of finishing a course and the turn that withholds, the
    # second sees what the first has done.
    for member in members.locked(member_ids):
        days = _due_days([member.pk])[member.pk]
        rights = _withheld_by(days, policy=policy, today=today)
        if not members.hold_back(member=member, rights=rights, duty_due_on=min(days, default=None)):
            continue
        concerned = SENSITIVE & member.role.permissions(of_operator=of_operator)
        event = events.WITHHELD if rights else events.RETURNED
        audit.record(event, actor=actor, subject=("member", member.pk), facts={"rights": len(concerned)})
        withheld, returned = withheld + bool(rights), returned + (not rights)
    return withheld, returned


@use_case
def extend(
    *, assignment_id: UUID, due_on: date, note: str, actor: Actor, at: datetime, today: date
) -> Assignment:
    """Give somebody more time; whoever does never does it for themselves.

    Raises:
        NotFound, NotYours, DayHasPassed, TooLong.
    """
    mine = locked(assignment_id, actor)
    if due_on < today:
        raise DayHasPassed(field="due_on")
    if due_on > today + rules.LONGEST_EXTENSION:
        raise TooLong(field="due_on")
    before = mine.due_on or due_on
    mine.due_on, mine.note, mine.overdue_at, mine.reminded = due_on, note or None, None, ""
    mine.save(update_fields=["due_on", "note", "overdue_at", "reminded"])
    audit.record(
        events.EXTENDED,
        actor=actor,
        subject=("training_record", mine.pk),
        facts={"course": mine.course, "days": (due_on - before).days},
    )
    settle(member_ids=[mine.member_id], actor=actor, today=today)
    return mine


@use_case
def give_tries(*, assignment_id: UUID, actor: Actor, at: datetime) -> Assignment:
    """Let somebody try again who has used up their tries; never oneself.

    Raises:
        NotFound, NotYours
    """
    mine = locked(assignment_id, actor)
    mine.tries_since = at
    mine.save(update_fields=["tries_since"])
    audit.record(
        events.TRIES_GIVEN, actor=actor, subject=("training_record", mine.pk), facts={"course": mine.course}
    )
    return mine


def locked(assignment_id: UUID, actor: Actor) -> Assignment:
    """Return an open assignment of somebody else, locked.

    Raises:
        NotFound, EndedAlready, NotYours.
    """
    mine: Assignment | None = (
        Assignment.objects.select_for_update(of=("self",))
        .select_related("member")
        .filter(pk=assignment_id)
        .first()
    )
    if mine is None:
        raise NotFound
    if mine.state != State.OPEN:
        raise EndedAlready
    if mine.member.user_id == actor.id:
        raise NotYours
    return mine
