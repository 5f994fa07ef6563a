"""How the audit trail is put in order, and broken."""

from datetime import timedelta

from audit import tasks as audit_tasks
from core import clock
from tests.services.audit import trail
from tests.services.compliance.stories.told import SKEWED, Told, World, owner, story


@story("audit.sealed")
class Sealed(Told):
    def mend(self, world: World) -> None:
        trail.record(world.tenant, 1)
        trail.seal(clock.now())

    def harm(self, world: World) -> None:
        owner("UPDATE audit_mark SET sealed_at = now() - interval '20 minutes'")


@story("audit.append_only")
class AppendOnly(Told):
    def harm(self, world: World) -> None:
        owner("ALTER TABLE audit_event DISABLE TRIGGER append_only")


@story("audit.proved")
class Proved(Told):
    def mend(self, world: World) -> None:
        trail.record(world.tenant, 3)
        trail.seal(clock.now())
        audit_tasks.verify_all.apply().get()

    def harm(self, world: World) -> None:
        trail.tamper("UPDATE audit_event SET reason = 'other' WHERE event = 'audit.read'")
        audit_tasks.verify_all.apply().get()


@story("audit.months")
class Months(Told):
    def harm(self, world: World) -> None:
        name = owner("SELECT to_char(now() AT TIME ZONE 'UTC' + interval '1 month', 'YYYY_MM')")[0][0]
        owner(f"DROP TABLE audit_event_{name}")


@story("audit.clocks")
class Clocks(Told):
    commits = False

    """Asked with a clock that is a minute late, see SKEWED."""


SKEWED["audit.clocks"] = timedelta(minutes=-1)
