"""One storm: bill, let everybody pay in bad weather, wait for calm, and count what really happened."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.embedded.stack import HOME, Stack, free_port
from tests.faults.payers import Payers
from tests.faults.shop import Shop
from tests.faults.weather import Sandbox, Weather

ORGANIZATION = "acme"
# What may still move money; after calm none is left.
UNSETTLED = frozenset({"pending", "processing", "unknown"})
CALM_SECONDS = 600.0


@dataclass
class Result:
    """Counts for people, and what must not be (empty when all is well)."""

    counts: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def must_be(self, name: str, count: int, wanted: int) -> None:
        """Count something that has one right answer."""
        self.counts[name] = count
        if count != wanted:
            self.faults.append(f"{name}: {count}, not {wanted}")


class Storm:
    """A whole stack of its own, with the demo's organizations, struck while people pay."""

    def __init__(self, state: Path, *, seed: int, say: Callable[[str], None]) -> None:
        self._chance, self._say = random.Random(seed), say
        self._state, self._port, self._gateway = state, free_port(), free_port()
        self._stack = Stack(
            state,
            self._port,
            STRONGBOX_DEMO="1",
            SANDBOX_PORT=str(self._gateway),
            STRONGBOX_API_PER_SECOND="200",
        )

    def run(self, *, payments: int, at_once: int) -> Result:
        """Do it all; the stack is gone afterwards."""
        self._say("Starting a stack")
        self._stack.start()
        # What the supervisor goes on to say must be read, or it waits to be heard.
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            return self._storm(payments, at_once)
        finally:
            self._stack.end()

    def _is_up(self) -> bool:
        return self._stack.process.poll() is None

    def _listen(self) -> None:
        for line in self._stack.process.stdout or ():
            self._stack.lines.append(line.rstrip())

    def _storm(self, payments: int, at_once: int) -> Result:
        known = self._manage("demo_credentials")
        key = next(row["key"] for row in known["api_keys"] if row["organization"] == ORGANIZATION)
        shop = Shop(self._port, key)
        account = Sandbox(self._gateway, f"sk_test_{key.split('_')[2]}")
        before = {row["id"] for row in account.call("GET", "/sandbox/truth")["payments"]}
        account.call("POST", "/sandbox/settings", {"delay": 5})
        self._say(f"Writing {payments} invoices")
        buyer = shop.customer()
        with ThreadPoolExecutor(4) as desks:
            invoices = list(desks.map(lambda number: shop.invoice(buyer, number), range(payments)))
        self._say("The weather turns")
        weather = Weather(self._stack, Sandbox(self._gateway), self._chance, every_seconds=3.0)
        payers = Payers(self._chance, open_for_business=self._is_up)
        weather.begin()
        started = time.monotonic()
        payers.pay_all([invoice["pay_url"] for invoice in invoices], at_once=at_once)
        weather.abate()
        if not self._is_up():
            raise AssertionError("\n".join(["The stack is gone.", *self._stack.lines[-20:]]))
        weather.clear_up()
        self._say(f"Everybody is done after {time.monotonic() - started:.0f} s; waiting for calm")
        states = self._calm(shop, buyer)
        result = Result({name: payers.counts[name] for name in sorted(payers.counts)})
        result.counts |= dict(sorted(weather.counts.items()))
        self._count(result, shop, account, before, invoices, states)
        return result

    def _calm(self, shop: Shop, buyer: str) -> Counter[str]:
        """Wait until nothing may move money any more, and return how many payments are in which state."""
        until = time.monotonic() + CALM_SECONDS
        while True:
            rows = shop.all(f"/payments?customer={buyer}")
            left = [row for row in rows if row["status"] in UNSETTLED]
            if not left or time.monotonic() > until:
                for row in left:
                    self._say(f"Left: {row}")
                return Counter(row["status"] for row in rows)
            time.sleep(2)

    def _count(
        self,
        result: Result,
        shop: Shop,
        account: Sandbox,
        before: set[str],
        invoices: list[dict[str, Any]],
        states: Counter[str],
    ) -> None:
        truth = [row for row in account.call("GET", "/sandbox/truth")["payments"] if row["id"] not in before]
        taken = {row["id"]: row["amount"] for row in truth if row["status"] == "succeeded"}
        result.counts["payments the gateway took"] = len(taken)
        booked = [
            row for row in shop.all("/payments") if row["status"] == "succeeded" and row["provider_reference"]
        ]
        ours = {
            row["provider_reference"]: row["amount_minor"]
            for row in booked
            if row["provider_reference"] in taken
        }
        result.must_be("payments lost", len(taken.keys() - ours.keys()), 0)
        result.must_be("payments of another amount", sum(ours[name] != taken[name] for name in ours), 0)
        invented = [
            row
            for row in booked
            if row["provider_reference"] not in taken and row["provider_reference"] not in before
        ]
        result.must_be("payments invented", len(invented), 0)
        of_invoice: Counter[str] = Counter()
        for row in booked:
            if row["provider_reference"] in taken:
                of_invoice[row["invoice"]] += 1
        result.must_be("double charges", sum(many - 1 for many in of_invoice.values() if many > 1), 0)
        paid = [shop.call("GET", f"/invoices/{invoice['id']}") for invoice in invoices]
        open_ = sum(1 for invoice in paid if invoice["payment_status"] != "paid")
        result.must_be("invoices paid and still open", open_ - (len(invoices) - len(of_invoice)), 0)
        result.counts["invoices paid"] = len(invoices) - open_
        result.counts |= {f"payments {name}": states[name] for name in sorted(states)}
        left = sum(states[name] for name in UNSETTLED)
        result.must_be("left unknown or under way", left, 0)
        result.must_be("errors in the books", len(self._manage("ledger_check")["errors"]), 0)
        result.must_be("errors in the audit trail", len(self._manage("audit_verify")["errors"]), 0)

    def _manage(self, *words: str) -> dict[str, Any]:
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            [sys.executable, str(HOME / "manage.py"), *words, "--json"],
            env=environment | {"STRONGBOX_STATE_DIR": str(self._state)},
            cwd=HOME,
            capture_output=True,
            text=True,
            check=False,
        )
        if not done.stdout.strip():
            raise AssertionError(f"{words}: {done.stderr[-2000:]}")
        return dict(json.loads(done.stdout.strip().splitlines()[-1]))
