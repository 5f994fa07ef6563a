"""Practice from the plan to its numbers: two people, the right receivers, stages that go forward, a stop."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError

from accounts.models import ApprovalRequest, Membership
from accounts.rules import RequesterNeverApproves
from accounts.services import approvals
from audit.models import Event
from compliance.retention import rules as retention
from compliance.retention import services as keeping
from core.actor import Actor
from core.cardnumbers import CardNumberRefused
from core.errors import NotFound
from outbound.models import OutboxMessage
from tenancy.context import Scope, attempt, scope
from tests.make import accounts, billing
from tests.make import training as make
from training.models import PracticeCampaign, PracticeResult, SuspiciousMessage
from training.practice import noting, planning, queries, running
from training.services import suspicious

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("tests")
DAY = timedelta(days=1)
AT = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)  # a Monday, before work
LATE = AT + 14 * DAY
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def fired(code):
    return list(Event.objects.filter(event=f"training.practice_{code}").order_by("at", "id"))


def note(raw, *, typed=False, at=LATE, agent=FIREFOX, person_id=None):
    return noting.noted(raw=raw, typed=typed, agent=agent, person_id=person_id, at=at)


class Office:
    """Whoever plans, whoever releases, and six clerks who have settled in."""

    def __init__(self):
        self.planner, self.second = (
            accounts.member("security_officer", at=AT),
            accounts.member("admin", at=AT),
        )
        self.clerks = make.settled(6, at=AT)


def test_two_people_and_only_those_of_whom_it_is_fair(tenant_a):
    with scope(Scope(tenant_a)):
        office = Office()
        accounts.member("billing_clerk", user=accounts.person(name="a"), at=AT - 13 * DAY)
        campaign = make.ask_to_practise(office.planner, at=AT)
        asked = ApprovalRequest.objects.get(subject_id=campaign.pk)
        with pytest.raises(RequesterNeverApproves), attempt():
            approvals.approve(request_id=asked.pk, actor=accounts.actor(office.planner.user), at=AT)
        campaign.refresh_from_db()
        assert (campaign.state, PracticeResult.objects.count(), fired("released")) == ("waiting", 0, [])
        make.release(campaign, office.second, at=AT)
        campaign.refresh_from_db()
        assert (campaign.state, campaign.approved_by) == ("running", office.second.user_id)
        rows = list(PracticeResult.objects.all())
        assert {row.member_id for row in rows} == {clerk.pk for clerk in office.clerks}
        assert all(AT < row.due_at < LATE and row.due_at.weekday() < 5 for row in rows)
        (event,) = fired("released")
        assert (event.facts["people"], event.facts["newcomers"]) == (6, 1)
        # The same people again within a month: there is nobody left.
        with pytest.raises(planning.TooFew), attempt():
            make.ask_to_practise(office.second, at=AT + DAY)
        other = make.ask_to_practise(office.second, at=AT + 45 * DAY, lure="parcel-desk")
        asked = ApprovalRequest.objects.get(subject_id=other.pk)
        approvals.decline(
            request_id=asked.pk, actor=accounts.actor(office.planner.user), at=AT + 45 * DAY, note="Not now"
        )
        other.refresh_from_db()
        assert (other.state, len(fired("dropped"))) == ("dropped", 1)
        # Nobody comes past this with a connection of their own either.
        with pytest.raises(IntegrityError), attempt():
            PracticeCampaign.objects.filter(pk=campaign.pk).update(approved_by=campaign.made_by)


def test_what_cannot_be_planned(tenant_a):
    with scope(Scope(tenant_a)):
        office = Office()
        usual = {
            "lure": "overdue-notice", "roles": ["everyone"], "member_ids": [], "opens_on": AT.date(),
            "closes_on": AT.date() + 7 * DAY, "announced": True, "agreement": "",
            "actor": accounts.actor(office.planner.user), "at": AT,
        }  # fmt: skip
        refused = [
            (planning.OnlyPeoplePlan, {"actor": SYSTEM}),
            (NotFound, {"lure": "your-bonus"}),
            (NotFound, {"roles": ["nobody_of_that_name"]}),
            (planning.NobodyChosen, {"roles": []}),
            (planning.BadWindow, {"opens_on": AT.date() - DAY}),
            (planning.BadWindow, {"closes_on": AT.date() + 40 * DAY}),
            (planning.NoWorkingHours, {"opens_on": AT.date() + 5 * DAY, "closes_on": AT.date() + 6 * DAY}),
            (planning.NotAnnounced, {"announced": False}),
            (CardNumberRefused, {"agreement": "4242 4242 4242 4242"}),
            (planning.TooFew, {"roles": [], "member_ids": [office.clerks[0].pk]}),
        ]
        for refusal, changed in refused:
            with pytest.raises(refusal), attempt():
                planning.plan(**{**usual, **changed})
        billing.customer("Quillmark Paper GmbH")
        with pytest.raises(planning.SpeaksForSomebody), attempt():
            planning.plan(**usual)
        assert (PracticeCampaign.objects.count(), ApprovalRequest.objects.count(), fired("planned")) == (
            0,
            0,
            [],
        )
        colleague = accounts.person(name="Lena Aldous")
        accounts.member("accountant", user=colleague, at=AT)
        with pytest.raises(planning.SpeaksForSomebody), attempt():
            planning.plan(**{**usual, "lure": "invoice-query"})


@pytest.fixture
def running_one(tenant_a):
    """Practice that was released, with whoever it concerns."""
    with scope(Scope(tenant_a)):
        office = Office()
        campaign = make.ask_to_practise(office.planner, at=AT)
        make.release(campaign, office.second, at=AT)
    return tenant_a, office, campaign


def test_mails_leave_at_their_moment_and_not_to_whoever_is_away(running_one):
    tenant, office, _ = running_one
    with scope(Scope(tenant)):
        gone, suspended = office.clerks[:2]
        Membership.objects.filter(pk=gone.pk).update(state="removed", ended_at=AT)
        Membership.objects.filter(pk=suspended.pk).update(state="suspended")
        first = PracticeResult.objects.order_by("due_at")[0]
    assert running.turn(tenant_id=tenant, actor=SYSTEM, now=lambda: first.due_at - timedelta(minutes=1)) == 0
    with scope(Scope(tenant)):
        told = suspicious.report(
            kind="mail", done="paid", sender="x", text="x", actor=accounts.actor(office.second.user), at=AT
        )
    assert running.turn(tenant_id=tenant, actor=SYSTEM, now=lambda: LATE) == 0, "a real attack comes first"
    with scope(Scope(tenant)):
        suspicious.decide(
            message_id=told.pk, verdict="spam", note="", actor=accounts.actor(office.second.user), at=AT
        )
    assert running.turn(tenant_id=tenant, actor=SYSTEM, now=lambda: LATE) == 4
    assert running.turn(tenant_id=tenant, actor=SYSTEM, now=lambda: LATE) == 0
    with scope(Scope(tenant)):
        states = dict(PracticeResult.objects.values_list("member_id", "state"))
        assert {states[gone.pk], states[suspended.pk]} == {"spared"}
        assert [event.facts["why"] for event in fired("spared")] == ["not_at_work"] * 2
        assert len(fired("sent")) == 4
        bodies = [message.body for message in OutboxMessage.objects.filter(template="practice")]
        assert {body["to"] for body in bodies} == {clerk.user.email for clerk in office.clerks[2:]}
        assert {body["sender_name"] for body in bodies} == {"Accounts Receivable, Quillmark Paper"}
        links = {body["text"].partition("/doc/")[2][:58] for body in bodies}
        assert len(links) == 4
        stored = b"".join(bytes(row.token_hash) for row in PracticeResult.objects.exclude(token_hash=None))
        assert not any(link.encode() in stored for link in links)


def test_a_stage_only_moves_forward_and_a_report_is_noted_apart(running_one):
    tenant, office, _ = running_one
    with scope(Scope(tenant)):
        row = PracticeResult.objects.get(member=office.clerks[0])
        raw = make.post(row, at=AT)
        clerk = accounts.actor(office.clerks[0].user)
        for _ in range(2):
            noting.fetched(raw=raw, at=LATE)
        note(raw, agent="curl/8.5")
        note(raw, at=AT + timedelta(seconds=3))
        note(raw, person_id=office.clerks[1].user_id)
        row.refresh_from_db()
        assert (row.state, row.robots, fired("clicked")) == ("sent", 2, []), (
            "programs, and somebody else's hand"
        )
        note(raw, typed=True, person_id=office.clerks[0].user_id)
        note(raw)
        note(raw, typed=True, at=LATE + DAY)
        row.refresh_from_db()
        assert (row.state, row.robots, row.clicked_at, row.typed_at) == ("typed", 1, LATE, LATE)
        (typed,) = fired("typed")
        assert (typed.actor_id, typed.subject_id, fired("clicked")) == (None, row.pk, []), (
            "the trail names nobody"
        )
        noting.learned(result_id=row.pk, at=LATE)
        noting.learned(result_id=row.pk, at=LATE + DAY)
        link = running.address(raw)
        assert noting.recognised(text=f"look: {link}", actor=clerk, at=LATE).pk == row.pk
        row.refresh_from_db()
        assert (row.state, row.reported_at, row.learned_at) == ("typed", LATE, LATE)
        assert [event.actor_id for event in fired("reported")] == [clerk.id]
        assert len(fired("learned")) == 1
        # Somebody else's link, or our words without a link, prove nothing: it goes the way of every report.
        other = accounts.actor(office.clerks[1].user)
        make.post(PracticeResult.objects.get(member=office.clerks[1]), at=AT)
        assert noting.recognised(text=link, actor=other, at=LATE) is None
        told = suspicious.report(
            kind="mail", done="nothing", sender="", text="QP-20817", actor=other, at=LATE
        )
        officer = accounts.actor(office.second.user)
        with pytest.raises(suspicious.PracticeIsHarmless), attempt():
            suspicious.decide(
                message_id=told.pk, verdict="attack", note="", practice=True, actor=officer, at=LATE + DAY
            )
        suspicious.decide(
            message_id=told.pk, verdict="harmless", note="", practice=True, actor=officer, at=LATE + DAY
        )
        theirs = PracticeResult.objects.get(member=office.clerks[1])
        assert (theirs.state, theirs.reported_at, len(fired("credited"))) == ("sent", LATE, 1)
        again = suspicious.report(kind="mail", done="nothing", sender="", text="x", actor=other, at=LATE)
        with pytest.raises(noting.NotTheirs), attempt():
            suspicious.decide(
                message_id=again.pk, verdict="harmless", note="", practice=True, actor=officer, at=LATE
            )
        assert SuspiciousMessage.objects.get(pk=again.pk).state == "new"
        for change in (
            {"state": "sent"},
            {"reported_at": None},
            {"token_hash": b"x" * 32},
            {"state": "spared"},
        ):
            with pytest.raises(IntegrityError, match=r"forward|states"), attempt():
                PracticeResult.objects.filter(pk=row.pk).update(**change)


def test_whoever_reported_it_by_another_way_appeals_and_somebody_else_decides(running_one):
    """The numbers of the end stay as they were; the appeal stands beside them."""
    tenant, office, campaign = running_one
    officer = accounts.actor(office.second.user)
    with scope(Scope(tenant)):
        for row in PracticeResult.objects.all():
            make.post(row, at=AT)
        OutboxMessage.objects.update(state="sent", sent_at=AT)
        running.stop(campaign_id=campaign.pk, actor=officer, at=LATE)
        campaign.refresh_from_db()
        before = campaign.totals
        mine = PracticeResult.objects.get(member=office.clerks[0])
        clerk = accounts.actor(office.clerks[0].user)

        def told(at, by=clerk):
            words = "I rang the office when it came"
            return suspicious.report(kind="phone", done="nothing", sender="", text=words, actor=by, at=at)

        def decided(message, actor, at):
            return suspicious.decide(
                message_id=message.pk, verdict="harmless", note="", practice=True, actor=actor, at=at
            )

        appeal = told(LATE + DAY)
        with pytest.raises(noting.OwnAppeal), attempt():
            decided(appeal, clerk, LATE + DAY)
        mine.refresh_from_db()
        assert (mine.reported_at, SuspiciousMessage.objects.get(pk=appeal.pk).state) == (None, "new")
        assert fired("credited") == []
        decided(appeal, officer, LATE + 2 * DAY)
        mine.refresh_from_db()
        campaign.refresh_from_db()
        assert mine.reported_at == LATE + DAY
        assert campaign.totals == {**before, "appealed": 1}
        shown = queries.campaign(campaign.pk).totals
        assert (shown.reported, shown.told) == (before["reported"], before["reported"] + 1)
        (event,) = fired("credited")
        assert (event.actor_id, event.facts) == (officer.id, {"appeal": True})
        # Once, and not for ever.
        with pytest.raises(noting.NotTheirs), attempt():
            decided(told(LATE + 2 * DAY), officer, LATE + 2 * DAY)
        late = told(LATE + DAY, accounts.actor(office.clerks[1].user))
        with pytest.raises(noting.NotTheirs), attempt():
            decided(late, officer, LATE + timedelta(days=31))
        campaign.refresh_from_db()
        assert campaign.totals["appealed"] == 1


def test_stopping_takes_back_what_waits_and_counts_nothing_more(running_one):
    tenant, office, campaign = running_one
    officer = accounts.actor(office.planner.user)
    with scope(Scope(tenant)):
        waiting, gone, *_ = PracticeResult.objects.order_by("due_at")
        kept, lost = make.post(gone, at=AT), make.post(waiting, at=AT)
        OutboxMessage.objects.filter(pk=gone.message).update(state="sent", sent_at=AT)
        running.stop(campaign_id=campaign.pk, actor=officer, at=LATE)
        with pytest.raises(running.NotRunning), attempt():
            running.stop(campaign_id=campaign.pk, actor=officer, at=LATE)
        campaign.refresh_from_db()
        assert (campaign.state, campaign.ended_by, campaign.totals["sent"]) == ("stopped", officer.id, 1)
        assert not OutboxMessage.objects.filter(pk=waiting.message).exists()
        assert PracticeResult.objects.filter(state="spared").count() == 5
        assert [event.facts["taken_back"] for event in fired("stopped")] == [1]
        note(kept, typed=True)
        gone.refresh_from_db()
        assert gone.state == "sent"
        with pytest.raises(noting.LinkUnknown), attempt():
            noting.read(lost)
    assert running.turn(tenant_id=tenant, actor=SYSTEM, now=lambda: LATE) == 0


def test_the_end_keeps_numbers_and_retention_takes_the_people(running_one):
    tenant, office, campaign = running_one
    with scope(Scope(tenant)):
        for number, row in enumerate(PracticeResult.objects.order_by("due_at")):
            raw = make.post(row, at=AT)
            if number < 2:
                note(raw, at=AT + DAY)
            if number > 2:
                who = accounts.actor(Membership.objects.get(pk=row.member_id).user)
                noting.recognised(text=raw, actor=who, at=AT + timedelta(minutes=number))
        mine = PracticeResult.objects.exclude(reported_at=None)[0]
        assert queries.mine(mine.pk, mine.member).lure.code == "overdue-notice"
        with pytest.raises(NotFound):
            queries.mine(mine.pk, office.planner)
        quiet = PracticeResult.objects.get(state="sent", reported_at=None)
        with pytest.raises(NotFound):
            queries.mine(quiet.pk, quiet.member)
        assert queries.of_member(quiet.member) == [], "it would give away what still runs"
    over = AT + 21 * DAY
    running.turn(tenant_id=tenant, actor=SYSTEM, now=lambda: over - DAY)
    with scope(Scope(tenant)):
        assert PracticeCampaign.objects.get().state == "running"
    running.turn(tenant_id=tenant, actor=SYSTEM, now=lambda: over)
    with scope(Scope(tenant)):
        run = queries.campaign(campaign.pk)
        assert (run.campaign.state, len(fired("ended"))) == ("ended", 1)
        assert (run.totals.sent, run.totals.clicked, run.totals.reported) == (6, 2, 3)
        assert run.totals.first_report_seconds == 3 * 60
        assert queries.of_member(quiet.member)[0].result.pk == quiet.pk
        assert queries.last_practised_at() == AT
        assert [person.state for person in queries.persons(campaign.pk)].count("clicked") == 2
        rule = retention.OF["practice_results"]
        going, _ = keeping.due(rule, AT + 365 * DAY)
        assert going.count() == 0
        going, _ = keeping.due(rule, AT + 366 * DAY)
        assert rule.remove(going, SYSTEM, AT + 366 * DAY) == 6
        assert queries.persons(campaign.pk) == []
        assert queries.campaign(campaign.pk).totals == run.totals
