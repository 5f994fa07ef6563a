"""Writes an invoice as files: for people, for programs, or both in one."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from billing.creditnotes import queries as credit_notes
from billing.documents import making
from billing.invoices import queries
from core import clock, ids
from tenancy.commands import TenantCommand
from tenancy.models import Tenant


class Command(TenantCommand):
    """Each file is checked before it is written; one that breaks a rule is written, named and makes this fail."""

    help = "Write an invoice or credit note as PDF, Factur-X, UBL, CII or XRechnung, checked by schema and rules."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the invoice, the formats and the folder."""
        super().add_arguments(parser)
        parser.add_argument("id", metavar="ID", help="inv_… or cn_…")
        parser.add_argument(
            "--format", default="pdf", metavar="FORMATS", help=f"some of {','.join(making.KINDS)}"
        )
        parser.add_argument("--out", required=True, metavar="DIR")

    def run(self, **options: Any) -> dict[str, Any]:
        """Prepare in the organization's scope, make outside it, keep, and write."""
        kinds = [kind.strip() for kind in options["format"].split(",") if kind.strip()]
        unknown = [kind for kind in kinds if kind not in making.KINDS]
        if unknown or not kinds:
            raise CommandError(f"Formats are {', '.join(making.KINDS)}.")
        folder = Path(options["out"])
        at = clock.now()
        with self.organization(options["organization"]) as tenant:
            prepared = [making.prepare(self._found(options["id"]), kind=kind, at=at) for kind in kinds]
        files = [self._written(folder, tenant, each) for each in prepared]
        return {"files": files, "failed": not all(file["valid"] for file in files)}

    def show(self, result: dict[str, Any]) -> None:
        """Print a line a file."""
        for file in result["files"]:
            self.stdout.write(f"{file['path']}: {'valid' if file['valid'] else 'not valid'}")
            for error in file["errors"]:
                self.stdout.write(f"  {error['rule']}: {error['text']}")

    def _found(self, text: str) -> Any:
        if text.startswith("cn_"):
            return credit_notes.get(ids.decode("credit_note", text))
        return queries.get(ids.decode("invoice", text))

    def _written(self, folder: Path, tenant: Tenant, prepared: making.Prepared) -> dict[str, Any]:
        made = making.made_and_kept(tenant.pk, prepared, actor=self.actor, at=clock.now())
        suffix = "" if prepared.kind in ("pdf", "ubl") else f"-{prepared.kind}"
        stem, _, ending = prepared.name.rpartition(".")
        path = folder / f"{stem}{suffix}.{ending}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made.content)
        except OSError as error:
            raise CommandError(f"The file cannot be written: {error.strerror}.") from None
        errors = [
            {"rule": each.rule, "text": each.text, "place": each.place}
            for each in made.problems
            if each.is_error
        ]
        return {"path": str(path), "valid": made.is_valid, "errors": errors}
