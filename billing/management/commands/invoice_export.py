"""Writes an invoice as files: for people, for programs, or both in one."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from billing.creditnotes import queries as credit_notes
from billing.documents import making
from billing.invoices import queries
from core import clock, ids
from core.errors import Refusal
from tenancy.commands import TenantCommand
from tenancy.context import Scope, scope
from tenancy.models import Tenant


class Command(TenantCommand):
    """Each file is checked before it is written; one that breaks a rule is written, named and makes this fail."""

    help = "Write an invoice or credit note as PDF, Factur-X, UBL, CII or XRechnung, checked by schema and rules."
    # A document is set and checked outside any transaction.
    in_transaction = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the invoice, the formats and the folder."""
        super().add_arguments(parser)
        parser.add_argument("id", metavar="ID", help="inv_… or cn_…")
        parser.add_argument(
            "--format", default="pdf", metavar="FORMATS", help=f"some of {','.join(making.KINDS)}"
        )
        parser.add_argument("--out", required=True, metavar="DIR")
