"""Whether a document is valid: asked of a checking process, one a process of ours, started when first needed.

Promise kept: what cannot be checked is not called valid. Checking takes 10 to 100 milliseconds, the first time in a
while two seconds: never do it inside a transaction that holds locks.
"""

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from billing.documents.einvoice.document import Problem
from billing.documents.einvoice.writing import Profile
from core.errors import Unavailable

_PROGRAM = Path(__file__).with_name("checker.py")
_SECONDS = 30
_lock = threading.Lock()


class CheckUnavailable(Unavailable):
    """The document could not be checked right now, so it was not called valid. Try again in a moment."""

    code = "check_unavailable"


def check(data: bytes, *, profile: Profile) -> tuple[Problem, ...]:
    """Return what is wrong with an invoice or credit note as XML: nothing, or faults and warnings by rule.

    Raises:
        CheckUnavailable: it could not be checked.
    """
    syntax = "CII" if b"CrossIndustryInvoice" in data[:2_000] else "UBL"
    rules = [f"EN16931-{syntax}"]
    if profile is Profile.XRECHNUNG:
        rules.append(f"XRechnung-{syntax}")
    request = json.dumps({"rules": rules, "length": len(data)}).encode() + b"\n" + data
    with _lock:
        answer = _ask(request)
    if "problems" not in answer:
        raise CheckUnavailable(retry_after_seconds=2)
    return tuple(
        Problem(rule=each["rule"], text=each["text"], place=each["place"], is_error=each["error"])
        for each in answer["problems"]
    )


class _Process:
    """The checking process of this process."""

    child: "subprocess.Popen[bytes] | None" = None
    owner = 0


def _ask(request: bytes) -> dict[str, Any]:
    """Ask the checking process; a process that has ended meanwhile is started anew, once."""
    for fresh in (False, True):
        child = _running(fresh=fresh)
        try:
            return _exchange(child, request)
        except (BrokenPipeError, EOFError):
            continue
        except TimeoutError:
            break
    _stop()
    return {}


def _running(*, fresh: bool) -> "subprocess.Popen[bytes]":
    child = _Process.child
    if child is not None and (fresh or child.poll() is not None or _Process.owner != os.getpid()):
        # After a fork the child belongs to the parent, which goes on using it.
        if _Process.owner == os.getpid():
            _stop()
        child = None
    if child is None:
        child = _Process.child = subprocess.Popen(  # noqa: S603  our own program, by our own interpreter
            [sys.executable, "-I", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
        )
        _Process.owner = os.getpid()
    return child


def _exchange(child: "subprocess.Popen[bytes]", request: bytes) -> dict[str, Any]:
    assert child.stdin is not None and child.stdout is not None  # noqa: S101  both are pipes
    child.stdin.write(request)
    child.stdin.flush()
    if not select.select([child.stdout], [], [], _SECONDS)[0]:
        raise TimeoutError
    line = child.stdout.readline()
    if not line:
        raise EOFError
    answer: dict[str, Any] = json.loads(line)
    return answer


def _stop() -> None:
    child, _Process.child = _Process.child, None
    if child is not None and _Process.owner == os.getpid():
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


atexit.register(_stop)
