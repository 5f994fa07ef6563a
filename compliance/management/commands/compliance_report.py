"""`manage.py compliance_report`: makes an evidence pack of a framework."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from compliance import frameworks
from compliance.controls import queries, running
from compliance.packs import making
from compliance.packs.models import EvidencePack
from core import clock
from tenancy import context
from tenancy.commands import StrongboxCommand
from tenancy.models import Tenant


class Command(StrongboxCommand):
    """Writes a signed archive with a PDF for people and JSON for machines; verify it with compliance.verifier."""

    help = "Makes an evidence pack; check it with `python -m compliance.verifier FILE`."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the organization, the framework and the file."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument("--framework", required=True, choices=[each.code for each in frameworks.ALL])
        parser.add_argument(
            "--out", required=True, type=Path, metavar="FILE", help="a file that is not there yet"
        )
        parser.add_argument("--days", type=int, default=90, help="how many days back results are listed")
        parser.add_argument("--run", action="store_true", help="run the live controls first")

    def run(self, **options: Any) -> dict[str, Any]:
        """Make the pack, write it, and say what stands in it."""
        tenant = self.organizations(options["organization"])[0]
        out: Path = options["out"]
        if out.exists():
            raise CommandError(f"{out} is there already: nothing is ever overwritten.")
        if tenant.state == Tenant.State.SEALED:
            raise CommandError("The organization is sealed: nothing of it can be read.")
        with context.scope(context.Scope(tenant.pk)):
            never = queries.last_run() is None
        if options["run"] or never:
            self.say("Running the controls…")
            running.run(tenant_id=tenant.pk, actor=self.actor, now=clock.now)
        today = clock.now().date()
        pack_id, made = making.make_now(
            tenant_id=tenant.pk,
            framework=options["framework"],
            since=today - timedelta(days=max(0, min(options["days"], 366))),
            until=today,
            actor=self.actor,
            now=clock.now,
        )
        with out.open("xb") as file:
            file.write(made)
        with context.scope(context.Scope(tenant.pk)):
            row = EvidencePack.objects.get(pk=pack_id)
            key = making.public_key()
        return {
            "controls": row.controls,
            "passing": row.passing,
            "failing": row.failing,
            "manual": row.manual,
            "sha256": bytes(row.digest).hex(),
            "public_key": key,
            "path": str(out.resolve()),
        }
