"""What alerts look for: every rule, by its code."""

from alerts.rules import access, data, keeping, money, signin
from alerts.rules.base import (
    Automatic,
    Group,
    Hit,
    Rule,
    Seen,
    Settings,
    Severity,
    Source,
)

ALL: tuple[Rule, ...] = (*signin.RULES, *access.RULES, *data.RULES, *money.RULES, *keeping.RULES)
BY_CODE: dict[str, Rule] = {rule.code: rule for rule in ALL}

__all__ = [
    "ALL",
    "BY_CODE",
    "Automatic",
    "Group",
    "Hit",
    "Rule",
    "Seen",
    "Settings",
    "Severity",
    "Source",
]


def watching(code: str) -> tuple[Rule, ...]:
    """Return the rules that look at events of this code."""
    return _BY_EVENT.get(code, ())


def _by_event() -> dict[str, tuple[Rule, ...]]:
    found: dict[str, tuple[Rule, ...]] = {}
    for rule in ALL:
        for code in rule.codes:
            found[code] = (*found.get(code, ()), rule)
    return found


_BY_EVENT = _by_event()
