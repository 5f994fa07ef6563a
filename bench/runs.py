"""Billing runs against the raw COPY of the very rows that they make, as the tables' owner.

The baseline is a copy of the database as it was before the run: same rows, indexes, constraints and triggers; the
rows are there already encrypted, numbered and posted, and no policy is asked.
"""

import io
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from bench import stack

# Lines before their invoices: the foreign keys between them wait for the commit.
TABLES = (
    ("billing_invoiceline", "TRUE"),
    ("billing_invoicetax", "TRUE"),
    ("billing_ledgertransaction", "TRUE"),
    ("billing_ledgerentry", "TRUE"),
    ("billing_invoice", "TRUE"),
    ("billing_billedperiod", "TRUE"),
    ("audit_event", "event = 'invoice.finalized'"),
    ("outbound_webhookevent", "type = 'invoice.finalized'"),
)
ROWS = (3, 1, 1, 3, 1, 1, 1, 1)
COPY = "bench_copy"
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


def measure(environment: dict[str, str], *, count: int, processes: Sequence[int] = (1, 2)) -> dict[str, Any]:
    """Bill so many invoices in each number of processes, and copy the rows of the first run raw."""
    result: dict[str, Any] = {"invoices": count}
    for number, several in enumerate(processes):
        tenant, rate = _found(f"runs-{number}", count)
        if number == 0:
            _close()
            _superuser(
                f"CREATE DATABASE {COPY} TEMPLATE {environment['STRONGBOX_DB_NAME']} OWNER strongbox_owner"
            )
        run = _begin(tenant)
        seconds, peak, statements = _work(environment, tenant, run, rate, several)
        result[f"per_second_{several}"] = count / seconds
        result[f"peak_mb_{several}"] = peak
        if number == 0:
            result["statements"] = statements
            result["copy_per_second"] = count / _copy_raw(tenant)
            _superuser(f"DROP DATABASE {COPY}")
    return result


def _close() -> None:
    from django.db import connections

    connections.close_all()


def _superuser(sql: str, database: str = "postgres") -> str:
    from config.embedded.postgres import superuser_sql

    return superuser_sql(sql, database=database)


def _found(slug: str, count: int) -> tuple[UUID, UUID]:
    """Make an organization with so many customers, one charge each, and a tax rate."""
    from accounts.services import organizations
    from billing.customers import services as customers
    from billing.tax import services as tax
    from core import clock
    from core.actor import Actor
    from tenancy.context import Scope, scope

    actor, at = Actor.system("bench"), clock.now()
    founded = organizations.create(
        slug=slug, name="Bench Runs", owner_email=f"owner@{slug}.example", actor=actor, at=at
    )
    tenant: UUID = founded.tenant.pk
    with scope(Scope(tenant)):
        rate = tax.create(
            code="standard", name="VAT", category="S", percentage=Decimal(19), valid_from=date(2020, 1, 1), actor=actor, at=at
        )  # fmt: skip
    address = {"line1": "1 Mill Lane", "city": "Berlin", "postal_code": "10115", "country": "DE"}
    for start in range(0, count, 1_000):
        with scope(Scope(tenant)):
            rows = [
                customers.prepare(
                    {"name": f"Customer {n} Limited", "email": f"c{n}@bench.example", "currency": "EUR", "address": address}, at=at
                )
                for n in range(start, min(start + 1_000, count))
            ]  # fmt: skip
            customers.create_many(rows, actor=actor)
            _charge([row.pk for row in rows])
    _superuser("VACUUM ANALYZE", database="strongbox")
    return tenant, rate.pk


def _charge(customer_ids: Sequence[UUID]) -> None:
    """Give customers one more charge each."""
    from billing.subscriptions.models import PendingCharge
    from core import clock, ids

    PendingCharge.objects.bulk_create(
        PendingCharge(
            id=ids.uuid7(), customer_id=customer_id, currency="EUR", description="Plan", quantity=Decimal(1),
            unit_amount=Decimal(1), due_on=DAY, created_at=clock.now(),
        )
        for customer_id in customer_ids
    )  # fmt: skip


def grown(environment: dict[str, str], *, few: int, many: int, portion: int) -> dict[str, Any]:
    """Bill `portion` invoices where few are stored, and where many are; what is stored was billed before.

    Beside each, the first page of the list of invoices.
    """
    tenant, rate = _found("runs-grown", portion)
    result: dict[str, Any] = {"portion": portion}
    stored, charged = 0, True
    for name, wanted in (("few", few), ("many", many)):
        while stored < wanted:
            _charge_all(tenant, unless=charged)
            _work(environment, tenant, _begin(tenant), rate, 1)
            stored, charged = stored + portion, False
        _charge_all(tenant, unless=charged)
        _superuser("VACUUM ANALYZE", database="strongbox")
        seconds, peak, statements = _work(environment, tenant, _begin(tenant), rate, 1)
        result[name] = {
            "stored": stored,
            "per_second": portion / seconds,
            "peak_mb": peak,
            "statements": statements,
            "list_ms": _list(tenant),
        }
        stored, charged = stored + portion, False
    return result


