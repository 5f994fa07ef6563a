"""Whatever a payer, a customer or somebody who signs in reads has German words: cases come from what is there."""

import ast
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import mofile
from babel.messages.catalog import Catalog
from django.template import Context, Node, engines
from django.template.base import FilterExpression, NodeList, TextNode
from django.template.loader import get_template
from django.utils import translation

from billing.documents.pdf import language as papers
from billing.reports import statements
from web import catalog

# Names, and what is the same in every language.
SAME = {"Strongbox", "IBAN", "BIC", "PDF", "CSV", "Passkey", "Name", "Code", "Menü"}
READ_ALOUD = ("aria-label", "title", "alt", "placeholder", "data-announce", "data-copied", "data-busy-label")
# Mail to members about their work; the rest is read by payers, customers, or anybody who signs in.
STAFF_MAIL = {
    "access_review_due",
    "alert",
    "alert_test",
    "factor_missing",
    "invitation",
    "message_written",
    "organization_suspended",
    "practice",
    "training_due",
    "training_late",
    "webhook_disabled",
}
MAIL = catalog.HOME / "templates" / "mail"


def forms(string: object) -> tuple[str, ...]:
    return tuple(string) if isinstance(string, list | tuple) else (str(string or ""),)


def texts(found: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {forms(message.id): forms(message.string) for message in found if message.id}


def holes(text: str) -> list[str]:
    return sorted(set(re.findall(r"%\(\w+\)[sd]|(?<!%\()\{\w+\}|</?\w+>", text)))


@pytest.mark.parametrize("code", catalog.LANGUAGES)
def test_every_message_is_translated_and_every_translation_is_used(code: str) -> None:
    known, wanted = catalog.read(code), catalog.marked()
    have = {message.id for message in known if message.id}
    assert have == set(wanted), "run ./manage.py messages, and translate what is new"
    empty = [message.id for message in known if message.id and not all(forms(message.string))]
    assert empty == []
    assert len(wanted) > 500


@pytest.mark.parametrize("code", catalog.LANGUAGES)
def test_a_translation_has_the_same_holes_as_its_message(code: str) -> None:
    odd = {
        str(message.id): forms(message.string)
        for message in catalog.read(code)
        for text in forms(message.string)
        if message.id and holes(text) != holes(forms(message.id)[-1])
    }
    assert odd == {}
    assert holes("%(a)s of <b>{b}</b>") == ["%(a)s", "</b>", "<b>", "{b}"]  # it sees what it compares


@pytest.mark.parametrize("code", catalog.LANGUAGES)
def test_what_is_read_is_what_was_written(code: str) -> None:
    stored = catalog.po_path(code).with_suffix(".mo").read_bytes()
    read = mofile.read_mo(io.BytesIO(stored))
    assert texts(read) == texts(catalog.read(code))
    assert stored == catalog.compiled(catalog.read(code))


# --- templates -------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Collects what of a page is read, by eye or aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [text or "" for name, text in attrs if name in READ_ALOUD]

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def said(text: str) -> str:
    bare = re.sub(r"&\w+;|[^A-Za-zÀ-ÿ ]", " ", text)
    return " ".join(word for word in bare.split() if word not in SAME and len(word) > 1)


def literals(nodes: NodeList) -> Iterator[str]:
    """Return the words of a template that no translation reaches: its text, and the constants its tags are given."""
    reader = Reader()
    text = "".join(flat(nodes)).strip()
    # One that holds attributes alone is part of a tag.
    reader.feed(f"<i {text}>" if text.startswith("data-") else text)
    reader.close()
    yield from (text for text in map(said, reader.found) if text)
    for node in walk(nodes):
        for given in constants(node):
            if re.match(r"[A-Z][a-z]", given) and said(given):
                yield given


def flat(nodes: NodeList) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, TextNode):
            yield node.s
        elif type(node).__name__ == "BlockTranslateNode":
            continue
        else:
            for name in (*node.child_nodelists, "nodelist"):
                yield from flat(getattr(node, name, None) or NodeList())
            for _condition, inner in getattr(node, "conditions_nodelists", ()):
                yield from flat(inner)


def walk(nodes: NodeList) -> Iterator[Node]:
    for node in nodes:
        yield node
        for name in {*node.child_nodelists, "nodelist"}:
            yield from walk(getattr(node, name, None) or NodeList())
        for _condition, inner in getattr(node, "conditions_nodelists", ()):
            yield from walk(inner)


def constants(node: Node) -> Iterator[str]:
    given = [*getattr(node, "args", ()), *(getattr(node, "kwargs", None) or {}).values()]
    given += [*(getattr(node, "extra_context", None) or {}).values()]
    given += [value for value in (getattr(node, "vars", None) or ()) if isinstance(value, FilterExpression)]
    given += [getattr(node, "filter_expression", None)]
    for expression in given:
        if isinstance(expression, FilterExpression):
            if isinstance(expression.var, str):
                yield expression.var
            for _filter, arguments in expression.filters:
                yield from (text for _lookup, text in arguments if isinstance(text, str))


