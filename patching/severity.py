"""How bad a weakness is, from what an advisory says. Pure.

The newest vector that there is counts (CVSS 4, 3.1, 3.0, 2); where an advisory has none, the word of its database does.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from cvss import CVSS2, CVSS3, CVSS4
from cvss.exceptions import CVSSError

from patching.rules import Severity

# Newest first. A vector of version 2 names no version.
_KINDS = (("CVSS:4.0/", CVSS4), ("CVSS:3.1/", CVSS3), ("CVSS:3.0/", CVSS3), ("", CVSS2))
# The longest that the specifications allow is below 400.
_LONGEST = 1_000
_WORDS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "moderate": Severity.MEDIUM,
    "low": Severity.LOW,
    "unimportant": Severity.LOW,
    "negligible": Severity.LOW,
}


def of(advisory: Mapping[str, Any], affected: Mapping[str, Any]) -> Severity:
    """Return the severity of an advisory for one of the packages it names: the worst of its newest vectors.

    Unrated, which is treated as the worst, where the newest vector cannot be read or nobody says anything.
    """
    words: list[Any] = []
    scores: dict[int, list[Decimal | None]] = {}
    for kind, text in _said(affected, advisory):
        if not kind.startswith("CVSS_") and not text.startswith("CVSS:"):
            words.append(text)
            continue
        scores.setdefault(_age(kind, text), []).append(base_score(text))
    if scores:
        newest = [score for score in scores[min(scores)] if score is not None]
        return of_score(max(newest)) if len(newest) == len(scores[min(scores)]) else Severity.UNRATED
    for holder in (affected, advisory):
        for name in ("ecosystem_specific", "database_specific"):
            inner = holder.get(name)
            if isinstance(inner, Mapping):
                words += [inner.get("severity"), inner.get("urgency")]
    known = (_WORDS.get(said.strip().lower()) for said in words if isinstance(said, str))
    return next((found for found in known if found is not None), Severity.UNRATED)


def _age(kind: str, text: str) -> int:
    """Return the place of a vector among the versions, the newest first; of one that nobody here knows, before all."""
    if text.startswith("CVSS:"):
        return next((n for n, (prefix, _) in enumerate(_KINDS[:-1]) if text.startswith(prefix)), -1)
    return len(_KINDS) - 1 if kind == "CVSS_V2" else -1


def _said(*holders: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for holder in holders:
        for entry in holder.get("severity") or ():
            if isinstance(entry, Mapping):
                yield str(entry.get("type", "")), str(entry.get("score", ""))


def of_score(score: Decimal) -> Severity:
    """Return the word for a score (CVSS v3.1 specification, 5)."""
    if score >= 9:
        return Severity.CRITICAL
    if score >= 7:
        return Severity.HIGH
    return Severity.MEDIUM if score >= 4 else Severity.LOW


def base_score(vector: str) -> Decimal | None:
    """Return the score of a CVSS vector; None where it cannot be read whole."""
    kind = next(kind for prefix, kind in _KINDS if vector.startswith(prefix))
    if len(vector) > _LONGEST:
        return None
    try:
        score = Decimal(str(kind(vector).base_score))
    except (CVSSError, ValueError, LookupError, ArithmeticError):
        return None
    return score if score.is_finite() else None
