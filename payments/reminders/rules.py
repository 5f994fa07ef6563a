"""When a reminder is due, what holds it back, and what being late costs. Pure: days come from outside.

Promise kept: of several steps that have come due only the latest is sent, so that a day on which nothing ran is made
up for by one mail; what was passed over is named and never sent later; days are days of a calendar, so that neither a
long month nor a change of the clock moves any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from core import money
from core.errors import FieldError

FIRST_DAY, LAST_DAY = -60, 365
MOST_STEPS = 12
NAME_LENGTH = 80
# What the default plan does: days after the due day, and in which words.
DEFAULT: tuple[tuple[int, str], ...] = ((-3, "upcoming"), (3, "friendly"), (10, "firm"), (21, "final"))
# Somebody who was reminded this lately is not reminded again by hand.
RECENTLY = timedelta(days=3)
_YEAR = 365
_HUNDRED = Decimal(100)
_GENTLEST = ("upcoming", "friendly", "firm", "final")


class Hold(StrEnum):
    """What holds a reminder back; `HELD` says it to people."""

    NOTHING_DUE = "nothing_due"
    DISPUTED = "disputed"
    ON_ITS_WAY = "on_its_way"
    PROMISED = "promised"
    PAUSED = "paused"
    NO_ADDRESS = "no_address"
    RECENT = "recent"
    NOT_LATE = "not_late"


HELD: Mapping[Hold, str] = MappingProxyType(
    {
        Hold.NOTHING_DUE: "Nothing is due any more",
        Hold.DISPUTED: "The customer objects to it, or disputes a payment",
        Hold.ON_ITS_WAY: "A payment is on its way",
        Hold.PROMISED: "The customer promised to pay it",
        Hold.PAUSED: "Reminders of this customer are paused",
        Hold.NO_ADDRESS: "The customer has no e-mail address",
        Hold.RECENT: "It was reminded of in the last three days",
        Hold.NOT_LATE: "It is not due yet",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """What a step costs, in minor units of one currency: an amount, or a percentage a year of what is open."""

    kind: str = "none"
    currency: str = ""
    amount_minor: int = 0
    percentage: Decimal = Decimal(0)
    least_minor: int | None = None
    most_minor: int | None = None


NO_FEE = Fee()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a plan."""

    id: UUID
    days: int
    words: str
    fee: Fee = NO_FEE


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """One open invoice and what has happened to it. `handled` are the steps that were sent or passed over."""

    invoice_id: UUID
    number: str
    currency: str
    due_minor: int
    due_on: date
    is_disputed: bool = False
    is_on_its_way: bool = False
    promised_on: date | None = None
    handled: frozenset[UUID] = frozenset()
    # Days of the latest step of those; the day of the last reminder of any kind.
    reached_days: int | None = None
    reminded_on: date | None = None
    # How many mails have said that it is late.
    sent_late: int = 0
    # Until when late fees were charged; and whether it is itself a late fee, which costs nothing more.
    charged_until: date | None = None
    is_fee: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a day brings for an invoice: the step to send, those passed over, or what holds it back."""

    step: Step | None = None
    skipped: tuple[Step, ...] = ()
    hold: Hold | None = None


def held(debt: Debt, *, on: date, is_paused: bool, has_address: bool) -> Hold | None:
    """Return what holds back any reminder of an invoice, the gravest first."""
    if debt.due_minor <= 0:
        return Hold.NOTHING_DUE
    if debt.is_disputed:
        return Hold.DISPUTED
    if debt.is_on_its_way:
        return Hold.ON_ITS_WAY
    if debt.promised_on is not None and on <= debt.promised_on:
        return Hold.PROMISED
    if is_paused:
        return Hold.PAUSED
    return None if has_address else Hold.NO_ADDRESS


def decide(
    debt: Debt,
    steps: Sequence[Step],
    *,
    active_from: date,
    on: date,
    is_paused: bool = False,
    has_address: bool = True,
) -> Decision:
    """Decide what a plan does about an invoice on a day.

    While something holds it back nothing is sent and nothing passed over: afterwards the latest step is caught up.
    """
    reached = sorted(
        (step for step in steps if step.id not in debt.handled and day_of(debt, step) <= on),
        key=lambda step: step.days,
    )
    if not reached:
        return Decision()
    fitting = [step for step in reached if _fits(debt, step, active_from=active_from, on=on)]
    chosen = fitting[-1] if fitting else None
    skipped = tuple(step for step in reached if step is not chosen)
    if chosen is None:
        return Decision(skipped=skipped)
    hold = held(debt, on=on, is_paused=is_paused, has_address=has_address)
    return Decision(hold=hold) if hold else Decision(step=chosen, skipped=skipped)


def day_of(debt: Debt, step: Step) -> date:
    """Return the day on which a step of an invoice comes due."""
    return debt.due_on + timedelta(days=step.days)


def by_hand(debt: Debt, *, on: date, is_paused: bool, has_address: bool) -> Hold | None:
    """Return why an invoice cannot be reminded of by hand today. A paused plan holds nobody's hand; a person may."""
    hold = held(debt, on=on, is_paused=False, has_address=has_address)
    if hold is not None:
        return hold
    if is_paused:
        return Hold.PAUSED
    if debt.due_on >= on:
        return Hold.NOT_LATE
    if debt.reminded_on is not None and on - debt.reminded_on < RECENTLY:
        return Hold.RECENT
    return None


