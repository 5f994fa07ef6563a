"""Takes in an invoice from outside."""

from typing import Any

from django.core.management.base import CommandParser

from billing.imports import documents
from billing.management.commands.customers_import import read_file, refused
from core import clock, ids
from tenancy.commands import TenantCommand
from tenancy.models import Tenant


class Command(TenantCommand):
    """The document arrives with its own totals, or is refused with the reason and leaves nothing behind."""

    help = "Import an invoice as UBL or CII; it stays a draft with its outside number unless --finalize is given."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file, `--finalize` and `--dry-run`."""
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--finalize", action="store_true", help="finalize it, with an opening entry")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen, and store nothing")

    def run_in(self, tenant: Tenant, **options: Any) -> dict[str, Any]:
        """Import the file into the organization; a refused document exits non-zero."""
        result = documents.try_document(
            data=read_file(options["file"]),
            actor=self.actor,
            at=clock.now(),
            finalize=options["finalize"],
            dry_run=options["dry_run"],
        )
        return {
            "created": [ids.encode(result.kind, key) for key in result.created],
            "refused": refused(result.refused),
            "total_minor": result.total_minor,
            "currency": result.currency,
            "failed": bool(result.refused),
        }
