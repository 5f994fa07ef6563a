"""`manage.py keys_rotate --organization SLUG --purpose fields`: a new key, and every value under it, online.

The work is queued for the ops-worker, which alone may rewrite encrypted columns; this waits and shows
progress.
"""

import math
import time
from typing import Any

from django.core.management.base import CommandParser

from core import clock
from core.errors import Refusal
from crypto import inspection, rotation, tasks
from crypto.envelope import Purpose
from crypto.models import KeyState
from tenancy import context, jobs
from tenancy.commands import StrongboxCommand
from tenancy.models import Job, Tenant

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0
_PURPOSES = [purpose.value for purpose in Purpose if purpose is not Purpose.BLIND_INDEX]


class RotationFailed(Refusal):
    """The rotation did not finish. What it has done stays done; run it again to go on."""

    code = "rotation_failed"


class Command(StrongboxCommand):
    """Rotates one data key of one organization."""

    help = "Rotates a data key: encrypts every value under it again, online; run again after an interruption."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--organization`, `--purpose` and `--here`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG")
        parser.add_argument("--purpose", choices=_PURPOSES, default=Purpose.FIELDS.value)
        parser.add_argument(
            "--batch", type=int, default=rotation.BATCH, metavar="ROWS", help="rows a transaction"
        )
        parser.add_argument(
            "--here", action="store_true", help="work in this process, which needs the rekey role's password"
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Queue the rotation or do it, wait for it, and return what stands under which version.

        Raises:
            RotationFailed: it failed; the message names its code.
        """
        (tenant,) = self.organizations(options["organization"])
        purpose = Purpose(options["purpose"])
        self.say(f"Rotating the {purpose} key of {tenant.slug}.")
        with context.scope(context.Scope(tenant.pk)):
            job = jobs.start(kind=tasks.KIND, at=clock.now())
        if options["here"]:
            tasks.run(tenant.pk, purpose, job.pk, actor=self.actor, batch=options["batch"])
        else:
            arguments = [str(tenant.pk), purpose.value, str(job.pk), options["batch"]]
            tasks.rotate.apply_async(arguments, queue=tasks.QUEUE)
        return self._wait(tenant, purpose, job)

    def _wait(self, tenant: Tenant, purpose: Purpose, job: Job) -> dict[str, Any]:
        shown, patience = -1, time.monotonic() + _PATIENCE_SECONDS
        while True:
            with context.scope(context.Scope(tenant.pk)):
                job.refresh_from_db()
            if job.state == Job.State.QUEUED and time.monotonic() > patience:
                self.say(
                    "The ops-worker has not begun yet. It is safe to stop waiting: the work stays queued."
                )
                patience = math.inf
            if job.done != shown:
                self.say(f"{job.done:,} of {max(job.done, job.total):,} values")
                shown = job.done
            if job.state in (Job.State.FAILED, Job.State.CANCELLED):
                raise RotationFailed(f"The rotation stopped: {job.code or job.state}. Run it again to go on.")
            if job.state == Job.State.DONE:
                return self._result(tenant, purpose, job)
            time.sleep(_POLL_SECONDS)

    def _result(self, tenant: Tenant, purpose: Purpose, job: Job) -> dict[str, Any]:
        scope = context.Scope(tenant.pk)
        with context.scope(scope):
            rows = [row for row in inspection.data_keys() if row.purpose == purpose.value]
            counts = inspection.values_per_key()
        return {
            "organization": tenant.slug,
            "purpose": purpose.value,
            "versions": [{"version": row.version, "state": row.state} for row in rows],
            "records_per_version": {str(row.version): counts[row.pk] for row in rows},
            "pending": sum(counts[row.pk] for row in rows if row.state != KeyState.PRIMARY),
            "rotated": job.counts.get("values", 0),
        }
