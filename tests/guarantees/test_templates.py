"""Templates are inert: nothing in them runs, nothing in them is trusted text, nothing in them asks the database."""

import re
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((HOME / "templates").rglob("*.html")) + sorted((HOME / "templates").rglob("*.svg"))
FAULTS = {
    "inline style": re.compile(r"\sstyle\s*=|<style\b"),
    "inline script": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|\son[a-z]+\s*="),
    "trusted text": re.compile(r"\|\s*safe\b|\bautoescape\s+off\b|\|\s*safeseq\b"),
    "script address": re.compile(r"javascript:", re.IGNORECASE),
    "foreign origin": re.compile(r"(?:src|href|action)\s*=\s*[\"']?(?:https?:)?//"),
    "eval by htmx": re.compile(r"hx-on|hx-vals\s*=\s*[\"']js:|hx-vars"),
}


def faults(source: str) -> list[str]:
    return [name for name, pattern in FAULTS.items() if pattern.search(source)]


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 20


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(HOME)))
def test_a_template_is_inert(path: Path) -> None:
    assert faults(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('<p style="color:red">', "inline style"),
        ("<script>alert(1)</script>", "inline script"),
        ('<a onclick="x()">', "inline script"),
        ("{{ name|safe }}", "trusted text"),
        ('<img src="https://elsewhere.example/a.png">', "foreign origin"),
    ],
)
def test_the_walk_bites(source: str, fault: str) -> None:
    assert fault in faults(source)


def test_trusted_text_is_made_in_the_kit_alone() -> None:
    found = [
        str(path.relative_to(HOME))
        for name in (
            "web",
            "api",
            "edge",
            "accounts",
            "billing",
            "payments",
            "outbound",
            "audit",
            "crypto",
            "tenancy",
        )
        for path in (HOME / name).rglob("*.py")
        if re.search(r"\b(mark_safe|SafeString|format_html)\b", path.read_text())
    ]
    assert [path for path in found if not path.startswith(("web/kit/", "web/charts/"))] == []
