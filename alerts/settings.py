"""How an organization has set the rules: the newest version of each, or as the rule comes."""

from collections.abc import Mapping
from datetime import timedelta

from alerts.models import AlertRule
from alerts.rules import ALL, Automatic, Group, Rule, Settings, Severity


def of_all() -> Mapping[str, Settings]:
    """Return how every rule is set in the organization in scope."""
    rows = AlertRule.objects.order_by("code", "-version").distinct("code").defer("reason")
    own = {row.code: read(row) for row in rows}
    return {rule.code: own.get(rule.code, rule.settings) for rule in ALL}


def of_one(rule: Rule) -> Settings:
    """Return how one rule is set in the organization in scope."""
    row = AlertRule.objects.filter(code=rule.code).order_by("-version").first()
    return rule.settings if row is None else read(row)


def read(row: AlertRule) -> Settings:
    """Return a stored version as the rules know it."""
    return Settings(
        severity=Severity(row.severity),
        group=Group(row.group),
        window=timedelta(seconds=row.window_seconds),
        threshold=row.threshold,
        suppression=timedelta(seconds=row.suppression_seconds),
        automatic=Automatic(row.automatic),
        enabled=row.enabled,
        version=row.version,
    )
