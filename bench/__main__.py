"""`make bench`: measure, print the ratios, keep the result, and write docs/performance.md from it."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime

from bench import stack

LARGE = os.environ.get("SIZE") == "large"
INVOICES = 20_000 if LARGE else 1_000
CUSTOMERS = 200_000 if LARGE else 10_000
TIMES = 600 if LARGE else 300
BILLED = 100_000 if LARGE else 3_000
BACKED_UP = 1_700 if LARGE else 300
# Billing so many where few are stored and where many are: (few, many, so many).
GROWN = (10_000, 1_000_000, 10_000) if LARGE else None


def main() -> None:
    """Run everything on engines of its own."""
    with stack.engines() as environment:
        import django

        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--database", "owner", "--verbosity", "0"],
            cwd=stack.HOME,
            env=environment,
            check=True,
        )
        django.setup()
        from bench import world

        result = world.measure(
            environment,
            invoices=INVOICES,
            customers=CUSTOMERS,
            times=TIMES,
            billed=BILLED,
            backed_up=BACKED_UP,
            grown=GROWN,
        )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=stack.HOME, capture_output=True, text=True, check=False
    ).stdout.strip()
    result["run"] = {
        "on": datetime.now(UTC).date().isoformat(),
        "commit": commit,
        "size": "large" if LARGE else "small",
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }
    from bench import report

    name = f"{result['run']['size']}.json"
    path = stack.HOME / "bench" / "results" / name
    path.write_text(json.dumps(result, indent=2) + "\n")
    table = report.table(result)
    (stack.HOME / "docs" / "performance.md").write_text(report.page(result, name))
    print(table)


if __name__ == "__main__":
    main()
