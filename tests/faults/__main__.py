"""`make faults`: many payments in bad weather, then the books against what the gateway knows.

Exits 1 unless nobody was charged twice, no payment is lost or invented, nothing is left unknown, and books and audit
trail are in order.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.faults.run import Storm


def main() -> None:
    """Run it and print the counts."""
    asked = argparse.ArgumentParser(prog="make faults", description=__doc__)
    asked.add_argument("--payments", type=int, default=500)
    asked.add_argument("--at-once", type=int, default=12)
    asked.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    options = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="strongbox-faults-") as folder:
        storm = Storm(Path(folder) / "state", seed=options.seed, say=lambda line: print(line, flush=True))
        result = storm.run(payments=options.payments, at_once=options.at_once)
    width = max(map(len, result.counts))
    print(f"\nseed {options.seed}")
    for name, count in result.counts.items():
        print(f"  {name:{width}} {count}")
    print("\n".join(result.faults) or "No double charge, no lost payment, nothing unknown, books in order.")
    sys.exit(1 if result.faults else 0)


if __name__ == "__main__":
    main()
