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


def of(*, of_operator: bool) -> tuple[Rule, ...]:
    """Return the rules that look at an organization: those of the host look at the operator's log alone."""
    return tuple(rule for rule in ALL if of_operator or not rule.of_host)
