"""`manage.py billing_run --organization SLUG --on DATE`: everything due on or before a day, invoiced once."""

import subprocess
import sys
import time
from argparse import ArgumentTypeError
from datetime import date
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandParser

from billing.runs import services, tasks
from billing.runs.models import BillingRun
from billing.runs.rules import MOST_PROCESSES
from billing.subscriptions.clock import today
from core import clock, ids
from core.errors import Refusal
from tenancy import bulk, context
from tenancy.commands import StrongboxCommand
from tenancy.models import Tenant

ALL = "all"
_POLLS_A_SECOND = 5


class RunFailed(Refusal):
    """The run did not finish. What it has billed stays billed; start it again to go on."""

    code = "run_failed"


class Command(StrongboxCommand):
    """Bills what is due, in one organization or in all of them, one after the other."""

    help = (
        "Bill everything due on or before a day; run it again after an interruption, nothing is billed twice."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--organization`, `--on`, `--processes` and `--join`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="a slug, or all")
        parser.add_argument(
            "--on",
            type=_day,
            metavar="DATE",
            help="such as 2026-03-01; today where the organization is if absent, or its test clock's day",
        )
        parser.add_argument(
            "--processes", type=_processes, default=1, metavar="N", help="work in N processes"
        )
        parser.add_argument("--join", metavar="ID", help="work on a run that is under way, and on no other")

    def run(self, **options: Any) -> dict[str, Any]:
        """Bill one organization after the other.

        Raises:
            RunFailed: one did not finish; the message names its code.
        """
        everybody = options["organization"] == ALL
        began, made, skipped = time.monotonic(), 0, 0
        refused: list[dict[str, str]] = []
        for tenant in self.organizations(None if everybody else options["organization"]):
            if everybody and (tenant.state != Tenant.State.ACTIVE or tenant.suspended_at is not None):
                continue
            try:
                found = self._bill(tenant, options["on"], options["processes"], options["join"])
            except Refusal as refusal:
                if not everybody:
                    raise
                refused.append({"organization": tenant.slug, "code": refusal.code})
                continue
            made += found[0]
            skipped += found[1]
        seconds = time.monotonic() - began
        result: dict[str, Any] = {
            "invoices": made,
            "seconds": round(seconds, 3),
            "invoices_per_second": round(made / seconds, 1),
            "skipped": skipped,
        }
        return {**result, "refused": refused} if everybody else result

    def _bill(self, tenant: Tenant, on: date | None, processes: int, join: str | None) -> tuple[int, int]:
        scope = context.Scope(tenant.pk)
        with context.scope(scope):
            on = on or today(clock.now())
            if join:
                run = BillingRun.objects.get(pk=ids.decode("billing_run", join))
            else:
                run = services.begin(on=on, actor=self.actor, at=clock.now())
            before = services.result(run.pk).invoices
        if bulk.is_known():
            helpers = [self._helper(tenant, on, run.pk) for _ in range(processes - 1)]
            try:
                services.work(tenant_id=tenant.pk, run_id=run.pk, actor=self.actor, clock=clock.now)
            finally:
                for helper in helpers:
                    helper.wait()
        else:
            self.say("This process may not do bulk work: the worker does it.")
            tasks.work_run.apply_async([str(tenant.pk), str(run.pk)], queue=tasks.QUEUE)
            self._wait(tenant, run.pk)
        with context.scope(scope):
            done = services.result(run.pk)
        if done.state != BillingRun.State.DONE:
            raise RunFailed
        return done.invoices - before, done.skipped

    def _helper(self, tenant: Tenant, on: date, run_id: UUID) -> "subprocess.Popen[bytes]":
        words = ["billing_run", "--organization", tenant.slug, "--on", on.isoformat()]
        words += ["--join", ids.encode("billing_run", run_id), "--json"]
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *words]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603  our own words

    def _wait(self, tenant: Tenant, run_id: UUID) -> None:
        while True:
            with context.scope(context.Scope(tenant.pk)):
                if services.result(run_id).state != BillingRun.State.RUNNING:
                    return
            time.sleep(1 / _POLLS_A_SECOND)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("a day such as 2026-03-01") from None


def _processes(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_PROCESSES:
        raise ArgumentTypeError(f"a number from 1 to {MOST_PROCESSES}")
    return int(text)
