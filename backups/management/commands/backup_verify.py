"""`manage.py backup_verify ID`: read every stored byte of a backup and check it."""

from typing import Any
from uuid import UUID

from backups import queries, work
from backups.waiting import WaitingCommand
from core import ids


class Command(WaitingCommand):
    """Verifies one backup at every target."""

    help = "Read every stored byte of a backup at every target and check it against the signatures."

    def add_arguments(self, parser: Any) -> None:
        """Add the backup's id."""
        super().add_arguments(parser)
        parser.add_argument("id", help="the backup's id, as backup_list shows it")

    def run(self, **options: Any) -> dict[str, Any]:
        """Ask for it and wait."""
        pk: UUID = ids.decode("backup", options["id"])
        with queries.of_operator():
            queries.backup(pk)
        self.work(here=options["here"], kind=work.VERIFY, backup_id=pk)
        with queries.of_operator():
            made = queries.backup(pk)
            copies = queries.copies(pk)
        return {
            "id": options["id"],
            "sound": made.is_sound,
            "checks": [
                {"name": f"{copy.part} at {copy.target}", "ok": copy.state == copy.State.STORED}
                for copy in copies
            ],
            "failed": not made.is_sound,
        }
