"""Two judges from outside, Lighthouse and pa11y, over pages of a running stack; they come with npm, pinned here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.browser.harness import EXECUTABLE

MARKS = {"performance": 95, "accessibility": 100, "best-practices": 100}
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
_EACH = 30


def _cookie(cookies: Iterable[Mapping[str, str]]) -> str:
    return "; ".join(f"{each['name']}={each['value']}" for each in cookies)


def lighthouse(tools: Path, url: str, cookies: Iterable[Mapping[str, str]]) -> dict[str, int]:
    """Return Lighthouse's marks of one page on a desk, signed in by cookies."""
    said = subprocess.run(
        [
            tools / ".bin" / "lighthouse", url, "--quiet", "--output=json", "--output-path=stdout", "--preset=desktop",
            f"--only-categories={','.join(MARKS)}", f"--extra-headers={json.dumps({'Cookie': _cookie(cookies)})}",
            f"--chrome-flags={' '.join(_FLAGS)}",
        ],
        env=os.environ | {"CHROME_PATH": EXECUTABLE}, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    if not said.stdout.startswith("{"):
        raise AssertionError(f"lighthouse {url}: {said.stderr[-1000:]}")
    found = json.loads(said.stdout)["categories"]
    return {name: round(found[name]["score"] * 100) for name in MARKS}


def pa11y(tools: Path, pages: list[str], cookies: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Return the errors pa11y finds on pages (HTML CodeSniffer, WCAG2AA), by address."""
    asked = {
        "tools": str(tools.resolve()),
        "executable": EXECUTABLE,
        "flags": _FLAGS,
        "cookie": _cookie(cookies),
    }
    said = subprocess.run(
        ["node", Path(__file__).with_suffix("").with_name("pa11y.cjs")],
        input=json.dumps(asked | {"pages": pages}),
        capture_output=True, text=True, check=False, timeout=120 + _EACH * len(pages),
    )  # fmt: skip
    found = {address: list(errors) for address, errors in map(json.loads, said.stdout.splitlines())}
    if said.returncode or set(found) != set(pages):
        raise AssertionError(f"pa11y: {said.stderr[-1000:]}")
    return found
