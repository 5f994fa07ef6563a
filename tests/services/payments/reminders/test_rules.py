"""Only the latest step is sent, nothing twice, no day moves by a long month or a changed clock; fees to the cent."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.reminders import rules
from payments.reminders.rules import Debt, Fee, Hold, Step

STEPS = [
    Step(id=UUID(int=number + 1), days=days, words=words)
    for number, (days, words) in enumerate(rules.DEFAULT)
]
UPCOMING, FRIENDLY, FIRM, FINAL = STEPS
DUE = date(2026, 1, 31)
LONG_AGO = date(2000, 1, 1)


def debt(**more) -> Debt:
    values = {
        "invoice_id": UUID(int=9),
        "number": "INV-1",
        "currency": "EUR",
        "due_minor": 10_000,
        "due_on": DUE,
    }
    return Debt(**{**values, **more})


def decide(on: date, of: Debt | None = None, **more) -> rules.Decision:
    return rules.decide(of or debt(), STEPS, **{"active_from": LONG_AGO, "on": on, **more})


@pytest.mark.parametrize(
    ("on", "step", "skipped"),
    [
        (date(2026, 1, 27), None, ()),
        (date(2026, 1, 28), UPCOMING, ()),
        (date(2026, 1, 31), UPCOMING, ()),
        (date(2026, 2, 1), None, (UPCOMING,)),
        (date(2026, 2, 3), FRIENDLY, (UPCOMING,)),
        (date(2026, 2, 9), FRIENDLY, (UPCOMING,)),
        (date(2026, 2, 10), FIRM, (UPCOMING, FRIENDLY)),
        (date(2026, 2, 21), FINAL, (UPCOMING, FRIENDLY, FIRM)),
        (date(2027, 2, 21), FINAL, (UPCOMING, FRIENDLY, FIRM)),
    ],
)
def test_missed_days_are_caught_up_by_the_latest_step(on, step, skipped):
    decided = decide(on)
    assert (decided.step, decided.skipped, decided.hold) == (step, skipped, None)


@pytest.mark.parametrize(
    ("due_on", "day"),
    [
        (date(2026, 1, 31), date(2026, 2, 10)),
        (date(2028, 2, 19), date(2028, 2, 29)),
        (date(2026, 12, 31), date(2027, 1, 10)),
        (date(2026, 3, 19), date(2026, 3, 29)),  # the clock goes forward in Europe
        (date(2026, 10, 15), date(2026, 10, 25)),  # and back
    ],
)
def test_ten_days_are_ten_days_of_a_calendar(due_on, day):
    assert rules.day_of(debt(due_on=due_on), FIRM) == day
    assert decide(day - timedelta(days=1), debt(due_on=due_on)).step is FRIENDLY
    assert decide(day, debt(due_on=due_on)).step is FIRM


@pytest.mark.parametrize(
    ("state", "more", "hold"),
    [
        ({"due_minor": 0}, {}, Hold.NOTHING_DUE),
        ({"is_disputed": True}, {}, Hold.DISPUTED),
        ({"is_on_its_way": True}, {}, Hold.ON_ITS_WAY),
        ({"promised_on": date(2026, 2, 10)}, {}, Hold.PROMISED),
        ({"promised_on": date(2026, 2, 9)}, {}, None),
        ({}, {"is_paused": True}, Hold.PAUSED),
        ({}, {"has_address": False}, Hold.NO_ADDRESS),
        ({}, {}, None),
    ],
)
def test_what_holds_a_reminder_back_passes_nothing_over(state, more, hold):
    decided = decide(date(2026, 2, 10), debt(**state), **more)
    assert decided.hold is hold
    if hold:
        assert (decided.step, decided.skipped) == (None, ())
        assert rules.HELD[hold]
    else:
        assert decided.step is FIRM


def test_starting_a_plan_sends_nothing_that_was_due_before():
    started = date(2026, 2, 10)
    assert decide(date(2026, 2, 12), active_from=started).step is FIRM
    late = decide(date(2026, 2, 12), active_from=started + timedelta(days=1))
    assert (late.step, late.skipped) == (None, (UPCOMING, FRIENDLY, FIRM))


def test_a_step_put_in_later_does_not_go_back():
    new = Step(id=UUID(int=77), days=5, words="friendly")
    reached = debt(handled=frozenset({UPCOMING.id, FRIENDLY.id, FIRM.id}), reached_days=10)
    decided = rules.decide(reached, [*STEPS, new], active_from=LONG_AGO, on=date(2026, 2, 12))
    assert (decided.step, decided.skipped) == (None, (new,))


@given(st.lists(st.integers(-5, 40), min_size=1, max_size=20), st.sets(st.integers(0, 40)))
def test_whatever_days_are_missed_each_step_is_handled_once_and_in_order(days, held_days):
    """Run on any days in order, some of them held back: no step twice, none out of order, none sent beyond its time."""
    of, sent, handled = debt(), [], []
    for number in sorted(days):
        on = DUE + timedelta(days=number)
        decided = decide(on, of, is_paused=number in held_days)
        for step in decided.skipped:
            handled.append(step)
        if decided.step is not None:
            assert number not in held_days
            assert rules.day_of(of, decided.step) <= on
            handled.append(decided.step)
            sent.append(decided.step.days)
        of = debt(
            handled=frozenset(step.id for step in handled),
            reached_days=max((step.days for step in handled), default=None),
        )
    assert len({step.id for step in handled}) == len(handled)
    assert sent == sorted(set(sent))


@pytest.mark.parametrize(
    ("fee", "state", "on", "minor"),
    [
        (Fee(kind="fixed", currency="EUR", amount_minor=500), {}, date(2026, 2, 10), 500),
        (Fee(kind="fixed", currency="USD", amount_minor=500), {}, date(2026, 2, 10), 0),
        (Fee(kind="fixed", currency="EUR", amount_minor=500), {"is_fee": True}, date(2026, 2, 10), 0),
        (Fee(), {}, date(2026, 2, 10), 0),
        # 100.00 × 9.12 % × 10 ÷ 365 = 0.2498…
        (Fee(kind="interest", currency="EUR", percentage=Decimal("9.12")), {}, date(2026, 2, 10), 25),
        (Fee(kind="interest", currency="EUR", percentage=Decimal("9.12")), {}, date(2027, 1, 31), 912),
        (Fee(kind="interest", currency="EUR", percentage=Decimal("9.12")), {}, DUE, 0),
        (
            Fee(kind="interest", currency="EUR", percentage=Decimal("9.12"), least_minor=100),
            {}, date(2026, 2, 10), 100,
        ),
        (
            Fee(kind="interest", currency="EUR", percentage=Decimal("9.12"), most_minor=20),
            {}, date(2026, 2, 10), 20,
        ),
        # What was charged once is not charged again.
        (
            Fee(kind="interest", currency="EUR", percentage=Decimal("36.5")),
            {"charged_until": date(2026, 2, 9)}, date(2026, 2, 10), 10,
        ),
    ],
)  # fmt: skip
def test_what_being_late_costs(fee, state, on, minor):
    assert rules.fee_minor(fee, debt(**state), on=on) == minor


def test_interest_charged_in_parts_is_interest_charged_at_once_within_a_cent_a_part():
    fee = Fee(kind="interest", currency="EUR", percentage=Decimal("8"))
    whole = rules.fee_minor(fee, debt(due_minor=123_457), on=DUE + timedelta(days=90))
    parts, until = 0, None
    for days in (10, 21, 45, 90):
        on = DUE + timedelta(days=days)
        parts += rules.fee_minor(fee, debt(due_minor=123_457, charged_until=until), on=on)
        until = on
    assert abs(whole - parts) <= 2


def test_by_hand_what_was_reminded_of_lately_is_left_out():
    on = date(2026, 2, 10)
    by = {"on": on, "is_paused": False, "has_address": True}
    assert rules.by_hand(debt(), **by) is None
    assert rules.by_hand(debt(reminded_on=date(2026, 2, 8)), **by) is Hold.RECENT
    assert rules.by_hand(debt(reminded_on=date(2026, 2, 7)), **by) is None
    assert rules.by_hand(debt(due_on=on), **by) is Hold.NOT_LATE
    assert rules.by_hand(debt(), on=on, is_paused=True, has_address=True) is Hold.PAUSED


def test_the_sternest_words_are_those_of_a_mail():
    assert rules.gravest(["firm", "upcoming", "friendly"]) == "firm"
    assert [rules.words_for(days) for days in (1, 3, 10, 21, 400)] == [
        "friendly", "friendly", "firm", "final", "final",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "days_late", "more", "words"),
    [
        ("final", 166, {}, "friendly"),
        ("firm", 10, {}, "friendly"),
        ("firm", 10, {"sent_late": 1}, "firm"),
        ("final", 10, {"sent_late": 1}, "firm"),
        ("final", 21, {"sent_late": 1}, "final"),
        ("final", 10, {"sent_late": 1, "handled": frozenset({FINAL.id})}, "final"),
        ("friendly", 21, {"sent_late": 2}, "friendly"),
        ("upcoming", 1, {"sent_late": 1}, "friendly"),
        ("final", 0, {"sent_late": 1}, "upcoming"),
    ],
)
def test_words_claim_nothing_that_was_not_sent(wanted, days_late, more, words):
    on = DUE + timedelta(days=days_late)
    assert rules.said(wanted, debt(**more), STEPS, on=on) == words
