"""How backups, patches, training, alerts and requests are put in order, and broken."""

from datetime import timedelta

from alerts import tasks as alert_tasks
from alerts.models import Alert, AlertRule
from backups import lateness
from compliance.requests.models import PrivacyRequest
from core import clock, ids
from tenancy.context import Scope, scope
from tests.make import accounts, billing, installation
from tests.make import patching as made_patching
from tests.make import training as made_training
from tests.services.backups import test_services as made_backups
from tests.services.compliance.stories.told import ACTOR, Told, World, old, owner, story


@story("assurance.backup_fresh")
class BackupFresh(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(installation.tenant("operator"))):
            made_backups.backup()

    def harm(self, world: World) -> None:
        """Nobody makes another for four days."""
        owner(
            "UPDATE backups_backup SET started_at = started_at - interval '4 days', "
            "finished_at = finished_at - interval '4 days', consistent_at = consistent_at - interval '4 days'"
        )


@story("assurance.backup_places")
class BackupPlaces(Told):
    def mend(self, world: World) -> None:
        """A folder here, and a bucket elsewhere that locks its objects."""
        self._note(immutable=1, offsite=1)

    def harm(self, world: World) -> None:
        """The bucket is taken out of the list."""
        self._note(immutable=0, offsite=0)

    def _note(self, **kinds: int) -> None:
        with scope(Scope(installation.tenant("operator"))):
            found = lateness.Places(targets=2, **kinds)
            lateness.note_places(found=found, actor=ACTOR, at=clock.now())


@story("assurance.drill_passed")
class DrillPassed(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(installation.tenant("operator"))):
            made_backups.backup()
            made_backups.drill(made_backups.found())

    def harm(self, world: World) -> None:
        """The next drill finds the books wrong."""
        with scope(Scope(installation.tenant("operator"))):
            made_backups.drill(made_backups.found(wrong="ledger"))


@story("assurance.patched")
class PatchedInTime(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(installation.tenant("operator"))):
            made_patching.weak()

    def harm(self, world: World) -> None:
        """The day by which they were to be mended passes, and the next look comes by."""
        owner("UPDATE patching_finding SET due_on = current_date - 3")
        with scope(Scope(installation.tenant("operator"))):
            made_patching.weak()


@story("assurance.trained")
class Trained(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            made_training.assigned(accounts.member("billing_clerk"))

    def harm(self, world: World) -> None:
        owner("UPDATE training_assignment SET due_on = current_date - 2")


@story("assurance.practised")
class Practised(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            at = clock.now() - timedelta(days=20)
            planner, second = accounts.member("security_officer", at=at), accounts.member("admin", at=at)
            made_training.over(planner, second, at=at)

    def harm(self, world: World) -> None:
        """A year goes by."""
        old("training_practicecampaign", "released_at", 366)


@story("assurance.watched")
class Watched(Told):
    def mend(self, world: World) -> None:
        alert_tasks.look.apply().get()

    def harm(self, world: World) -> None:
        owner("UPDATE alerts_watch SET looked_at = looked_at - interval '1 hour'")


@story("assurance.alerts_answered")
class AlertsAnswered(Told):
    def mend(self, world: World) -> None:
        at = clock.now()
        with scope(Scope(world.tenant)):
            Alert(
                rule="A01", rule_version=1, severity="critical", group="person", key=str(ids.uuid7()),
                first_seen_at=at, last_seen_at=at, opened_at=at, announced_at=at, updated_at=at,
                due_at=at + timedelta(hours=1),
            ).save(force_insert=True)  # fmt: skip

    def harm(self, world: World) -> None:
        old("alerts_alert", "due_at", 1)


@story("assurance.rules_on")
class RulesOn(Told):
    def _set(self, world: World, *, version: int, enabled: bool) -> None:
        with scope(Scope(world.tenant)):
            AlertRule(
                code="A01", version=version, enabled=enabled, severity="high", group="person",
                window_seconds=60, threshold=5, suppression_seconds=60, automatic="none", set_at=clock.now(),
            ).save(force_insert=True)  # fmt: skip

    def mend(self, world: World) -> None:
        self._set(world, version=1, enabled=True)

    def harm(self, world: World) -> None:
        self._set(world, version=2, enabled=False)


@story("privacy.requests")
class PrivacyRequests(Told):
    def mend(self, world: World) -> None:
        at = clock.now()
        with scope(Scope(world.tenant)):
            PrivacyRequest(
                kind="access", customer=billing.customer(), received_on=at.date(), created_at=at, updated_at=at,
                due_on=at.date() + timedelta(days=30),
            ).save(force_insert=True)  # fmt: skip

    def harm(self, world: World) -> None:
        owner("UPDATE compliance_privacyrequest SET received_on = received_on - 90, due_on = due_on - 90")
