"""`make faces`: every page, as each role, in both themes and at four widths, on a stack of its own with demo data.

Exits 1 when axe finds anything (WCAG 2.2 AA and best practice), a page sticks out to the side, the console prints an
error, the policy blocked something, or a tool from outside (with TOOLS=folder/node_modules) finds a page wanting.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.browser import harness
from tests.embedded.stack import HOME, Stack, free_port
from tests.faces import tools, walk
from tests.faces.walk import Person, Seen


def main() -> None:
    """Walk, and say what was found."""
    asked = argparse.ArgumentParser(prog="make faces", description=__doc__)
    asked.add_argument("--roles", default="", help="only these, with commas between")
    asked.add_argument("--pictures", type=Path, help="a folder for pictures of every page")
    asked.add_argument("--tools", type=Path, help="node_modules with lighthouse and pa11y")
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="strongbox-faces-") as name:
        folder, port = Path(name), free_port()
        stack = Stack(folder / "state", port, STRONGBOX_DEMO="1", SANDBOX_PORT=str(free_port()))
        stack.start()
        # What the supervisor goes on to say must be read, or it waits to be heard.
        threading.Thread(target=stack.process.stdout.read, daemon=True).start()
        try:
            faults = _all(options, folder, f"http://localhost:{port}")
        finally:
            stack.end()
    sys.exit(1 if faults else 0)


def _all(options: argparse.Namespace, folder: Path, base: str) -> int:
    wanted = set(filter(None, options.roles.split(",")))
    names = [person.name for person in _people(folder) if not wanted or person.name in wanted]
    count = 0
    with sync_playwright() as playwright:
        browser = harness.launch(playwright)
        found: dict[str, Seen] = {}
        for name in names:
            # Codes live for half a minute: they are asked for anew before each sign-in.
            person = next(each for each in _people(folder) if each.name == name)
            found[name] = walk.walk(browser, base, person, pictures=options.pictures, say=_say)
            count += sum(map(len, found[name].faults.values()))
            _say(f"{name}: {len(found[name].pages)} kinds of page, {len(found[name].faults)} with faults")
        if options.tools:
            count += _outside(options.tools, folder, found)
        browser.close()
    return count


def _people(folder: Path) -> list[Person]:
    known = _manage(folder, "demo_credentials")
    customer = known["customers"][0]
    first = customer["organization"]
    people = {}
    # Of a role that both have, the one of the organization that bills.
    for each in sorted(known["users"], key=lambda each: each["organization"] != first):
        if each["organization"] in (first, "operator") and each["role"] not in people:
            people[each["role"]] = Person(each["role"], each["email"], each["password"], each["totp"])
    link = next(each for each in known["pay_links"] if each["organization"] == first)
    start = ("/login", "/recover", "/certificates", "/api/v1/docs", urlsplit(link["url"]).path)
    return [
        Person("nobody", start=start),
        Person("customer", customer["email"], customer["password"], customer["totp"]),
        *people.values(),
    ]


def _outside(folder: Path, scratch: Path, found: dict[str, Seen]) -> int:
    """Let Lighthouse mark five pages, and pa11y look at all of them once."""
    count, done = 0, set()
    owners = dict.fromkeys(("/o/*/", "/o/*/invoices", "/o/*/invoices/*"), "owner")
    five = {"/login": "nobody", "/pay/*": "nobody", **owners}
    for kind, name in five.items():
        if name in found:
            seen = found[name]
            marks = tools.lighthouse(folder, seen.pages[kind], seen.cookies)
            _say(f"lighthouse {kind}: {marks}")
            count += sum(marks[mark] < least for mark, least in tools.MARKS.items())
    for seen in found.values():
        for kind, url in seen.pages.items():
            if kind not in done:
                done.add(kind)
                errors = tools.pa11y(folder, url, seen.cookies, scratch)
                count += len(errors)
                if errors:
                    _say(f"pa11y {url}\n  " + "\n  ".join(errors))
    _say(f"pa11y: {len(done)} kinds of page")
    return count


def _manage(folder: Path, *words: str) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, str(HOME / "manage.py"), *words, "--json"],
        env=environment | {"STRONGBOX_STATE_DIR": str(folder / "state")},
        cwd=HOME, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
