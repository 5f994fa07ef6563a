"""How bad a weakness is, from what an advisory says. Pure, and without fractions of the binary kind.

CVSS 3.0 and 3.1 base scores are computed from their vector (FIRST, CVSS v3.1 specification, 7.1 and 7.4); where an
advisory has none, the word of its database counts.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from patching.rules import Severity

D = Decimal
_WEIGHTS: Mapping[str, Mapping[str, Decimal]] = {
    "AV": {"N": D("0.85"), "A": D("0.62"), "L": D("0.55"), "P": D("0.2")},
    "AC": {"L": D("0.77"), "H": D("0.44")},
    "UI": {"N": D("0.85"), "R": D("0.62")},
    "C": {"H": D("0.56"), "L": D("0.22"), "N": D(0)},
    "I": {"H": D("0.56"), "L": D("0.22"), "N": D(0)},
    "A": {"H": D("0.56"), "L": D("0.22"), "N": D(0)},
}
_RIGHTS: Mapping[str, Mapping[str, Decimal]] = {
    "U": {"N": D("0.85"), "L": D("0.62"), "H": D("0.27")},
    "C": {"N": D("0.85"), "L": D("0.68"), "H": D("0.5")},
}
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
_TOP = D(10)


def of(advisory: Mapping[str, Any], affected: Mapping[str, Any]) -> Severity:
    """Return the severity of an advisory for one of the packages it names; the worst of its scores."""
    vectors = [
        str(entry.get("score", ""))
        for entry in (*(affected.get("severity") or ()), *(advisory.get("severity") or ()))
        if isinstance(entry, Mapping)
    ]
    scores = [score for score in map(base_score, vectors) if score is not None]
    if scores:
        return of_score(max(scores))
    for holder in (affected, advisory):
        for name in ("ecosystem_specific", "database_specific"):
            inner = holder.get(name)
            if not isinstance(inner, Mapping):
                continue
            for said in (inner.get("severity"), inner.get("urgency")):
                found = _WORDS.get(said.strip().lower()) if isinstance(said, str) else None
                if found is not None:
                    return found
    return Severity.UNRATED


def of_score(score: Decimal) -> Severity:
    """Return the word for a score (CVSS v3.1 specification, 5)."""
    if score >= 9:
        return Severity.CRITICAL
    if score >= 7:
        return Severity.HIGH
    return Severity.MEDIUM if score >= 4 else Severity.LOW


def base_score(vector: str) -> Decimal | None:
    """Return the base score of a CVSS 3 vector; None where it is of another kind or incomplete."""
    prefix, _, rest = vector.partition("/")
    if prefix not in ("CVSS:3.0", "CVSS:3.1"):
        return None
    said = dict(part.split(":", 1) for part in rest.split("/") if ":" in part)
    scope = said.get("S", "")
    try:
        weights = {name: table[said[name]] for name, table in _WEIGHTS.items()}
        rights = _RIGHTS[scope][said["PR"]]
    except KeyError:
        return None
    lost = 1 - (1 - weights["C"]) * (1 - weights["I"]) * (1 - weights["A"])
    if scope == "U":
        impact = D("6.42") * lost
    else:
        impact = D("7.52") * (lost - D("0.029")) - D("3.25") * (lost - D("0.02")) ** 15
    if impact <= 0:
        return D(0)
    exploitability = D("8.22") * weights["AV"] * weights["AC"] * rights * weights["UI"]
    total = impact + exploitability
    return _round_up(min(total if scope == "U" else D("1.08") * total, _TOP))


def _round_up(score: Decimal) -> Decimal:
    """Round up to one place, but forgive what is below a hundred-thousandth (the specification's appendix A)."""
    return score.quantize(D("0.00001")).quantize(D("0.1"), rounding=ROUND_CEILING)
