"""Until when a target must keep a backup, whoever asks it to delete."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from backups import rules
from backups.rules import Kept

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def kept(
    generation: int, parent: int | None = None, *, days: int, held: bool = False, good: bool = True
) -> Kept:
    return Kept(generation, parent, START + days * DAY, held, good)


def in_days(found: dict[int, datetime]) -> dict[int, int]:
    return {generation: (until - START).days for generation, until in found.items()}


def test_what_is_built_on_is_needed_as_long_as_what_is_built_on_it() -> None:
    chain = [kept(1, days=35), kept(2, 1, days=36), kept(3, 2, days=37), kept(4, days=38)]
    assert in_days(rules.needed_until(START, kept=chain)) == {1: 37, 2: 37, 3: 37, 4: 38}


def test_what_has_no_end_is_needed_for_another_week() -> None:
    chain = [kept(1, days=35), kept(2, 1, days=36, held=True), kept(3, 2, days=37), kept(4, days=38)]
    found = rules.needed_until(START + 40 * DAY, kept=chain)
    assert in_days(found) == {1: 47, 2: 47, 3: 37, 4: 47}
    unsound = [kept(1, days=5), kept(2, days=6, good=False)]
    assert in_days(rules.needed_until(START + 10 * DAY, kept=unsound)) == {1: 17, 2: 6}
    assert rules.needed_until(START, kept=[]) == {}


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.booleans(), st.booleans()), max_size=20),
    st.integers(0, 60),
)
def test_nothing_stays_whose_ground_may_go(made: list[tuple[int, bool, bool, bool]], day: int) -> None:
    """Whatever the plan was when each was taken: the lock of a parent never ends before that of its child."""
    chain = [
        kept(number, number - 1 if incremental and number > 1 else None, days=days, held=held, good=good)
        for number, (days, held, good, incremental) in enumerate(made, start=1)
    ]
    at = START + day * DAY
    until = rules.needed_until(at, kept=chain)
    for one in chain:
        assert until[one.generation] >= one.keep_until
        if one.parent is not None:
            assert until[one.parent] >= until[one.generation]
    for generation in {one.generation for one in chain} - set(rules.to_prune(at, kept=chain)):
        assert until[generation] > at
