"""`manage.py encryption_scan`: looks at the stored bytes of every protected column."""

from typing import Any

from django.core.management.base import CommandParser

from audit import services as audit
from crypto import events, inspection
from tenancy import context
from tenancy.commands import StrongboxCommand
from tenancy.models import Tenant

_SHOWN = 100


class Command(StrongboxCommand):
    """Fails when a protected column holds anything but a value that is encrypted for its place."""

    help = "Looks at the stored bytes of every protected column; fails when one is not encrypted."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--organization` and `--full`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", metavar="SLUG", help="one organization; all of them without it")
        parser.add_argument(
            "--full", action="store_true", help="decrypt every value, not a sample of each column"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Return what was looked at and what is wrong; the organizations that are sealed are named apart."""
        total = inspection.Scan()
        sealed: list[str] = []
        for tenant in self.organizations(options["organization"]):
            if tenant.state == Tenant.State.SEALED:
                sealed.append(tenant.slug)
                continue
            with context.scope(context.Scope(tenant.pk)):
                found = inspection.scan(full=options["full"])
                facts = {"rows": found.rows, "plaintext": found.plaintext, "findings": len(found.findings)}
                audit.record(events.ENCRYPTION_SCANNED, actor=self.actor, facts=facts)
            total.columns = max(total.columns, found.columns)
            for name in ("rows", "decrypted", "erased", "plaintext"):
                setattr(total, name, getattr(total, name) + getattr(found, name))
            total.findings += found.findings
        return {
            "columns": total.columns,
            "rows": total.rows,
            "plaintext": total.plaintext,
            "decrypted": total.decrypted,
            "erased": total.erased,
            "sealed": sealed,
            "errors": [
                {"kind": each.kind, "table": each.table, "column": each.column, "row": each.row}
                for each in total.findings[:_SHOWN]
            ],
        }
