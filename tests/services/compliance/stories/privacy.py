"""How what is too old goes, and how the clocks of breaches are kept; and what happens where nobody does."""

from datetime import timedelta

from compliance.breaches import services as breaches
from compliance.retention import services as retention
from core import clock
from tenancy import jobs
from tenancy.context import Scope, scope
from tests.services.compliance.stories.told import ACTOR, Told, World, old, story


@story("privacy.retention")
class RetentionRan(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            done = jobs.start(kind="test", at=clock.now())
            jobs.finish(job_id=done.pk, at=clock.now())
        retention.run(tenant_id=world.tenant, actor=ACTOR, now=clock.now)

    def harm(self, world: World) -> None:
        """A job that ended is a hundred days old, and the run of last night left it."""
        old("tenancy_job", "created_at", 100)


@story("privacy.breach_clocks")
class BreachClocks(Told):
    def mend(self, world: World) -> None:
        """Somebody became aware yesterday."""
        at = clock.now()
        found = breaches.Found(
            title="A laptop",
            kind="confidentiality",
            facts="Left in a train.",
            aware_at=at - timedelta(days=1),
        )
        with scope(Scope(world.tenant)):
            breaches.open_breach(found=found, actor=ACTOR, at=at)

    def harm(self, world: World) -> None:
        """The 72 hours run out and nobody was told."""
        old("compliance_breach", "authority_due_at", 1)
