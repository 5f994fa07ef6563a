"""One map from a state to what people see of it: a word, a shape and a tint. Colour alone says nothing.

Shapes: hollow = not started or ended; dot = in order or in motion; square = needs care; diamond = wrong.
Tints: neutral, info, ok, warn, bad, and person = it waits for somebody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shape = Literal["hollow", "dot", "square", "diamond"]
Tint = Literal["neutral", "info", "ok", "warn", "bad", "person"]


@dataclass(frozen=True, slots=True)
class Status:
    """How one state of one kind of object is shown."""

    word: str
    shape: Shape
    tint: Tint


def _idle(word: str) -> Status:
    return Status(word, "hollow", "neutral")


def _moving(word: str) -> Status:
    return Status(word, "dot", "info")


def _good(word: str) -> Status:
    return Status(word, "dot", "ok")


def _care(word: str) -> Status:
    return Status(word, "square", "warn")


def _wrong(word: str) -> Status:
    return Status(word, "diamond", "bad")


def _waits(word: str) -> Status:
    return Status(word, "square", "person")


STATUS: dict[str, dict[str, Status]] = {
    "invoice": {"draft": _idle("Draft"), "finalized": _moving("Finalized"), "voided": _idle("Void")},
    # What a reader wants to know of an invoice at once: its document and its payment in one word.
    "invoice_standing": {
        "draft": _idle("Draft"),
        "voided": _idle("Void"),
        "open": _moving("Open"),
        "processing": _moving("Processing"),
        "partially_paid": _care("Part paid"),
        "due_soon": _care("Due soon"),
        "overdue": _wrong("Overdue"),
        "disputed": _wrong("Disputed"),
        "written_off": _idle("Written off"),
        "credited": _idle("Credited"),
        "paid": _good("Paid"),
    },
    "payment_status": {
        "unpaid": _moving("Unpaid"),
        "partially_paid": _care("Part paid"),
        "processing": _moving("Processing"),
        "paid": _good("Paid"),
    },
    "payment": {
        "pending": _moving("Pending"),
        "processing": _moving("Processing"),
        "requires_action": _waits("Waits for customer"),
        "succeeded": _good("Received"),
        "unknown": _care("Not known yet"),
        "failed": _wrong("Failed"),
        "canceled": _idle("Canceled"),
        "reversed": _idle("Reversed"),
    },
    "refund": {
        "pending_approval": _waits("Waits for approval"),
        "pending": _moving("Pending"),
        "succeeded": _good("Refunded"),
        "unknown": _care("Not known yet"),
        "failed": _wrong("Failed"),
        "declined": _idle("Declined"),
        "canceled": _idle("Canceled"),
    },
    "dispute": {
        "open": _wrong("Answer needed"),
        "under_review": _moving("Under review"),
        "won": _good("Won"),
        "lost": _wrong("Lost"),
        "accepted": _idle("Accepted"),
    },
    "subscription": {
        "draft": _idle("Draft"),
        "trialing": _moving("Trial"),
        "active": _good("Active"),
        "paused": _care("Paused"),
        "past_due": _wrong("Past due"),
        "ended": _idle("Ended"),
    },
    "customer": {
        "active": _good("Active"),
        "on_hold": _care("On hold"),
        "archived": _idle("Archived"),
        "erased": _idle("Erased"),
    },
    "approval": {
        "pending": _waits("Waits"),
        "approved": _good("Approved"),
        "declined": _wrong("Declined"),
        "expired": _idle("Expired"),
        "withdrawn": _idle("Withdrawn"),
        "executed": _good("Done"),
        "failed": _wrong("Failed"),
    },
    "job": {
        "queued": _idle("Queued"),
        "running": _moving("Running"),
        "finished": _good("Finished"),
        "canceled": _idle("Canceled"),
        "failed": _wrong("Failed"),
    },
    "organization": {"active": _good("Active"), "sealed": _wrong("Sealed"), "closing": _care("Closing")},
    "member": {
        "active": _good("Active"),
        "invited": _waits("Invited"),
        "suspended": _care("Suspended"),
        "removed": _idle("Removed"),
    },
    "invitation": {
        "open": _waits("Open"),
        "accepted": _good("Accepted"),
        "expired": _idle("Expired"),
        "revoked": _idle("Revoked"),
    },
    "api_key": {
        "active": _good("Active"),
        "expiring": _care("Expires soon"),
        "expired": _idle("Expired"),
        "revoked": _idle("Revoked"),
    },
    "session": {"active": _good("Active"), "idle": _idle("Idle"), "ended": _idle("Ended")},
    "data_key": {
        "pending": _idle("Pending"),
        "primary": _good("Primary"),
        "active": _moving("Active"),
        "disabled": _care("Disabled"),
        "destroyed": _idle("Destroyed"),
    },
    "coverage": {
        "encrypted": _good("Encrypted"),
        "partial": _care("In progress"),
        "plain": _wrong("Plain value"),
    },
    "backup": {
        "ok": _good("Good"),
        "old": _care("Good, but old"),
        "running": _moving("Running"),
        "failed": _wrong("Failed"),
        "none": _wrong("None"),
    },
    "drill": {
        "passed": _good("Passed"),
        "running": _moving("Running"),
        "overdue": _care("Overdue"),
        "failed": _wrong("Failed"),
    },
    "finding": {
        "open": _care("Open"),
        "overdue": _wrong("Overdue"),
        "accepted": _waits("Accepted"),
        "fixed": _good("Fixed"),
    },
    "severity": {
        "info": _idle("Info"),
        "low": _moving("Low"),
        "medium": _care("Medium"),
        "high": Status("High", "diamond", "warn"),
        "critical": _wrong("Critical"),
    },
    "alert": {
        "open": _wrong("Open"),
        "acknowledged": _care("Acknowledged"),
        "muted": _idle("Muted"),
        "closed": _good("Closed"),
    },
    "result": {"success": _good("Done"), "refused": _care("Refused"), "failed": _wrong("Failed")},
    "control": {
        "passing": _good("Passing"),
        "failing": _wrong("Failing"),
        "exception": _care("Exception"),
        "manual": _waits("By hand"),
        "not_applicable": _idle("Not applicable"),
    },
    "request": {
        "received": _waits("Received"),
        "confirmed": _moving("Confirmed"),
        "completed": _good("Completed"),
        "refused": _idle("Refused"),
        "overdue": _wrong("Overdue"),
    },
    "training": {
        "due": _moving("Due"),
        "due_soon": _care("Due soon"),
        "completed": _good("Completed"),
        "overdue": _wrong("Overdue"),
    },
    "webhook": {
        "delivered": _good("Delivered"),
        "retrying": _care("Retrying"),
        "pending": _idle("Pending"),
        "failed": _wrong("Failed"),
        "disabled": _idle("Off"),
    },
    "integrity": {
        "verified": _good("Verified"),
        "checking": _moving("Checking"),
        "stale": _care("Stale"),
        "gap": _wrong("Gap"),
        "broken": _wrong("Broken"),
    },
}


class UnknownStatus(LookupError):  # noqa: N818
    """A state has no word, shape and tint."""


def status(kind: str, value: str) -> Status:
    """Return how a state is shown.

    Raises:
        UnknownStatus: the map has no such kind or value; add it there, and only there.
    """
    try:
        return STATUS[kind][str(value)]
    except KeyError:
        raise UnknownStatus(f"{kind} {value!r} has no word, shape and tint in web/kit/status.py") from None
