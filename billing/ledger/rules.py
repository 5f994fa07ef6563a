"""Which accounts an event touches. Debits are above zero, credits below; every posting sums to zero. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Account(StrEnum):
    """The accounts billing posts to."""

    RECEIVABLE = "receivable"
    REVENUE = "revenue"
    TAX = "tax"
    # What was booked elsewhere before an imported document came here.
    OPENING = "opening_balance"
    BANK = "bank"
    # With the payment provider, until it pays out.
    GATEWAY = "gateway"
    # Held back by the provider while a payment is disputed.
    DISPUTED = "disputed"
    # What customers have paid too much: owed to them.
    CREDIT = "customer_credit"
    # What customers were billed ahead of what they get.
    DEPOSITS = "customer_deposits"
    # Given back without a credit note yet (above zero), or promised back by one and not yet gone (below).
    REFUNDS = "refunds"
    # What is owed and will not come.
    BAD_DEBT = "bad_debt"
    # Credit that expired.
    OTHER_INCOME = "other_income"
    # What rounding to the smallest coin brought (credit) and cost.
    ROUNDING = "rounding"
    # What foreign currencies gained (credit) and lost in the books' own, and what that adds to what is owed in them.
    FX_GAIN_LOSS = "fx_gain_loss"
    FX_VALUATION = "fx_valuation"


# What an account is called and is; any that is not here is an expense of its code.
CHART: dict[str, tuple[str, str]] = {
    Account.RECEIVABLE: ("Receivables from customers", "asset"),
    Account.REVENUE: ("Revenue", "income"),
    Account.TAX: ("Tax owed", "liability"),
    Account.OPENING: ("Opening balances", "equity"),
    Account.BANK: ("Bank", "asset"),
    Account.GATEWAY: ("Payment provider", "asset"),
    Account.DISPUTED: ("Held back in disputes", "asset"),
    Account.CREDIT: ("Credit of customers", "liability"),
    Account.DEPOSITS: ("Deposits of customers", "liability"),
    Account.REFUNDS: ("Refunds given or promised", "liability"),
    Account.BAD_DEBT: ("Bad debts", "expense"),
    Account.OTHER_INCOME: ("Other income", "income"),
    Account.ROUNDING: ("Rounding differences", "income"),
    Account.FX_GAIN_LOSS: ("Exchange gains and losses", "income"),
    Account.FX_VALUATION: ("Valuation of foreign currencies", "asset"),
}
# What was invoiced, without tax, and taken back: only invoices and credit notes post here.
SALES = (Account.REVENUE, Account.DEPOSITS)
# Worth at any time what their foreign currency is worth then.
MONETARY = (
    Account.RECEIVABLE, Account.BANK, Account.GATEWAY, Account.DISPUTED, Account.CREDIT, Account.DEPOSITS,
    Account.REFUNDS,
)  # fmt: skip


def title(code: str) -> str:
    """Return what the program calls an account."""
    return CHART.get(code, ("", ""))[0] or code.replace("_", " ").capitalize()


def kind_of(code: str) -> str:
    """Return what an account is in a balance sheet or a statement of income."""
    return CHART.get(code, ("", ""))[1] or "expense"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a posting."""

    account: str
    amount_minor: int


def finalized(
    *, subtotal_minor: int, tax_minor: int, deposits_minor: int = 0, rounding_minor: int = 0
) -> list[Side]:
    """Owed by the customer, earned, and owed to the tax office; and what rounding adds to what is owed.

    `deposits_minor` of the net amount is a deposit and not earned yet; below zero it is one that is used up, and earned
    by now.
    """
    sides = [
        Side(Account.RECEIVABLE, subtotal_minor + tax_minor + rounding_minor),
        Side(Account.REVENUE, deposits_minor - subtotal_minor),
    ]
    more = [
        Side(Account.TAX, -tax_minor),
        Side(Account.DEPOSITS, -deposits_minor),
        Side(Account.ROUNDING, -rounding_minor),
    ]
    return [*sides, *(side for side in more if side.amount_minor)]


def opening(*, due_minor: int) -> list[Side]:
    """An imported document was earned and taxed in other books; here only what is still owed begins."""
    return [Side(Account.RECEIVABLE, due_minor), Side(Account.OPENING, -due_minor)]


def credited(
    *,
    subtotal_minor: int,
    tax_minor: int,
    offset_minor: int,
    credit_minor: int,
    refund_minor: int,
    deposits_minor: int = 0,
    rounding_minor: int = 0,
) -> list[Side]:
    """Not earned after all, and not owed to the tax office: off what is open, to credit, or promised back.

    `deposits_minor` of the net amount is of a deposit, which was never earned; below zero it is owed again.
    """
    sides = [
        Side(Account.REVENUE, subtotal_minor - deposits_minor),
        Side(Account.DEPOSITS, deposits_minor),
        Side(Account.TAX, tax_minor),
        Side(Account.ROUNDING, rounding_minor),
        Side(Account.RECEIVABLE, -offset_minor),
        Side(Account.CREDIT, -credit_minor),
        Side(Account.REFUNDS, -refund_minor),
    ]
    return [side for side in sides if side.amount_minor]


def credit_opening(*, offset_minor: int, credit_minor: int) -> list[Side]:
    """An imported credit note was booked elsewhere; here only what the customer still has of it begins."""
    sides = [
        Side(Account.OPENING, offset_minor + credit_minor),
        Side(Account.RECEIVABLE, -offset_minor),
        Side(Account.CREDIT, -credit_minor),
    ]
    return [side for side in sides if side.amount_minor]


def reversal(sides: Sequence[Side]) -> list[Side]:
    """Take a posting back by its mirror image; nothing is ever edited."""
    return [Side(side.account, -side.amount_minor) for side in sides]
