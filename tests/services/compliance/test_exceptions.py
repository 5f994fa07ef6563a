"""Two people let a control pass for a while; evidence holds for a while; neither hides what was found."""

from datetime import timedelta
from uuid import UUID

import pytest

from accounts import rules as authority
from accounts.services import approvals
from audit.models import Event
from compliance.controls import exceptions, queries, rules
from compliance.controls.models import ControlException
from compliance.controls.rules import Standing, State
from compliance.evidence import queries as brought
from compliance.evidence import services as evidence
from core import clock
from core.cardnumbers import CardNumberRefused
from core.errors import Invalid
from tenancy.context import attempt
from tests.make import accounts
from tests.make import compliance as make

TEN = timedelta(days=10)


def asked(actor, code: str = "keys.age") -> ControlException:
    at = clock.now()
    return exceptions.ask(
        code=code, reason="no time", risk="old keys", ends_on=at.date() + TEN, actor=actor, at=at
    )


def events(code: str) -> list[Event]:
    return list(Event.objects.filter(event=code).order_by("at"))


class TestExceptions:
    def test_a_second_person_grants_it_and_the_answer_stays_visible(self, in_a: UUID) -> None:
        make.result("keys.age", rules.failed("1 key is old", ["fields: 400 days"]))
        officer = accounts.actor(accounts.member("security_officer").user)
        second = accounts.actor(accounts.member("owner").user)
        row, at = asked(officer), clock.now()
        assert queries.row("keys.age", at=at).standing is Standing.FAILING
        with pytest.raises(authority.RequesterNeverApproves), attempt():
            approvals.approve(request_id=row.approval_id, actor=officer, at=at)
        assert queries.row("keys.age", at=at).standing is Standing.FAILING
        approvals.approve(request_id=row.approval_id, actor=second, at=at)
        shown = queries.row("keys.age", at=at)
        assert (shown.standing, shown.state) == (Standing.EXCEPTION, State.FAILING)
        assert shown.summary == "1 key is old" and shown.excepted_until == at.date() + TEN
        assert [event.facts["control"] for event in events("exception.granted")] == ["keys.age"]

    def test_it_ends_by_itself(self, in_a: UUID) -> None:
        make.result("keys.age", rules.failed("1 key is old"))
        row = asked(accounts.actor(accounts.member("security_officer").user))
        approver = accounts.actor(accounts.member("owner").user)
        approvals.approve(request_id=row.approval_id, actor=approver, at=clock.now())
        late = clock.now() + TEN + timedelta(days=1)
        assert queries.row("keys.age", at=late).excepted_until is None, "even before anything has noticed"
        assert exceptions.end_due(actor=make.Actor.system("tests"), at=late) == 1
        assert exceptions.end_due(actor=make.Actor.system("tests"), at=late) == 0
        assert [event.facts["why"] for event in events("exception.ended")] == ["run_out"]

    def test_nobody_agrees_and_it_is_taken_back(self, in_a: UUID) -> None:
        officer = accounts.actor(accounts.member("security_officer").user)
        second = accounts.actor(accounts.member("owner").user)
        row = asked(officer)
        with pytest.raises(exceptions.ExceptedAlready), attempt():
            asked(officer)
        approvals.decline(request_id=row.approval_id, actor=second, at=clock.now())
        row.refresh_from_db()
        assert row.state == "declined" and len(events("exception.declined")) == 1
        again = asked(officer)
        approvals.approve(request_id=again.approval_id, actor=second, at=clock.now())
        exceptions.end(exception_id=again.pk, actor=officer, at=clock.now())
        with pytest.raises(exceptions.ExceptionOver), attempt():
            exceptions.end(exception_id=again.pk, actor=officer, at=clock.now())
        assert queries.exceptions()[0][0].state == "ended"

    def test_a_passing_control_shows_as_passing(self, in_a: UUID) -> None:
        """Once the thing is mended, the exception is seen to be needless."""
        row = asked(accounts.actor(accounts.member("security_officer").user))
        approver = accounts.actor(accounts.member("owner").user)
        approvals.approve(request_id=row.approval_id, actor=approver, at=clock.now())
        make.result("keys.age")
        assert queries.row("keys.age", at=clock.now()).standing is Standing.PASSING

    @pytest.mark.parametrize(
        "wrong", [{"reason": " "}, {"risk": ""}, {"ends_on": timedelta(0)}, {"ends_on": timedelta(days=400)}]
    )
    def test_it_needs_a_reason_a_risk_and_an_end(self, wrong, in_a: UUID) -> None:
        actor, at = accounts.actor(accounts.member("owner").user), clock.now()
        given = {"reason": "r", "risk": "r", "ends_on": TEN, **wrong}
        given["ends_on"] = at.date() + given["ends_on"]
        with pytest.raises(Invalid), attempt():
            exceptions.ask(code="keys.age", **given, actor=actor, at=at)
        assert not ControlException.objects.exists()


class TestEvidence:
    def bring(self, **more) -> evidence.Evidence:
        at = clock.now()
        given = {
            "code": "organization.penetration_test", "title": "Report", "note": "", "name": "report.csv",
            "content": b"a,b\n1,2\n", "valid_until": at.date() + TEN, **more,
        }  # fmt: skip
        return evidence.add(**given, actor=make.Actor.system("tests"), at=at)

    def test_it_holds_until_its_day(self, in_a: UUID) -> None:
        at, code = clock.now(), "organization.penetration_test"
        assert queries.row(code, at=at).standing is Standing.MANUAL_DUE
        row = self.bring()
        assert queries.row(code, at=at).standing is Standing.PASSING
        late = at + TEN + timedelta(days=1)
        assert queries.row(code, at=late).standing is Standing.MANUAL_DUE
        assert evidence.notice_expired(actor=make.Actor.system("tests"), at=late) == 1
        assert evidence.notice_expired(actor=make.Actor.system("tests"), at=late) == 0
        assert [event.subject_id for event in events("evidence.expired")] == [row.pk]
        assert brought.page(at=late)[0][0].state == "expired"

    def test_withdrawn_it_shows_nothing_and_stays_to_be_seen(self, in_a: UUID) -> None:
        row = self.bring()
        evidence.withdraw(evidence_id=row.pk, actor=make.Actor.system("tests"), at=clock.now())
        with pytest.raises(evidence.EvidenceWithdrawn), attempt():
            evidence.withdraw(evidence_id=row.pk, actor=make.Actor.system("tests"), at=clock.now())
        assert queries.row(row.code, at=clock.now()).standing is Standing.MANUAL_DUE
        assert brought.page(at=clock.now())[0][0].state == "withdrawn"
        assert len(events("evidence.withdrawn")) == 1

    def test_a_file_is_handed_out_and_that_is_recorded(self, in_a: UUID) -> None:
        row = self.bring()
        _, pieces = evidence.read(evidence_id=row.pk, actor=make.Actor.system("tests"))
        assert b"".join(pieces) == b"a,b\n1,2\n"
        assert [event.subject_id for event in events("evidence.read")] == [row.pk]

    def test_card_numbers_and_odd_files_are_refused(self, in_a: UUID) -> None:
        with pytest.raises(CardNumberRefused), attempt():
            self.bring(title="card 4242 4242 4242 4242")
        with pytest.raises(evidence.kinds.AttachmentRefused), attempt():
            self.bring(content=b"#!/bin/sh\n")
        with pytest.raises(Invalid), attempt():
            self.bring(valid_until=clock.now().date())
        assert brought.page(at=clock.now())[0] == []
