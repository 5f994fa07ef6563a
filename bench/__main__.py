"""`make bench`: measure, print the ratios, keep the results, and write docs/performance.md from them.

`SIZE=large` takes the stated sizes. `PARTS=runs,grown` measures these parts alone and leaves the stored figures of the
others as they are: each part says when and of which commit it was measured, and how busy the machine was.
"""

import json
import os
import platform
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from typing import Any

from bench import report, stack

SIZE = os.environ.get("SIZE") or "small"
WANTED = [name for name in os.environ.get("PARTS", "").split(",") if name]


def main() -> None:
    """Measure on engines of its own."""
    path = report.RESULTS / f"{SIZE}.json"
    commit = _output("git", "rev-parse", "--short", "HEAD")
    with stack.engines() as environment:
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"],
            cwd=stack.HOME,
            env=environment,
            check=True,
        )
        import django

        django.setup()
        import config.celery  # noqa: F401  what is sent goes to the engines' broker
        from bench import world

        place = world.World(environment, world.SIZES[SIZE])
        failed: list[str] = []
        for name in WANTED or world.PARTS:
            loads, began = [os.getloadavg()[0]], time.monotonic()
            try:
                found = world.PARTS[name](place)
            except Exception:
                # What one part lacks, the others need not.
                traceback.print_exc()
                failed.append(name)
                continue
            loads.append(os.getloadavg()[0])
            stored: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
            stored[name] = found | {
                "run": {
                    "on": datetime.now(UTC).date().isoformat(),
                    "commit": commit,
                    "cores": os.cpu_count(),
                    "machine": platform.machine(),
                    "python": platform.python_version(),
                    "load": [round(load, 1) for load in loads],
                    "seconds": round(time.monotonic() - began),
                }
            }
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(stored, indent=2) + "\n")
            print(
                f"{name}: {stored[name]['run']['seconds']} s, load {loads[0]:.1f} to {loads[1]:.1f}",
                flush=True,
            )
    results = report.stored()
    (stack.HOME / "docs" / "performance.md").write_text(report.page(results))
    print(report.table(results[SIZE]))
    if failed:
        sys.exit(f"not measured: {', '.join(failed)}")


def _output(*command: str) -> str:
    done = subprocess.run(command, cwd=stack.HOME, capture_output=True, text=True, check=False)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
