"""Billing runs against the raw COPY of the very rows that they make, as the tables' owner.

The baseline is a copy of the database as it was before the run: same rows, indexes, constraints and triggers; the
rows are there already encrypted, numbered and posted, and no policy is asked.
"""

import io
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from bench import billers, stack

# Table, rows an invoice, which; parts before their whole: the foreign keys between them wait for the commit.
TABLES = (
    ("billing_invoiceline", 3, "TRUE"),
    ("billing_invoicetax", 1, "TRUE"),
    ("billing_ledgerentry", 3, "TRUE"),
    ("billing_ledgertransaction", 1, "TRUE"),
    ("billing_invoice", 1, "TRUE"),
    ("billing_billedperiod", 1, "TRUE"),
    ("audit_event", 1, "event = 'invoice.finalized'"),
    ("outbound_webhookevent", 1, "type = 'invoice.finalized'"),
)
COPY = "bench_copy"


def measure(environment: dict[str, str], *, count: int, beside: int, rounds: int) -> dict[str, Any]:
    """Bill so many invoices in one process, and copy the very rows raw: a portion here, the same portion there.

    Then `beside` invoices in one process and in two, by turns.
    """
    tenant, rate, _ = found("runs", count)
    ours: list[float] = []
    bare: list[float] = []
    worked: list[float] = []
    with (
        copied(environment),
        billers.Worker(environment, tenant, rate, pause=max(1, count // 10_000)) as worker,
    ):
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
            charge_all(tenant, beside)
            rates.append(beside / billers.together(environment, tenant, rate, processes))
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


def _newest_id() -> str:
    return superuser("SELECT uuidv7()").strip()


@contextmanager
def copied(environment: dict[str, str], name: str = COPY) -> Iterator[None]:
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
            unit_amount=Decimal(1), due_on=billers.DAY, created_at=clock.now(),
        )
        for customer_id in customer_ids
    )  # fmt: skip


def charge_all(tenant: UUID, count: int) -> None:
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
