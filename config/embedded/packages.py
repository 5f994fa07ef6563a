"""Names the Debian packages of a list that are missing, with the line that installs them.

A line `package=program` counts as there when the program is, wherever it comes from.
Run as a script with the path of the list; `--missing` prints the names only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path


def missing(listing: Path) -> list[str]:
    """Return the packages of a list that are not installed."""
    lines = (line.split("#")[0].strip() for line in listing.read_text().splitlines())
    pairs = (line.partition("=")[::2] for line in lines if line)
    wanted = [package for package, program in pairs if not program or shutil.which(program) is None]
    if shutil.which("dpkg-query") is None:
        raise SystemExit(f"The tests need what these Debian packages bring: {' '.join(wanted)}")
    shown = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted]
    found = subprocess.run(shown, capture_output=True, text=True).stdout.splitlines()
    return [name for name in wanted if f"{name} installed" not in found]


def main() -> int:
    """Print what is missing; returns 1 when something is."""
    absent = missing(Path(sys.argv[1]))
    if "--missing" in sys.argv[2:]:
        print(" ".join(absent))
        return 0
    if absent:
        print(
            f"Missing Debian packages. Install them with: apt-get install -y {' '.join(absent)}",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
