"""What is said to payers and customers, and its translations: every marked message and the catalogs read for it.

Messages are marked where they stand (gettext in Python, `translate` in templates). Words that live in a table of
another room, and what a refusal says, are translated where they are shown: `_told` names them, from what runs.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from django.conf import settings
from django.utils.translation.template import templatize

from alerts import rules
from billing.reports import statements
from billing.tax.rules import CATEGORIES
from core import characters, days
from core.errors import Refusal
from web.kit import status
from web.privacy import shown
from web.reports import statement

# A message, or its singular and plural.
Message: TypeAlias = str | tuple[str, str]

HOME = Path(settings.BASE_DIR)
LANGUAGES = tuple(code for code, _ in settings.LANGUAGES if code != "en")
# Pages of whoever pays, is a customer, or signs in; what their views refuse is translated.
FACES = ("web/pay", "web/portal", "web/signin")
_MARKS: dict[str, None] = dict.fromkeys(
    ("_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy")
)
_TEMPLATES = HOME / "templates"
# The page that shows the kit, and the one page of the entrance that only a member sees.
_SHOW, _STAFF = {"kit/index.html", "kit/_rows.html"}, {"signin/nothing_open.html"}
_BROUGHT = re.compile(r'{%\s*(?:include|extends)\s+"([^"]+)"')
_COUNTED = re.compile(r'\|count:"([^",]+)(?:,([^"]+))?"')


def marked() -> dict[Message, str]:
    """Return every message with the place it was first seen at."""
    found: dict[Message, str] = {}
    for message, place in (*_in_templates(), *_in_python(), *_told()):
        found.setdefault(message, place)
    return dict(sorted(found.items(), key=lambda pair: (pair[1], str(pair[0]))))


def po_path(language: str) -> Path:
    """Return where a language's translations are written."""
    return HOME / "locale" / language / "LC_MESSAGES" / "django.po"


def read(language: str) -> Catalog:
    """Read a language's translations; empty where there are none yet."""
    path = po_path(language)
    if not path.exists():
        return Catalog(locale=language, domain="django", charset="utf-8")
    with path.open("rb") as file:
        return pofile.read_po(file, locale=language, domain="django", charset="utf-8")


def renewed(language: str) -> Catalog:
    """Return a language's translations with every marked message, those without a translation empty."""
    old = read(language)
    new = Catalog(
        locale=language,
        domain="django",
        charset="utf-8",
        project="Strongbox",
        fuzzy=False,
        header_comment="# What payers and customers read. `./manage.py messages` keeps it, and the .mo beside it.",
    )
    for message, place in marked().items():
        known = old.get(message if isinstance(message, str) else message[0])
        new.add(message, known.string if known else None, locations=[(place, None)])  # type: ignore[list-item]  # no line numbers: they only make noise
    return new


def written(catalog: Catalog) -> bytes:
    """Write translations as text for people."""
    out = io.BytesIO()
    pofile.write_po(out, catalog, width=120, omit_header=False, include_lineno=False)
    # The header's dates would make a difference where there is none.
    return re.sub(rb'^"(?:POT-Creation|PO-Revision)-Date.*\n', b"", out.getvalue(), flags=re.MULTILINE)


def compiled(catalog: Catalog) -> bytes:
    """Write translations as the program reads them."""
    plain = Catalog(locale=catalog.locale, domain="django", charset="utf-8")
    for message in catalog:
        if message.id:
            plain.add(message.id, message.string)
    out = io.BytesIO()
    mofile.write_mo(out, plain)
    return re.sub(rb"(?:POT-Creation|PO-Revision)-Date[^\n]*\n", _blank, out.getvalue())


def _blank(found: re.Match[bytes]) -> bytes:
    # Of the same length: the file's table of offsets stays right.
    return b"X-Strongbox: " + b"-" * (len(found[0]) - 14) + b"\n"


def faced() -> set[str]:
    """Return the names of the templates that payers and customers see, those they include and extend among them."""
    found = {str(path.relative_to(_TEMPLATES)) for path in (_TEMPLATES / "kit").glob("*.html")} - _SHOW
    for face in ("pay", "portal", "signin", "errors"):
        found |= {str(path.relative_to(_TEMPLATES)) for path in (_TEMPLATES / face).glob("*.html")}
    waiting = list(found := found - _STAFF)
    while waiting:
        text = (_TEMPLATES / waiting.pop()).read_text()
        new = {name for name in _BROUGHT.findall(text) if name not in found}
        found |= new
        waiting += new
    return found


def _in_templates() -> Iterator[tuple[Message, str]]:
    of_faces = faced()
    for path in sorted((HOME / "templates").rglob("*.*")):
        if path.suffix in (".html", ".txt"):
            source, place = path.read_text(), str(path.relative_to(HOME))
            # Indentation means nothing in a template, and something to Python's tokenizer.
            lines = "\n".join(line.lstrip() for line in templatize(source).splitlines())
            yield from ((message, place) for message in _extracted(lines))
            if place.removeprefix("templates/") in of_faces:
                for singular, plural in _COUNTED.findall(source):
                    yield (singular, plural or f"{singular}s"), place


def _in_python() -> Iterator[tuple[Message, str]]:
    rooms = {name.partition(".")[0] for name in settings.INSTALLED_APPS}
    for room in sorted(rooms):
        for path in sorted((HOME / room).rglob("*.py")):
            if "gettext" in (source := path.read_text()):
                yield from ((message, str(path.relative_to(HOME))) for message in _extracted(source))


def _extracted(source: str) -> Iterator[Message]:
    for _line, _mark, found, _comments in extract_python(io.BytesIO(source.encode()), _MARKS, [], {}):
        texts = [found] if isinstance(found, str) else [text for text in found or () if text]
        if len(texts) == 1 and texts[0]:
            yield texts[0]
        elif len(texts) > 1:
            yield texts[0], texts[1]


def _told() -> Iterator[tuple[Message, str]]:
    for kind in status.TOLD:
        yield from ((each.word, "web/kit/status.py") for each in status.STATUS[kind].values())
    yield from ((word, "billing/reports/statements.py") for word in statements.WORDS.values())
    yield from ((word, "web/reports/statement.py") for word in statement.HEAD)
    yield from ((word, "billing/tax/rules.py") for word in CATEGORIES.values())
    yield from ((word, "compliance/requests/models.py") for word in list(shown.REFUSALS.values()) if word)
    yield from ((word, "core") for word in (days.SENTENCE, characters.SENTENCE))
    yield from ((rule.title, "alerts/rules") for rule in rules.ALL)
    for refusal in refusals():
        yield (refusal.__doc__ or "").strip().splitlines()[0], refusal.__module__.replace(".", "/")


def refusals() -> list[type[Refusal]]:
    """Return what the services behind a customer's pages refuse with, and what every door does."""
    modules = {"core.errors", "edge.errors", "edge.throttle"}
    for face in FACES:
        for path in sorted((HOME / face).glob("*.py")):
            modules |= set(_imported(ast.parse(path.read_text())))
    found: set[type[Refusal]] = set()
    for name in modules:
        found |= {each for each in vars(_module(name)).values() if _is_refusal(each)}
    return sorted(found, key=lambda each: (each.__module__, each.__name__))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith(("django", "web")):
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [name for name in whole if _is_module(name)]
            # What comes from a module itself; of a package, what its rooms refuse.
            yield from modules or [node.module]
            for name in modules:
                inside = pkgutil.iter_modules(getattr(_module(name), "__path__", []))
                yield from (f"{name}.{each.name}" for each in inside)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of something that is no package
        return False


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


def _is_refusal(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Refusal) and bool(value.__doc__)
