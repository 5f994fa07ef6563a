"""Reading training: how everybody stands, what one person has to do, what was reported."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Max, QuerySet

from accounts import queries as people
from accounts.models import Membership
from core.errors import NotFound
from training import catalog, rules
from training.courses import Course
from training.models import Assignment, Attempt, Record, SuspiciousMessage
from training.rules import Policy
from training.services import learning

PAGE = 50
_OPEN = Assignment.State.OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How training stands in an organization, in numbers of people."""

    members: int
    complete: int
    overdue: int
    withheld: int
    due_soon: int
    assigned: int
    last_kept_at: datetime | None

    @property
    def percent(self) -> int:
        """Return how many of a hundred members have nothing left to do."""
        return 100 * self.complete // self.members if self.members else 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One course as one person has it: to take, in the middle of it, or passed until a day."""

    course: str
    title: str
    minutes: int
    summary: str
    standing: str
    assignment: UUID | None = None
    why: str = ""
    due_on: date | None = None
    pages_done: int = 0
    pages: int = 0
    started: bool = False
    record: UUID | None = None
    valid_until: date | None = None
    is_duty: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentRow:
    """One line of the list of assignments."""

    id: UUID
    member_id: UUID
    user_id: UUID
    person: str
    role: str
    course: str
    title: str
    why: str
    assigned_on: date
    due_on: date | None
    standing: str
    tries: int
    record: UUID | None
    score: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """How one member stands."""

    member_id: UUID
    user_id: UUID
    person: str
    role: str
    open: int
    overdue: int
    due_on: date | None
    withheld: bool
    last_finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseRow:
    """How a course stands: whose duty, how many have it to take, how many passed, how often it was failed."""

    listed: catalog.Listed
    open: int
    overdue: int
    passed: int
    failed: int


def status(*, today: date) -> Status:
    """Count how training stands. Whoever has nothing assigned yet is not complete: nothing has been shown."""
    found = list(catalog.at_work(today))
    ids = [member.pk for member in found]
    opened: dict[UUID, list[date]] = {}
    for member_id, due_on in Assignment.objects.filter(
        member_id__in=ids, state=_OPEN, due_on__isnull=False
    ).values_list("member_id", "due_on"):
        opened.setdefault(member_id, []).append(due_on)
    assigned = set(Assignment.objects.filter(member_id__in=ids).values_list("member_id", flat=True))
    late = {member_id for member_id, days in opened.items() if min(days) < today}
    soon = {
        member_id
        for member_id, days in opened.items()
        if member_id not in late and (min(days) - today).days <= rules.WARN_DAYS
    }
    return Status(
        members=len(found),
        complete=sum(member.pk in assigned and member.pk not in opened for member in found),
        overdue=len(late),
        withheld=sum(bool(member.withheld) for member in found),
        due_soon=len(soon),
        assigned=len(assigned),
        last_kept_at=Assignment.objects.aggregate(last=Max("assigned_at"))["last"],
    )


def due_days(member: Membership) -> list[date]:
    """Return by when a member has to take each module that was assigned to them, the first day first."""
    rows = Assignment.objects.filter(member_id=member.pk, state=_OPEN, due_on__isnull=False)
    return [day for day in rows.order_by("due_on").values_list("due_on", flat=True) if day is not None]


