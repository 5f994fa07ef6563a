"""What an organization usually sells, and how consumers abroad are taxed: what automatic tax goes by."""

from datetime import datetime

from audit import services as audit
from billing import events
from billing.issuer.models import Issuer, Supplies
from billing.issuer.services import IssuerMissing
from core.actor import Actor
from core.errors import Refusal
from tenancy.context import use_case


class UnknownSupply(Refusal):
    """What is sold is services, goods or digital services."""

    code = "unknown_supply"


@use_case
def set_sales(*, supplies: str, uses_oss: bool, actor: Actor, at: datetime) -> Issuer:
    """Set what is usually sold, and whether consumers in other EU countries are taxed at their own rates.

    Raises:
        IssuerMissing: nobody has said who bills.
        UnknownSupply: something else is sold.
    """
    if supplies not in Supplies.values:
        raise UnknownSupply(field="supplies")
    row: Issuer | None = Issuer.objects.select_for_update().first()
    if row is None:
        raise IssuerMissing
    wanted = {"supplies": supplies, "uses_oss": uses_oss}
    changed = [name for name, value in wanted.items() if getattr(row, name) != value]
    if changed:
        row.supplies, row.uses_oss, row.updated_at = supplies, uses_oss, at
        row.save(update_fields=[*changed, "updated_at"])
        audit.record(events.ISSUER_UPDATED, actor=actor, fields=changed)
    return row


def sales() -> tuple[str, bool]:
    """Return what is usually sold, and whether One Stop Shop is used."""
    row: Issuer | None = Issuer.objects.only("supplies", "uses_oss").first()
    return (row.supplies, row.uses_oss) if row is not None else (Supplies.SERVICES, False)
