"""Duties come, become overdue, withhold what moves money and data, and give it back the moment they are done."""

from datetime import timedelta

import pytest

from accounts import queries as people
from accounts.models import Membership
from accounts.permissions import FRESH_ONLY, Permission, RoleCode, of_role
from accounts.services import members
from accounts.withholding import EMERGENCY, SENSITIVE
from audit.models import Event
from core import clock
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.make import accounts, installation
from tests.make import training as make
from training import catalog, queries, rules
from training.models import Assignment, Record
from training.services import duties

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("tests")
DAY = timedelta(days=1)


@pytest.fixture
def at():
    return clock.now()


@pytest.fixture
def inside():
    with scope(Scope(installation.tenant("a"))):
        yield


def keep(at):
    return duties.keep(actor=SYSTEM, at=at, today=at.date())


def rights(member):
    fresh = people.membership(user_id=member.user_id, tenant_id=member.tenant_id, at=clock.now())
    return people.permissions_of(fresh, of_operator=False)


def fired(code):
    return list(Event.objects.filter(event=code).order_by("at"))


def test_a_newcomer_gets_the_duties_of_their_role_once(inside, at):
    clerk = accounts.member("billing_clerk")
    first, again = keep(at), keep(at)
    mine = Assignment.objects.filter(member=clerk)
    wanted = {
        each.course.code
        for each in catalog.listing()
        if rules.concerns(each.roles, role="billing_clerk", builtin=True)
    }
    assert {row.course for row in mine} == wanted
    assert {row.due_on for row in mine} == {at.date() + 14 * DAY}
    assert {row.why for row in mine} == {"hire"}
    assert first.assigned >= len(wanted)
    assert again.assigned == 0
    assert len(fired("training.assigned")) == first.assigned
    assert Membership.objects.get(pk=clerk.pk).duty_due_on == at.date() + 14 * DAY


def test_another_role_brings_its_duties_and_takes_what_is_none_any_more(inside, at):
    developer = accounts.member("developer")
    keep(at)
    before = set(Assignment.objects.filter(member=developer).values_list("course", flat=True))
    assert "invoice-fraud" not in before
    members.set_role(member_id=developer.pk, role=people.role("billing_manager"), actor=SYSTEM)
    keep(at + DAY)
    gained = Assignment.objects.get(member=developer, course="invoice-fraud")
    assert (gained.why, gained.due_on) == ("role", (at + DAY).date() + 14 * DAY)
    members.set_role(member_id=developer.pk, role=people.role("developer"), actor=SYSTEM)
    assert keep(at + 2 * DAY).dropped > 0
    gained.refresh_from_db()
    assert gained.state == "dropped"
    assert fired("training.dropped")


def test_a_lapsed_duty_withholds_exactly_the_sensitive_rights_and_finishing_returns_them(inside, at):
    manager = accounts.member("billing_manager", at=at)
    keep(at)
    whole = of_role(RoleCode.BILLING_MANAGER, custom=frozenset(), of_operator=False)
    assert rights(manager) == whole

    late = at + 15 * DAY
    assert keep(late).overdue > 0
    assert keep(late).overdue == 0
    assert rights(manager) == whole, "overdue warns, and takes nothing"
    overdue = fired("training.overdue")
    assert {event.facts["days"] for event in overdue} == {1}

    last_day = at + (14 + 21) * DAY
    keep(last_day)
    assert rights(manager) == whole, "the last day of grace"
    lapsed = last_day + DAY
    keep(lapsed)
    assert rights(manager) == whole - SENSITIVE
    assert Permission.EXPORT_RUN in whole and Permission.EXPORT_RUN not in rights(manager)
    assert Permission.INVOICE_WRITE in rights(manager)
    mine = [event for event in fired("training.withheld") if event.subject_id == manager.pk]
    assert [event.facts["rights"] for event in mine] == [len(whole & SENSITIVE)]
    keep(lapsed + DAY)
    assert len([event for event in fired("training.withheld") if event.subject_id == manager.pk]) == 1

    courses = list(Assignment.objects.filter(member=manager, state="open").values_list("course", flat=True))
    for course in courses[:-1]:
        make.take(manager, course, at=lapsed)
    assert rights(manager) == whole - SENSITIVE, "one duty is left"
    make.take(manager, courses[-1], at=lapsed)
    assert rights(manager) == whole, "in the same transaction"
    (returned,) = [event for event in fired("training.returned") if event.subject_id == manager.pk]
    assert returned.actor_id == manager.user_id


