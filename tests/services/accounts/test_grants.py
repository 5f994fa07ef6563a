"""Grants on single objects, over a grant model made for these tests alone: it opens a role."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connections, models

from accounts import grants
from accounts.grants import Action, ObjectGrant
from accounts.models import Role
from core.errors import NotFound
from tenancy import context
from tenancy.context import NoScope, Scope
from tenancy.rls import TenantTable
from tests.make import accounts as make

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def grant_model(transactional_db: None) -> Iterator[Any]:
    """Make a grant model and its table as a migration would, in this test's own database."""

    class RoleGrant(ObjectGrant):
        content_object = models.ForeignKey(
            Role, models.CASCADE, related_name="grants", db_constraint=False, db_index=False
        )
        data_policy = grants.data_policy_of(purpose="testing")

        class Meta(ObjectGrant.Meta):
            app_label = "accounts"
            constraints = [grants.one_each("accounts_rolegrant_one_each")]
            indexes = [grants.by_object("accounts_rolegrant_object")]

    try:
        table = TenantTable("RoleGrant", fks=[("content_object_id", "accounts.Role", "CASCADE")])
        with connections["owner"].schema_editor() as editor:
            editor.create_model(RoleGrant)
        with connections["owner"].schema_editor() as editor:
            for forwards, _ in table.statements("accounts", apps):
                editor.execute(forwards)
        yield RoleGrant
    finally:
        connections["owner"].close()
        del apps.all_models["accounts"]["rolegrant"]
        apps.clear_cache()


def test_a_grant_opens_one_object_to_one_member_until_it_ends(grant_model, tenant_a, now):
    with context.scope(Scope(tenant_a)):
        owner, guest, other = (make.member(role, at=now) for role in ("owner", "auditor", "auditor"))
        opened = make.custom_role("opened", ["invoice:read"])
        make.custom_role("shut", ["invoice:read"])
        grants.give(
            obj=opened,
            user=guest.user,
            action=Action.VIEW,
            actor=make.actor(owner.user),
            at=now,
            expires_at=now + timedelta(days=30),
        )

        def seen(member, *, action=Action.VIEW, days=0):
            rows = grants.visible(
                Role.objects.all(), user=member.user, action=action, at=now + timedelta(days=days)
            )
            return [role.code for role in rows]

        assert seen(guest) == ["opened"]
        assert seen(guest, days=29) == ["opened"]
        assert seen(guest, days=30) == []
        assert seen(guest, action=Action.CHANGE) == []
        assert seen(other) == seen(owner) == []


def test_a_grant_given_again_ends_anew_and_one_taken_back_opens_nothing(grant_model, tenant_a, now):
    with context.scope(Scope(tenant_a)):
        owner, guest = make.member("owner", at=now), make.member("auditor", at=now)
        role = make.custom_role("opened", ["invoice:read"])
        actor = make.actor(owner.user)
        for days in (1, 60):
            grants.give(
                obj=role,
                user=guest.user,
                action=Action.VIEW,
                actor=actor,
                at=now,
                expires_at=now + timedelta(days=days),
            )
        later = now + timedelta(days=59)
        assert grant_model.objects.count() == 1
        assert grants.visible(Role.objects.all(), user=guest.user, action=Action.VIEW, at=later).get() == role
        assert grants.end(obj=role, user_id=guest.user_id, actor=actor) == 1
        assert not grants.visible(Role.objects.all(), user=guest.user, action=Action.VIEW, at=now).exists()


def test_grants_stop_at_the_wall_between_organizations(grant_model, tenant_a, tenant_b, now):
    with context.scope(Scope()):
        guest = make.person(at=now)
    with context.scope(Scope(tenant_a)):
        owner = make.member("owner", at=now)
        make.member("auditor", user=guest, at=now)
        role = make.custom_role("opened", ["invoice:read"])
        grants.give(obj=role, user=guest, action=Action.VIEW, actor=make.actor(owner.user), at=now)
    with context.scope(Scope(tenant_b)):
        stranger = make.member("owner", at=now)
        make.member("auditor", user=guest, at=now)
        assert grant_model.objects.count() == 0
        assert not grants.visible(Role.objects.all(), user=guest, action=Action.VIEW, at=now).exists()
        with pytest.raises(NotFound), context.attempt():
            grants.give(obj=role, user=guest, action=Action.VIEW, actor=make.actor(stranger.user), at=now)
    with context.scope(Scope(user=guest.pk)), pytest.raises(NoScope):
        grants.visible(Role.objects.all(), user=guest, action=Action.VIEW, at=now)


def test_only_a_member_is_given_a_grant(grant_model, tenant_a, now):
    with context.scope(Scope(tenant_a)):
        owner = make.member("owner", at=now)
        role = make.custom_role("opened", ["invoice:read"])
        with pytest.raises(NotFound), context.attempt():
            grants.give(
                obj=role, user=make.person(at=now), action=Action.VIEW, actor=make.actor(owner.user), at=now
            )
        assert grant_model.objects.count() == 0
