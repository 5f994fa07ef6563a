"""A practice mail: its text with every cue marked in place, and how hard it is to see through. Pure.

The difficulty is on a scale of our own, with the two axes of the NIST Phish Scale: how many cues there are, against how
well the story fits the work of its readers. Where few ends and many begins is ours, so a rating here is compared with
others here and with none elsewhere. The cues are counted where they are marked, so that no lure is called easier than
it is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_MARK = re.compile(r"\[\[([a-z]+):(.+?)\]\]", re.DOTALL)
LINK = "{link}"


class Fit(StrEnum):
    """How well the story fits what the readers do every day (premise alignment)."""

    WEAK = "weak"
    MEDIUM = "medium"
    STRONG = "strong"


class Count(StrEnum):
    """How many cues there are: few up to 8, some up to 14, many from 15 on."""

    FEW = "few"
    SOME = "some"
    MANY = "many"


class Difficulty(StrEnum):
    """How hard it is to see through."""

    LEAST = "least"
    LESS = "less"
    MODERATE = "moderate"
    VERY = "very"


_FEW, _SOME = 8, 14
_RATING = {
    (Count.FEW, Fit.WEAK): Difficulty.MODERATE,
    (Count.FEW, Fit.MEDIUM): Difficulty.VERY,
    (Count.FEW, Fit.STRONG): Difficulty.VERY,
    (Count.SOME, Fit.WEAK): Difficulty.LESS,
    (Count.SOME, Fit.MEDIUM): Difficulty.MODERATE,
    (Count.SOME, Fit.STRONG): Difficulty.VERY,
    (Count.MANY, Fit.WEAK): Difficulty.LEAST,
    (Count.MANY, Fit.MEDIUM): Difficulty.MODERATE,
    (Count.MANY, Fit.STRONG): Difficulty.MODERATE,
}


@dataclass(frozen=True, slots=True)
class Cue:
    """One kind of sign: its name, and what to make of it."""

    name: str
    why: str


CUES = {
    "sender": Cue(
        "Name and address do not fit",
        "The name is free text that anybody can write. The address behind it does not belong to that house.",
    ),
    "link": Cue(
        "A link to somewhere else",
        "The link does not lead to the house that claims to write. Read the address from its right end.",
    ),
    "greeting": Cue("No name of yours", "Whoever does business with you knows what you are called."),
    "signature": Cue(
        "Nobody to call", "No person and no number to call back: the easiest way to check has been closed."
    ),
    "pressure": Cue("Hurry", "A deadline of hours is there to keep you from asking somebody."),
    "threat": Cue("A threat", "Something bad is said to happen. Real houses write more than once, and telephone."),
    "data": Cue("It asks for data", "What it wants to know, the real sender has on file."),
    "spelling": Cue("Misspelt", "One slip happens to everybody. Several in a short mail are a sign."),
    "grammar": Cue("Odd sentences", "The words do not hang together as somebody of that house would write them."),
    "inconsistent": Cue(
        "Details that do not agree", "Numbers, days or names contradict each other or what you have on file."
    ),
    "looks": Cue("It does not look like business", "Capitals and exclamation marks shout; a business letter does not."),
    "legal": Cue("Legal words", "Clauses and notices lend weight to a mail that has none of its own."),
    "padding": Cue("Details beside the point", "They are there to sound real, and have nothing to do with the matter."),
    "safe": Cue("It says that it is safe", "A mail that assures you it was checked has not been checked by you."),
    "process": Cue(
        "It poses as daily work", "It asks for a step you do every day, by another way than the one you agreed on."
    ),
    "special": Cue("Only for you, only now", "An advantage that nobody else gets and that is gone tomorrow."),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """The page behind the link. Its fields have no names, so that nothing typed there can be sent."""

    title: str
    lead: str
    fields: tuple[str, ...]
    button: str


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the text; `cue` is the code of the sign it is, or nothing."""

    text: str
    cue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lure:
    """A practice mail. Whoever it claims to be from does not exist.

    `subject` and `text` carry marks, `[[cue:words]]`; `chief` names the three signs that are told first. A code stands
    for one text for good: a campaign of last year is shown with the mail it was.
    """

    code: str
    title: str
    topic: str
    sender: str
    # The invented house in the sender's name: nobody's, or the mail would speak for somebody.
    house: str
    subject: str
    text: str
    fit: Fit
    fit_why: str
    chief: tuple[str, str, str]
    landing: Landing

    @property
    def cues(self) -> int:
        """Count the cues: each mark is one, and the name that hides another address is one."""
        return 1 + len(_MARK.findall(self.subject)) + len(_MARK.findall(self.text))

    @property
    def count(self) -> Count:
        """Say whether these are few, some or many."""
        return Count.FEW if self.cues <= _FEW else Count.SOME if self.cues <= _SOME else Count.MANY

    @property
    def difficulty(self) -> Difficulty:
        """Rate it."""
        return _RATING[self.count, self.fit]

    @property
    def plain_subject(self) -> str:
        """Return the subject as it is sent."""
        return _MARK.sub(r"\2", self.subject)

    def plain_text(self, link: str) -> str:
        """Return the text as it is sent."""
        return _MARK.sub(r"\2", self.text).replace(LINK, link)

    @property
    def found(self) -> list[str]:
        """Return the codes of the signs in it, each once, the three chief ones first."""
        seen = [code for code, _ in _MARK.findall(self.subject + "\n" + self.text)]
        return list(dict.fromkeys([*self.chief, "sender", *seen]))


def spans(marked: str, *, link: str) -> Sequence[Span]:
    """Cut a marked text into pieces, the link written out."""
    pieces, end = [], 0
    for match in _MARK.finditer(marked):
        pieces += [Span(marked[end : match.start()]), Span(match[2].replace(LINK, link), match[1])]
        end = match.end()
    return [piece for piece in [*pieces, Span(marked[end:].replace(LINK, link))] if piece.text]
