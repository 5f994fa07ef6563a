"""Sends the reminders of an organization that are due."""

from datetime import date
from typing import Any

from django.core.management.base import CommandError, CommandParser

from billing.issuer import queries as issuers
from core import clock
from payments.reminders import plans, sending
from tenancy.commands import StrongboxCommand
from tenancy.context import Scope, scope


class Command(StrongboxCommand):
    """What is due is sent once, whatever ran before; days that were missed are caught up by the latest step."""

    help = (
        "Send the reminders of an organization that are due on a day; each step reminds of an invoice once."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the organization, the day and `--dry-run`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument(
            "--on", metavar="DATE", help="the day, like 2026-08-14; today where it is left out"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")

    def run(self, **options: Any) -> dict[str, Any]:
        """Send what is due, one transaction a customer."""
        try:
            asked = date.fromisoformat(options["on"]) if options["on"] else None
        except ValueError:
            raise CommandError("--on takes a day like 2026-08-14.") from None
        (tenant,) = self.organizations(options["organization"])
        with scope(Scope(tenant.pk)):
            state = plans.default_plan(actor=self.actor, at=clock.now()).state
            on = asked or clock.today(issuers.time_zone())
        if options["dry_run"]:
            with scope(Scope(tenant.pk)):
                found = sending.preview(on=on)
            held: dict[str, int] = {}
            for each in found.held:
                held[each.hold.value] = held.get(each.hold.value, 0) + 1
            items = [item for letter in found.letters for item in letter.items]
            fees = sum(item.fee_minor > 0 for item in items)
            done = sending.Run(mails=len(found.letters), reminders=len(items), fees=fees, held=held)
        else:
            done = sending.run(tenant_id=tenant.pk, on=on, actor=self.actor, now=clock.now)
        return {
            "on": on.isoformat(),
            "default_plan": state,
            "mails": done.mails,
            "reminders": done.reminders,
            "late_fees": done.fees,
            "held_back": done.held,
        }