@pytest.mark.parametrize("name", sorted(catalog.faced()))
def test_a_template_of_theirs_says_nothing_untranslated(name: str) -> None:
    template = get_template(name).template  # type: ignore[attr-defined]  # Django's own engine
    counted = {noun for pair in re.findall(r'\|count:"([^"]+)"', template.source) for noun in [pair]}
    assert [text for text in literals(template.nodelist) if text not in counted] == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Pay now</p>",
        "{% if a %}<p>{{ b }} due</p>{% endif %}",
        '{% for a in b %}<a title="Pay">x</a>{% endfor %}',
        '{% button "Pay now" %}',
        '{% section "Pay" %}{% button _("a") busy="Opening…" %}{% endsection %}',
        '{{ a|default:"Invoice" }}',
        '{% section _("a") %}due{% endsection %}',
    ],
)
def test_the_walk_over_templates_bites(source: str) -> None:
    made = engines["django"].from_string(source).template  # type: ignore[attr-defined]  # as above
    assert list(literals(made.nodelist)) != []


def test_the_walk_over_templates_lets_translated_words_pass() -> None:
    source = '{% translate "Pay" %}{% blocktranslate %}Pay {{ a }}{% endblocktranslate %}{% button _("Pay") %} · PDF'
    made = engines["django"].from_string(source).template  # type: ignore[attr-defined]  # as above
    assert list(literals(made.nodelist)) == []


# --- views and forms -------------------------------------------------------------------------------------------

_MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "format_lazy"}
_SENTENCE = re.compile(r"[A-Z][a-zé’]+(?:[ -].*)?[.?…]?\Z", re.DOTALL)
# For people who read code: why a door is open, what a shape of words looks like.
_FOR_READERS = {"reason", "pattern", "help"}


def unmarked(tree: ast.AST) -> Iterator[str]:
    """Return the sentences of a module that are said as they stand."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in _MARKS:
                continue
        if isinstance(node, ast.keyword) and node.arg in _FOR_READERS:
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _SENTENCE.match(node.value):
            yield node.value
        yield from unmarked(node)


SPOKEN = sorted(
    str(path.relative_to(catalog.HOME))
    for face in catalog.FACES
    for path in (catalog.HOME / face).glob("*.py")
    if path.name not in ("inventory.py", "origins.py")  # what staff read; names of browsers
)
# Header names, and types quoted as text.
_NAMES = {"Retry-After", "Content-Disposition", "Content-Security-Policy", "Clear-Site-Data", "Lax", "Line"}


@pytest.mark.parametrize("path", SPOKEN)
def test_a_view_of_theirs_says_nothing_untranslated(path: str) -> None:
    tree = ast.parse((catalog.HOME / path).read_text())
    assert [text for text in unmarked(tree) if text not in _NAMES] == []


def test_the_walk_over_views_bites() -> None:
    assert list(unmarked(ast.parse('x = Field(label="Pay with", help_text=_("Ok then."))'))) == ["Pay with"]
    assert list(unmarked(ast.parse('messages.success(request, f"You get {a} soon.")'))) == ["You get "]


# --- mail and documents ----------------------------------------------------------------------------------------


def mails() -> list[str]:
    return sorted({path.name.split(".")[0] for path in MAIL.glob("*.txt")} - STAFF_MAIL)


def asked_of(path: Path) -> set[str]:
    """Return the names a mail takes from whoever sends it."""
    return set(re.findall(r"(?:{{\s*|{% (?:if|for \w+ in) )(\w+)", path.read_text()))


@pytest.mark.parametrize("name", mails())
def test_a_mail_to_them_has_a_german_text_that_says_the_same(name: str) -> None:
    english, german = MAIL / f"{name}.txt", MAIL / f"{name}.de.txt"
    assert german.exists()
    assert asked_of(german) == asked_of(english)
    assert german.read_text() != english.read_text()
    assert not re.search(r'include "mail/\w+\.txt"', german.read_text())


def test_staff_mail_is_what_it_is_called() -> None:
    assert {path.name for path in MAIL.glob("*.txt")} >= {f"{name}.txt" for name in STAFF_MAIL}


def test_every_movement_of_a_statement_has_a_german_word_on_paper() -> None:
    assert [word for word in statements.WORDS.values() if papers.say(word, "de") == word] == []


# --- writing ---------------------------------------------------------------------------------------------------


def test_a_page_renders_in_german() -> None:
    with translation.override("de"):
        text = get_template("kit/copy.html").render({"label": "x"})
        assert "Kopiert" in text
        assert engines["django"].from_string("{{ 3|count:'day' }}").render(Context().flatten()) == "3 Tage"
