"""When training is due, how questions are drawn and counted, and what being late means. Pure."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from training.courses.reading import ASKED, EVERYONE

TRIES = 3
# Nobody is shut out of learning: after this time the tries come back, also when nobody is there to give them.
TRIES_REST = timedelta(hours=24)
# A yearly course is assigned this long before what was learned runs out.
LEAD = timedelta(days=30)
LONGEST_EXTENSION = timedelta(days=60)
WARN_DAYS = 7
MANAGER_DAYS = 14
# The promise a person makes at the end of each course; a change of its words is a new number.
ACKNOWLEDGEMENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """An organization's decisions. The days are those of good practice until it decides otherwise."""

    hire_days: int = 14
    repeat_days: int = 365
    grace_days: int = 21
    withholds: bool = True


def concerns(roles: Collection[str], *, role: str, builtin: bool) -> bool:
    """Say whether a course is a duty of a role. A role of the organization's own has every duty that any role has,
    until somebody decides which."""
    if not roles:
        return False
    return EVERYONE in roles or role in roles or not builtin


def first_due(policy: Policy, today: date) -> date:
    """Return by when a course that somebody has never taken has to be done."""
    return today + timedelta(days=policy.hire_days)


def again_due(policy: Policy, *, valid_until: date, today: date) -> date | None:
    """Return by when a course has to be taken again; None while that is too far off to ask for it."""
    if today < valid_until - LEAD:
        return None
    # Whoever was away when it was to be assigned has the same days as a newcomer.
    return max(valid_until, first_due(policy, today)) if today >= valid_until else valid_until


def standing(*, state: str, due_on: date | None, today: date, policy: Policy) -> str:
    """Say how an assignment stands: as it ended, or open, due_soon, overdue, lapsed."""
    if state != "open":
        return state
    if due_on is None:
        return "open"
    late = (today - due_on).days
    if late > policy.grace_days:
        return "lapsed"
    if late > 0:
        return "overdue"
    return "due_soon" if late >= -WARN_DAYS else "open"


def stage(*, due_on: date, today: date, policy: Policy) -> str:
    """Name the reminder that is due today; each is sent once, and a later one replaces those that were missed."""
    late = (today - due_on).days
    if late > policy.grace_days:
        return "lapsed"
    for name, days in (
        ("manager", MANAGER_DAYS),
        ("overdue_week", 7),
        ("overdue", 1),
        ("day", -1),
        ("week", -7),
    ):
        if late >= days:
            return name
    return "assigned"


STAGES = ("assigned", "week", "day", "overdue", "overdue_week", "manager", "lapsed")


def is_later(stage_now: str, stage_sent: str) -> bool:
    """Say whether a reminder goes beyond the one that was sent last."""
    return not stage_sent or STAGES.index(stage_now) > STAGES.index(stage_sent)


def draw(seed: bytes, codes: Sequence[str], *, count: int = ASKED) -> list[str]:
    """Draw questions: the same seed draws the same ones, in the same order."""
    return sorted(codes, key=lambda code: _rank(seed, code))[:count]


def arranged(seed: bytes, name: str, count: int) -> list[int]:
    """Return the order in which `count` answers are shown, so that no place among them is the right one's."""
    return sorted(range(count), key=lambda index: _rank(seed, f"{name}/{index}"))


def _rank(seed: bytes, name: str) -> bytes:
    return hashlib.sha256(seed + name.encode()).digest()


def passes(*, right: int, asked: int, pass_percent: int) -> bool:
    """Say whether so many right answers are enough."""
    return asked > 0 and right * 100 >= pass_percent * asked


def needed(*, asked: int, pass_percent: int) -> int:
    """Return how many right answers are enough."""
    return -(-pass_percent * asked // 100)
