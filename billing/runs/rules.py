"""What a billing run is given and what may come of it. Pure: no clock, no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from uuid import UUID

from billing.invoices.rules import LineInput

# Invoices of one transaction: enough to make the fixed costs small, few enough that others wait a blink.
CHUNK = 1_000
MOST_PROCESSES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that can be billed once: a period of a subscription, its usage, or a single charge.

    Unique in the database by (subject_id, kind, period_from): whoever runs twice, or at the same time, bills it once.
    A single charge has the day it was made as `period_from`.
    """

    kind: str
    subject_id: UUID
    period_from: date
    period_to: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedInvoice:
    """One invoice as the planner wants it, before prices and taxes are computed.

    A planner lists them by customer, in the order of the customers' ids, all of one customer together. `due_on` None
    is the day that finalizing would give. `refusal` is a code: the planner knows why this cannot be billed, and the run
    skips and shows it.
    """

    customer_id: UUID
    currency: str
    lines: tuple[LineInput, ...]
    facts: tuple[Fact, ...]
    due_on: date | None = None
    note: str | None = None
    references: Mapping[str, str] | None = None
    refusal: str = ""


# Why a customer is skipped, in words for the page. Codes of refusals that pricing raises stand beside these.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "customer_archived": "The customer is archived.",
        "customer_erased": "The customer's data was erased.",
        "negative_total": "It would come to less than nothing.",
        "without_lines": "There is nothing to bill.",
        "no_such_tax_rate": "A tax rate is not there any more.",
        "invalid": "Something on it cannot be kept as it is.",
        "failed": "It could not be stored.",
    }
)


def reason(code: str) -> str:
    """Say in words why somebody was skipped."""
    return REASONS.get(code, "It could not be billed.")
