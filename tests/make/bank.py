"""Bank details, through the ordinary services, inside the scope that is open."""

from datetime import datetime, timedelta
from uuid import UUID

from accounts.models import Membership
from accounts.services import approvals
from audit.models import Event
from billing.bankaccounts import rules, services
from billing.bankaccounts.models import BankAccount
from core.actor import Actor
from outbound.models import OutboxMessage
from tests.databases import as_owner
from tests.make import accounts

FIRST = {"holder": "Northwind Instruments GmbH", "iban": "DE89 3704 0044 0532 0130 00", "bic": "COBADEFFXXX"}
OTHER = {"holder": "Northwind Instruments GmbH", "iban": "AT61 1904 3002 3457 3201", "bic": ""}


def set_first(at: datetime, *, owner: Membership | None = None) -> BankAccount:
    """Set the first account, as a founder with nobody beside them, or with somebody who agrees at once."""
    owner = owner or accounts.member("owner", at=at)
    return agreed(FIRST, asker=owner, at=at)


def agreed(details: dict[str, str], *, asker: Membership, at: datetime) -> BankAccount:
    """Ask for details and have somebody else agree, where somebody is there."""
    proposed = services.propose(**details, actor=accounts.actor(asker.user), at=at)
    if proposed.waiting is not None:
        decider = accounts.member("approver", at=at)
        approvals.approve(request_id=proposed.waiting.pk, actor=accounts.actor(decider.user), at=at)
    return BankAccount.objects.order_by("-announced_at", "-id")[0]


def written(account: UUID, at: datetime) -> datetime:
    """Let committed details have been written at an earlier time, as the owner of the table; return when they hold."""
    as_owner("ALTER TABLE billing_bankaccount DISABLE TRIGGER USER")
    holds_from = at + rules.NOTICE
    as_owner(
        "UPDATE billing_bankaccount SET written_at = %s, holds_from = %s WHERE id = %s",
        [at, holds_from, account],
    )
    as_owner("ALTER TABLE billing_bankaccount ENABLE TRIGGER USER")
    return holds_from


def mails(template: str) -> dict[str, str]:
    """Return what waits in the outbox by the address it goes to."""
    rows = OutboxMessage.objects.filter(template=template)
    return {row.body["to"]: f"{row.body['subject']}\n{row.body['text']}" for row in rows if row.body}


def events_of(account: UUID) -> list[str]:
    """Return the codes of the events about these bank details, oldest first."""
    return list(Event.objects.filter(subject_id=account).order_by("at", "id").values_list("event", flat=True))


def system() -> Actor:
    """Return the periodic work."""
    return Actor.system("tests")


def later(at: datetime, **span: float) -> datetime:
    """Return a time so much later."""
    return at + timedelta(**span)
