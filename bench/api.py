"""The API against the unprotected baseline: list, create and finalize, over HTTP, on the same machine."""

import json
from collections.abc import Callable
from typing import Any

from bench.stack import Client, requests_per_second, sequential_milliseconds

LINES = [{"description": f"Item {n}", "quantity": "2", "unit_amount": "12.50"} for n in range(3)]


def measure(port: int, headers: dict[str, str], prefix: str, customer: str, *, times: int) -> dict[str, Any]:
    """Measure one program."""

    def lister() -> Callable[[], object]:
        client = Client(port, headers)
        return lambda: client.send("GET", f"{prefix}/invoices?limit=50")

    client = Client(port, headers)

    def issue() -> None:
        body = {"customer": customer, "currency": "EUR", "lines": LINES}
        invoice = client.send("POST", f"{prefix}/invoices", body)
        client.send("POST", f"{prefix}/invoices/{invoice['id']}/finalize", {})

    issue()
    return {
        "list_ms": sequential_milliseconds(lister(), times=times),
        "list_per_second": requests_per_second(lister, clients=8, seconds=times / 75),
        "issue_ms": sequential_milliseconds(issue, times=times // 2),
    }


def fill_plain(count: int) -> str:
    """Fill the baseline's tables by itself (in a process with its settings) and print a customer's id."""
    from bench.plain.models import Customer, Invoice

    customer = Customer.objects.create(name="Blue Mill Bakery", currency="EUR")
    rows = [Invoice(customer=customer, currency="EUR", total_minor=n, subtotal_minor=n) for n in range(count)]
    Invoice.objects.bulk_create(rows, batch_size=1_000)
    return json.dumps(str(customer.pk))
