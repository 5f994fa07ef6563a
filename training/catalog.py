"""Which courses there are here: the ten of the product and an organization's own, and whose duty each is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts import queries as people
from accounts.models import Membership, User
from core.errors import NotFound
from training import courses
from training.courses import Course
from training.models import CourseDuty, Module, ModuleVersion, TrainingPolicy
from training.rules import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A course as the organization in scope has it. `module` is set for its own."""

    course: Course
    roles: tuple[str, ...]
    decided: bool = False
    module: UUID | None = None


def at_work(today: date) -> QuerySet[Membership]:
    """List the members who can sign in on a day: who is suspended or whose time has ended owes nothing now."""
    return people.members().filter(
        Q(expires_at__isnull=True) | Q(expires_at__date__gte=today),
        state=Membership.State.ACTIVE,
        user__state=User.State.ACTIVE,
    )


def policy() -> Policy:
    """Return how the organization in scope asks for training."""
    row = TrainingPolicy.objects.first()
    if row is None:
        return Policy()
    return Policy(
        hire_days=row.hire_days,
        repeat_days=row.repeat_days,
        grace_days=row.grace_days,
        withholds=row.withholds,
    )


def listing() -> list[Listed]:
    """List every course people can take now: those of the product, then the organization's own."""
    decided = dict(CourseDuty.objects.values_list("course", "roles"))

    def listed(course: Course, module: UUID | None = None) -> Listed:
        chosen = decided.get(course.code)
        return Listed(
            course=course,
            roles=course.roles if chosen is None else tuple(chosen),
            decided=chosen is not None,
            module=module,
        )

    own = ModuleVersion.objects.select_related("module").filter(module__state=Module.State.PUBLISHED)
    newest = {row.module_id: row for row in own.order_by("module__code", "version")}
    return [
        *(listed(course) for course in courses.builtin().values()),
        *(listed(courses.read(row.body), row.module_id) for row in newest.values()),
    ]


def find(code: str) -> Listed:
    """Return one course people can take now.

    Raises:
        NotFound
    """
    for each in listing():
        if each.course.code == code:
            return each
    raise NotFound


def course(code: str) -> Course:
    """Return a course people can take now; the text alone, without whose duty it is.

    Raises:
        NotFound
    """
    built = courses.builtin().get(code)
    if built is not None:
        return built
    row = (
        ModuleVersion.objects.filter(module__code=code, module__state=Module.State.PUBLISHED)
        .order_by("-version")
        .first()
    )
    if row is None:
        raise NotFound
    return courses.read(row.body)


def titles(codes: Iterable[str]) -> dict[str, str]:
    """Return the titles of courses, also of those that nobody takes any more."""
    wanted = set(codes)
    found = {code: course.title for code, course in courses.builtin().items() if code in wanted}
    if wanted - found.keys():
        rows = ModuleVersion.objects.select_related("module").filter(module__code__in=wanted - found.keys())
        found |= {row.module.code: courses.read(row.body).title for row in rows.order_by("version")}
    return {code: found.get(code, code) for code in wanted}
