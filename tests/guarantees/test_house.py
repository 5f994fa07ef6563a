"""The house stands as it is drawn: imports point down, each room holds what belongs in it, nothing is hidden."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

HOME = Path(__file__).resolve().parents[2]
# From the ground up; neighbours in one layer do not know each other (architecture, the house in one picture).
LAYERS: list[set[str]] = [
    {"core"},
    {"tenancy"},
    {"audit"},
    {"crypto"},
    {"outbound"},
    {"accounts"},
    {"billing"},
    {"payments"},
    {"training", "patching", "backups"},
    {"alerts"},
    {"compliance"},
    {"edge"},
    {"web", "api"},
    {"config"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for name in LEVEL for path in (HOME / name).rglob("*.py"))
FORBIDDEN_NAMES = {
    "utils.py",
    "helpers.py",
    "common.py",
    "signals.py",
    "managers.py",
    "selectors.py",
    "misc.py",
}


def room(path: Path) -> str:
    return path.relative_to(HOME).parts[0]


@cache
def imports(path: Path) -> list[str]:
    """Every import, also inside functions and under TYPE_CHECKING."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.append(node.module)
        elif isinstance(node, ast.ImportFrom) and node.level:
            found.append("." * node.level)
    return found


def upward(path: Path, imported: str) -> bool:
    target = imported.partition(".")[0]
    if target not in LEVEL or target == room(path):
        return False
    return LEVEL[target] >= LEVEL[room(path)]


def test_imports_point_down() -> None:
    found = [
        f"{path.relative_to(HOME)} -> {name}"
        for path in FILES
        for name in imports(path)
        if upward(path, name)
    ]
    assert found == []


HTTP = (
    "django.http",
    "django.views",
    "django.urls",
    "django.shortcuts",
    "django.middleware",
    "rest_framework",
)


def test_everything_below_edge_is_free_of_http() -> None:
    found = [
        f"{path.relative_to(HOME)} -> {name}"
        for path in FILES
        if LEVEL[room(path)] < LEVEL["edge"]
        for name in imports(path)
        if name.startswith(HTTP)
    ]
    assert found == []


def test_imports_are_absolute() -> None:
    assert [str(path) for path in FILES for name in imports(path) if name.startswith(".")] == []


def test_the_contracts_hold() -> None:
    """import-linter sees chains of imports; the tests above see what it cannot: functions, strings, keys."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=HOME, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_foreign_keys_point_down() -> None:
    """A foreign key is an import, written as a string or not."""
    found = []
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if not isinstance(field, models.ForeignKey):
                continue
            own, other = model._meta.app_label, field.related_model._meta.app_label  # type: ignore[union-attr]
            if own in LEVEL and other in LEVEL and own != other and LEVEL[other] >= LEVEL[own]:
                found.append(f"{model._meta.label}.{field.name} -> {other}")
    assert found == []


def test_dotted_strings_point_down() -> None:
    """`import_string("billing.…")` in a lower room would be an import in disguise."""
    pattern = re.compile(r"import_string\(\s*[\"'](\w+)\.")
    found = [
        f"{path.relative_to(HOME)} -> {name}"
        for path in FILES
        for name in pattern.findall(path.read_text())
        if upward(path, name)
    ]
    assert found == []


def test_one_room_holds_cryptography() -> None:
    # Three programs stand alone: whoever runs them has nothing of ours but the file.
    allowed = {"core/primitives.py", "audit/verifier.py", "backups/reader.py", "compliance/verifier.py"}
    found = {
        str(path.relative_to(HOME))
        for path in FILES
        for name in imports(path)
        if name.partition(".")[0] == "cryptography"
    }
    assert found == allowed


def test_no_room_without_a_name() -> None:
    assert [str(path) for path in FILES if path.name in FORBIDDEN_NAMES] == []


def test_files_are_rooms_not_halls() -> None:
    long = {
        str(path.relative_to(HOME)): lines
        for path in FILES
        if "migrations" not in path.parts and (lines := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def float_near_money(source: str) -> bool:
    """A float in code: a call of float(), a float literal, or a column of floats."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in (
            "float",
            "FloatField",
        ):
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            return True
    return False


MONEY_FILES = sorted(
    [HOME / "core" / "money.py", *(HOME / "billing").rglob("*.py"), *(HOME / "payments").rglob("*.py")]
)


@pytest.mark.parametrize("path", MONEY_FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_no_float_near_money(path: Path) -> None:
    assert not float_near_money(path.read_text())


def test_the_float_rule_bites() -> None:
    assert float_near_money("amount = 0.1")
    assert float_near_money("amount = float('1')")
    assert not float_near_money("amount = Decimal('0.1')")


def test_the_import_rule_bites() -> None:
    assert upward(HOME / "tenancy" / "models.py", "billing.invoices")
    assert upward(HOME / "web" / "urls.py", "api.urls")
    assert not upward(HOME / "billing" / "events.py", "audit.events")


def test_no_signals_no_admin_no_generic_keys() -> None:
    banned = (
        "django.dispatch",
        "django.db.models.signals",
        "django.contrib.admin",
        "django.contrib.contenttypes.fields",
    )
    found = [
        f"{path.relative_to(HOME)}: {name}"
        for path in FILES
        for name in imports(path)
        if name.startswith(banned)
    ]
    assert found == []
