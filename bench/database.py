"""Field encryption, audit, blind index and rotation: each against the bare work it adds to."""

import os
import statistics
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

from bench.stack import microseconds, processor_seconds


def encryption() -> dict[str, Any]:
    """A 36-byte value through the model field, against AESGCM alone on a ready key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from django.db import connection

    from billing.invoices.models import InvoiceLine
    from crypto import rows

    value = "Blue Mill Bakery, accounts receivable"
    raw, key = value.encode(), AESGCM(os.urandom(32))
    row = InvoiceLine(description=value)
    field = InvoiceLine._meta.get_field("description")

    def prepared() -> Any:
        return field.get_db_prep_save(field.pre_save(row, True), connection)

    stored = bytes(prepared())
    held = field.from_db_value(stored, None, connection)

    # Another value each time: the one that the row already holds would be kept, or decrypted to be bound anew.
    values = cycle((value, value.upper()))

    def write() -> None:
        row.description = next(values)
        prepared()

    def read() -> None:
        row.__dict__["description"] = held
        assert row.description == value

    nonce = os.urandom(12)
    sealed = key.encrypt(nonce, raw, b"table.column")
    written = microseconds(write, lambda: key.encrypt(os.urandom(12), raw, b"table.column"), times=300)
    opened = microseconds(read, lambda: key.decrypt(nonce, sealed, b"table.column"), times=300)
    close, open_value = rows.each_closer(InvoiceLine, "description"), rows.opener(InvoiceLine, "description")
    many = [(row.pk, raw)] * 1_000
    return {
        "bulk_encrypt_us": microseconds(lambda: close(many), lambda: None, times=1)[0] / len(many),
        "bulk_decrypt_us": microseconds(lambda: open_value(row.pk, stored), lambda: None, times=300)[0],
        "encrypt_us": written[0],
        "encrypt_bare_us": written[1],
        "decrypt_us": opened[0],
        "decrypt_bare_us": opened[1],
        "bytes_of_36": len(stored),
    }


def audit(tenant_id: Any, actor: Any) -> dict[str, Any]:
    """The same small transaction, from its beginning to its commit, with and without its event."""
    from django.db import connection

    from audit import services
    from billing.events import CUSTOMER_READ
    from core import clock, ids
    from tenancy import jobs
    from tenancy.context import Scope, scope

    def transaction(record: bool) -> Callable[[], None]:
        def work() -> None:
            with scope(Scope(tenant_id)):
                jobs.start(kind="bench", at=clock.now())
                if record:
                    services.record(CUSTOMER_READ, actor=actor, subject=("customer", ids.uuid7()))

        return work

    works = transaction(True), transaction(False)
    recorded, bare = microseconds(*works, times=5)
    ratios = []
    server = connection.connection.info.backend_pid
    for _ in range(20):
        spent = []
        for work in works:
            before = time.process_time() + processor_seconds(server)
            for _ in range(25):
                work()
            spent.append(time.process_time() + processor_seconds(server) - before)
        ratios.append(spent[0] / spent[1])
    return {"with_event_us": recorded, "without_us": bare, "ratio_processor": statistics.median(ratios)}


def blind_index(size: int, actor: Any) -> dict[str, Any]:
    """Exact search by e-mail among many customers, against a look-up by primary key."""
    from billing.customers import services
    from billing.customers.models import Customer
    from core import clock
    from crypto import blindindex

    at = clock.now()
    for start in range(0, size, 1_000):
        rows = [
            services.prepare(
                {"name": f"Customer {n}", "email": f"person{n}@bench.example", "currency": "EUR"}, at=at
            )
            for n in range(start, min(start + 1_000, size))
        ]
        services.create_many(rows, actor=actor)
    wanted = rows[-1]
    email = f"person{size - 1}@bench.example"

    def search() -> None:
        index = blindindex.lookup(Customer, "email_index", email)
        assert Customer.objects.filter(email_index=index).values_list("id", flat=True).get() == wanted.pk

    def by_key() -> None:
        assert Customer.objects.filter(pk=wanted.pk).values_list("id", flat=True).get() == wanted.pk

    searched, found = microseconds(search, by_key, times=5)
    return {"customers": size, "search_us": searched, "by_key_us": found}


def seal(tenant_id: Any) -> dict[str, Any]:
    """Sealing what has been recorded so far, and checking the trail of the organization event by event."""
    from audit import keys, sealing, verification
    from core import clock

    key = keys.signing_key()
    sealed, began = 0, time.perf_counter()
    while (made := sealing.seal_once(key, at=clock.now())).events:
        sealed += made.events
    seal_seconds = time.perf_counter() - began
    began = time.perf_counter()
    report = verification.verify(tenant_id)
    assert report.is_whole
    return {
        "sealed": sealed,
        "sealed_per_second": sealed / seal_seconds,
        "verified": report.events,
        "verified_per_second": report.events / (time.perf_counter() - began),
    }


def rotation(tenant_id: Any) -> dict[str, Any]:
    """Re-encryption of every value of one purpose, against a bare UPDATE of the same columns of the same rows.

    A rotation waits until no process encrypts under the old key; that is a fixed time, and stands apart.
    """
    from django.db import connections

    from core import clock
    from core.actor import Actor
    from crypto import columns, draining, rotation
    from crypto.envelope import Purpose

    rows, bare_seconds = 0, 0.0
    with connections["owner"].cursor() as cursor:
        for table in columns.tables(of_operator=False, purpose=Purpose.FIELDS.value):
            sets = ", ".join(
                f'"{column.column}" = "{column.column}" || \'\'::bytea' for column in table.fields
            )
            began = time.perf_counter()
            cursor.execute(f'UPDATE "{table.name}" SET {sets} WHERE tenant_id = %s', [tenant_id])
            bare_seconds += time.perf_counter() - began
            rows += cursor.rowcount
    waited = [0.0]
    wait = draining.wait_for_every_process

    def timed(trusted_seconds: float) -> None:
        began = time.perf_counter()
        wait(trusted_seconds)
        waited[0] += time.perf_counter() - began

    draining.wait_for_every_process = timed
    began = time.perf_counter()
    try:
        done = rotation.rotate(
            tenant_id=tenant_id,
            purpose=Purpose.FIELDS,
            actor=Actor.system("bench"),
            clock=clock.now,
            progress=lambda _, __: None,
        )
    finally:
        draining.wait_for_every_process = wait
    seconds = time.perf_counter() - began
    return {
        "rows": rows,
        "values": done.values,
        "seconds": seconds,
        "waited_seconds": waited[0],
        "rows_per_second": rows / (seconds - waited[0]),
        "bare_rows_per_second": rows / bare_seconds,
    }
