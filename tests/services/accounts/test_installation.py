"""The operator's organizations: counted and never read, founded for their owner, sealed with a reason."""

import json
from io import StringIO
from uuid import UUID

import psycopg
import pytest
from django.core.management import call_command
from django.db import DatabaseError
from kombu.exceptions import OperationalError

from accounts import installation as queries
from accounts.models import Invitation, Membership
from accounts.services import installation as services
from accounts.tasks import turn_organization
from audit.models import Event
from billing.issuer import queries as issuers
from billing.runs import services as runs
from billing.runs.models import BillingRun
from core import clock, ids
from core.actor import Actor
from core.errors import Invalid, Suspended
from crypto import services as crypto
from outbound import delivery, mail
from outbound.models import OutboxMessage
from tenancy import suspension
from tenancy.context import Scope, attempt, scope
from tenancy.models import Tenant
from tests import databases
from tests.guarantees import world
from tests.make import accounts, api, billing, installation

pytestmark = pytest.mark.django_db(transaction=True)


def test_organizations_are_counted_for_the_operator_alone(tenant_a: UUID) -> None:
    at = clock.now()
    with scope(Scope(tenant_a)):
        accounts.member("owner")
        opened = accounts.session(accounts.member("admin").user)
        accounts.change(opened.session, tenant_id=tenant_a, last_seen_at=at)
        with pytest.raises(DatabaseError, match="for the operator alone"), attempt():
            queries.page()
    with scope(Scope(installation.tenant("operator"))):
        rows = {row.slug: row for row in queries.page()[0]}
        assert (rows["a"].members, rows["a"].last_at, rows["b"].members) == (2, at, 0)
        assert [row.slug for row in queries.page(state="sealed")[0]] == []
    with databases.connect_as("default") as stranger, pytest.raises(psycopg.Error):
        stranger.execute("SELECT * FROM accounts_tenant_counts(ARRAY[gen_random_uuid()])")


def test_one_is_founded_and_its_owner_alone_gets_the_link() -> None:
    operator = installation.tenant("operator")
    with scope(Scope(operator)):
        member = accounts.member("operator")
        page = world.browser(accounts.session(member.user).raw_key)
    given = {"slug": "fresh", "name": "Fresh Ltd", "owner_email": "owner@fresh.example", "mode": "test"}
    for wrong in ({"slug": "ops"}, {"slug": "a"}, {"slug": "No"}, {"owner_email": "nobody"}):
        assert page.post("/ops/organizations/new", {**given, **wrong}).status_code == 422
    made = page.post("/ops/organizations/new", given)
    assert made.status_code == 302, made
    assert b"fresh" in page.get("/ops/organizations").content
    tenant = UUID(int=0)
    with scope(Scope(operator)):
        tenant = Tenant.objects.get(slug="fresh").pk
        assert Event.objects.filter(event="operator.founding_asked", facts__slug="fresh").count() == 1
    with scope(Scope(tenant)):
        assert Tenant.objects.get(slug="fresh").mode == "test"
        assert Invitation.objects.get().role is not None
        sent = OutboxMessage.objects.get(template="invitation")
        assert sent.body["to"] == "owner@fresh.example"
        found = issuers.get()
        assert found is None or "Fresh" in found.name


def away(*sent: object) -> None:
    raise OperationalError("no broker")


def test_one_is_sealed_with_a_reason_and_works_again(tenant_a: UUID, monkeypatch) -> None:
    operator = installation.tenant("operator")
    with scope(Scope(operator)):
        member = accounts.member("operator")
        actor = accounts.actor(member.user)
        page = world.browser(accounts.session(member.user).raw_key)
        with pytest.raises(Invalid), attempt():
            services.ask_to_turn(tenant_id=tenant_a, sealed=True, why="mood", actor=actor)
        with pytest.raises(services.StateIsSo), attempt():
            services.ask_to_turn(tenant_id=tenant_a, sealed=False, why="asked", actor=actor)
        with pytest.raises(services.NotSealable), attempt():
            services.ask_to_turn(tenant_id=operator, sealed=True, why="asked", actor=actor)
        assert Tenant.objects.get(pk=tenant_a).state == "active"
    url = f"/ops/organizations/{ids.encode('organization', tenant_a)}"
    assert page.post(f"{url}/seal", {}).status_code == 422
    # Whoever seals because of an incident must not believe that it is done.
    with monkeypatch.context() as broken:
        broken.setattr(turn_organization, "delay", away)
        lost = page.post(f"{url}/seal", {"why": "incident"})
    assert (lost.status_code, b"nothing was sealed" in lost.content) == (503, True)
    assert not lost.cookies.get("messages")
    sealing = page.post(f"{url}/seal", {"why": "incident"})
    assert (sealing.status_code, "messages" in sealing.cookies) == (302, True)
    sent = [str(tenant_a), True, str(member.user_id)]
    turn_organization.apply(args=sent).get()
    shown = page.get(url).content
    assert b"A security incident" in shown
    assert b"Sealed" in shown
    assert page.post(f"{url}/unseal", {"why": "asked"}).status_code == 302
    turn_organization.apply(args=[sent[0], False, sent[2]]).get()
    with scope(Scope(tenant_a)):
        assert Tenant.objects.get(pk=tenant_a).state == "active"
        told = Event.objects.filter(event__in=["organization.sealed", "organization.unsealed"])
        assert {each.on_behalf_of for each in told} == {member.user_id}
        assert told.count() == 2


