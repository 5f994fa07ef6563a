"""`manage.py pay_page_review`: compares what the pay page runs with the reviewed list."""

import json
from typing import Any

from django.core.management.base import CommandParser

from tenancy.commands import StrongboxCommand
from web.pay import inventory


class Command(StrongboxCommand):
    """Fails when a script or style of the pay page is new, gone or changed since its review."""

    help = "Compares the scripts and styles of the pay page with the reviewed list; fails when they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--accept`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--accept",
            action="store_true",
            help="after the review: write the digests of the listed files anew; a new file needs its reason by hand",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Return how many files there are and which are not as reviewed."""
        if options["accept"]:
            _accept()
        found = inventory.assets()
        odd = [asset for asset in found if asset.state is not inventory.State.REVIEWED]
        return {
            "files": len(found),
            "errors": [
                {"file": asset.name, "state": asset.state.value, "sha256": asset.sha256} for asset in odd
            ],
        }


def _accept() -> None:
    now = inventory.served()
    listed = {
        name: {"sha256": now[name], "why": entry["why"]}
        for name, entry in sorted(inventory.reviewed().items())
        if name in now
    }
    inventory.REVIEWED.write_text(json.dumps(listed, indent=2, ensure_ascii=False) + "\n")
