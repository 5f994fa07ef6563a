"""How rights and machines are put in order, and broken."""

from datetime import timedelta

from accounts.models import ApiKey, Invitation
from accounts.services import members
from billing.exports.models import Export
from compliance.reviews import services as reviews
from compliance.reviews.models import AccessLine
from core import clock
from outbound import files
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, scope
from tests.make import accounts
from tests.services.compliance.stories.told import ACTOR, Told, World, member, old, owner, story


def _key(world: World) -> None:
    made = member(world, "owner")
    with scope(Scope(world.tenant)):
        accounts.api_key(made, expires_at=clock.now() + timedelta(days=300))


@story("access.key_age")
class KeysAge(Told):
    def mend(self, world: World) -> None:
        _key(world)

    def harm(self, world: World) -> None:
        old("accounts_apikey", "created_at", 380)


@story("access.keys_used")
class KeysUsed(Told):
    def mend(self, world: World) -> None:
        _key(world)

    def harm(self, world: World) -> None:
        owner("UPDATE accounts_apikey SET created_at = now() - interval '200 days', "
              "last_used_at = now() - interval '100 days'")  # fmt: skip


@story("access.keys_owned")
class KeysOwned(Told):
    def mend(self, world: World) -> None:
        _key(world)

    def harm(self, world: World) -> None:
        owner("UPDATE accounts_membership SET state = 'suspended'")
        with scope(Scope(world.tenant)):
            assert ApiKey.objects.filter(revoked_at__isnull=True).exists()


@story("access.webhook_secrets")
class WebhookSecrets(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            webhooks.create(url="https://93.184.216.34/hook", actor=ACTOR, at=clock.now())

    def harm(self, world: World) -> None:
        old("outbound_webhookendpoint", "secret_made_at", 400)


@story("access.roles")
class Roles(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            accounts.custom_role("night_shift", ["invoice:read"])
            accounts.member("night_shift")

    def harm(self, world: World) -> None:
        owner(
            "UPDATE accounts_role SET rights = array_append(rights, 'vault:open') WHERE code = 'night_shift'"
        )


@story("access.exports")
class Exports(Told):
    def mend(self, world: World) -> None:
        at = clock.now()
        with scope(Scope(world.tenant)):
            file = files.store(
                kind="export", name="x.csv", media_type="text/csv", chunks=[b"a;b"], actor=ACTOR, at=at
            )
            Export(
                kind="customers", format="csv", state=Export.State.READY, columns=["name"], has_personal=True,
                rows_expected=1, rows=1, asked_at=at, ready_at=at, expires_at=at + timedelta(hours=24), file=file,
                digest="0" * 64,
            ).save(force_insert=True)  # fmt: skip

    def harm(self, world: World) -> None:
        owner("UPDATE billing_export SET expires_at = now() - interval '3 hours'")


@story("access.invitations")
class Invitations(Told):
    def mend(self, world: World) -> None:
        boss = member(world, "owner")
        with scope(Scope(world.tenant)):
            role = accounts.custom_role("night_shift", ["invoice:read"])
            members.send_invitation(
                email=accounts.address(), role=role, actor=accounts.actor(boss.user), at=clock.now()
            )

    def harm(self, world: World) -> None:
        owner("UPDATE accounts_membership SET state = 'removed', ended_at = now()")
        with scope(Scope(world.tenant)):
            assert Invitation.objects.filter(withdrawn_at__isnull=True).exists()


@story("access.review")
class Review(Told):
    def mend(self, world: World) -> None:
        made = member(world, "owner")
        with scope(Scope(world.tenant)):
            actor, at = accounts.actor(made.user), clock.now()
            begun = reviews.begin(due_on=at.date() + timedelta(days=9), actor=actor, at=at)
            for line in AccessLine.objects.all():
                decision = reviews.Decision(line_id=line.pk, keep=True)
                reviews.decide(review_id=begun.pk, decision=decision, actor=actor, at=at)
            reviews.sign(review_id=begun.pk, statement="", actor=actor, at=at)

    def harm(self, world: World) -> None:
        # Only whoever owns the tables gets past the trigger; the signature tells.
        owner("ALTER TABLE compliance_accessline DISABLE TRIGGER stays")
        owner("UPDATE compliance_accessline SET decision = 'gone'")
        owner("ALTER TABLE compliance_accessline ENABLE TRIGGER stays")
