"""Hand the audit trail to somebody who trusts neither this database nor this software."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from audit import bundles, events, services
from tenancy import context
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Record the export, wait until that record is sealed, write the bundle, and have the sealer sign it."""

    help = "Export an organization's audit trail as a bundle for `python -m audit.verifier DIR`."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the organization, the folder and the patience."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="an empty or new folder")
        parser.add_argument("--timeout", type=float, default=120.0, help="seconds to wait for the sealer")

    def run(self, **options: Any) -> dict[str, Any]:
        """Write and sign the bundle."""
        tenant = self.organizations(options["organization"])[0].pk
        with context.scope(context.Scope(tenant)):
            services.record(events.AUDIT_EXPORTED, actor=self.actor, subject=("audit_trail", None))
            recorded_in = bundles.recorded_now()
        bundle = bundles.export(
            tenant=tenant, folder=options["out"], recorded_in=recorded_in, timeout_seconds=options["timeout"]
        )
        return {"events": bundle.events, "path": str(options["out"].resolve())}
