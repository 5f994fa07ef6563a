"""System checks of the trail: every month to come has its partition."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register

from audit import queries


@register(Tags.database)
def months_are_prepared(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn when this month or the next has no partition: rows then fall into the default one."""
    if not databases or "default" not in databases:
        return []
    missing = queries.missing_months()
    if not missing:
        return []
    return [
        Warning(
            f"The audit trail has no partition for {', '.join(missing)}.",
            hint="The task audit.tasks.prepare_months makes them; is beat running?",
            id="audit.W001",
        )
    ]
