"""What foreign currencies are worth at the end of a month.

Each monetary account is carried, in each foreign currency, at the rates of the days it was posted on. At the end of a
month it is worth its balance at the rate of that day; the difference is posted, in the books' own currency, as a gain
or a loss. Of receivables it is taken back on the next day: a settled invoice gains or loses against the day of its
invoice, and nothing twice. Cash and credit keep it: their worth goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import connection

from billing.ledger.rules import MONETARY, Account
from billing.ledger.trial import Balance, balances
from billing.rates import queries as rates
from billing.rates.rules import written
from core import money
from tenancy import context

_VALUED = """
SELECT split_part(t.kind, ':', 2), split_part(t.kind, ':', 3), sum(e.amount_minor)::bigint
FROM billing_ledgertransaction t JOIN billing_ledgerentry e
  ON e.tenant_id = t.tenant_id AND e.transaction_id = t.id AND e.account = 'fx_valuation'
WHERE t.tenant_id = %s::uuid AND t.kind LIKE 'fx\\_%%' AND t.booked_on <= %s
GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A monetary account in a foreign currency at the end of a day."""

    account: str
    currency: str
    amount_minor: int
    # At the rates of the days of its postings, and what was posted since as gain or loss.
    carried_minor: int
    rate: Decimal
    worth_minor: int

    @property
    def rate_written(self) -> str:
        """The rate with the digits it has."""
        return written(self.rate)

    @property
    def difference_minor(self) -> int:
        """What is still to be posted: a gain above zero."""
        return self.worth_minor - self.carried_minor

    @property
    def kind(self) -> str:
        """The kind of its valuation's transaction."""
        return f"fx_revalued:{self.account}:{self.currency}"

    @property
    def back(self) -> str:
        """The kind of the transaction that takes the valuation back."""
        return f"fx_reversed:{self.account}:{self.currency}"


def valued(until: date) -> dict[tuple[str, str], int]:
    """Return what was posted up to a day as gain or loss, by account and foreign currency."""
    with connection.cursor() as cursor:
        cursor.execute(_VALUED, [context.current_tenant(), until])
        return {(account, currency): int(amount) for account, currency, amount in cursor.fetchall()}


def positions(until: date, *, held_then: Sequence[Balance] | None = None) -> list[Position]:
    """Return what every monetary account in a foreign currency is carried at and worth at the end of a day.

    `held_then` are the balances of that day, where the caller knows them.

    Raises:
        ExchangeRateMissing: one of them holds something, and there is no rate.
    """
    base = rates.base_currency()
    posted = valued(until)
    held = {
        (row.account, row.currency): row
        for row in (balances(until) if held_then is None else held_then)
        if row.account in MONETARY and row.currency != base
    }
    found = []
    for account, currency in sorted({*held, *posted}):
        row = held.get((account, currency))
        amount = row.amount_minor if row else 0
        # Nothing is worth nothing at any rate.
        rate = rates.rate_on(until, currency=currency, base=base) if amount else Decimal(0)
        found.append(
            Position(
                account=account,
                currency=currency,
                amount_minor=amount,
                carried_minor=(row.base_minor if row else 0) + posted.get((account, currency), 0),
                rate=rate,
                worth_minor=money.to_minor(money.multiply(money.from_minor(amount, currency), rate), base),
            )
        )
    return found


def is_taken_back(position: Position) -> bool:
    """Tell whether the next day takes the valuation back: a receivable is settled against its invoice's day."""
    return position.account == Account.RECEIVABLE
