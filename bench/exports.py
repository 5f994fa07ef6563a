"""An encrypted export of customers (decrypted, written as CSV, encrypted, in the trail), beside COPY of the same rows."""

import statistics
import time
from typing import Any
from uuid import UUID


def measure(tenant_id: UUID, actor: Any, *, rounds: int) -> dict[str, Any]:
    """Make the file and copy the table by turns, as the owner and as it is stored."""
    from django.db import connections

    from billing.exports import kinds, making, services
    from billing.exports.models import Export
    from core import clock
    from tenancy.context import Scope, scope

    columns = [column.code for column in kinds.of("customers").columns]
    taken: tuple[list[float], list[float]] = ([], [])
    rows = 0
    for turn in range(rounds + 1):
        with scope(Scope(tenant_id)):
            wanted = services.Wanted(kind="customers", columns=columns, reason="bench")
            asked = services.ask(wanted=wanted, actor=actor, at=clock.now())
        began = time.perf_counter()
        making.make(tenant_id=tenant_id, export_id=asked.pk, actor=actor, now=clock.now)
        ours = time.perf_counter() - began
        with scope(Scope(tenant_id)):
            made = Export.objects.get(pk=asked.pk)
            if made.state != Export.State.READY:
                raise RuntimeError(f"the export is {made.state}: {made.code}")
            rows = made.rows
        began = time.perf_counter()
        with connections["owner"].cursor() as cursor:
            statement = f"COPY (SELECT * FROM billing_customer WHERE tenant_id = '{tenant_id}') TO STDOUT (FORMAT csv)"
            with cursor.copy(statement) as out:
                for _ in out:
                    pass
        if turn:
            taken[0].append(rows / ours)
            taken[1].append(rows / (time.perf_counter() - began))
    return {
        "rows": rows,
        "columns": len(columns),
        "rows_per_second": statistics.median(taken[0]),
        "copy_rows_per_second": statistics.median(taken[1]),
        "ratio": statistics.median(ours / bare for ours, bare in zip(*taken, strict=True)),
    }