def _charge_all(tenant: UUID, *, unless: bool) -> None:
    from billing.customers.models import Customer
    from tenancy.context import Scope, scope

    if unless:
        return
    with scope(Scope(tenant)):
        found = list(Customer.objects.values_list("pk", flat=True))
    for start in range(0, len(found), 1_000):
        with scope(Scope(tenant)):
            _charge(found[start : start + 1_000])


def _list(tenant: UUID) -> float:
    """Return the median milliseconds of the first page of invoices."""
    from billing.invoices.lists import View, Wanted, page
    from core import clock
    from tenancy.context import Scope, scope

    taken = []
    with scope(Scope(tenant)):
        for _ in range(100):
            began = time.perf_counter()
            page(Wanted(view=View.ALL, today=clock.today()))
            taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def _begin(tenant: UUID) -> UUID:
    from billing.runs import services
    from core import clock
    from core.actor import Actor
    from tenancy.context import Scope, scope

    with scope(Scope(tenant)):
        run = services.begin(on=clock.today(), actor=Actor.system("bench"), at=clock.now())
    return run.pk


def _work(
    environment: dict[str, str], tenant: UUID, run: UUID, rate: UUID, processes: int
) -> tuple[float, float, int]:
    """Work a run off in processes of their own; return seconds, the most memory of one in MB, a chunk's statements."""
    command = [sys.executable, "-m", "bench.runs", str(tenant), str(run), str(rate)]
    children = [
        subprocess.Popen(command, cwd=stack.HOME, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    said = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise RuntimeError("a run failed")
    told = [json.loads(text.strip().splitlines()[-1]) for text in said]
    seconds = max(one["ended"] for one in told) - min(one["began"] for one in told)
    return seconds, max(one["peak_mb"] for one in told), max(one["statements"] for one in told)


def _copy_raw(tenant: UUID) -> float:
    """Copy the rows of a run into the copy of the database as the owner; return the seconds."""
    import psycopg
    from django.db import connections

    settings = connections["owner"].settings_dict
    way = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"], "password": settings["PASSWORD"]}  # fmt: skip
    with (
        psycopg.connect(dbname=settings["NAME"], **way) as here,
        psycopg.connect(dbname=COPY, **way) as there,
    ):
        for table, _ in TABLES:
            there.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        there.commit()
        held = []
        for table, condition in TABLES:
            columns = [
                row[0]
                for row in here.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                    "AND NOT attisdropped AND attgenerated = ''", [table],
                )
            ]  # fmt: skip
            listed = ", ".join(f'"{column}"' for column in columns)
            data = io.BytesIO()
            source = f"SELECT {listed} FROM {table} WHERE tenant_id = '{tenant}' AND {condition}"
            with here.cursor().copy(f"COPY ({source}) TO STDOUT (FORMAT binary)") as out:
                for block in out:
                    data.write(block)
            held.append((f"COPY {table} ({listed}) FROM STDIN (FORMAT binary)", data.getbuffer()))
        began = time.perf_counter()
        for statement, data in held:
            with there.cursor().copy(statement) as into:
                for start in range(0, len(data), 1 << 20):
                    into.write(data[start : start + (1 << 20)])
        there.commit()
        return time.perf_counter() - began


def child(tenant: str, run: str, rate: str) -> None:
    """Work on a run, and print what it took."""
    import django

    django.setup()
    from django.db import connection

    from billing.runs import services
    from billing.runs.engine import Engine
    from billing.runs.staging import Stage
    from core import clock
    from core.actor import Actor

    bill, fill, counts = Engine.bill, Stage.fill, [0]
    chunks: list[int] = []

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
        return outcome

    Engine.bill, Stage.fill = counted_bill, counted_copy  # type: ignore[method-assign]  # to count, in this process
    began = time.time()
    services.work(
        tenant_id=UUID(tenant), run_id=UUID(run), actor=Actor.system("bench"), clock=clock.now, planner=Planner(UUID(rate))
    )  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    # The first chunk of a session also makes the temporary tables.
    usual = min(chunks, default=0)
    print(json.dumps({"peak_mb": peak, "began": began, "ended": time.time(), "statements": usual}))


if __name__ == "__main__":
    child(*sys.argv[1:])
