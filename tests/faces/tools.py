"""Two judges from outside, Lighthouse and pa11y, over pages of a running stack; they come with npm, pinned here."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from tests.browser.harness import EXECUTABLE

MARKS = {"performance": 95, "accessibility": 100, "best-practices": 100}
_FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]


def _run(tools: Path, words: list[str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"CHROME_PATH": EXECUTABLE}
    return subprocess.run(
        [tools / ".bin" / words[0], *words[1:]],
        env=environment, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip


def lighthouse(tools: Path, url: str, cookies: Iterable[dict[str, str]]) -> dict[str, int]:
    """Return Lighthouse's marks of one page on a desk, signed in by cookies."""
    headers = {"Cookie": "; ".join(f"{each['name']}={each['value']}" for each in cookies)}
    said = _run(tools, [
        "lighthouse", url, "--quiet", "--output=json", "--output-path=stdout", "--preset=desktop",
        f"--only-categories={','.join(MARKS)}", f"--extra-headers={json.dumps(headers)}",
        f"--chrome-flags={' '.join(_FLAGS)}",
    ])  # fmt: skip
    if not said.stdout.startswith("{"):
        raise AssertionError(f"lighthouse {url}: {said.stderr[-1000:]}")
    found = json.loads(said.stdout)["categories"]
    return {name: round(found[name]["score"] * 100) for name in MARKS}


def pa11y(tools: Path, url: str, cookies: Iterable[dict[str, str]], folder: Path) -> list[str]:
    """Return the errors pa11y finds on one page (HTML CodeSniffer, WCAG2AA)."""
    config = folder / "pa11y.json"
    headers = {"Cookie": "; ".join(f"{each['name']}={each['value']}" for each in cookies)}
    browser = {"executablePath": EXECUTABLE, "args": _FLAGS}
    config.write_text(json.dumps({"headers": headers, "chromeLaunchConfig": browser, "timeout": 60000}))
    said = _run(tools, ["pa11y", "--config", str(config), "--standard", "WCAG2AA", "--reporter", "json", url])
    if not said.stdout.startswith("["):
        raise AssertionError(f"pa11y {url}: {said.stderr[-1000:]}")
    return [f"{each['code']} {each['selector']}: {each['message']}" for each in json.loads(said.stdout)]
