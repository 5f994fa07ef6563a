"""What rules need to know of an event beside the event: looked up at once for many, ids and numbers only."""

from collections.abc import Sequence

from alerts.rules import Rule, Seen


def enriched(rule: Rule, events: Sequence[Seen]) -> list[Seen]:
    """Return the events with what their rule needs to know of them."""
    return list(events)
