"""Every event of accounts is fired by what it is about, and none holds a value."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.conf import settings

from accounts import events, queries
from accounts.services import (
    apikeys,
    approvals,
    factors,
    members,
    organizations,
    passkeys,
    recovery,
    roles,
    sessions,
    signin,
)
from accounts.services.sessions import Origin
from audit.events import EventType
from audit.models import Event
from core.actor import Actor
from crypto import blindindex
from outbound.models import OutboxMessage
from tenancy import context
from tenancy.context import Scope
from tenancy.models import Tenant
from tests.make import accounts as make
from tests.make import billing
from tests.make.installation import tenants
from tests.services.accounts.authenticator import SoftKey

pytestmark = pytest.mark.django_db
PASSWORD = "purple anvil river eleven"
SYSTEM = Actor.system("tests")
# Recorded by the pages that show the lists; grants, views and columns of lists, profiles, and memberships that end by
# themselves, have files of their own (all of it is fired somewhere: tests/fired.py).
ELSEWHERE = {
    "member.read",
    "approval.read",
    "apikey.read",
    "activity.read",
    "grant.given",
    "grant.ended",
    "member.ends",
    "member.ended",
    "signin.retention_ended",
    "member.reminded",
    "session.read",
    "profile.changed",
    "view.saved",
    "view.changed",
    "view.deleted",
    "list.columns_chosen",
    "list.rows_chosen",
    "operator.organizations_read",
    "operator.suspension_asked",
    "operator.resumption_asked",
    "organization.suspended",
    "organization.resumed",
    "operator.founding_asked",
    "operator.sealing_asked",
    "operator.unsealing_asked",
}
REFUSED = {
    "approval.refused",
    "signin.failed",
    "mfa.failed",
    "mfa.replayed",
    "recovery.failed",
    "member.invitation_refused",
    "password.change_refused",
}


def _codes() -> set[str]:
    return {value.code for value in vars(events).values() if isinstance(value, EventType)}


def _raw(url: str) -> str:
    return url.rpartition("/")[2]


def _sign_in_story(now) -> None:
    """Enrol, sign in, step up, change everything, recover."""
    key = SoftKey(origin=settings.OTP_WEBAUTHN_ALLOWED_ORIGINS[0], rp_id=settings.OTP_WEBAUTHN_RP_ID)
    user = make.person(at=now)
    opened = make.session(user, at=now)
    session, actor = opened.session, make.actor(user, opened=opened)
    factors.confirm_passkey(
        session=session,
        response=key.register(factors.begin_passkey(session=session, at=now)),
        name="Key",
        actor=actor,
        at=now,
    )
    codes = factors.new_recovery_codes(session=session, actor=actor, at=now)
    other = make.session(user, at=now, complete=False)
    signin.with_recovery_code(session=other.session, code=codes[0], actor=make.stranger(), at=now)
    later = now + timedelta(seconds=60)
    device = queries.factors_of(user.pk).totp
    signin.with_totp(session=session, code=make.code(device, at=later), actor=actor, at=later)
    factors.remove(session=session, factor_id=device.pk, actor=actor, at=later)
    factors.change_password(
        session=session, current_password=make.PASSWORD, new_password=PASSWORD, actor=actor, at=later
    )
    again = signin.with_passkey_alone(
        response=key.sign(passkeys.begin_authentication(user=None)),
        origin=Origin(network=make.network()),
        actor=make.stranger(),
        at=later,
    )
    sessions.end(session=again.session, actor=actor, at=later)
    recovery.send(
        email_index=bytes(blindindex.lookup(type(user), "email_index", user.email)), actor=SYSTEM, at=later
    )
    with context.scope(Scope(Tenant.objects.get(kind="operator").pk)):
        mail = OutboxMessage.objects.filter(template="recovery").order_by("-created_at")[0]
        link = next(word for word in mail.body["text"].split() if "/recover/" in word)
    recovery.complete(
        raw=_raw(link), new_password="amber violin ocean fifteen", actor=make.stranger(), at=later
    )


def _organization_story(now, customer: UUID) -> None:
    """Invite, promote, suspend, remove; roles, keys, approvals."""
    owner, second = make.member("owner", at=now), make.member("owner", at=now)
    actor, approver = make.actor(owner.user), make.actor(second.user)
    first = members.invite(email=make.address(), role=queries.role("auditor"), actor=actor, at=now)
    joined = members.accept(
        raw=_raw(first.url), name="Ann", password=PASSWORD, actor=make.stranger(), at=now
    ).membership
    spare = members.invite(email=make.address(), role=queries.role("auditor"), actor=actor, at=now)
    members.withdraw_invitation(invitation_id=spare.invitation.pk, actor=actor, at=now)
    portal = members.invite_customer(email=make.address(), customer_id=customer, actor=actor, at=now)
    access = members.accept(
        raw=_raw(portal.url), name="Cust", password=PASSWORD, actor=make.stranger(), at=now
    ).portal_access
    members.close_portal(access_id=access.pk, actor=actor, at=now)
    members.change_role(member_id=joined.pk, role=queries.role("accountant"), actor=actor, at=now)
    members.suspend(member_id=joined.pk, actor=actor, at=now)
    members.reinstate(member_id=joined.pk, actor=actor, at=now)
    asked = [
        members.change_role(member_id=joined.pk, role=queries.role("admin"), actor=actor, at=now).waiting.pk
        for _ in range(4)
    ]
    approvals.approve(request_id=asked[0], actor=approver, at=now)
    approvals.decline(request_id=asked[1], actor=approver, at=now)
    approvals.withdraw(request_id=asked[2], actor=actor, at=now)
    approvals.expire(actor=SYSTEM, at=now + timedelta(days=8))
    opened = make.session(joined.user, at=now)
    sessions.switch(
        session=opened.session, tenant_id=context.current_tenant(), actor=make.actor(joined.user), at=now
    )
    members.remove(member_id=joined.pk, actor=actor, at=now)
    role = roles.create(label="Desk", rights=["invoice:read"], limits={}, actor=actor, at=now)
    roles.change(role_id=role.pk, rights=["customer:read"], limits={}, actor=actor, at=now)
    roles.remove(role_id=role.pk, actor=actor, at=now)
    made = make.api_key(owner, at=now)
    newer = apikeys.rotate(key_id=made.key.pk, overlap=timedelta(0), actor=actor, at=now)
    apikeys.revoke(key_id=newer.key.pk, actor=actor, at=now)


def test_every_event_is_fired_and_refusals_by_the_tests_of_each(now):
    organizations.create(
        slug="founded", name="Founded", owner_email=make.address(), mode="test", actor=SYSTEM, at=now
    )
    founded = tenants(slug="founded")[0].pk
    with context.scope(Scope()):
        _sign_in_story(now)
    with context.scope(Scope(founded)):
        _organization_story(now, customer=billing.customer().pk)
    seen: set[str] = set()
    for tenant in [*tenants(slug="founded"), *tenants(kind="operator")]:
        with context.scope(Scope(tenant.pk)):
            seen |= set(Event.objects.values_list("event", flat=True))
    assert _codes() - seen - ELSEWHERE - REFUSED == set()


def test_no_event_names_a_person(now):
    email = make.address()
    founded = organizations.create(
        slug="silent", name="Silent & Sons", owner_email=email, mode="test", actor=SYSTEM, at=now
    )
    with context.scope(Scope(founded.tenant.pk)):
        joined = members.accept(
            raw=_raw(founded.url), name="Grace Hopper", password=PASSWORD, actor=make.stranger(), at=now
        )
        told = str(list(Event.objects.values()))
        assert joined.membership.role.code == "owner"
    for value in (
        email,
        email.partition("@")[0],
        "Grace",
        "Hopper",
        PASSWORD,
        _raw(founded.url),
        "Silent & Sons",
    ):
        assert value not in told