def test_what_is_withheld_is_money_bulk_and_trust_but_nothing_that_protects_in_an_emergency():
    assert FRESH_ONLY - EMERGENCY <= SENSITIVE
    assert not EMERGENCY & SENSITIVE
    assert {Permission.EXPORT_RUN, Permission.CREDIT_WRITE} <= SENSITIVE
    everyday = {Permission.INVOICE_WRITE, Permission.INVOICE_SEND, Permission.PAYMENT_WRITE}
    assert not everyday & SENSITIVE
    # Whoever looks after training can go on doing so, or nobody could ever be excused or helped.
    assert not {Permission.TRAINING_MANAGE, Permission.TRAINING_READ} & SENSITIVE


def test_a_key_does_no_more_than_its_maker(inside, at):
    manager = accounts.member("billing_manager")
    with_keys = accounts.custom_role("integrator", ["apikey:manage", "export:run", "invoice:read"])
    maker = accounts.member(with_keys.code)
    key = accounts.api_key(maker, scopes=["export:run", "invoice:read"]).key
    assert people.permissions_of_key(key) == {Permission.EXPORT_RUN, Permission.INVOICE_READ}
    keep(at)
    keep(at + 40 * DAY)
    working = people.usable_key(at=at, pk=key.pk)
    assert people.permissions_of_key(working) == {Permission.INVOICE_READ}
    assert Permission.EXPORT_RUN not in rights(manager)


def test_an_organization_may_decide_that_nothing_is_withheld(inside, at):
    from training.services import policies

    clerk = accounts.member("billing_clerk")
    keep(at)
    late = at + 60 * DAY
    keep(late)
    assert Permission.REFUND_WRITE not in rights(clerk)
    policies.set_policy(
        hire_days=14,
        repeat_days=365,
        grace_days=21,
        withholds=False,
        actor=SYSTEM,
        at=late,
        today=late.date(),
    )
    assert Permission.REFUND_WRITE in rights(clerk)
    assert fired("training.policy_changed")


def test_what_was_learned_is_asked_for_again_after_a_year(inside, at):
    clerk = accounts.member("billing_clerk")
    keep(at)
    make.take(clerk, "phishing", at=at)
    keep(at + 300 * DAY)
    assert not Assignment.objects.filter(member=clerk, course="phishing", state="open").exists()
    keep(at + 336 * DAY)
    again = Assignment.objects.get(member=clerk, course="phishing", state="open")
    assert (again.why, again.due_on) == ("yearly", at.date() + 365 * DAY)


def test_more_time_gives_back_what_was_withheld_but_nobody_gives_it_to_themselves(inside, at):
    clerk, officer = accounts.member("billing_clerk"), accounts.member("security_officer")
    keep(at)
    late = at + 40 * DAY
    keep(late)
    mine = list(Assignment.objects.filter(member=clerk, state="open"))
    actor = accounts.actor(officer.user)
    for row in mine:
        duties.extend(
            assignment_id=row.pk, due_on=late.date() + 7 * DAY, note="Back from parental leave", actor=actor,
            at=late, today=late.date(),
        )  # fmt: skip
    assert Permission.REFUND_WRITE in rights(clerk)
    assert len(fired("training.extended")) == len(mine)
    own = Assignment.objects.filter(member=officer, state="open")[0]
    with pytest.raises(duties.NotYours):
        duties.extend(
            assignment_id=own.pk, due_on=late.date() + DAY, note="", actor=actor, at=late, today=late.date()
        )


def test_status_counts_people_not_courses(inside, at):
    before = queries.status(today=at.date())
    clerk = accounts.member("billing_clerk")
    keep(at)
    after = queries.status(today=at.date())
    assert after.members == before.members + 1
    assert after.complete == 0
    for course in list(Assignment.objects.filter(member=clerk).values_list("course", flat=True)):
        make.take(clerk, course, at=at)
    assert queries.status(today=at.date()).complete == 1
    assert queries.status(today=at.date() + 15 * DAY).overdue == after.members - 1
    assert Record.objects.filter(member=clerk).count() > 0
