"""Prove that the audit trail is whole, or name the first event at which it is not."""

from typing import Any

from django.core.management.base import CommandParser

from audit import verification
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Verify every seal of one organization, or of all."""

    help = "Verify the audit trail: every event against its seal, every seal against the one before."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the organization."""
        super().add_arguments(parser)
        parser.add_argument("--organization", metavar="SLUG", help="one organization; all by default")

    def run(self, **options: Any) -> dict[str, Any]:
        """Verify, store the result for the badge, and record the check."""
        total = {"events": 0, "seals": 0, "unsealed": 0}
        errors: list[dict[str, Any]] = []
        for tenant in self.organizations(options["organization"]):
            report = verification.check(tenant.pk, actor=self.actor)
            for name in total:
                total[name] += getattr(report, name)
            errors += [{"organization": tenant.slug, **finding.as_json()} for finding in report.findings]
        return {**total, "errors": errors}

    def show(self, result: dict[str, Any]) -> None:
        """Print the counts and what is wrong."""
        self.stdout.write(
            f"{result['events']:,} events, {result['seals']:,} seals, {result['unsealed']:,} not yet sealed."
        )
        for error in result["errors"]:
            self.stdout.write(
                "{organization}: {kind}, {count} times, first event {first_event}".format_map(error)
            )
        self.stdout.write("The trail has been tampered with." if result["errors"] else "The trail is whole.")
