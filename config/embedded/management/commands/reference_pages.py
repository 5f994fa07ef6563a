"""Makes the reference pages that are derived from the code."""

from typing import Any

from django.core.management.base import CommandParser

from config import reference
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Says which pages differ from the code, or writes them."""

    help = "Name the reference pages that differ from the code; with --write make them anew."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--write`."""
        super().add_arguments(parser)
        parser.add_argument("--write", action="store_true", help="make the pages anew")

    def run(self, **options: Any) -> dict[str, Any]:
        """Return the pages that differed; without `--write` that is a failure."""
        different = []
        for path, text in reference.pages().items():
            page = reference.HOME / path
            if not page.exists() or page.read_text() != text:
                different.append(path)
                if options["write"]:
                    page.write_text(text)
        return {"written" if options["write"] else "failed": different}
