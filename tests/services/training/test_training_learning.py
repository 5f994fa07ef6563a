"""Learning, certificates, modules of an organization's own, excuses and reported messages."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction

from accounts.models import ApprovalRequest
from accounts.services import approvals
from audit.models import Event
from core import clock
from core.actor import Actor
from core.cardnumbers import CardNumberRefused
from core.errors import NotFound
from tenancy.context import Scope, scope
from tests.guarantees import canaries
from tests.make import accounts, installation
from tests.make import training as make
from training import catalog, certificates, courses, queries
from training.models import Assignment, Attempt, Module, ModuleVersion, Record, SuspiciousMessage
from training.services import duties, excuses, learning, modules, policies, suspicious

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("tests")


@pytest.fixture
def at():
    return clock.now()


@pytest.fixture
def inside():
    with scope(Scope(installation.tenant("a"))):
        yield


def fired(code):
    return list(Event.objects.filter(event=code).order_by("at"))


def start(member, at, code="phishing"):
    return learning.start(member=member, code=code, actor=accounts.actor(member.user), at=at, today=at.date())


def test_a_course_is_passed_with_the_mark_of_that_day(inside, at):
    clerk = accounts.member("billing_clerk")
    attempt = make.take(clerk, wrong=1, at=at)
    kept, course = Record.objects.get(attempt=attempt), catalog.course("phishing")
    assert attempt.state == "passed"
    assert (kept.right, kept.asked, kept.pass_percent, kept.number) == (4, 5, 80, 1)
    assert (kept.role, kept.version, bytes(kept.digest)) == ("billing_clerk", course.version, course.digest)
    assert kept.valid_until == at.date() + timedelta(days=365)
    (event,) = fired("training.completed")
    assert (event.actor_id, event.facts["right"], event.facts["asked"]) == (clerk.user_id, 4, 5)


def test_a_record_is_never_changed_nor_passed_with_too_few(inside, at):
    kept = Record.objects.get(pk=make.record(accounts.member("billing_clerk"), at=at))
    with pytest.raises(ProgrammingError), transaction.atomic():
        Record.objects.filter(pk=kept.pk).update(right=5)
    with pytest.raises(ProgrammingError), transaction.atomic():
        kept.delete()
    attempt = make.take(accounts.member("billing_clerk"), wrong=3, at=at)
    forged = Record(
        member=attempt.member, attempt=attempt, course="phishing", version=1, digest=b"0" * 32, role="owner",
        number=1, right=3, asked=5, pass_percent=80, acknowledged=1, started_at=at, finished_at=at,
        valid_until=at.date(), code_hash=b"1" * 32,
    )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        forged.save(force_insert=True)


def test_three_tries_then_a_person_helps_or_a_day_passes(inside, at):
    clerk, officer = accounts.member("billing_clerk"), accounts.member("security_officer")
    make.assigned(clerk)
    for minute in (1, 2, 3):
        assert make.take(clerk, wrong=2, at=at + timedelta(minutes=minute)).state == "failed"
    assert len(fired("training.failed")) == 3
    with pytest.raises(learning.TriesUsedUp), transaction.atomic():
        start(clerk, at + timedelta(minutes=5))
    mine = Assignment.objects.get(member=clerk, course="phishing")
    duties.give_tries(assignment_id=mine.pk, actor=accounts.actor(officer.user), at=at + timedelta(minutes=6))
    assert start(clerk, at + timedelta(minutes=7)).number == 4
    assert fired("training.tries_given")
    assert learning.tries_left(mine, at=at + timedelta(hours=25)) == 3


def test_pages_come_in_their_order_and_an_answer_stays(inside, at):
    clerk = accounts.member("billing_clerk")
    attempt = start(clerk, at)
    assert start(clerk, at).pk == attempt.pk, "going on is not beginning anew"
    given = {"member": clerk, "code": "phishing", "at": at}
    with pytest.raises(learning.NotFinished), transaction.atomic():
        learning.take_page(number=2, chosen=[0], **given)
    with pytest.raises(learning.NotFinished), transaction.atomic():
        learning.answer(number=1, chosen=0, **given)
    with pytest.raises(learning.NothingChosen), transaction.atomic():
        learning.take_page(number=1, chosen=[], **given)
    with pytest.raises(learning.NothingChosen), transaction.atomic():
        learning.take_page(number=1, chosen=[99], **given)
    course = catalog.course("phishing")
    for number, page in enumerate(course.pages, 1):
        chosen = list(range(len(page.step.options))) if page.step.kind == "order" else [0]
        learning.take_page(number=number, chosen=chosen, **given)
    learning.answer(number=1, chosen=1, **given)
    assert learning.answer(number=1, chosen=0, **given).answers == [1]
    with pytest.raises(learning.NotFinished), transaction.atomic():
        learning.finish(
            member=clerk, code="phishing", acknowledged=True, actor=SYSTEM, at=at, today=at.date()
        )
    for number in range(2, 6):
        learning.answer(number=number, chosen=0, **given)
    with pytest.raises(learning.NotAcknowledged), transaction.atomic():
        learning.finish(
            member=clerk, code="phishing", acknowledged=False, actor=SYSTEM, at=at, today=at.date()
        )
    assert fired("training.started")


def test_somebody_elses_attempt_is_not_there(inside, at):
    start(accounts.member("billing_clerk"), at)
    other = accounts.member("billing_clerk")
    with pytest.raises(NotFound), transaction.atomic():
        learning.take_page(member=other, code="phishing", number=1, chosen=[0], at=at)


def test_a_certificate_is_verified_by_its_code_and_by_nothing_else(tenant_a, inside, at):
    clerk = accounts.member("billing_clerk", user=accounts.person(name="Dev Patel"))
    found = certificates.get(make.record(clerk, at=at))
    typed = certificates.printed(found.code).upper().replace(" ", " - ")
    assert certificates.tenant_of(typed) == tenant_a
    assert certificates.verify(typed) == found
    assert (found.person, found.right, found.asked) == ("Dev Patel", 5, 5)
    other = found.code[:-1] + ("a" if found.code[-1] != "a" else "b")
    with pytest.raises(certificates.CodeUnknown):
        certificates.verify(other)
    for wrong in ("", "0", found.code[:-1], "ä" * 58):
        with pytest.raises(certificates.CodeUnknown):
            certificates.tenant_of(wrong)


def test_a_certificate_is_a_paper_that_is_the_same_each_time(inside, at):
    found = certificates.get(make.record(accounts.member("billing_clerk"), at=at))
    made = certificates.paper(found)
    assert made.startswith(b"%PDF") and made == certificates.paper(found)


def test_a_certificate_of_another_organization_is_not_there(tenant_a, tenant_b, at):
    with scope(Scope(tenant_a)):
        code = certificates.get(make.record(accounts.member("billing_clerk"), at=at)).code
    with scope(Scope(tenant_b)), pytest.raises(certificates.CodeUnknown):
        certificates.verify(code)


# --- An organization's own modules -------------------------------------------------------------------


def written(at, body=modules.EXAMPLE, module_id=None):
    return modules.write(module_id=module_id, body=body, actor=SYSTEM, at=at)


def publish(module, at, *, again=False):
    return modules.publish(module_id=module.pk, again=again, actor=SYSTEM, at=at, today=at.date())


def test_an_own_module_is_written_published_taken_and_retired(inside, at):
    clerk = accounts.member("billing_clerk")
    draft = written(at)
    with pytest.raises(NotFound):
        catalog.course("our-payments")
    first = publish(draft, at)
    assert (first.version, catalog.course("our-payments").version) == (1, 1)
    mine = Assignment.objects.get(member=clerk, course="our-payments")
    make.take(clerk, "our-payments", at=at)
    mine.refresh_from_db()
    assert mine.state == "done"

    with pytest.raises(modules.NothingChanged), transaction.atomic():
        publish(draft, at)
    draft = written(at, modules.EXAMPLE.replace("One rule", "The rule"), draft.pk)
    second = publish(draft, at, again=True)
    assert second.version == 2
    again = Assignment.objects.get(member=clerk, course="our-payments", state="open")
    assert again.why == "version"
    kept = Record.objects.get(member=clerk, course="our-payments")
    assert bytes(kept.digest) == bytes(first.digest) != bytes(second.digest)
    with pytest.raises(ProgrammingError), transaction.atomic():
        ModuleVersion.objects.update(version=9)

    modules.retire(module_id=draft.pk, actor=SYSTEM, at=at, today=at.date())
    again.refresh_from_db()
    assert again.state == "dropped"
    with pytest.raises(NotFound):
        catalog.course("our-payments")
    assert catalog.titles(["our-payments"]) == {"our-payments": "How we release payments here"}
    assert all(fired(f"training.module_{act}") for act in ("written", "published", "retired"))


def test_somebody_in_the_middle_of_old_words_begins_anew(inside, at):
    clerk = accounts.member("billing_clerk")
    draft = written(at)
    publish(draft, at)
    old = start(clerk, at, "our-payments")
    publish(written(at, modules.EXAMPLE.replace("One rule", "The rule"), draft.pk), at)
    assert learning.current(member=clerk, course=catalog.course("our-payments")) is None
    new = start(clerk, at, "our-payments")
    assert new.pk != old.pk
    assert Attempt.objects.get(pk=old.pk).state == "abandoned"


def test_a_module_takes_no_other_ones_code_and_no_card_number(inside, at):
    with pytest.raises(modules.CodeTaken), transaction.atomic():
        written(at, modules.EXAMPLE.replace("our-payments", "phishing"))
    draft = written(at)
    with pytest.raises(modules.CodeStays), transaction.atomic():
        written(at, modules.EXAMPLE.replace("our-payments", "other"), draft.pk)
    with pytest.raises(CardNumberRefused), transaction.atomic():
        written(at, modules.EXAMPLE.replace("One rule", canaries.card_number()), draft.pk)
    with pytest.raises(courses.CourseFault), transaction.atomic():
        written(at, "nothing of the kind", draft.pk)
    assert Module.objects.get().body == modules.EXAMPLE


def test_whose_duty_a_module_is_can_be_decided_but_not_by_who_is_late(inside, at):
    developer, officer = accounts.member("developer"), accounts.member("security_officer")
    given = {"course": "invoice-fraud", "at": at, "today": at.date()}
    policies.set_duty(roles=["developer"], actor=accounts.actor(officer.user), **given)
    assert Assignment.objects.get(member=developer, course="invoice-fraud").why == "hire"
    with pytest.raises(policies.UnknownRole), transaction.atomic():
        policies.set_duty(roles=["king"], actor=SYSTEM, **given)
    assert fired("training.duty_changed")
    late = at + timedelta(days=60)
    duties.keep(actor=SYSTEM, at=late, today=late.date())
    for decide in (
        lambda: policies.set_duty(roles=[], actor=accounts.actor(officer.user), **given),
        lambda: policies.set_policy(
            hire_days=90, repeat_days=365, grace_days=60, withholds=False, actor=accounts.actor(officer.user),
            at=late, today=late.date(),
        ),
    ):  # fmt: skip
        with pytest.raises(policies.OwnRightsWait), transaction.atomic():
            decide()


# --- Excuses and messages ---------------------------------------------------------------------------


def test_two_people_excuse_and_neither_is_the_one(inside, at):
    clerk, officer, owner = (accounts.member(role) for role in ("billing_clerk", "security_officer", "owner"))
    mine = make.assigned(clerk)
    asked = excuses.ask(
        assignment_id=mine.pk, reason="Teaches this herself", actor=accounts.actor(officer.user), at=at
    )
    with pytest.raises(excuses.AskedAlready), transaction.atomic():
        excuses.ask(assignment_id=mine.pk, reason="x", actor=accounts.actor(owner.user), at=at)
    fresh = accounts.actor(owner.user)
    approvals.approve(request_id=asked.pk, actor=fresh, at=at)
    mine.refresh_from_db()
    assert (mine.state, mine.note) == ("excused", "Teaches this herself")
    assert fired("training.excused")
    duties.keep(actor=SYSTEM, at=at, today=at.date())
    assert not Assignment.objects.filter(member=clerk, course="phishing", state="open").exists()

    own = make.assigned(officer)
    with pytest.raises(duties.NotYours), transaction.atomic():
        excuses.ask(assignment_id=own.pk, reason="x", actor=accounts.actor(officer.user), at=at)
    theirs = make.assigned(owner)
    asked = excuses.ask(assignment_id=theirs.pk, reason="x", actor=accounts.actor(officer.user), at=at)
    with pytest.raises(duties.NotYours), transaction.atomic():
        approvals.approve(request_id=asked.pk, actor=fresh, at=at)
    assert ApprovalRequest.objects.get(pk=asked.pk).state == "pending"


def test_a_reported_message_reaches_whoever_decides_once(inside, at):
    clerk, officer = accounts.member("billing_clerk"), accounts.member("security_officer")
    told = suspicious.report(
        kind="mail",
        done="paid",
        sender="x@y.example",
        text="Pay now",
        actor=accounts.actor(clerk.user),
        at=at,
    )
    (event,) = fired("training.message_reported")
    assert (event.facts["kind"], event.facts["urgent"]) == ("mail", True)
    assert queries.waiting_messages() == 1
    given = {"message_id": told.pk, "verdict": "attack", "actor": accounts.actor(officer.user), "at": at}
    suspicious.decide(note="Recall asked for", **given)
    with pytest.raises(suspicious.DecidedAlready), transaction.atomic():
        suspicious.decide(note="", **given)
    assert fired("training.message_handled")[0].facts["verdict"] == "attack"
    with pytest.raises(CardNumberRefused), transaction.atomic():
        suspicious.report(
            kind="mail", done="nothing", sender="", text=canaries.card_number(),
            actor=accounts.actor(clerk.user), at=at,
        )  # fmt: skip
    with pytest.raises(suspicious.OnlyPeopleReport), transaction.atomic():
        suspicious.report(kind="mail", done="nothing", sender="", text="x", actor=SYSTEM, at=at)
    assert SuspiciousMessage.objects.count() == 1


def test_the_hardest_questions_are_counted_without_names(inside, at):
    for _ in range(2):
        make.take(accounts.member("billing_clerk"), wrong=1, at=at)
    rows = queries.hardest(catalog.course("phishing"))
    assert sum(wrong for _, _, wrong in rows) == 2
    assert sum(asked for _, asked, _ in rows) == 10
    assert rows[0][2] >= 1
