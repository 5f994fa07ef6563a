"""How people and sign-in are put in order, and broken."""

from datetime import timedelta

from accounts.models import Membership, PasskeyCredential
from accounts.services import members
from core import clock
from tenancy.context import Scope, scope
from tests.make import accounts
from tests.services.compliance.stories.told import Told, World, member, old, owner, story


@story("identity.second_factor")
class SecondFactor(Told):
    def mend(self, world: World) -> None:
        member(world)

    def harm(self, world: World) -> None:
        owner("DELETE FROM accounts_totpdevice")


@story("identity.phishing_resistant")
class PhishingResistant(Told):
    def mend(self, world: World) -> None:
        made = member(world, "owner")
        with scope(Scope(user=made.user_id)):
            PasskeyCredential(
                user=made.user, created_at=clock.now(), credential_id=b"id", public_key=b"key", sign_count=0
            ).save(force_insert=True)

    def harm(self, world: World) -> None:
        owner("DELETE FROM accounts_passkeycredential")


@story("identity.dormant")
class Dormant(Told):
    def mend(self, world: World) -> None:
        made = member(world, at=clock.now() - timedelta(days=200))
        with scope(Scope(world.tenant)):
            opened = accounts.session(made.user)
        owner("UPDATE accounts_session SET tenant_id = %s WHERE id = %s", [world.tenant, opened.session.pk])

    def harm(self, world: World) -> None:
        old("accounts_session", "last_seen_at", 120)


@story("identity.second_person")
class SecondPerson(Told):
    def mend(self, world: World) -> None:
        member(world, "approver")
        member(world, "owner")

    def harm(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            boss = Membership.objects.get(role__code="owner")
            approver = Membership.objects.get(role__code="approver")
            members.suspend(member_id=approver.pk, actor=accounts.actor(boss.user), at=clock.now())


@story("identity.sessions")
class Sessions(Told):
    def mend(self, world: World) -> None:
        made = member(world)
        with scope(Scope(world.tenant)):
            opened = accounts.session(made.user)
        owner("UPDATE accounts_session SET tenant_id = %s WHERE id = %s", [world.tenant, opened.session.pk])

    def harm(self, world: World) -> None:
        owner("UPDATE accounts_session SET expires_at = now() + interval '30 days'")


@story("identity.leavers")
class Leavers(Told):
    def mend(self, world: World) -> None:
        Sessions().mend(world)

    def harm(self, world: World) -> None:
        """A membership is ended past the service, which would have ended the session."""
        owner("UPDATE accounts_membership SET state = 'removed', ended_at = now()")


@story("identity.password_storage")
class PasswordStorage(Told):
    commits = False

    def harm(self, world: World) -> None:
        world.settings.PASSWORD_HASHERS = [
            *world.settings.PASSWORD_HASHERS,
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]


@story("identity.known_passwords")
class KnownPasswords(Told):
    commits = False

    def harm(self, world: World) -> None:
        """The list is empty: an empty file stands where it was."""
        from accounts import passwords

        world.monkeypatch.setattr(passwords, "common", lambda: frozenset())
