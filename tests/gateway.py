"""The sandbox gateway of the suite: one process, its own file, shared by every worker."""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from config.embedded import processes, programs

HOME = Path(__file__).resolve().parents[1]
_READY_SECONDS = 60
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start(state: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start an empty sandbox gateway on a free port; returns the process and its address."""
    folder, ready, log = state / "sandbox", state / "sandbox.ready", state / "sandbox.log"
    shutil.rmtree(folder, ignore_errors=True)
    ready.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    child = processes.spawn(
        programs.sandbox(state, port=0).arguments,
        environment={"PATH": os.environ["PATH"], "STRONGBOX_READY_FILE": str(ready)},
        folder=HOME,
        log=log,
    )
    limit = time.monotonic() + _READY_SECONDS
    while not ready.exists():
        if child.poll() is not None or time.monotonic() > limit:
            child.kill()
            raise RuntimeError(f"the sandbox gateway did not start: {log.read_text()}")
        time.sleep(0.02)
    return child, ready.read_text()


class Gateway:
    """The sandbox gateway as one account's tests see it; without a key, faults strike everybody."""

    def __init__(self, address: str, key: str) -> None:
        self.address, self.key = address, key

    def ask(self, method: str, path: str, /, **body: Any) -> tuple[int, dict[str, Any]]:
        """Call the control API (/sandbox/…) for this account; returns status and answer."""
        request = urllib.request.Request(  # noqa: S310  http only
            f"{self.address}/sandbox/{path}",
            json.dumps(body).encode() if method == "POST" else None,
            {"Authorization": f"Bearer {self.key}"} if self.key else {},
            method=method,
        )
        try:
            with _opener.open(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, json.load(answer)

    def control(self, method: str, path: str, /, **body: Any) -> dict[str, Any]:
        """Call the control API, which has to agree."""
        status, answer = self.ask(method, path, **body)
        assert status == 200, answer
        return answer

    def fault(self, kind: str, **options: Any) -> None:
        """Let a fault strike: `next=1`, or `chance=0.1`; `path="POST /v1/refunds"` narrows it."""
        self.control("POST", "faults", kind=kind, **options)

    def calm(self) -> None:
        """End this account's faults."""
        self.control("DELETE", "faults")

    def advance(self) -> int:
        """Let debits, refunds and disputes that wait happen now."""
        return self.control("POST", "advance")["happened"]

    def dispute(self, payment: str, *, reason: str = "fraudulent") -> str:
        """Open a dispute over a payment; returns its id."""
        return self.control("POST", "disputes", payment_intent=payment, reason=reason)["id"]

    def close_dispute(self, dispute: str, *, won: bool) -> None:
        """End a dispute."""
        self.control("POST", f"disputes/{dispute}/close", won=won)

    def fail_refund(self, refund: str) -> None:
        """Let a refund fail."""
        self.control("POST", f"refunds/{refund}/fail")

    def truth(self) -> dict[str, Any]:
        """Return what really happened in this account."""
        return self.control("GET", "truth")

    def webhooks(self) -> list[dict[str, Any]]:
        """Return this account's webhooks with their state, the newest first."""
        return self.control("GET", "webhooks")["webhooks"]

    def deliver(self, **chosen: str) -> int:
        """Send webhooks again: of one `event`, one `delivery`, or all that have not arrived."""
        return self.control("POST", "webhooks/deliver", **chosen)["sent"]
