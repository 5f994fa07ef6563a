"""Reads a course from its text. A small, closed subset of Markdown; what does not fit is refused with its line.

    # Title                         one a course, first line
    code: phishing                  header lines: code, version, minutes, pass, for, maps, summary
    - After it people can …         the goals, right below the header

    ## A page                       paragraphs, "- " and "1. " lists, "> " a message as it came in, "! " a rule to keep
    ### choose: What do you do?     at most one step a page: choose (one right), mark (all that apply), order
    - [x] An answer
      Why it is right.
    - [ ] Another
      Why it is not.

    ## Questions
    ### q01: A question?            answers as above, exactly one right

In running text **words** stand out and `words` are set as typed. There is no HTML: a template escapes every text.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from core.errors import Refusal

ASKED = 5
LEAST_QUESTIONS, MOST_QUESTIONS = ASKED, 40
LEAST_ANSWERS, MOST_ANSWERS = 2, 8
MOST_PAGES = 12
LONGEST = 60_000
EVERYONE = "everyone"
_HEADER = ("code", "version", "minutes", "pass", "for", "maps", "summary")
_CODE = re.compile(r"[a-z][a-z0-9-]{1,39}")
_QUESTION = re.compile(r"(q\d{2}): (.+)")
_STEP = re.compile(r"(choose|mark|order): (.+)")
_ANSWER = re.compile(r"(?:- \[([ x])\]|\d+\.) (.+)")
_MARKED = re.compile(r"\*\*(.+?)\*\*|`(.+?)`")
_ITEM = re.compile(r"\d+\. ")
_QUESTIONS = "Questions"
_KINDS = {"- ": "list", "> ": "message", "! ": "rule"}


class CourseFault(Refusal):
    """The text of a module cannot be read."""

    code = "course_fault"

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"Line {line}: {sentence}" if line else sentence, field="body", line=line)


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text: plain, strong or code."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (text), list, numbered list (steps), message or rule; `items` are its paragraphs or lines."""

    kind: str
    items: tuple[tuple[Span, ...], ...]


@dataclass(frozen=True, slots=True)
class Option:
    """One answer: whether it is right, and why or why not."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do on a page. `choose` has one right answer, `mark` one or more, `order` is the right order."""

    kind: str
    prompt: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """One page, read in a minute or two."""

    title: str
    blocks: tuple[Block, ...]
    step: Step | None


