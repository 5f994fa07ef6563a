"""`manage.py backup_drill [--at TIME]`: restore into a scratch server and check what came out."""

from typing import Any

from django.utils.dateparse import parse_datetime

from backups import queries, work
from backups.models import Drill
from backups.waiting import WaitingCommand
from core import ids
from core.errors import FieldError, Invalid
from tenancy.models import Job


class Command(WaitingCommand):
    """Runs a restore drill."""

    help = "Restore into a scratch server, check it, measure RPO and RTO, and remove it."

    def add_arguments(self, parser: Any) -> None:
        """Add `--at`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--at", metavar="TIME", help="a moment, such as 2026-03-01T12:00:00Z; else the latest"
        )

    def progress(self, job: Job) -> str:
        """Say which check it is at."""
        return f"{job.done} of {job.total} checks"

    def run(self, **options: Any) -> dict[str, Any]:
        """Ask for it and wait."""
        wanted = parse_datetime(options["at"]) if options["at"] else None
        if options["at"] and (wanted is None or wanted.tzinfo is None):
            raise Invalid([FieldError("/at", "invalid", "Write a time with its zone: 2026-03-01T12:00:00Z.")])
        job = self.work(here=options["here"], kind=work.DRILL, wanted=wanted)
        with queries.of_operator():
            made = Drill.objects.get(job_id=job.pk)
            steps = queries.steps(made.pk)
        return {
            "id": ids.encode("restore_drill", made.pk),
            "state": made.state,
            "rto_seconds": round(made.rto_milliseconds / 1000, 3),
            "rpo_seconds": round(made.rpo_milliseconds / 1000, 3),
            "reached_at": made.reached_at,
            "newest_known": made.result.get("newest", {}),
            "checks": [
                {"name": step.name, "ok": step.is_ok, "seconds": round(step.milliseconds / 1000, 3)}
                | ({"code": step.code} if step.code else {})
                for step in steps
            ],
            "failed": made.state != Drill.State.PASSED,
        }
