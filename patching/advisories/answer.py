"""What a source says, and what it does not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from patching.matching import Advisory


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Advisories, and of which ecosystems they are all there are: each with the moment at which it was so."""

    source: str
    advisories: tuple[Advisory, ...] = ()
    covered: Mapping[str, datetime] = field(default_factory=dict)
    exploited: frozenset[str] = frozenset()
    # (product, series) and the last day of its support.
    endings: Mapping[tuple[str, str], date] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


def merged(answers: list[Answer]) -> Answer:
    """Put the answers of several sources together; the freshest look at an ecosystem counts."""
    covered: dict[str, datetime] = {}
    for answer in answers:
        for ecosystem, at in answer.covered.items():
            covered[ecosystem] = max(at, covered.get(ecosystem, at))
    return Answer(
        source="+".join(answer.source for answer in answers),
        advisories=tuple(advisory for answer in answers for advisory in answer.advisories),
        covered=covered,
        exploited=frozenset().union(*(answer.exploited for answer in answers)),
        endings={key: day for answer in answers for key, day in answer.endings.items()},
        reasons=tuple(dict.fromkeys(reason for answer in answers for reason in answer.reasons)),
    )
