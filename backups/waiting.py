"""Commands ask the ops-worker, show how far it has come, and wait."""

import math
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from backups import queries, tasks, work
from core import clock
from core.errors import Refusal
from tenancy.commands import StrongboxCommand
from tenancy.models import Job

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0


class BackupWorkFailed(Refusal):
    """It did not finish; the message names the code."""

    code = "backup_work_failed"


class WaitingCommand(StrongboxCommand):
    """A command whose work the ops-worker does; `--here` does it in this process, which needs its secrets."""

    def add_arguments(self, parser: Any) -> None:
        """Add `--here`."""
        super().add_arguments(parser)
        parser.add_argument(
            "--here", action="store_true", help="work in this process, which needs the ops-worker's secrets"
        )

    def work(self, *, here: bool, **wanted: Any) -> Job:
        """Ask, wait, and return the finished job.

        Raises:
            BackupWorkFailed: it failed.
        """

        sent: dict[str, str] = {}

        def send(arguments: dict[str, str]) -> None:
            sent.update(arguments)
            if not here:
                tasks.send(arguments)

        job = self._ask(send, wanted)
        if here:
            work.run(sent, actor=self.actor)
        return self._wait(job.pk)

    def _ask(self, send: Callable[[dict[str, str]], None], wanted: dict[str, Any]) -> Job:
        """Ask; where the same runs already, by the clock or by somebody else, wait for its turn."""
        told = False
        # After a restore what was under way when the backup was taken seems to be so still.
        work.end_lost_work(at=clock.now())
        while True:
            try:
                with queries.of_operator():
                    return work.ask(actor=self.actor, at=clock.now(), send=send, **wanted)
            except work.BackupWorkRuns:
                if not told:
                    self.say("The same work is under way already; waiting until it is finished.")
                told = True
                time.sleep(_POLL_SECONDS * 5)

    def _wait(self, job_id: UUID) -> Job:
        shown, patience = -1, time.monotonic() + _PATIENCE_SECONDS
        while True:
            with queries.of_operator():
                job: Job = Job.objects.get(pk=job_id)
            if job.state == Job.State.QUEUED and time.monotonic() > patience:
                self.say(
                    "The ops-worker has not begun yet. It is safe to stop waiting: the work stays queued."
                )
                patience = math.inf
            if job.done != shown and job.state == Job.State.RUNNING:
                shown = job.done
                self.say(self.progress(job))
            if job.state in (Job.State.FAILED, Job.State.CANCELLED):
                raise BackupWorkFailed(f"It failed: {job.code or job.state}.")
            if job.state == Job.State.DONE:
                return job
            time.sleep(_POLL_SECONDS)

    def progress(self, job: Job) -> str:
        """Say how far it has come."""
        return f"{job.done:,} of {job.total:,}" if job.total else f"{job.done / 2**20:,.1f} MB read"
