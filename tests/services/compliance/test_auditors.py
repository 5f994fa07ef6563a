"""An auditor comes for some frameworks and some time, reads, and is out by themselves."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import Membership, Session, User
from accounts.permissions import ROLES, RoleCode
from accounts.services import members
from accounts.tasks import end_memberships
from audit.models import Event
from compliance.auditors import services as auditors
from compliance.auditors.models import AuditorVisit
from core import clock
from core.errors import Invalid
from edge import identity
from tenancy.context import Scope, attempt, scope
from tests.guarantees import world
from tests.make import accounts


def invited(tenant: UUID, *, days: int = 9, wanted: Any = ("gdpr",)) -> tuple[Any, AuditorVisit, str]:
    """Let an owner invite an auditor; return who acted, the visit and the link."""
    with scope(Scope(tenant)):
        owner = accounts.member("owner")
        actor = accounts.actor(owner.user)
        at = clock.now()
        visit, sent = auditors.invite(
            email=accounts.address(), wanted=wanted, ends_at=at + timedelta(days=days), actor=actor, at=at
        )
        return actor, visit, sent.url


def arrived(tenant: UUID, url: str) -> tuple[User, Client]:
    with scope(Scope(tenant)):
        joined = members.accept(
            raw=url.rpartition("/")[2], name="Anna Auditor", password=accounts.PASSWORD,
            actor=accounts.stranger(), at=clock.now(),
        )  # fmt: skip
        opened = accounts.session(joined.user)
    return joined.user, world.browser(opened.raw_key)


class TestVisit:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_an_auditor_sees_what_they_came_for_and_no_more(self, tenant_a: UUID) -> None:
        _, _, url = invited(tenant_a)
        person, page = arrived(tenant_a, url)
        assert page.get("/o/a/compliance/frameworks/gdpr").status_code == 200
        assert page.get("/o/a/compliance/frameworks/pci-dss").status_code == 404
        assert page.get("/o/a/compliance/controls/operation.webhooks").status_code == 200
        assert page.get("/o/a/compliance/controls/access.key_age").status_code == 404
        assert b"PCI DSS" not in page.get("/o/a/compliance").content
        assert page.post("/o/a/compliance/run").status_code == 403
        with scope(Scope(tenant_a)):
            seen = Event.objects.filter(event="control.read", actor_id=person.pk)
            assert seen.count() == 3, "every page they open stands in the trail"
            member = Membership.objects.get(user=person)
        assert member.expires_at is not None

    def test_the_next_request_after_the_end_is_refused(self, tenant_a: UUID, monkeypatch: Any) -> None:
        _, visit, url = invited(tenant_a, days=2)
        person, page = arrived(tenant_a, url)
        assert page.get("/o/a/compliance").status_code == 200
        late = visit.ends_at + timedelta(seconds=1)
        with scope(Scope(user=person.pk)):
            # The session itself would still be good: only the membership is over.
            Session.objects.filter(user=person).update(
                last_seen_at=late, expires_at=late + timedelta(hours=1), step_up_at=late
            )
        monkeypatch.setattr(identity.clock, "now", lambda: late)
        assert page.get("/o/a/compliance").status_code == 404
        monkeypatch.undo()
        with scope(Scope(tenant_a)):
            assert Membership.objects.get(user=person).state == Membership.State.ACTIVE

    def test_what_is_left_of_it_is_closed(self, tenant_a: UUID, monkeypatch: Any) -> None:
        _, visit, url = invited(tenant_a, days=2)
        person, _ = arrived(tenant_a, url)
        assert end_memberships.apply().get() == 0
        from accounts import tasks

        monkeypatch.setattr(tasks.clock, "now", lambda: visit.ends_at)
        assert end_memberships.apply().get() == 1
        monkeypatch.undo()
        with scope(Scope(tenant_a)):
            assert Membership.objects.get(user=person).state == Membership.State.REMOVED
            assert Event.objects.filter(event="member.ended").count() == 1

    def test_a_visit_can_be_ended_at_once(self, tenant_a: UUID) -> None:
        actor, visit, url = invited(tenant_a)
        _, page = arrived(tenant_a, url)
        assert page.get("/o/a/compliance").status_code == 200
        with scope(Scope(tenant_a)):
            auditors.end(visit_id=visit.pk, actor=actor, at=clock.now())
            with pytest.raises(auditors.VisitOver), attempt():
                auditors.end(visit_id=visit.pk, actor=actor, at=clock.now())
            codes = set(Event.objects.values_list("event", flat=True))
        assert {"auditor.invited", "auditor.ended", "member.ends"} <= codes
        assert page.get("/o/a/compliance").status_code == 404

    def test_whoever_was_suspended_does_not_outlive_the_visit(self, tenant_a: UUID) -> None:
        actor, visit, url = invited(tenant_a)
        person, _ = arrived(tenant_a, url)
        at = clock.now()
        with scope(Scope(tenant_a)):
            member = Membership.objects.get(user=person)
            members.suspend(member_id=member.pk, actor=actor, at=at)
            members.reinstate(member_id=member.pk, actor=actor, at=at)
            assert Membership.objects.get(user=person).expires_at == visit.ends_at
            members.suspend(member_id=member.pk, actor=actor, at=at)
            # The visit ends while they are shut out: being let back in does not bring it back.
            auditors.end(visit_id=visit.pk, actor=actor, at=at)
            for when in (at, visit.ends_at + timedelta(days=1)):
                with pytest.raises(members.MembershipOver), attempt():
                    members.reinstate(member_id=member.pk, actor=actor, at=when)
            assert Membership.objects.get(user=person).state == "suspended"

    def test_the_link_dies_with_the_visit(self, tenant_a: UUID) -> None:
        actor, visit, url = invited(tenant_a)
        with scope(Scope(tenant_a)):
            auditors.end(visit_id=visit.pk, actor=actor, at=clock.now())
        with scope(Scope(tenant_a)), pytest.raises(members.InvitationRefused), attempt():
            members.accept(
                raw=url.rpartition("/")[2], name="Anna", password=accounts.PASSWORD,
                actor=accounts.stranger(), at=clock.now(),
            )  # fmt: skip


def test_no_visit_is_longer_than_ninety_days(in_a: UUID) -> None:
    actor = accounts.actor(accounts.member("owner").user)
    at = clock.now()
    for wrong in ({"ends_at": at + timedelta(days=91)}, {"wanted": []}, {"wanted": ["none"]}):
        given = {"email": accounts.address(), "wanted": ["gdpr"], "ends_at": at + timedelta(days=3), **wrong}
        with pytest.raises(Invalid), attempt():
            auditors.invite(**given, actor=actor, at=at)
    assert not AuditorVisit.objects.exists()


def test_the_auditors_role_changes_nothing() -> None:
    changes = {right for right in ROLES[RoleCode.AUDITOR] if not right.value.endswith((":read", ":export"))}
    assert changes == set()