def of_member(member: Membership, *, today: date) -> list[Duty]:
    """List every course with how a member stands with it: what presses first."""
    policy = catalog.policy()
    opened = {row.course: row for row in Assignment.objects.filter(member=member, state=_OPEN)}
    going = {
        row.course: row
        for row in Attempt.objects.filter(
            member=member, state=Attempt.State.OPEN, assignment__state=_OPEN
        ).order_by("id")
    }
    passed = {row.course: row for row in Record.objects.filter(member=member).order_by("id")}
    found = []
    for each in catalog.listing():
        course, mine = each.course, opened.get(each.course.code)
        record, attempt = passed.get(course.code), going.get(course.code)
        if attempt is not None and bytes(attempt.digest) != course.digest:
            attempt = None
        is_duty = rules.concerns(each.roles, role=member.role.code, builtin=member.role.builtin)
        found.append(
            Duty(
                course=course.code,
                title=course.title,
                minutes=course.minutes,
                summary=course.summary,
                standing=_standing(mine, record, policy, today),
                assignment=mine.pk if mine else None,
                why=mine.why if mine else "",
                due_on=mine.due_on if mine else None,
                pages_done=attempt.page if attempt else 0,
                pages=len(course.pages),
                started=attempt is not None,
                record=record.pk if record else None,
                valid_until=record.valid_until if record else None,
                is_duty=is_duty or (mine is not None and mine.due_on is not None),
            )
        )
    return sorted(found, key=lambda duty: (duty.due_on is None, duty.due_on or date.max))


def _standing(mine: Assignment | None, record: Record | None, policy: Policy, today: date) -> str:
    if mine is not None and (mine.due_on is not None or record is None):
        return rules.standing(state=mine.state, due_on=mine.due_on, today=today, policy=policy)
    if record is not None:
        return "done" if record.valid_until >= today else "expired"
    return "free"


def records_of(member: Membership) -> list[Record]:
    """List what a member has passed, newest first."""
    return list(Record.objects.filter(member=member).order_by("-id"))


def records(*, after: UUID | None = None, limit: int = PAGE) -> tuple[list[Record], UUID | None]:
    """List what people have passed, newest first."""
    rows: QuerySet[Record] = Record.objects.order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return shown, shown[-1].pk if len(found) > limit else None


def assignments(
    *,
    today: date,
    state: str = "",
    course: str = "",
    member_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = PAGE,
) -> tuple[list[AssignmentRow], UUID | None]:
    """List assignments, newest first; `state` is overdue, open, done, excused or dropped."""
    rows: QuerySet[Assignment] = Assignment.objects.select_related("member__user", "member__role").order_by(
        "-id"
    )
    if state == "overdue":
        rows = rows.filter(state=_OPEN, due_on__lt=today).exclude(member__state=Membership.State.REMOVED)
    elif state:
        rows = rows.filter(state=state)
    if course:
        rows = rows.filter(course=course)
    if member_id is not None:
        rows = rows.filter(member_id=member_id)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return _rows(shown, today), shown[-1].pk if len(found) > limit else None


def assignment(assignment_id: UUID, *, today: date) -> tuple[Assignment, AssignmentRow]:
    """Return an assignment, and as it is shown.

    Raises:
        NotFound
    """
    found: Assignment | None = (
        Assignment.objects.select_related("member__user", "member__role").filter(pk=assignment_id).first()
    )
    if found is None:
        raise NotFound
    return found, _rows([found], today)[0]


def attempts_of(assignment_id: UUID) -> list[Attempt]:
    """List the tries of an assignment, newest first."""
    return list(Attempt.objects.filter(assignment_id=assignment_id).order_by("-number"))


def _rows(found: Collection[Assignment], today: date) -> list[AssignmentRow]:
    policy = catalog.policy()
    titles = catalog.titles(row.course for row in found)
    ids = [row.pk for row in found]
    tries = Counter(Attempt.objects.filter(assignment_id__in=ids).values_list("assignment_id", flat=True))
    records = {
        row.attempt.assignment_id: row
        for row in Record.objects.select_related("attempt").filter(attempt__assignment_id__in=ids)
    }
    return [
        AssignmentRow(
            id=row.pk,
            member_id=row.member_id,
            user_id=row.member.user_id,
            person=people.name_of(row.member.user),
            role=row.member.role.code,
            course=row.course,
            title=titles[row.course],
            why=row.why,
            assigned_on=row.assigned_on,
            due_on=row.due_on,
            standing=rules.standing(state=row.state, due_on=row.due_on, today=today, policy=policy),
            tries=tries[row.pk],
            record=records[row.pk].pk if row.pk in records else None,
            score=f"{records[row.pk].right} of {records[row.pk].asked}" if row.pk in records else "",
        )
        for row in found
    ]


