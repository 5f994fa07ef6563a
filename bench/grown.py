"""Billing where many invoices are stored beside billing where few are: each in a database of its own."""

import statistics
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from bench import billers, runs, stack


def multiply(tenant: UUID, times: int, *, database: str) -> None:
    """Store everything that an organization was billed so many times over, older by ten minutes each time.

    Every row, index entry and id is as it would be; triggers are not asked again, and what stands encrypted in a copy
    stays bound to the row that it was copied from.
    """
    shifted = "(lpad(to_hex(('x' || translate(left(%1$I::text, 13), '-', ''))::bit(48)::bigint - n * 600000), 12, '0') || right(translate(%1$I::text, '-', ''), 20))::uuid"
    for table, _, condition in (*runs.TABLES, ("billing_pendingcharge", 1, "billed_at IS NOT NULL")):
        runs.superuser(
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


def measure(environment: dict[str, str], *, few: int, many: int, portion: int) -> dict[str, Any]:
    """Bill a portion where few are stored and the same where many are, a chunk here and a chunk there.

    The few and the many stand in databases of their own, so that the indexes of the few are small. Beside them the
    first page of the list of invoices over the API, and of an organization that has a thousand.
    """
    tenant, rate, key = runs.found("runs-grown", few)
    small, small_rate, small_key = runs.found("runs-thousand", 1_000)
    for organization, its_rate in ((tenant, rate), (small, small_rate)):
        billers.together(environment, organization, its_rate, 1)
    here, there = environment["STRONGBOX_DB_NAME"], "bench_many"
    settings = {"few": environment, "many": {**environment, "STRONGBOX_DB_NAME": there}}
    runs.charge_all(tenant, portion)
    with runs.copied(environment, there):
        multiply(tenant, many // few - 1, database=there)
        for database in (here, there):
            runs.superuser("VACUUM ANALYZE", database=database)
        stored = {name: _stored(tenant, database) for name, database in (("few", here), ("many", there))}
        taken: dict[str, list[float]] = {name: [] for name in settings}
        worked: dict[str, list[float]] = {name: [] for name in settings}
        with ExitStack() as held:
            workers = {
                name: held.enter_context(billers.Worker(values, tenant, rate, pause=1))
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
        runs.superuser(
            f"SELECT count(*) FROM billing_invoice WHERE tenant_id = '{tenant}'", database=database
        )
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
