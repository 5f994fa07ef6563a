"""Takes in a customers file."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from billing.imports import rules, services
from core import clock, ids
from tenancy.commands import TenantCommand
from tenancy.models import Tenant


def read_file(path: str) -> bytes:
    """Read the file a command was given. Raises CommandError when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandError(f"The file cannot be read: {error.strerror}.") from None


def refused(rows: list[rules.Refused]) -> list[dict[str, Any]]:
    """Write refused rows for the outside."""
    return [
        {
            "row": row.row,
            "field": row.field,
            "code": row.code,
            "reason": row.reason,
            **({"existing": ids.encode(row.existing_kind, row.existing_id)} if row.existing_id else {}),
        }
        for row in rows
    ]


class Command(TenantCommand):
    """Refused rows are named with their reason and left out; the others are taken in, all or none."""

    help = "Import customers from a CSV file (UTF-8, with a header); every refused row is named."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file and `--dry-run`."""
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE.csv")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and store nothing")

    def run_in(self, tenant: Tenant, **options: Any) -> dict[str, Any]:
        """Import the file into the organization."""
        result = services.import_customers(
            data=read_file(options["file"]), actor=self.actor, at=clock.now(), dry_run=options["dry_run"]
        )
        return {
            "created": [ids.encode("customer", key) for key in result.created],
            "refused": refused(result.refused),
            "total_minor": result.total_minor,
        }
