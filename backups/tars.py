"""What goes into the tar of the encrypted files."""

from pathlib import Path

from django.conf import settings

JOURNAL, JOURNAL_FOLDER = "erasures.journal", ".erasures"


def of(folder: Path) -> list[str]:
    """Return the command that writes what stands in a folder."""
    # The journal of erasures comes from a folder of its own.
    renamed = f"--transform=s,^{JOURNAL}$,{JOURNAL_FOLDER}/{JOURNAL},"
    return ["/usr/bin/tar", "--create", "--file=-", renamed, "--warning=none", "--directory", str(folder)]


def journal() -> list[str]:
    """Return what adds the journal of erasures: without it a restore on another machine would undo them."""
    folder: Path | None = settings.ERASURE_DIR
    if folder is None or not (folder / JOURNAL).exists():
        return []
    return ["--directory", str(folder), JOURNAL]
