"""How often access is reviewed, and what is worth a second look. Pure."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

# PCI DSS and the references' row on it: at least once every six months.
PERIOD = timedelta(days=183)
USUAL = timedelta(days=14)
LONGEST = timedelta(days=92)
IDLE = timedelta(days=90)


def state(*, signed: bool, due_on: date, today: date) -> str:
    """Return what people see of a review: open, overdue or signed."""
    return "signed" if signed else "overdue" if due_on < today else "open"


def next_due(*, last_signed_at: datetime | None, founded_at: datetime) -> date:
    """Return the day by which the next review has to be finished."""
    return ((last_signed_at or founded_at) + PERIOD).date()


def flags(
    kind: str, facts: Mapping[str, object], *, last_used_at: datetime | None, at: datetime
) -> tuple[str, ...]:
    """Return why a line deserves a second look, in words: the reviewer decides, this only points."""
    found = []
    if kind in ("member", "api_key", "grant") and (last_used_at is None or at - last_used_at > IDLE):
        found.append("never used" if last_used_at is None else "not used for 90 days")
    if kind == "member" and facts.get("factor") == "none":
        found.append("no second factor")
    if kind == "member" and facts.get("training") == "overdue":
        found.append("training overdue")
    if facts.get("powerful"):
        found.append("powerful rights")
    if kind == "role" and not facts.get("people"):
        found.append("nobody has it")
    if kind == "api_key" and facts.get("owner") == "gone":
        found.append("its maker left")
    return tuple(found)
