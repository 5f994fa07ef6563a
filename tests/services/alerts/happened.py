"""What can happen in the seeded month: one event of the trail each."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from core import ids

HOME, AWAY = "net_home", "net_away"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One event of the month. `of_operator`: before anybody has chosen an organization."""

    at: datetime
    event: str
    who: UUID | None = None
    kind: str = "user"
    network: str = HOME
    subject: tuple[str, UUID | None] = ("", None)
    subjects: tuple[UUID, ...] = ()
    fields: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    result: str = "success"
    reason: str = ""
    of_operator: bool = False


def failed(at: datetime, account: UUID, network: str) -> Happened:
    """A password that is not an account's."""
    return Happened(
        at=at, event="signin.failed", kind="stranger", network=network, subject=("user", account),
        result="failed", of_operator=True,
    )  # fmt: skip


def signed_in(at: datetime, person: UUID, *, network: str = HOME, new_place: bool = False) -> Happened:
    """Somebody came in."""
    return Happened(
        at=at, event="signin.succeeded", who=person, network=network, subject=("session", ids.uuid7()),
        facts={"factor": "totp", "new_place": new_place}, of_operator=True,
    )  # fmt: skip


def wrong_code(at: datetime, person: UUID, network: str) -> Happened:
    """A second factor that is not theirs."""
    return Happened(
        at=at, event="mfa.failed", who=person, network=network, subject=("user", person), result="failed",
        of_operator=True,
    )  # fmt: skip


def refused(at: datetime, person: UUID, status: int, reason: str, **facts: str) -> Happened:
    """Somebody was refused a page."""
    return Happened(
        at=at, event="access.refused", who=person, result="refused", reason=reason,
        facts={"status": status, "route": "billing:invoice", **facts},
    )  # fmt: skip


def export(at: datetime, person: UUID, rows: int) -> Happened:
    """Somebody asked for a file with people in it."""
    return Happened(
        at=at, event="export.asked", who=person, subject=("export", ids.uuid7()),
        facts={"rows": rows, "personal": True, "kind": "customers"},
    )  # fmt: skip


def declined(at: datetime, payment: UUID, *, code: str = "insufficient_funds") -> Happened:
    """A card was declined."""
    return Happened(
        at=at, event="payment.declined", kind="system", network="", subject=("payment", payment),
        facts={"code": code},
    )  # fmt: skip
