"""One map from a state to what people see of it: a word, a shape and a tint. Colour alone says nothing.

Shapes: hollow = not started or ended; dot = in order or in motion; square = needs care; diamond = wrong.
Tints: neutral, info, ok, warn, bad, and person = it waits for somebody.
"""

from web.kit.looks import Status
from web.kit.looks import care as _care
from web.kit.looks import good as _good
from web.kit.looks import idle as _idle
from web.kit.looks import moving as _moving
from web.kit.looks import waits as _waits
from web.kit.looks import wrong as _wrong
from web.kit.status_training import TRAINING

STATUS: dict[str, dict[str, Status]] = {
    "gateway": {"connected": _good("Connected"), "disconnected": _idle("Disconnected")},
    "pay_page_file": {
        "reviewed": _good("Reviewed"),
        "changed": _wrong("Changed"),
        "new": _wrong("Not reviewed"),
        "gone": _care("Gone"),
    },
    "control": {
        "passing": _good("Passing"),
        "failing": _wrong("Failing"),
        "unknown": _care("Undecided"),
        "stale": _care("Old result"),
        "manual_due": _waits("Evidence due"),
        "exception": _care("Excepted"),
        "not_applicable": _idle("Not applicable"),
    },
    "exception": {
        "waiting": _waits("Approval"),
        "active": _care("In force"),
        "declined": _idle("Declined"),
        "ended": _idle("Ended"),
    },
    "evidence": {
        "current": _good("Holds"),
        "expired": _wrong("Out of date"),
        "withdrawn": _idle("Withdrawn"),
    },
    "pack": {"queued": _moving("Being made"), "ready": _good("Ready"), "failed": _wrong("Failed")},
    "alert_question": {"sent": _waits("Asked"), "yes": _good("Yes"), "no": _wrong("No"), "": _idle("Silent")},
    "access_review": {"open": _moving("Open"), "overdue": _wrong("Overdue"), "signed": _good("Signed")},
    "access_line": {
        "": _waits("Open"),
        "keep": _good("Kept"),
        "withdraw": _idle("Ended"),
        "gone": _idle("Gone"),
    },
    "auditor_visit": {"open": _good("Open"), "over": _idle("Over")},
    "document": {"valid": _good("Valid"), "invalid": _wrong("Not valid")},
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
        # What a customer reads of an invoice that was written off.
        "closed": _idle("Closed"),
        "paid": _good("Paid"),
    },
    "payment_status": {
        "unpaid": _moving("Unpaid"),
        "partially_paid": _care("Part paid"),
        "processing": _moving("Processing"),
        "paid": _good("Paid"),
    },
    "payment": {
        "pending": _idle("Begun"),
        "processing": _moving("On its way"),
        "unknown": _care("Asking"),
        "succeeded": _good("Received"),
        "failed": _wrong("Failed"),
        "canceled": _idle("Canceled"),
        "held": _waits("Held"),
        "reversed": _wrong("Reversed"),
    },
    "attempt": {
        "created": _idle("Begun"),
        "open": _moving("Page open"),
        "requires_action": _moving("Bank asks payer"),
        "processing": _moving("On its way"),
        "unknown": _care("Asking"),
        "succeeded": _good("Received"),
        "failed": _wrong("Declined"),
        "canceled": _idle("Canceled"),
        "held": _waits("Held"),
    },
    "refund": {
        "pending_approval": _waits("Approval"),
        "pending": _moving("To be sent"),
        "sent": _moving("On its way"),
        "unknown": _care("Asking"),
        "succeeded": _good("Given back"),
        "failed": _wrong("Failed"),
        "declined": _idle("Declined"),
        "canceled": _idle("Canceled"),
    },
    "dispute": {
        "needs_response": _wrong("Answer due"),
        "under_review": _moving("With the bank"),
        "won": _good("Won"),
        "lost": _idle("Lost"),
    },
    "payment_method": {"active": _good("Saved"), "removed": _idle("Removed")},
    "customer": {
        "active": _good("Active"),
        "archived": _idle("Archived"),
    },
    "tax_id": {
        "unchecked": _idle("Not checked"),
        "pending": _moving("Being checked"),
        "valid": _good("Valid"),
        "invalid": _wrong("Not valid"),
        "unavailable": _care("No answer"),
    },
    "import": {
        "reading": _moving("Being read"),
        "uploaded": _waits("To be mapped"),
        "checking": _moving("Being checked"),
        "checked": _waits("Checked"),
        "running": _moving("Running"),
        "done": _good("Imported"),
        "failed": _wrong("Failed"),
        "undone": _idle("Taken back"),
        "dropped": _idle("Dropped"),
    },
    "quote": {
        "draft": _idle("Draft"),
        "open": _moving("Open"),
        "accepted": _good("Accepted"),
        "declined": _wrong("Declined"),
        "expired": _idle("Expired"),
        "canceled": _idle("Withdrawn"),
    },
    "export": {
        "waiting": _waits("Approval"),
        "queued": _moving("Waiting"),
        "running": _moving("Being made"),
        "ready": _good("Ready"),
        "expired": _idle("Expired"),
        "deleted": _idle("Destroyed"),
        "declined": _idle("Declined"),
        "failed": _wrong("Failed"),
    },
    "bank_account": {
        "announced": _waits("Announced"),
        "current": _good("In use"),
        "former": _idle("Former"),
        "canceled": _idle("Stopped"),
    },
    "period": {"open": _waits("Open again"), "closed": _good("Closed")},
    "close_check": {"done": _good("Done"), "waits": _care("Look at it"), "blocks": _wrong("Has to be done")},
    "ledger_account": {"active": _good("In use"), "archived": _idle("Archived")},
    "series": {"usual": _good("In use"), "open": _moving("Open"), "closed": _idle("Closed")},
    "tax_rate": {"now": _good("In use"), "later": _moving("Begins later"), "ended": _idle("Ended")},
    "product": {"active": _good("Sold"), "retired": _idle("Retired")},
    "price": {"now": _good("Sold"), "later": _moving("Sold later"), "ended": _idle("Former")},
    "subscription": {
        "trialing": _moving("Trial"),
        "active": _good("Active"),
        "paused": _care("Paused"),
        "canceled": _care("Ends"),
        "ended": _idle("Ended"),
    },
    "subscription_item": {"now": _good("Now"), "later": _moving("Later"), "ended": _idle("Former")},
    "approval": {
        "pending": _waits("Waits"),
        "approved": _good("Approved"),
        "declined": _wrong("Declined"),
        "expired": _idle("Expired"),
        "withdrawn": _idle("Withdrawn"),
    },
    "statement_line": {
        "open": _waits("To book"),
        "certain": _good("Certain"),
        "booked": _good("Booked"),
        "linked": _good("Recorded before"),
        "ignored": _idle("Set aside"),
        "other": _idle("Not for matching"),
        "reversed": _care("Taken back"),
    },
    "reminder_plan": {
        "paused": _care("Paused"),
        "active": _good("Running"),
        "archived": _idle("Archived"),
    },
    "reminder": {"sent": _moving("Sent"), "skipped": _idle("Passed over"), "waits": _waits("To send")},
    "backup": {
        "running": _moving("Running"),
        "done": _good("Complete"),
        "unsound": _wrong("Not sound"),
        "failed": _wrong("Failed"),
        "pruned": _idle("Removed"),
    },
    "backup_copy": {"stored": _good("Stored"), "missing": _wrong("Missing"), "pruned": _idle("Removed")},
    "drill": {"running": _moving("Running"), "passed": _good("Passed"), "failed": _wrong("Failed")},
    "restore": {
        "asked": _waits("Approval"),
        "approved": _waits("To be run"),
        "declined": _idle("Declined"),
        "done": _good("Restored"),
    },
    "late": {"no": _good("In time"), "yes": _wrong("Late")},
    "check": {"ok": _good("Passed"), "bad": _wrong("Failed")},
    "job": {
        "queued": _idle("Queued"),
        "running": _moving("Running"),
        "done": _good("Finished"),
        "cancelled": _idle("Cancelled"),
        "failed": _wrong("Failed"),
    },
    "suspension": {"suspended": _wrong("Suspended")},
    "organization": {"active": _good("Active"), "sealed": _wrong("Sealed"), "closing": _care("Closing")},
    "breach": {"open": _wrong("Open"), "closed": _idle("Closed")},
    "legal_hold": {"stands": _care("Stands"), "lifted": _idle("Lifted")},
    "own_privacy_request": {
        "received": _moving("Being looked at"),
        "verified": _moving("Being answered"),
        "answered": _good("Answered"),
        "refused": _care("Refused"),
        "withdrawn": _idle("Taken back"),
    },
    "privacy_request": {
        "received": _waits("Who asks?"),
        "verified": _moving("To answer"),
        "answered": _good("Answered"),
        "refused": _care("Refused"),
        "withdrawn": _idle("Taken back"),
    },
    "person": {"active": _good("Active"), "suspended": _care("Suspended"), "erased": _idle("Erased")},
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
    "webhook_endpoint": {
        "enabled": _good("Enabled"),
        "failing": _care("Failing"),
        "disabled": _wrong("Disabled"),
    },
    "webhook_delivery": {
        "pending": _moving("Waiting"),
        "retrying": _care("Retrying"),
        "succeeded": _good("Taken"),
        "failed": _wrong("Given up"),
        "dropped": _idle("Dropped"),
    },
    "alert_channel": {
        "works": _good("Works"),
        "untried": _care("Not tried"),
        "failing": _wrong("Fails"),
        "disabled": _idle("Disabled"),
    },
    "alert_delivery": {
        "pending": _moving("Waiting"),
        "retrying": _care("Retrying"),
        "handed_over": _moving("At the mail server"),
        "succeeded": _good("Told"),
        "failed": _wrong("Given up"),
        "dropped": _idle("Dropped"),
    },
    "audit_stream": {
        "running": _good("Running"),
        "failing": _care("Retrying"),
        "late": _wrong("Late"),
        "paused": _idle("Paused"),
    },
    "session": {"active": _good("Active"), "idle": _idle("Idle"), "ended": _idle("Ended")},
    "data_key": {
        "pending": _idle("Pending"),
        "primary": _good("Primary"),
        "active": _moving("Active"),
        "disabled": _idle("Disabled"),
        "destroyed": _idle("Destroyed"),
    },
    "patch_state": {
        "clean": _good("Clean"),
        "vulnerable": _wrong("Vulnerable"),
        "unknown": _care("Not known"),
    },
    "patch_finding": {"open": _wrong("To mend"), "accepted": _waits("Accepted"), "fixed": _good("Mended")},
    "patch_severity": {
        "critical": _wrong("Critical"),
        "high": _wrong("High"),
        "medium": _care("Medium"),
        "low": _idle("Low"),
        "unrated": _care("Not rated"),
    },
    "patch_note": {
        "exploited": _wrong("Used in attacks"),
        "late": _wrong("Late"),
        "unlisted": _care("In no list"),
        "changed": _wrong("Changed"),
    },
    "patch_support": {
        "supported": _good("Maintained"),
        "ending": _care("Ends soon"),
        "ended": _wrong("Ended"),
        "unknown": _idle("Not known"),
    },
    **TRAINING,
    "alert": {"open": _waits("To do"), "acknowledged": _moving("Looked into"), "closed": _idle("Closed")},
    "severity": {
        "info": _idle("Info"),
        "low": _moving("Low"),
        "medium": _care("Medium"),
        "high": _wrong("High"),
        "critical": _wrong("Critical"),
    },
    "alert_rule": {"on": _good("On"), "off": _wrong("Off")},
    "watch": {
        "awake": _good("Awake"),
        "late": _care("Late"),
        "asleep": _wrong("Asleep"),
        "never": _wrong("Never looked"),
    },
    "result": {"success": _good("Done"), "refused": _care("Refused"), "failed": _wrong("Failed")},
    "integrity": {
        "unchecked": _idle("Not checked yet"),
        "verified": _good("Verified"),
        "checking": _moving("Checking"),
        "stale": _care("Stale"),
        "gap": _wrong("Gap"),
        "broken": _wrong("Broken"),
    },
}


# What customers read; these words are translated.
TOLD = ("invoice_standing", "own_privacy_request", "payment", "quote")


class UnknownStatus(LookupError):
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