@dataclass(frozen=True, slots=True)
class Question:
    """One question; exactly one answer is right."""

    code: str
    text: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A whole course. `digest` is the SHA-256 of its text, `roles` who has to take it."""

    code: str
    title: str
    version: int
    minutes: int
    pass_percent: int
    roles: tuple[str, ...]
    maps: tuple[str, ...]
    summary: str
    goals: tuple[str, ...]
    pages: tuple[Page, ...]
    questions: tuple[Question, ...]
    digest: bytes

    def question(self, code: str) -> Question:
        """Return a question by its code."""
        return next(question for question in self.questions if question.code == code)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str


def read(text: str) -> Course:
    """Read a course.

    Raises:
        CourseFault: the first thing that does not fit, with its line.
    """
    if len(text) > LONGEST:
        raise CourseFault(0, f"A module has at most {LONGEST:,} characters.")
    lines = [_Line(number, line.rstrip()) for number, line in enumerate(text.splitlines(), 1)]
    head, parts = _cut(lines, "## ")
    title, header, goals = _header(head)
    pages = [_page(name, body) for name, body in parts if name.text != _QUESTIONS]
    asked = [(name, body) for name, body in parts if name.text == _QUESTIONS]
    if not pages or len(pages) > MOST_PAGES:
        raise CourseFault(0, f"A module has one to {MOST_PAGES} pages, each begun by “## ”.")
    if len(asked) != 1:
        raise CourseFault(0, "A module has one part “## Questions”.")
    questions = _questions(*asked[0])
    return Course(
        title=title,
        goals=goals,
        pages=tuple(pages),
        questions=questions,
        digest=hashlib.sha256(text.encode()).digest(),
        code=header["code"],
        version=_number(header, "version", 1, 9_999),
        minutes=_number(header, "minutes", 1, 120),
        pass_percent=_number(header, "pass", 20, 100),
        roles=tuple(word.strip() for word in header["for"].split(",") if word.strip()),
        maps=tuple(word.strip() for word in header["maps"].split("|") if word.strip()),
        summary=header["summary"],
    )


def spans(text: str) -> tuple[Span, ...]:
    """Cut a text into plain, strong and code."""
    found, end = [], 0
    for match in _MARKED.finditer(text):
        if match.start() > end:
            found.append(Span("plain", text[end : match.start()]))
        found.append(Span("strong", match[1]) if match[1] else Span("code", match[2]))
        end = match.end()
    if end < len(text) or not found:
        found.append(Span("plain", text[end:]))
    return tuple(found)


def _cut(lines: Sequence[_Line], mark: str) -> tuple[list[_Line], list[tuple[_Line, list[_Line]]]]:
    """Return what stands before the first heading, and each heading with what stands below it."""
    before: list[_Line] = []
    parts: list[tuple[_Line, list[_Line]]] = []
    for line in lines:
        if line.text.startswith(mark):
            parts.append((_Line(line.number, line.text.removeprefix(mark).strip()), []))
        else:
            (parts[-1][1] if parts else before).append(line)
    return before, parts


def _header(lines: Sequence[_Line]) -> tuple[str, dict[str, str], tuple[str, ...]]:
    filled = [line for line in lines if line.text]
    if not filled or not filled[0].text.startswith("# "):
        raise CourseFault(1, "Begin with the title: “# ” and its words.")
    values: dict[str, str] = {}
    goals = []
    for line in filled[1:]:
        name, colon, value = line.text.partition(":")
        if line.text.startswith("- "):
            goals.append(line.text[2:])
        elif colon and name in _HEADER:
            values[name] = value.strip()
        else:
            raise CourseFault(line.number, f"Here stand {', '.join(_HEADER)} and goals (“- ”).")
    values = {
        "version": "1",
        "minutes": "7",
        "pass": "80",
        "for": EVERYONE,
        "maps": "",
        "summary": "",
    } | values
    if not _CODE.fullmatch(values.get("code", "")):
        raise CourseFault(0, "“code:” is missing, or is not made of small letters, digits and hyphens.")
    title = filled[0].text[2:].strip()
    if not title or len(title) > 120:
        raise CourseFault(1, "The title has one to 120 characters.")
    return title, values, tuple(goals)


def _number(header: dict[str, str], name: str, least: int, most: int) -> int:
    text = header[name]
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise CourseFault(0, f"“{name}:” is a number from {least} to {most}.")
    return int(text)


def _page(title: _Line, lines: Sequence[_Line]) -> Page:
    prose, steps = _cut(lines, "### ")
    if not title.text or len(title.text) > 120:
        raise CourseFault(title.number, "A page has a title of at most 120 characters.")
    if len(steps) > 1:
        raise CourseFault(steps[1][0].number, "A page has one step at most.")
    return Page(title.text, tuple(_blocks(prose)), _step(*steps[0]) if steps else None)


def _blocks(lines: Sequence[_Line]) -> Iterator[Block]:
    for kind, group in groupby(lines, key=lambda line: _kind(line.text)):
        texts = [line.text for line in group]
        if kind == "":
            continue
        if kind == "text":
            yield Block("text", (spans(" ".join(texts)),))
        elif kind == "steps":
            yield Block("steps", tuple(spans(_ITEM.sub("", text, count=1)) for text in texts))
        else:
            yield Block(kind, tuple(spans(text[2:]) for text in texts))


def _kind(text: str) -> str:
    if not text:
        return ""
    if text == ">":
        return "message"
    return "steps" if _ITEM.match(text) else _KINDS.get(text[:2], "text")


def _step(head: _Line, lines: Sequence[_Line]) -> Step:
    match = _STEP.fullmatch(head.text)
    if match is None:
        raise CourseFault(head.number, "A step begins with “choose:”, “mark:” or “order:” and what is asked.")
    options = _options(head, lines, ordered=match[1] == "order")
    right = sum(option.right for option in options)
    if (match[1] == "choose" and right != 1) or not right:
        raise CourseFault(head.number, "One answer is right; of a “mark:”, at least one.")
    return Step(match[1], match[2], options)


def _questions(head: _Line, lines: Sequence[_Line]) -> tuple[Question, ...]:
    before, parts = _cut(lines, "### ")
    if any(line.text for line in before):
        raise CourseFault(head.number, "Below “## Questions” each question begins with “### q01: ”.")
    found: list[Question] = []
    for title, body in parts:
        match = _QUESTION.fullmatch(title.text)
        if match is None or any(question.code == match[1] for question in found):
            raise CourseFault(title.number, "A question begins with a code of its own, like “### q01: ”.")
        options = _options(title, body, ordered=False)
        if sum(option.right for option in options) != 1:
            raise CourseFault(title.number, "Exactly one answer of a question is right.")
        found.append(Question(match[1], match[2], options))
    if not LEAST_QUESTIONS <= len(found) <= MOST_QUESTIONS:
        raise CourseFault(head.number, f"A module has {LEAST_QUESTIONS} to {MOST_QUESTIONS} questions.")
    return tuple(found)


def _options(head: _Line, lines: Sequence[_Line], *, ordered: bool) -> tuple[Option, ...]:
    found: list[Option] = []
    for line in lines:
        match = _ANSWER.fullmatch(line.text)
        if match:
            if ordered != (match[1] is None):
                raise CourseFault(
                    line.number, "Answers begin with “- [ ] ”; the parts of an order with “1. ”."
                )
            found.append(Option(match[2], ordered or match[1] == "x", ""))
        elif line.text.startswith("  ") and found:
            last = found.pop()
            found.append(Option(last.text, last.right, f"{last.why} {line.text.strip()}".strip()))
        elif line.text:
            raise CourseFault(line.number, "Here stand answers, each with its explanation indented below it.")
    if not LEAST_ANSWERS <= len(found) <= MOST_ANSWERS:
        raise CourseFault(head.number, f"{LEAST_ANSWERS} to {MOST_ANSWERS} answers are offered.")
    unexplained = [option.text for option in found if not option.why]
    if unexplained:
        raise CourseFault(head.number, f"An explanation is missing below “{unexplained[0][:60]}”.")
    if len({option.text for option in found}) != len(found):
        raise CourseFault(head.number, "Two answers are the same.")
    return tuple(found)
