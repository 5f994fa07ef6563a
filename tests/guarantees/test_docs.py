"""Docs match code: nothing that exists is missing from the reference, and nothing stands there that does not exist."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.permissions import Permission
from audit.events import REGISTRY
from config import reference
from config.env import Environment

HOME = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    [*HOME.glob("*.md"), *(HOME / "docs").rglob("*.md")], key=lambda path: str(path.relative_to(HOME))
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
_CODE_BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
_FIRST_COLUMN = re.compile(r"^\| (`[^|]+) \|", re.MULTILINE)


def names_in(page: str) -> list[str]:
    """What a page's tables list in code style in their first column."""
    return [name for cell in _FIRST_COLUMN.findall(page) for name in re.findall(r"`([^`]+)`", cell)]


def read(path: str) -> str:
    return (HOME / path).read_text()


@pytest.mark.parametrize("path", sorted(reference.pages()))
def test_the_page_is_what_the_code_says(path: str) -> None:
    """When this fails: `./manage.py reference_pages --write`."""
    assert read(path) == reference.pages()[path]


@pytest.mark.parametrize(
    ("path", "exist"),
    [
        ("docs/reference/commands.md", lambda: set(reference.commands())),
        ("docs/reference/permissions.md", lambda: {permission.value for permission in Permission}),
        ("docs/reference/tasks.md", lambda: set(reference.tasks())),
        ("docs/reference/audit-events.md", lambda: set(REGISTRY)),
    ],
)
def test_everything_stands_there_once_and_nothing_else(path: str, exist: Any) -> None:
    listed = names_in(read(path))
    assert len(listed) == len(set(listed))
    assert set(listed) == exist()


def test_every_command_in_the_tree_is_known() -> None:
    """The walk over the installed apps cannot overlook a command's file."""
    files = {
        path.stem
        for path in HOME.glob("*/**/management/commands/*.py")
        if path.stem != "__init__" and path.relative_to(HOME).parts[0] != ".venv"
    }
    assert files == set(reference.commands())


class _Asked(dict[str, str]):
    """Remembers what the environment was asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.names.add(key)
        return super().get(key, default)


def asked_for() -> set[str]:
    """Every name that config/env.py reads; a name with _FILE is the same value, given as a file."""
    key = "00" * 32
    needed = ("SECRET_KEY", "DB_HOST", "DB_NAME", "BROKER_URL", "CACHE_URL", "FILES_DIR", "STATE_DIR")
    values = {f"STRONGBOX_{name}": "x" for name in needed}
    values |= {f"STRONGBOX_{name}": key for name in ("CONTEXT_KEY", "PEPPER", "NETWORK_KEY")}
    asked = _Asked(values | {"STRONGBOX_PUBLIC_URL": "https://billing.example"})
    Environment.load(asked)
    return {
        name
        for name in asked.names
        if not (name.endswith("_FILE") and name.removesuffix("_FILE") in asked.names)
    }


def documented_environment() -> list[str]:
    """The names of the page's first column; `_PORT` after `STRONGBOX_DB_HOST` is STRONGBOX_DB_PORT."""
    found: list[str] = []
    for name in names_in(read("docs/reference/environment.md")):
        found.append(found[-1].rpartition("_")[0] + name if name.startswith("_") else name)
    return found


def test_the_environment_is_documented_whole() -> None:
    listed = documented_environment()
    assert len(listed) == len(set(listed))
    assert set(listed) == asked_for()


def test_decisions_are_numbered_without_gaps() -> None:
    names = sorted(path.name for path in (HOME / "docs/decisions").iterdir())
    assert [name[:5] for name in names] == [f"{number:04}-" for number in range(1, len(names) + 1)]
    for name in names:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", name)
        assert read(f"docs/decisions/{name}").startswith("# "), name


def broken_links(document: Path, text: str) -> list[str]:
    """Links of a document to files of the repository that are not there."""
    return [
        target
        for target in _LINK.findall(text)
        if not re.match(r"[a-z]+:", target) and not (document.parent / target).resolve().exists()
    ]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(HOME)))
def test_every_link_leads_somewhere(document: Path) -> None:
    assert broken_links(document, document.read_text()) == []


def commands_named(text: str) -> Iterator[tuple[str, str]]:
    """Every command a text tells its reader to type, as (program, name)."""
    blocks = "\n".join(_CODE_BLOCK.findall(text)) + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", text))
    for program, pattern in (
        ("make", r"(?:^|[\s;(])make ([a-z][a-z-]*)"),
        ("manage.py", r"manage\.py ([a-z][a-z_]*)"),
        ("python -m", r"python3? -m ([a-z][a-z_.]*)"),
    ):
        yield from ((program, name) for name in re.findall(pattern, blocks, re.MULTILINE))


def unknown_commands(text: str) -> list[tuple[str, str]]:
    """Commands a text names that do not exist."""
    from django.core.management import get_commands

    targets = set(re.findall(r"^([a-z][a-z-]*):", read("Makefile"), re.MULTILINE))
    exists = {
        "make": lambda name: name in targets,
        "manage.py": lambda name: name in get_commands(),
        "python -m": lambda name: importlib.util.find_spec(name) is not None,
    }
    return [(program, name) for program, name in commands_named(text) if not exists[program](name)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(HOME)))
def test_every_command_a_document_names_exists(document: Path) -> None:
    assert unknown_commands(document.read_text()) == []


def test_the_readme_names_its_commands() -> None:
    named = set(commands_named(read("README.md")))
    assert {("make", "run"), ("make", "test"), ("manage.py", "demo_credentials")} <= named


def test_the_walks_over_the_documents_bite() -> None:
    assert broken_links(
        HOME / "README.md", "[x](docs/nowhere.md) [y](README.md) [z](https://a.example/b)"
    ) == ["docs/nowhere.md"]
    text = "```\nmake fly\n./manage.py keys_lose\n./manage.py keys_rotate\n```\nand `python -m nowhere`"
    assert unknown_commands(text) == [("make", "fly"), ("manage.py", "keys_lose"), ("python -m", "nowhere")]
    assert names_in("| `a` | x |\n| `b`, `_c` | y |\n| d | `e` |\n") == ["a", "b", "_c"]
