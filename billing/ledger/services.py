"""Posting to the books: one transaction with its entries, balanced or refused by the database."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from billing.ledger.models import LedgerAccount, LedgerEntry, LedgerTransaction
from billing.ledger.rules import Account, Side
from core.errors import Refusal
from tenancy.context import use_case


class PostingOutOfBalance(Refusal):
    """A posting must balance."""

    code = "posting_out_of_balance"


@use_case
def open_accounts(*, at: datetime, codes: Sequence[str] = tuple(Account)) -> None:
    """Open the accounts that are not open yet."""
    LedgerAccount.objects.bulk_create(
        [LedgerAccount(code=str(code), created_at=at) for code in codes], ignore_conflicts=True
    )


@use_case
def post(
    *,
    kind: str,
    sides: Sequence[Side],
    currency: str,
    booked_on: date,
    at: datetime,
    customer_id: UUID | None = None,
    invoice_id: UUID | None = None,
) -> UUID:
    """Write one transaction and its entries, and return its id. The caller records the event that caused it.

    Raises:
        PostingOutOfBalance: the sides do not sum to zero, or there are fewer than two.
    """
    if len(sides) < 2 or sum(side.amount_minor for side in sides) != 0:
        raise PostingOutOfBalance
    posting = LedgerTransaction.objects.create(
        kind=kind, invoice_id=invoice_id, customer_id=customer_id, booked_on=booked_on, at=at
    )
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            transaction=posting,
            customer_id=customer_id,
            account=side.account,
            currency=currency,
            amount_minor=side.amount_minor,
        )
        for side in sides
    )
    return posting.pk
