"""What a restore drill runs against the server it has restored; refused everywhere else."""

from dataclasses import asdict
from typing import Any

from backups.drills import inside
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Checks a restored database: books, seals, ciphertext, files, signing in."""

    help = "Check a database that a restore drill has restored; refused on any other."

    def run(self, **options: Any) -> dict[str, Any]:
        """Check."""
        return {"checks": [asdict(found) for found in inside.check(actor=self.actor)]}