def test_one_is_suspended_with_a_reason_and_works_again(tenant_a: UUID) -> None:
    operator = installation.tenant("operator")
    with scope(Scope(operator)):
        member = accounts.member("operator")
        actor = accounts.actor(member.user)
        page = world.browser(accounts.session(member.user).raw_key)
        for wrong, refusal in (
            ({"tenant_id": operator, "suspended": True, "why": "asked"}, services.NotSuspendable),
            ({"tenant_id": tenant_a, "suspended": False, "why": "asked"}, services.StateIsSo),
            ({"tenant_id": tenant_a, "suspended": True, "why": "mood"}, Invalid),
        ):
            with pytest.raises(refusal), attempt():
                services.ask_to_suspend(**wrong, actor=actor)
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        owner = accounts.member("owner")
        clerk = accounts.member("accountant")
        waiting = mail.send(template="invitation", to="new@a.example", context={"url": "https://x.example"})
        begun = runs.begin(on=clock.now().date(), actor=billing.ACTOR, at=clock.now())
    with scope(Scope(installation.tenant("b"))):
        Membership(user=owner.user, role=accounts.member("owner").role, joined_at=clock.now()).save(
            force_insert=True
        )
    with scope(Scope(tenant_a)):
        staff = world.browser(accounts.session(owner.user).raw_key)
    url = f"/ops/organizations/{ids.encode('organization', tenant_a)}"
    assert page.post(f"{url}/suspend", {}).status_code == 422
    assert page.post(f"{url}/suspend", {"why": "unpaid"}).status_code == 302
    assert b"The contract is in arrears" in page.get(url).content
    assert b">a<" in page.get("/ops/organizations?view=suspended").content
    # Its people are told where they choose, and on its own page what still works.
    chosen = staff.get("/select").content
    assert b"Suspended by whoever runs this installation: The contract is in arrears" in chosen
    assert chosen.count(b'name="organization"') == 1
    refused = staff.get("/o/a/")
    assert (refused.status_code, b"/o/a/privacy/requests" in refused.content) == (403, True)
    assert staff.get("/o/a/privacy/requests").status_code == 200
    # Sealing and unsealing it in between changes nothing of this.
    with scope(Scope(tenant_a)):
        Tenant.objects.filter(pk=tenant_a).update(state="sealed")
    crypto.unseal_organization(tenant_id=tenant_a, actor=Actor.system("tests"))
    assert staff.get("/o/a/").status_code == 403
    # Nothing is billed, collected or mailed, but for what tells of it.
    assert tenant_a not in suspension.at_work(reason="tests")
    with scope(Scope(tenant_a)):
        with pytest.raises(Suspended), attempt():
            runs.begin(on=clock.now().date(), actor=billing.ACTOR, at=clock.now())
        told = OutboxMessage.objects.filter(template="organization_suspended")
        assert [each.body["to"] for each in told] == [owner.user.email]
        assert clerk.user.email not in {each.body["to"] for each in told}
    with pytest.raises(Suspended):
        runs.work(tenant_id=tenant_a, run_id=begun.pk, actor=billing.ACTOR, clock=clock.now)
    delivery.deliver_due(tenant_id=tenant_a, actor=Actor.system("tests"), at=clock.now())
    with scope(Scope(tenant_a)):
        assert BillingRun.objects.get(pk=begun.pk).state == "running"
        assert OutboxMessage.objects.get(pk=waiting).state == "queued"
        assert {each.state for each in told.all()} == {"sent"}
    command = StringIO()
    call_command("organization_resume", "a", "--why", "unpaid", "--json", stdout=command)
    assert json.loads(command.getvalue().splitlines()[-1]) == {"organization": "a", "state": "active"}
    assert staff.get("/o/a/").status_code == 200
    delivery.deliver_due(tenant_id=tenant_a, actor=Actor.system("tests"), at=clock.now())
    call_command("organization_suspend", "a", "--why", "law", stdout=StringIO())
    assert page.post(f"{url}/resume", {"why": "law"}).status_code == 302
    with scope(Scope(tenant_a)):
        assert OutboxMessage.objects.get(pk=waiting).state == "sent"
        done = Event.objects.filter(event__in=["organization.suspended", "organization.resumed"]).order_by(
            "at"
        )
        assert [(each.event.partition(".")[2], each.facts["why"]) for each in done] == [
            ("suspended", "unpaid"), ("resumed", "unpaid"), ("suspended", "law"), ("resumed", "law"),
        ]  # fmt: skip
        assert done[0].on_behalf_of == member.user_id
    with scope(Scope(operator)):
        asked = Event.objects.filter(
            event__in=["operator.suspension_asked", "operator.resumption_asked"], subject_id=tenant_a
        )
        assert asked.count() == 4
