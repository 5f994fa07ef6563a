"""Field encryption, audit, blind index and rotation: each against the bare work it adds to."""

import os
import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

from bench.stack import microseconds


def encryption() -> dict[str, Any]:
    """A 36-byte value through the model field, against AESGCM alone on a ready key."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from django.db import connection

    from billing.invoices.models import InvoiceLine

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
    return {
        "encrypt_us": written[0],
        "encrypt_bare_us": written[1],
        "decrypt_us": opened[0],
        "decrypt_bare_us": opened[1],
        "bytes_of_36": len(stored),
    }


def audit(actor: Any) -> dict[str, Any]:
    """The same small transaction with and without its event."""
    from audit import services
    from billing.events import CUSTOMER_READ
    from core import clock, ids
    from tenancy import context, jobs

    tenant = context.current_tenant
    inside = context.current()
    assert inside is not None
    assert tenant()

    def transaction(record: bool) -> Callable[[], None]:
        def work() -> None:
            from django.db import transaction as db

            with db.atomic():
                jobs.start(kind="bench", at=clock.now())
                if record:
                    services.record(CUSTOMER_READ, actor=actor, subject=("customer", ids.uuid7()))

        return work

    recorded, bare = microseconds(transaction(True), transaction(False), times=5)
    return {"with_event_us": recorded, "without_us": bare}


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


def rotation(tenant_id: Any, actor: Any) -> dict[str, Any]:
    """Re-encryption of every value of one purpose, against a bare UPDATE of the same rows."""
    from django.core.management import call_command
    from django.db import connections

    from tenancy.models import Tenant

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM billing_customer WHERE tenant_id = %s", [tenant_id])
        rows = cursor.fetchone()[0]
        began = time.perf_counter()
        cursor.execute(
            "UPDATE billing_customer SET name = name || ''::bytea, email = email || ''::bytea, "
            "subject_key = subject_key || ''::bytea WHERE tenant_id = %s",
            [tenant_id],
        )
        bare = rows / (time.perf_counter() - began)
    slug = Tenant.objects.using("owner").get(pk=tenant_id).slug
    began = time.perf_counter()
    call_command("keys_rotate", organization=slug, purpose="fields", here=True, as_json=True)
    return {
        "rows": rows,
        "rows_per_second": rows / (time.perf_counter() - began),
        "bare_rows_per_second": bare,
    }
