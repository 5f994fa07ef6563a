"""`manage.py patch_import FILE`: takes a signed bundle of advisories in."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import clock
from patching import intake
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Takes in what `patch_bundle` made where there is a network; the key must be in STRONGBOX_ADVISORY_KEYS."""

    help = "Take in a bundle of advisories that was signed by a trusted key."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the file and `--accept-smaller`."""
        super().add_arguments(parser)
        parser.add_argument("file", metavar="FILE")
        parser.add_argument(
            "--accept-smaller",
            action="store_true",
            help="also when it holds less than half of what the one before it held",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Take it in and return what it holds.

        Raises:
            CommandError: there is no such file.
        """
        path = Path(options["file"])
        if not path.is_file():
            raise CommandError("There is no such file.")
        row = intake.take_in(path=path, actor=self.actor, at=clock.now(), smaller=options["accept_smaller"])
        return {
            "made_at": row.made_at,
            "fetched_at": row.fetched_at,
            "advisories": row.advisories,
            "ecosystems": row.ecosystems,
            "sha256": row.sha256,
        }
