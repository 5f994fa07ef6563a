"""`manage.py sbom --out FILE`: everything that runs here, as CycloneDX."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from audit import services as audit
from core import clock
from patching import events, inventory, sbom
from tenancy.commands import StrongboxCommand
from tenancy.context import system_scope


class Command(StrongboxCommand):
    """Writes the software bill of materials of this installation."""

    help = "Write the list of everything that runs here as CycloneDX 1.6, with hashes and licences."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--out`."""
        super().add_arguments(parser)
        parser.add_argument("--out", required=True, metavar="FILE", help="where to write the JSON document")

    def run(self, **options: Any) -> dict[str, Any]:
        """Write it, and return what is in it.

        Raises:
            CommandError: the file cannot be written.
        """
        found = inventory.collect()
        document = sbom.build(found, at=clock.now(), version=sbom.release())
        try:
            Path(options["out"]).write_text(json.dumps(document, indent=1) + "\n")
        except OSError as error:
            raise CommandError(f"The file cannot be written: {error.strerror}.") from None
        with system_scope(reason="the software is the operator's, and so is the record of its list"):
            audit.record(events.SBOM_MADE, actor=self.actor, facts={"components": len(found)})
        return {
            "path": options["out"],
            "components": len(found),
            "without_hash": [one.name for one in found if not one.sha256],
            "without_licence": [one.name for one in found if one.licence == "NOASSERTION"],
        }
