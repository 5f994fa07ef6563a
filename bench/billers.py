"""Processes that work a billing run off, told from outside when to go on; what is due is planned here, not by the product.

Run as a script by itself: `python -m bench.billers TENANT RUN RATE PAUSE`.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from bench import stack

DAY = date(2026, 11, 1)


class Planner:
    """Plans one invoice of three lines a customer; each stands for one charge, billed once.

    Thirty plans in twelve quantities: customers share 360 documents, as subscribers share the plans of a price list.
    """

    def __init__(self, tax_rate_id: UUID) -> None:
        from billing.invoices.rules import LineInput

        def line(text: str, amount: str, quantity: int) -> LineInput:
            return LineInput(
                description=f"{text}, 1 to 30 November 2026",
                unit_amount=Decimal(amount),
                quantity=Decimal(quantity),
                tax_rate_id=tax_rate_id,
                period_from=date(2026, 11, 1),
                period_to=date(2026, 12, 1),
            )

        self._plans = [
            (line(f"Plan {n}", f"{19 + n}.90", 1), line("Seats", "4.5", seats), line("Storage, GB", "0.0125", 100 * n + seats))
            for n in range(30)
            for seats in range(1, 13)
        ]  # fmt: skip

    def due(self, on: date, after: UUID | None, limit: int) -> list[Any]:
        from django.db import connection

        from billing.runs.rules import Fact, PlannedInvoice
        from tenancy import context

        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT customer_id, id FROM billing_pendingcharge WHERE tenant_id = %s AND customer_id > %s "
                "AND billed_at IS NULL AND withdrawn_at IS NULL ORDER BY customer_id LIMIT %s",
                [context.current_tenant(), after or UUID(int=0), limit],
            )
            rows = cursor.fetchall()
        plans, many = self._plans, len(self._plans)
        return [
            PlannedInvoice(
                customer_id=customer,
                currency="EUR",
                lines=plans[charge.int % many],
                facts=(Fact(kind="charge", subject_id=charge, period_from=DAY),),
            )
            for customer, charge in rows
        ]

    def count(self, on: date) -> int:
        from billing.subscriptions import planning

        return planning.count(on)

    def claim(self, rows: Sequence[tuple[UUID | None, Any]], *, at: datetime) -> list[Any]:
        from django.db import connection

        from tenancy import context

        charges = [item.facts[0].subject_id for _, item in rows]
        tenant = context.current_tenant()
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO billing_billedperiod (tenant_id, id, customer_id, charge_id, invoice_id, kind, period_from, "
                "period_to, revision, from_on, to_on, quantity, amount_minor, at) "
                "SELECT %s, uuidv7(), f.customer, f.charge, f.invoice, 'charge', %s, %s, 0, %s, %s, 1, 0, %s "
                "FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[]) AS f (customer, charge, invoice) ORDER BY f.charge "
                "ON CONFLICT DO NOTHING RETURNING charge_id",
                [tenant, DAY, DAY, DAY, DAY, at, [item.customer_id for _, item in rows], charges, [key for key, _ in rows]],
            )  # fmt: skip
            taken = {row[0] for row in cursor.fetchall()}
            cursor.execute(
                "UPDATE billing_pendingcharge SET billed_at = %s WHERE tenant_id = %s AND id = ANY(%s)",
                [at, tenant, list(taken)],
            )
        return [item for _, item in rows if item.facts[0].subject_id not in taken]


class Worker:
    """A process that works a run off and stands still after every so many chunks until it is told to go on."""

    def __init__(
        self, environment: dict[str, str], tenant: UUID, rate: UUID, *, run: str = "", pause: int = 0
    ) -> None:
        command = [sys.executable, "-m", "bench.billers", str(tenant), run, str(rate), str(pause)]
        self._child = subprocess.Popen(
            command, cwd=stack.HOME, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.run = self.hear()["run"]

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        if self._child.wait(60):
            raise RuntimeError("a run failed")

    def turn(self) -> dict[str, Any]:
        """Let it go on, and return what it says when it stands still again."""
        self.go()
        return self.hear()

    def go(self) -> None:
        """Let it go on."""
        assert self._child.stdin is not None
        self._child.stdin.write("go\n")
        self._child.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Wait for what it says next."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("a run failed")
        return dict(json.loads(line))


def together(environment: dict[str, str], tenant: UUID, rate: UUID, processes: int) -> float:
    """Work a run off in so many processes; return the seconds from the first one's start to the last one's end."""
    with ExitStack() as held:
        first = held.enter_context(Worker(environment, tenant, rate))
        workers = [first]
        workers += [
            held.enter_context(Worker(environment, tenant, rate, run=first.run)) for _ in range(processes - 1)
        ]
        began = time.perf_counter()
        for worker in workers:
            worker.go()
        for worker in workers:
            worker.hear()
        return time.perf_counter() - began


def child(tenant: str, run: str, rate: str, pause: str) -> None:
    """Work on a run, a new one if none is named; say what each part of it took, and wait between the parts."""
    import django

    django.setup()
    from django.db import connection, connections

    from billing.runs import services
    from billing.runs.engine import Engine
    from billing.runs.staging import Stage
    from core import clock
    from core.actor import Actor
    from tenancy.context import Scope, scope

    actor = Actor.system("bench")
    if not run:
        with scope(Scope(UUID(tenant))):
            run = str(services.begin(on=clock.today(), actor=actor, at=clock.now()).pk)
    bill, fill, hand_out, counts = Engine.bill, Stage.fill, services._Worker._hand_out, [0]
    chunks: list[int] = []
    since = {"chunks": 0, "invoices": 0, "began": 0.0, "processor": 0.0}

    def processor() -> float:
        """Add this process and the server's that works for it."""
        servers = [
            one.connection.info.backend_pid
            for one in connections.all(initialized_only=True)
            if one.connection
        ]
        return time.process_time() + sum(stack.processor_seconds(server) for server in servers)

    def counted(execute: Any, *arguments: Any) -> Any:
        counts[0] += 1
        return execute(*arguments)

    def counted_copy(stage: Stage, rows: Any) -> None:
        counts[0] += 1
        fill(stage, rows)

    def counted_bill(engine: Engine, *arguments: Any, **named: Any) -> Any:
        counts[0] = 0
        with connection.execute_wrapper(counted):
            outcome = bill(engine, *arguments, **named)
        chunks.append(counts[0])
        since["chunks"] += 1
        since["invoices"] += outcome.invoices
        return outcome

    def say(*, done: bool) -> None:
        # The first chunk of a session also makes the temporary tables.
        print(
            json.dumps(
                {
                    "seconds": time.perf_counter() - since["began"],
                    "processor_seconds": processor() - since["processor"], "invoices": since["invoices"], "done": done,
                    "peak_mb": stack.peak_megabytes(), "statements": min(chunks, default=0),
                }
            ),
            flush=True,
        )  # fmt: skip
        since.update(chunks=0, invoices=0)

    def wait() -> None:
        sys.stdin.readline()
        since["began"], since["processor"] = time.perf_counter(), processor()

    def paused_hand_out(worker: Any) -> Any:
        if int(pause) and since["chunks"] >= int(pause):
            say(done=False)
            wait()
        return hand_out(worker)

    # To count and to wait, in this process.
    Engine.bill, Stage.fill = counted_bill, counted_copy  # type: ignore[method-assign]
    services._Worker._hand_out = paused_hand_out  # type: ignore[method-assign]
    print(json.dumps({"run": run}), flush=True)
    wait()
    services.work(
        tenant_id=UUID(tenant), run_id=UUID(run), actor=actor, clock=clock.now, planner=Planner(UUID(rate))
    )
    say(done=True)


if __name__ == "__main__":
    child(*sys.argv[1:])