def gravest(words: Sequence[str]) -> str:
    """Return the sternest of several letters: a mail about several invoices is written in those words."""
    return max(words, key=_GENTLEST.index)


def words_for(days_late: int) -> str:
    """Return the words wanted for somebody who is reminded by hand, by how late they are; see `said`."""
    fitting = [words for days, words in DEFAULT if days > 0 and days_late >= days]
    return fitting[-1] if fitting else "friendly"


def said(wanted: str, debt: Debt, steps: Sequence[Step], *, on: date) -> str:
    """Return the words in which an invoice is reminded of: the wanted ones, or gentler ones where these are untrue.

    Whoever was never told that it is late is not told that they were, whichever steps were passed over. "Last" is said
    when something was sent before and none of `steps`, those of a plan that runs, is still to come.
    """
    if on <= debt.due_on:
        return "upcoming"
    if debt.sent_late == 0 or wanted in ("upcoming", "friendly"):
        return "friendly"
    is_more_to_come = any(step.id not in debt.handled and day_of(debt, step) > on for step in steps)
    return "firm" if is_more_to_come else wanted


def fee_minor(fee: Fee, debt: Debt, *, on: date) -> int:
    """Return what being late costs an invoice on a day, in minor units; nothing in another currency than the rule's.

    Interest runs from the day after the due day, or since it was last charged, over 365 days a year on what is open,
    and is rounded once. Bounds hold for each charge.
    """
    if fee.kind == "none" or fee.currency != debt.currency or debt.is_fee or debt.due_minor <= 0:
        return 0
    if fee.kind == "fixed":
        amount = fee.amount_minor
    else:
        days = (on - max(debt.due_on, debt.charged_until or debt.due_on)).days
        if days <= 0:
            return 0
        open_amount = money.from_minor(debt.due_minor, debt.currency)
        exact = money.divide(money.multiply(open_amount, fee.percentage, Decimal(days)), _HUNDRED * _YEAR)
        amount = money.to_minor(exact, debt.currency)
    if fee.least_minor is not None:
        amount = max(amount, fee.least_minor)
    if fee.most_minor is not None:
        amount = min(amount, fee.most_minor)
    return max(amount, 0)


def step_errors(position: int, days: int, fee: Fee) -> list[FieldError]:
    """Return what is wrong with a step."""
    at = f"/steps/{position}"
    errors: list[FieldError] = []
    if not FIRST_DAY <= days <= LAST_DAY:
        errors.append(
            FieldError(f"{at}/days", "days_out_of_range", f"Enter a number from {FIRST_DAY} to {LAST_DAY}.")
        )
    if fee.kind != "none" and days <= 0:
        errors.append(
            FieldError(f"{at}/fee", "fee_before_due", "Being late costs something after the due day.")
        )
    if fee.kind == "fixed" and fee.amount_minor < 1:
        errors.append(FieldError(f"{at}/fee_amount", "required", "Enter the amount of the fee."))
    if fee.kind == "interest" and not Decimal(0) < fee.percentage <= _HUNDRED:
        errors.append(
            FieldError(
                f"{at}/fee_percentage", "percentage", "Enter a percentage a year above 0, at most 100."
            )
        )
    bounds = (fee.least_minor, fee.most_minor)
    if any(bound is not None and bound < 0 for bound in bounds) or (
        bounds[0] is not None and bounds[1] is not None and bounds[0] > bounds[1]
    ):
        errors.append(FieldError(f"{at}/fee_most", "bounds", "The least is more than the most."))
    return errors


def _fits(debt: Debt, step: Step, *, active_from: date, on: date) -> bool:
    """Tell whether a step that has come due is still to be sent."""
    if day_of(debt, step) < active_from:
        return False
    if debt.reached_days is not None and step.days <= debt.reached_days:
        return False
    # "Due soon" is no longer true once it was due.
    return step.days > 0 or on <= debt.due_on
