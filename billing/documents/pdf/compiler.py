"""Sets a document: a fixed template, its values as JSON, our own fonts, and nothing of the machine or the network.

Promise kept: no value can become source (it is data to the template, which evaluates none of it); the template reads
no file but its own folder's; the same document is the same bytes. The result is PDF/A-3a and PDF/UA-1: archivable,
and readable by a screen reader.

A compiler belongs to one thread (it refuses a second one) and keeps what it has parsed, which spares two thirds of
the time. Setting a document takes milliseconds to tenths of a second: never do it inside a transaction.
"""

import base64
import json
import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typst

from billing.documents.pdf import coverage
from billing.documents.pdf.documents import Logo
from core import primitives

TEMPLATES = Path(__file__).with_name("templates")
_of_thread = threading.local()
_log = logging.getLogger("strongbox.documents")


def to_pdf(
    template: str, values: Mapping[str, Any], *, at: datetime, logo: Logo | None = None, xml: bytes = b""
) -> bytes:
    """Set a document as PDF; `at` is the time that stands in the file, `xml` is attached to it.

    A logo that cannot be set is left out: a document is never missing because of a picture.
    """
    inputs = {"data": json.dumps(values)}
    if xml:
        inputs["xml"] = xml.decode()
    if logo is not None:
        try:
            return _set(template, {**inputs, "logo": _drawn(logo)}, at)
        except typst.TypstError:
            _log.warning("a logo could not be set and was left out")
    return _set(template, inputs, at)


def can_be_set(logo: Logo) -> bool:
    """Tell whether the typesetter can read a picture whole."""
    inputs = {"logo": json.dumps(list(logo.content)), "format": "png" if "png" in logo.media_type else "jpg"}
    try:
        _set("logo", inputs, datetime(2026, 1, 1, tzinfo=UTC))
    except typst.TypstError:
        return False
    return True


def _drawn(logo: Logo) -> str:
    """Put a picture into a drawing, which is text: the typesetter takes texts alone from outside."""
    data = base64.b64encode(logo.content).decode()
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{logo.width}" height="{logo.height}" '
        f'viewBox="0 0 {logo.width} {logo.height}"><image width="{logo.width}" height="{logo.height}" '
        f'href="data:{logo.media_type};base64,{data}"/></svg>'
    )


def _set(template: str, inputs: dict[str, str], at: datetime) -> bytes:
    made = _compiler(template).compile(
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=["a-3a", "ua-1"],
        timestamp=at.astimezone(UTC).replace(microsecond=0),
    )
    return _whole(made)


def to_pictures(
    template: str, values: Mapping[str, Any], *, logo: Logo | None = None, ppi: int = 144
) -> list[bytes]:
    """Set a document as one PNG a page, for people who want to look at it before it is one."""
    inputs = {"data": json.dumps(values)}
    if logo is not None:
        inputs["logo"] = _drawn(logo)
    made = _compiler(template).compile(format="png", ppi=ppi, sys_inputs=inputs)
    return made if isinstance(made, list) else [_whole(made)]


@cache
def edition() -> str:
    """Name the templates and the typesetter as they are: what they make changes when they do."""
    sources = b"".join(path.read_bytes() for path in sorted(TEMPLATES.glob("*.typ")))
    return f"{version('typst')}:{primitives.sha256(sources).hex()}"


def _whole(made: bytes | list[bytes] | None) -> bytes:
    if not isinstance(made, bytes):
        raise TypeError("a document is one file")
    return made


def _compiler(template: str) -> typst.Compiler:
    kept: dict[str, typst.Compiler] = _of_thread.__dict__.setdefault("compilers", {})
    if template not in kept:
        kept[template] = typst.Compiler(
            TEMPLATES / f"{template}.typ",
            root=TEMPLATES,
            font_paths=_fonts(),
            ignore_system_fonts=True,
            # No package is ever looked for: a template imports its own folder's files only.
            package_path=TEMPLATES,
            package_cache_path=TEMPLATES,
        )
    return kept[template]


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[coverage.FONTS])
