"""Compiles requirements/*.txt from pyproject.toml: every file with its hashes, no index address anywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")
# What each list installs beside the direct dependencies.
EXTRAS = {"production": [], "run": ["embedded"], "test": ["embedded", "test"]}


def main() -> None:
    """Compile every list, keeping the versions that still fit (`--upgrade` takes the newest)."""
    for name, extras in EXTRAS.items():
        arguments = ["pip", "compile", "pyproject.toml", "--output-file", f"requirements/{name}.txt"]
        arguments += ["--generate-hashes", "--universal", "--python-version", "3.11", "--quiet"]
        arguments += ["--no-emit-index-url", "--no-emit-find-links", "--no-annotate", "--no-header"]
        arguments += [part for extra in extras for part in ("--extra", extra)]
        # One list constrains the next, so that production and tests run the same versions.
        if name != "production":
            arguments += ["--constraint", "requirements/production.txt"]
        subprocess.run([UV, *arguments, *sys.argv[1:]], cwd=HOME, check=True)


if __name__ == "__main__":
    main()
