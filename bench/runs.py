"""Billing runs against the raw COPY of the very rows that they make, as the tables' owner.

The baseline is a copy of the database as it was before the run: same rows, indexes, constraints and triggers; the
rows are there already encrypted, numbered and posted, and no policy is asked.
"""

import io
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from bench import stack

# Table, rows an invoice, which; lines before their invoices: the foreign keys between them wait for the commit.
TABLES = (
    ("billing_invoiceline", 3, "TRUE"),
    ("billing_invoicetax", 1, "TRUE"),
    ("billing_ledgertransaction", 1, "TRUE"),
    ("billing_ledgerentry", 3, "TRUE"),
    ("billing_invoice", 1, "TRUE"),
    ("billing_billedperiod", 1, "TRUE"),
    ("audit_event", 1, "event = 'invoice.finalized'"),
    ("outbound_webhookevent", 1, "type = 'invoice.finalized'"),
)
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


def measure(environment: dict[str, str], *, count: int, beside: int, rounds: int) -> dict[str, Any]:
    """Bill so many invoices in one process, and copy the very rows raw: a portion here, the same portion there.

    Then `beside` invoices in one process and in two, by turns.
    """
    tenant, rate, _ = found("runs", count)
    ours: list[float] = []
    bare: list[float] = []
    worked: list[float] = []
    with _copied(environment), Worker(environment, tenant, rate, pause=max(1, count // 10_000)) as worker:
        while True:
            since = _newest_id()
            told = worker.turn()
            if told["invoices"]:
                ours.append(told["seconds"] / told["invoices"])
                seconds, processor = _copy_raw(tenant, since, told["invoices"])
                bare.append(seconds / told["invoices"])
                worked.append(processor / told["processor_seconds"])
            if told["done"]:
                break
    one: list[float] = []
    two: list[float] = []
    for _ in range(rounds):
        for rates, processes in ((one, 1), (two, 2)):
            _charge_all(tenant, beside)
            rates.append(beside / together(environment, tenant, rate, processes))
    return {
        "invoices": count,
        "portions": len(ours),
        "per_second_1": 1 / statistics.fmean(ours),
        "copy_per_second": 1 / statistics.fmean(bare),
        "of_copy_processor": statistics.median(worked),
        "of_copy": statistics.median(raw / here for here, raw in zip(ours, bare, strict=True)),
        "peak_mb_1": told["peak_mb"],
        "statements": told["statements"],
        "beside": beside,
        "per_second_alone": statistics.median(one),
        "per_second_2": statistics.median(two),
        "of_one": statistics.median(many / alone for many, alone in zip(two, one, strict=True)),
        "rounds": {
            "ours_us": [x * 1e6 for x in ours],
            "copy_us": [x * 1e6 for x in bare],
            "one": one,
            "two": two,
        },
    }


class Worker:
    """A process that works a run off and stands still after every so many chunks until it is told to go on."""

    def __init__(
        self, environment: dict[str, str], tenant: UUID, rate: UUID, *, run: str = "", pause: int = 0
    ) -> None:
        command = [sys.executable, "-m", "bench.runs", str(tenant), run, str(rate), str(pause)]
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


def _newest_id() -> str:
    return superuser("SELECT uuidv7()").strip()


@contextmanager
def _copied(environment: dict[str, str], name: str = COPY) -> Iterator[None]:
    """Hold a copy of the database as it is now: same rows, indexes, constraints and triggers."""
    _close()
    superuser(f"CREATE DATABASE {name} TEMPLATE {environment['STRONGBOX_DB_NAME']} OWNER strongbox_owner")
    try:
        yield
    finally:
        superuser(f"DROP DATABASE {name} WITH (FORCE)")


def _close() -> None:
    from django.db import connections

    connections.close_all()


def superuser(sql: str, database: str = "postgres") -> str:
    from config.embedded.postgres import superuser_sql

    return superuser_sql(sql, database=database)


def found(slug: str, count: int) -> tuple[UUID, UUID, str]:
    """Make an organization with so many customers, one charge each, and a tax rate; returns also a key that reads."""
    from accounts.permissions import Permission
    from accounts.services import apikeys, organizations
    from billing.customers import services as customers
    from billing.tax import services as tax
    from config.embedded import demo
    from core import clock
    from core.actor import Actor
    from tenancy.context import Scope, scope

    actor, at = Actor.system("bench"), clock.now()
    founded = organizations.create(
        slug=slug, name="Bench Runs", owner_email=f"owner@{slug}.example", actor=actor, at=at
    )
    tenant: UUID = founded.tenant.pk
    _, owner = demo.join(founded.tenant, founded.url, "Ada Bench", demo.RoleCode.OWNER)
    with scope(Scope(tenant)):
        key = apikeys.create(
            name="bench", scopes=[Permission.INVOICE_READ.value], limits={}, expires_at=at + timedelta(days=1), actor=owner, at=at
        ).raw  # fmt: skip
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
    superuser("VACUUM ANALYZE", database="strongbox")
    return tenant, rate.pk, key


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


def _charge_all(tenant: UUID, count: int) -> None:
    """Give so many customers the charge of their first one once more, and let the statistics follow."""
    superuser(
        f"""
        DO $$ DECLARE listed text; BEGIN
          SELECT string_agg(quote_ident(attname), ', ') INTO listed FROM pg_attribute
          WHERE attrelid = 'billing_pendingcharge'::regclass AND attnum > 0 AND NOT attisdropped
            AND attgenerated = '' AND attname NOT IN ('id', 'billed_at');
          EXECUTE format('INSERT INTO billing_pendingcharge (id, %1$s) SELECT uuidv7(), %1$s FROM ('
            'SELECT DISTINCT ON (customer_id) * FROM billing_pendingcharge WHERE tenant_id = %2$L '
            'ORDER BY customer_id LIMIT {count}) AS first', listed, '{tenant}');
        END $$;
        VACUUM ANALYZE billing_pendingcharge""",
        database="strongbox",
    )


def multiply(tenant: UUID, times: int, *, database: str) -> None:
    """Store everything that an organization was billed so many times over, older by ten minutes each time.

    Every row, index entry and id is as it would be; triggers are not asked again, and what stands encrypted in a copy
    stays bound to the row that it was copied from.
    """
    shifted = "(lpad(to_hex(('x' || translate(left(%1$I::text, 13), '-', ''))::bit(48)::bigint - n * 600000), 12, '0') || right(translate(%1$I::text, '-', ''), 20))::uuid"
    for table, _, condition in (*TABLES, ("billing_pendingcharge", 1, "billed_at IS NOT NULL")):
        superuser(
            f"""
            SET session_replication_role = replica;
            DO $$ DECLARE listed text; chosen text; BEGIN
              SELECT string_agg(quote_ident(attname), ', '), string_agg(CASE
                WHEN attname IN ('id', 'invoice_id', 'transaction_id', 'charge_id', 'subject_id') THEN format($f${shifted}$f$, attname)
                WHEN attname = 'number' THEN 'number || $n$-$n$ || n'
                WHEN attname = 'sequence' THEN 'sequence + n * 1000000'
                ELSE quote_ident(attname) END, ', ')
              INTO listed, chosen FROM pg_attribute
              WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
              EXECUTE format('INSERT INTO {table} (%s) SELECT %s FROM (SELECT * FROM {table} WHERE tenant_id = %L AND '
                '{condition.replace("'", "''")} ORDER BY id) AS found CROSS JOIN generate_series({times}, 1, -1) AS n', listed, chosen, '{tenant}');
            END $$""",
            database=database,
        )


def grown(environment: dict[str, str], *, few: int, many: int, portion: int) -> dict[str, Any]:
    """Bill a portion where few are stored and the same where many are, a chunk here and a chunk there.

    The few and the many stand in databases of their own, so that the indexes of the few are small. Beside them the
    first page of the list of invoices over the API, and of an organization that has a thousand.
    """
    tenant, rate, key = found("runs-grown", few)
    small, small_rate, small_key = found("runs-thousand", 1_000)
    for organization, its_rate in ((tenant, rate), (small, small_rate)):
        together(environment, organization, its_rate, 1)
    here, there = environment["STRONGBOX_DB_NAME"], "bench_many"
    settings = {"few": environment, "many": {**environment, "STRONGBOX_DB_NAME": there}}
    _charge_all(tenant, portion)
    with _copied(environment, there):
        multiply(tenant, many // few - 1, database=there)
        for database in (here, there):
            superuser("VACUUM ANALYZE", database=database)
        stored = {name: _stored(tenant, database) for name, database in (("few", here), ("many", there))}
        taken: dict[str, list[float]] = {name: [] for name in settings}
        worked: dict[str, list[float]] = {name: [] for name in settings}
        with ExitStack() as held:
            workers = {
                name: held.enter_context(Worker(values, tenant, rate, pause=1))
                for name, values in settings.items()
            }
            told: dict[str, dict[str, Any]] = {}
            while not told or not any(said["done"] for said in told.values()):
                for name, worker in workers.items():
                    told[name] = worker.turn()
                    if told[name]["invoices"]:
                        taken[name].append(told[name]["seconds"] / told[name]["invoices"])
                        worked[name].append(told[name]["processor_seconds"])
        lists = _lists(settings, {"few": small_key, "many": key})
    result: dict[str, Any] = {"portion": portion, "lists": lists}
    for name in settings:
        result[name] = {
            "stored": stored[name],
            # The first chunk makes the session's temporary tables and plans.
            "ms_per_thousand": statistics.median(taken[name][1:]) * 1e6,
            "peak_mb": told[name]["peak_mb"],
            "statements": told[name]["statements"],
            "chunks_us": [x * 1e6 for x in taken[name]],
        }
    for said, measured in (("ratio", taken), ("ratio_processor", worked)):
        result[said] = statistics.median(
            late / early for early, late in list(zip(measured["few"], measured["many"], strict=True))[1:]
        )
    return result


def _stored(tenant: UUID, database: str) -> int:
    return int(
        superuser(f"SELECT count(*) FROM billing_invoice WHERE tenant_id = '{tenant}'", database=database)
    )


def _lists(settings: dict[str, dict[str, str]], keys: dict[str, str]) -> dict[str, float]:
    """Return the median milliseconds of the list of 50 over the API, of a thousand and of many invoices, by turns."""

    def lister(port: int, key: str) -> Callable[[], object]:
        client = stack.Client(port, {"Authorization": f"Bearer {key}"})
        return lambda: client.send("GET", "/api/v1/invoices?limit=50")

    with (
        stack.serving("config.wsgi", settings["few"]) as few_port,
        stack.serving("config.wsgi", settings["many"]) as many_port,
    ):
        works = [lister(few_port, keys["few"]), lister(many_port, keys["many"])]
        thousand, many = stack.sequential_milliseconds(works, times=400)
    return {"thousand_ms": thousand, "many_ms": many}


def _copy_raw(tenant: UUID, since: str, count: int) -> tuple[float, float]:
    """Copy the rows of a run, all younger than an id, into the copy of the database as the owner.

    Returns the seconds, and those that the server's process was on a processor; what sends the rows is left out.
    """
    import psycopg
    from django.db import connections

    settings = connections["owner"].settings_dict
    way = {"host": settings["HOST"], "port": settings["PORT"], "user": settings["USER"], "password": settings["PASSWORD"]}  # fmt: skip
    with (
        psycopg.connect(dbname=settings["NAME"], **way) as here,
        psycopg.connect(dbname=COPY, **way) as there,
    ):
        for table, _, _ in TABLES:
            there.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        there.commit()
        held = []
        for table, rows, condition in TABLES:
            columns = [
                row[0]
                for row in here.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 "
                    "AND NOT attisdropped AND attgenerated = ''", [table],
                )
            ]  # fmt: skip
            listed = ", ".join(f'"{column}"' for column in columns)
            data = io.BytesIO()
            source = f"SELECT {listed} FROM {table} WHERE tenant_id = '{tenant}' AND id > '{since}' AND {condition}"
            cursor = here.cursor()
            with cursor.copy(f"COPY ({source}) TO STDOUT (FORMAT binary)") as out:
                for block in out:
                    data.write(block)
            if (found := cursor.rowcount) != rows * count:
                raise RuntimeError(f"{found} rows of {table} were made, not {rows * count}")
            held.append((f"COPY {table} ({listed}) FROM STDIN (FORMAT binary)", data.getbuffer()))
        server = there.info.backend_pid
        began, before = time.perf_counter(), stack.processor_seconds(server)
        for statement, data in held:
            with there.cursor().copy(statement) as into:
                for start in range(0, len(data), 1 << 20):
                    into.write(data[start : start + (1 << 20)])
        there.commit()
        return time.perf_counter() - began, stack.processor_seconds(server) - before


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
