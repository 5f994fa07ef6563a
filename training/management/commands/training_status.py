"""Says who is due with training in an organization."""

from typing import Any

from django.core.management.base import CommandParser

from audit import services as audit
from billing.issuer import queries as issuers
from core import clock, ids
from tenancy.commands import StrongboxCommand
from tenancy.context import Scope, scope
from training import events, queries


class Command(StrongboxCommand):
    """Counts people, not modules: complete is who has nothing left to take."""

    help = "Say how training stands: members, complete, overdue, and whose rights wait."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the organization."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")

    def run(self, **options: Any) -> dict[str, Any]:
        """Count, and list who is late by the id of their membership: no name leaves by a terminal."""
        (tenant,) = self.organizations(options["organization"])
        with scope(Scope(tenant.pk)):
            today = clock.today(issuers.time_zone())
            status = queries.status(today=today)
            late = [row for row in queries.persons(today=today) if row.overdue]
            audit.record(events.READ, actor=self.actor, subjects=[row.member_id for row in late[:1_000]])
        return {
            "members": status.members,
            "complete": status.complete,
            "overdue": status.overdue,
            "due_soon": status.due_soon,
            "withheld": status.withheld,
            "people": [
                {
                    "member": ids.encode("member", row.member_id),
                    "overdue": row.overdue,
                    "due_on": row.due_on.isoformat() if row.due_on else None,
                    "withheld": row.withheld,
                }
                for row in late
            ],
        }

    def show(self, result: dict[str, Any]) -> None:
        """Print the counts, and a line a late person."""
        self.stdout.write(
            f"{result['complete']} of {result['members']} people have nothing left to take; "
            f"{result['overdue']} are overdue, the rights of {result['withheld']} wait."
        )
        for row in result["people"]:
            waits = ", rights wait" if row["withheld"] else ""
            self.stdout.write(f"{row['member']}: {row['overdue']} overdue, due {row['due_on']}{waits}")
