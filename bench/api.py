"""The API against the unprotected baseline: list, create and finalize, over HTTP, on the same machine, in turns."""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from bench import stack
from bench.stack import Client, requests_per_second, sequential_milliseconds

LINES = [{"description": f"Item {n}", "quantity": "2", "unit_amount": "12.50"} for n in range(3)]
_TURNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One program as its clients see it."""

    name: str
    port: int
    headers: dict[str, str]
    prefix: str
    customer: str
    database: str

    def lister(self) -> Callable[[], object]:
        """Return what asks for a list, on a connection of its own."""
        client = Client(self.port, self.headers)
        return lambda: client.send("GET", f"{self.prefix}/invoices?limit=50")

    def issuer(self) -> Callable[[], object]:
        """Return what drafts and finalizes an invoice, on a connection of its own."""
        client = Client(self.port, self.headers)

        def issue() -> None:
            body = {"customer": self.customer, "currency": "EUR", "lines": LINES}
            invoice = client.send("POST", f"{self.prefix}/invoices", body)
            client.send("POST", f"{self.prefix}/invoices/{invoice['id']}/finalize", {})

        return issue


def measure(programs: tuple[Program, ...], *, times: int) -> dict[str, float]:
    """Measure the programs in turns, so that what else the machine does falls on all of them."""
    lists = sequential_milliseconds([program.lister() for program in programs], times=times)
    issues = sequential_milliseconds([program.issuer() for program in programs], times=times // 2)
    rates: list[list[float]] = [[] for _ in programs]
    for _ in range(_TURNS):
        for found, program in zip(rates, programs, strict=True):
            found.append(requests_per_second(program.lister, clients=8, seconds=times / 150))
    result: dict[str, float] = {}
    for program, in_list, in_issue, rate in zip(programs, lists, issues, rates, strict=True):
        result[f"{program.name}_list_ms"] = in_list
        result[f"{program.name}_issue_ms"] = in_issue
        result[f"{program.name}_list_per_second"] = statistics.median(rate)
    result["list_processor"] = _processor(programs, [program.lister() for program in programs])
    result["issue_processor"] = _processor(programs, [program.issuer() for program in programs])
    return result


def _processor(programs: tuple[Program, ...], works: list[Callable[[], object]]) -> float:
    """Return how much longer the first program and its database were on a processor than the second's, by turns."""
    spent: list[list[float]] = [[] for _ in programs]
    for turn in range(7):
        for found, program, work in zip(spent, programs, works, strict=True):
            before = stack.served_seconds(program.port, program.database)
            for _ in range(40):
                work()
            if turn:  # the first warms up
                found.append(stack.served_seconds(program.port, program.database) - before)
    return sum(spent[0]) / sum(spent[1])


def fill_plain(count: int) -> str:
    """Fill the baseline's tables by itself (in a process with its settings) and print a customer's id."""
    from bench.plain.models import Customer, Invoice

    customer = Customer.objects.create(name="Blue Mill Bakery", currency="EUR")
    rows = [Invoice(customer=customer, currency="EUR", total_minor=n, subtotal_minor=n) for n in range(count)]
    Invoice.objects.bulk_create(rows, batch_size=1_000)
    return json.dumps(str(customer.pk))
