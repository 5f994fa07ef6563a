"""What a billing run is given and what may come of it. Pure: no clock, no database."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol
from uuid import UUID

from billing.invoices.rules import LineInput

# Invoices of one transaction: enough to make the fixed costs small, few enough that others wait a blink.
CHUNK = 1_000
MOST_PROCESSES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that can be billed once: a period of a subscription, its usage, or a single charge.

    Unique in the database by (subject_id, kind, period_from): whoever runs twice, or at the same time, bills it once.
    A single charge has the day it was made as `period_from`. A run hands facts back to the planner and looks into none
    of them: a planner that needs more of one derives from this.
    """

    kind: str
    subject_id: UUID
    period_from: date
    period_to: date | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of a customer's that cannot be billed: what it is, and why, by code."""

    kind: str
    id: UUID
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedInvoice:
    """One invoice as the planner wants it, before prices and taxes are computed.

    A planner lists them by customer, in the order of the customers' ids, all of one customer together. `due_on` None
    is the day that finalizing would give. Without lines nothing is to be paid: the facts are claimed, and no invoice is
    made. `refusal` is a code: the planner knows why this cannot be billed, and the run skips and shows it.
    `left_out` is what it left out of this. `subjects` (kind, id) are what this is made of, and `without` plans it anew
    without some of them, so that one that cannot be billed stops no other.
    """

    customer_id: UUID
    currency: str
    lines: tuple[LineInput, ...]
    facts: tuple[Fact, ...]
    due_on: date | None = None
    note: str | None = None
    references: Mapping[str, str] | None = None
    refusal: str = ""
    # Which rule of place of supply chose the rates, if one did.
    tax_rule: str = ""
    left_out: tuple[LeftOut, ...] = ()
    subjects: tuple[tuple[str, UUID], ...] = ()
    without: "Callable[[Collection[UUID]], PlannedInvoice] | None" = field(
        default=None, compare=False, repr=False
    )


class PlannedOtherwise(Exception):
    """What was planned does not hold any more: these customers have to be planned anew."""


class Planner(Protocol):
    """Who knows what is due; `billing.subscriptions.planning` is one."""

    def due(self, on: date, after: UUID | None, limit: int) -> list[PlannedInvoice]:
        """List what is due on or before a day: at most `limit` customers with something due, behind `after`, whole.

        It locks nothing. An empty list means that nobody behind `after` has anything due.
        """

    def count(self, on: date) -> int:
        """Say about how many invoices are due on or before a day, for whoever watches; in one cheap statement."""

    def claim(
        self, rows: Sequence[tuple[UUID | None, PlannedInvoice]], *, at: datetime
    ) -> Collection[PlannedInvoice]:
        """Write the facts of planned invoices, each under its invoice's id (or None), and move on what they are of.

        Called in the transaction that makes the invoices, before they are there (foreign keys to them are deferred), in
        a handful of statements however many rows there are. Returns those of which a fact was there already, or that
        would be planned otherwise by now: of these nothing was written, and the run leaves them out. It waits for
        nobody who might wait for it: rows are locked in the order of their ids.

        Raises:
            PlannedOtherwise: some but not all facts of one were there; the transaction is rolled back.
        """


# Why a customer is skipped, in words for the page. Codes of refusals that pricing raises stand beside these.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "customer_archived": "The customer is archived.",
        "customer_erased": "The customer's data was erased.",
        "customer_restricted": "The customer's data is restricted: it is kept and not used.",
        "negative_total": "It would come to less than nothing.",
        "without_lines": "There is nothing to bill.",
        "no_such_tax_rate": "A tax rate is not there any more.",
        "invalid": "Something on it cannot be kept as it is.",
        "amount_too_large": "It comes to more than can be booked.",
        "not_computable": "What is due of it cannot be computed.",
        "stacked_tax_on_e_invoice": "It has several taxes on one line, which no electronic invoice can carry.",
        "failed": "It could not be stored.",
    }
)
# What to do about it, so that the next run bills it; of a subscription or a charge alone, or of the whole customer.
_WAYS: Mapping[str, str] = MappingProxyType(
    {
        "customer_archived": "Take the customer back from the archive, or end what is due.",
        "customer_erased": "End what is due: there is nobody to bill any more.",
        "customer_restricted": "Lift the restriction when it is over.",
        "negative_total": "Wait until more is due, or credit an earlier invoice.",
        "no_such_tax_rate": "Give the product a price with a tax rate that holds on that day.",
        "stacked_tax_on_e_invoice": "Take a price with another tax rate, or a number series without e-invoices.",
    }
)
_CHANGE = MappingProxyType(
    {
        "subscription": "Change its quantity or price, or cancel it; the next run bills it then.",
        "charge": "Withdraw it and enter it anew; the next run bills it then.",
        "": "Look at its subscriptions and charges, and change what is out of range.",
    }
)


def way_out(code: str, kind: str) -> str:
    """Say in words what to do about something that was skipped."""
    return _WAYS.get(code) or _CHANGE[kind]


def reason(code: str) -> str:
    """Say in words why somebody was skipped."""
    return REASONS.get(code, "It could not be billed.")
