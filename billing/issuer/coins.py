"""Rounding what is to be paid to the smallest coin, where an organization wants that for a currency."""

from collections.abc import Collection
from datetime import datetime

from audit import services as audit
from billing import events
from billing.issuer.models import Issuer
from billing.issuer.rules import COINS
from billing.issuer.services import IssuerMissing
from core.actor import Actor
from core.errors import Refusal
from tenancy.context import use_case


class NoSmallestCoin(Refusal):
    """Totals are rounded in currencies whose smallest coin is known to be more than one unit."""

    code = "no_smallest_coin"


@use_case
def round_totals(*, currencies: Collection[str], actor: Actor, at: datetime) -> None:
    """Say in which currencies the totals of documents finalized from now on are rounded to the smallest coin.

    Raises:
        IssuerMissing: nobody has said who bills.
        NoSmallestCoin: a currency has none.
    """
    if not set(currencies) <= set(COINS):
        raise NoSmallestCoin(field="rounded_currencies")
    row: Issuer | None = Issuer.objects.select_for_update().first()
    if row is None:
        raise IssuerMissing
    wanted = sorted(set(currencies))
    if row.rounded_currencies == wanted:
        return
    row.rounded_currencies, row.updated_at = wanted, at
    row.save(update_fields=["rounded_currencies", "updated_at"])
    audit.record(events.ISSUER_UPDATED, actor=actor, fields=["rounded_currencies"])