def persons(*, today: date) -> list[PersonRow]:
    """List the active members, whoever is latest first."""
    found = list(catalog.at_work(today))
    ids = [member.pk for member in found]
    opened: Counter[UUID] = Counter()
    late: Counter[UUID] = Counter()
    rows = Assignment.objects.filter(member_id__in=ids, state=_OPEN, due_on__isnull=False)
    for member_id, due_on in rows.values_list("member_id", "due_on"):
        opened[member_id] += 1
        late[member_id] += due_on < today
    last = dict(
        Record.objects.filter(member_id__in=ids).values_list("member_id").annotate(last=Max("finished_at"))
    )
    listed = [
        PersonRow(
            member_id=member.pk,
            user_id=member.user_id,
            person=people.name_of(member.user),
            role=member.role.code,
            open=opened[member.pk],
            overdue=late[member.pk],
            due_on=member.duty_due_on,
            withheld=bool(member.withheld),
            last_finished_at=last.get(member.pk),
        )
        for member in found
    ]
    return sorted(listed, key=lambda row: (row.due_on is None, row.due_on or date.max, row.person))


def by_course(*, today: date) -> list[CourseRow]:
    """List the courses with how they stand."""
    opened: Counter[str] = Counter()
    late: Counter[str] = Counter()
    for course, due_on in Assignment.objects.filter(
        state=_OPEN, due_on__isnull=False, member__state=Membership.State.ACTIVE
    ).values_list("course", "due_on"):
        opened[course] += 1
        late[course] += due_on < today
    passed = Counter(
        Record.objects.filter(valid_until__gte=today).values_list("course", "member_id").distinct()
    )
    failed = Counter(Attempt.objects.filter(state=Attempt.State.FAILED).values_list("course", flat=True))
    people_passed = Counter(course for course, _ in passed)
    return [
        CourseRow(
            listed=each,
            open=opened[each.course.code],
            overdue=late[each.course.code],
            passed=people_passed[each.course.code],
            failed=failed[each.course.code],
        )
        for each in catalog.listing()
    ]


def hardest(course: Course) -> list[tuple[str, int, int]]:
    """Return each question with how often it was asked and answered wrong, the most often wrong first: what a
    course fails to teach. No names, only counts."""
    asked: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    ended = Attempt.objects.filter(course=course.code, digest=course.digest).exclude(state=Attempt.State.OPEN)
    for codes, answers in ended.values_list("asked", "answers"):
        for code, chosen in zip(codes, answers, strict=False):
            asked[code] += 1
            wrong[code] += not course.question(code).options[chosen].right
    rows = [(question.text, asked[question.code], wrong[question.code]) for question in course.questions]
    return sorted((row for row in rows if row[1]), key=lambda row: -row[2] / row[1])


def tries_left(mine: Assignment, *, at: datetime) -> int:
    """Return how many tries somebody has now."""
    return learning.tries_left(mine, at=at)


def messages(
    *, state: str = "", after: UUID | None = None, limit: int = PAGE
) -> tuple[list[SuspiciousMessage], UUID | None]:
    """List reported messages, newest first."""
    rows = SuspiciousMessage.objects.order_by("-id")
    if state:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return shown, shown[-1].pk if len(found) > limit else None


def message(message_id: UUID) -> SuspiciousMessage:
    """Return a reported message.

    Raises:
        NotFound
    """
    found: SuspiciousMessage | None = SuspiciousMessage.objects.filter(pk=message_id).first()
    if found is None:
        raise NotFound
    return found


def waiting_messages() -> int:
    """Count the messages nobody has decided about."""
    return SuspiciousMessage.objects.filter(state=SuspiciousMessage.State.NEW).count()
