"""`manage.py patch_prepare FINDING… --out FOLDER`: new locked requirements in a copy, and the tests run on them."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from core import clock, ids
from patching import preparing
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Fails when the tests do, or when a weakness is known of a new version too."""

    help = "Write the requirements that mend weaknesses into a copy of the program, and run its tests there."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the findings, `--out`, `--tests` and `--no-tests`."""
        super().add_arguments(parser)
        parser.add_argument("findings", nargs="+", metavar="FINDING", help="ids such as fnd_…")
        parser.add_argument("--out", required=True, metavar="FOLDER", help="where; it must be empty or new")
        parser.add_argument("--tests", nargs="*", default=[], metavar="PATH", help="all of them without it")
        parser.add_argument("--no-tests", action="store_true", help="write the requirements only")

    def run(self, **options: Any) -> dict[str, Any]:
        """Prepare, and return what changed and whether the tests pass."""
        self.say("Resolving, installing and testing. This takes as long as the tests do.")
        done = preparing.prepare(
            finding_ids=[ids.decode("finding", text) for text in options["findings"]],
            out=Path(options["out"]),
            tests=None if options["no_tests"] else options["tests"],
            actor=self.actor,
            at=clock.now(),
        )
        return {**asdict(done), "failed": bool(done.left) or done.passed is False}
