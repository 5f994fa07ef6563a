"""An organization's own modules. A published version never changes: whoever passed it has passed those words."""

from datetime import date, datetime, timedelta
from uuid import UUID

from audit import services as audit
from core import cardnumbers, characters
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from tenancy.context import use_case
from training import catalog, courses, events, rules
from training.models import Assignment, Attempt, CourseDuty, Module, ModuleVersion
from training.services import duties

EXAMPLE = """# How we release payments here
code: our-payments
minutes: 5
pass: 80
for: everyone
summary: What our own rules are, and whom to ask.
- name who releases a payment and who checks it

## Our way
Write what is special about your organization. **Strong words** stand out.

> A message or a rule you quote stands in a box.

- lists work like this

! One rule to remember.

### choose: What do you do with a request to change an account number?
- [x] Call back on the number on file
  Because the request itself cannot choose that number.
- [ ] Change it and tell a colleague
  Then the money may be gone before the colleague reads it.

## Questions
### q01: Who checks a payment before it goes out?
- [x] A second person
  Nobody checks their own work.
- [ ] Whoever entered it
  They see what they meant to write.
### q02: Whom do you ask when you are unsure?
- [x] The person named in this module
  Asking costs a minute.
- [ ] Nobody, if it is urgent
  Urgency is the reason to ask.
### q03: Where do you report a suspicious message?
- [x] Under Training, Report a message
  It reaches everybody who has to know.
- [ ] Nowhere, if it was deleted
  Others may have received it as well.
### q04: What do you do when you made a mistake?
- [x] Say so at once
  Early, nearly everything can be mended.
- [ ] Wait whether it is noticed
  It costs more each hour.
### q05: When does our own rule not apply?
- [ ] When a director asks
  A director is glad about the question.
- [x] Never
  An exception is what an attacker asks for.
"""


class CodeTaken(Conflict):
    """There is a module of this code already. Choose another “code:”."""

    code = "code_taken"


class CodeStays(Conflict):
    """The code of a module stays as it is: records name it. Write a new module instead."""

    code = "code_stays"


class NothingChanged(Conflict):
    """Nothing has changed since the last version."""

    code = "nothing_changed"


class NotPublished(Conflict):
    """Only a published module can be retired."""

    code = "not_published"


def get(module_id: UUID) -> Module:
    """Return a module of the organization in scope.

    Raises:
        NotFound
    """
    found: Module | None = Module.objects.filter(pk=module_id).first()
    if found is None:
        raise NotFound
    return found


def has_changed(module: Module) -> bool:
    """Say whether the working copy differs from what people take."""
    newest = ModuleVersion.objects.filter(module=module).order_by("-version").first()
    return newest is None or newest.body != module.body or module.state == Module.State.RETIRED


@use_case
def write(*, module_id: UUID | None, body: str, actor: Actor, at: datetime) -> Module:
    """Keep the working copy of a module. It has to be readable as a course, or it says which line is not.

    Raises:
        NotFound, CodeTaken, CodeStays.
        courses.CourseFault
        cardnumbers.CardNumberRefused
    """
    body = body.replace("\r\n", "\n").replace("\r", "\n")
    cardnumbers.refuse({"body": body})
    if not characters.are_kept(body):
        raise Refusal(characters.SENTENCE, field="body")
    course = courses.read(body)
    if module_id is None:
        taken = course.code in courses.builtin() or Module.objects.filter(code=course.code).exists()
        if taken:
            raise CodeTaken(field="body")
        module = Module(code=course.code, made_by=actor.id, created_at=at)
    else:
        module = _locked(module_id)
        if module.code != course.code:
            raise CodeStays(field="body")
    module.body, module.updated_at = body, at
    module.save()
    audit.record(events.MODULE_WRITTEN, actor=actor, subject=("training_module", module.pk), fields=["body"])
    return module


@use_case
def publish(*, module_id: UUID, again: bool, actor: Actor, at: datetime, today: date) -> ModuleVersion:
    """Make the working copy what people take, as a version of its own; `again` asks those who passed before too.

    Raises:
        NotFound, NothingChanged.
        courses.CourseFault
    """
    module = _locked(module_id)
    if not has_changed(module):
        raise NothingChanged
    number = (ModuleVersion.objects.filter(module=module).order_by("-version").values_list(
        "version", flat=True
    ).first() or 0) + 1  # fmt: skip
    body = _numbered(module.body, number)
    course = courses.read(body)
    made = ModuleVersion(
        module=module, version=number, body=body, digest=course.digest, published_by=actor.id, published_at=at
    )
    made.save(force_insert=True)
    module.state, module.version, module.body, module.updated_at = Module.State.PUBLISHED, number, body, at
    module.save(update_fields=["state", "version", "body", "updated_at"])
    audit.record(
        events.MODULE_PUBLISHED,
        actor=actor,
        subject=("training_module", module.pk),
        facts={"version": number, "course": module.code, "again": again},
    )
    if again and number > 1:
        _ask_again(course.code, actor=actor, at=at, today=today)
    duties.keep(actor=actor, at=at, today=today)
    return made


@use_case
def retire(*, module_id: UUID, actor: Actor, at: datetime, today: date) -> Module:
    """Take a module out of use: what was assigned is dropped, what was passed stays.

    Raises:
        NotFound, NotPublished.
    """
    module = _locked(module_id)
    if module.state != Module.State.PUBLISHED:
        raise NotPublished
    module.state, module.updated_at = Module.State.RETIRED, at
    module.save(update_fields=["state", "updated_at"])
    rows = Assignment.objects.filter(course=module.code, state=Assignment.State.OPEN)
    concerned = list(rows.values_list("member_id", flat=True))
    Attempt.objects.filter(course=module.code, state=Attempt.State.OPEN).update(
        state=Attempt.State.ABANDONED, ended_at=at
    )
    rows.update(state=Assignment.State.DROPPED, ended_at=at)
    audit.record(
        events.MODULE_RETIRED,
        actor=actor,
        subject=("training_module", module.pk),
        facts={"course": module.code, "dropped": len(concerned)},
    )
    duties.settle(member_ids=concerned, actor=actor, today=today)
    return module


def _ask_again(code: str, *, actor: Actor, at: datetime, today: date) -> None:
    policy = catalog.policy()
    roles = CourseDuty.objects.filter(course=code).values_list("roles", flat=True).first()
    wanted = catalog.course(code).roles if roles is None else tuple(roles)
    concerned = [
        member.pk
        for member in catalog.at_work(today)
        if rules.concerns(wanted, role=member.role.code, builtin=member.role.builtin)
    ]
    duties.assign(
        member_ids=concerned,
        course=code,
        why=Assignment.Why.VERSION,
        due_on=today + timedelta(days=policy.hire_days),
        actor=actor,
        at=at,
        today=today,
    )


def _numbered(body: str, number: int) -> str:
    """Write the number of the version into the text's header, where it belongs to what is hashed."""
    lines = body.split("\n")
    head_ends = next((at for at, line in enumerate(lines) if line.startswith("## ")), len(lines))
    kept = [line for at, line in enumerate(lines) if at >= head_ends or not line.startswith("version:")]
    return "\n".join([kept[0], f"version: {number}", *kept[1:]])


def _locked(module_id: UUID) -> Module:
    found: Module | None = Module.objects.select_for_update().filter(pk=module_id).first()
    if found is None:
        raise NotFound
    return found
