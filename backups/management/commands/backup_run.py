"""`manage.py backup_run [--kind full|incremental]`: make a backup now."""

from typing import Any

from backups import queries, work
from backups.models import Backup
from backups.waiting import WaitingCommand
from core import ids


class Command(WaitingCommand):
    """Makes a backup, verifies it, and removes what need not be kept any more."""

    help = "Make a backup of the cluster and the encrypted files, at every target, and verify it."

    def add_arguments(self, parser: Any) -> None:
        """Add `--kind`."""
        super().add_arguments(parser)
        parser.add_argument("--kind", choices=Backup.Kind.values, default=Backup.Kind.FULL.value)

    def run(self, **options: Any) -> dict[str, Any]:
        """Ask for it and wait."""
        job = self.work(here=options["here"], kind=work.BACKUP, backup_kind=options["kind"])
        with queries.of_operator():
            made = Backup.objects.filter(job_id=job.pk).order_by("-generation")[0]
            copies = queries.copies(made.pk)
        return {
            "id": ids.encode("backup", made.pk),
            "kind": made.kind,
            "generation": made.generation,
            "bytes": made.bytes_stored,
            "bytes_in": made.bytes_in,
            "seconds": round(made.milliseconds / 1000, 3),
            "targets": sorted({copy.target for copy in copies}),
            "failed": not made.is_sound,
        }
