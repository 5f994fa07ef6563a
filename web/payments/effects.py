"""A refund that waits for a second person, as its approver reads it: the effect, the requester's month, the customer's
past."""

from uuid import UUID

from accounts.models import ApprovalRequest
from billing.settlement import services as settlement
from core.errors import NotFound
from payments import history, shown
from payments.services import refunds
from web.billing import rows as billing_rows
from web.kit import formats
from web.payments import rows
from web.people import effects
from web.people.effects import Change, Effect


def register() -> None:
    """Describe the acts of payments."""
    effects.register(refunds.KIND, refund)


def refund(asked: ApprovalRequest) -> Effect:
    """Describe a refund."""
    try:
        row, _ = shown.refund(UUID(asked.payload["refund"]))
        found = shown.payment(row.payment_id)
    except NotFound:
        return Effect(noun="refund", sentence="Refund a payment that is gone")
    currency = row.currency
    amount = formats.money(row.amount_minor, currency)
    back = found.row.refunding_minor + found.row.refunded_minor
    waits = row.state == "pending_approval"
    before = back - row.amount_minor if waits else back
    left = found.row.refundable_minor
    credit = settlement.credit_of(payment_id=row.payment_id)
    changes = [
        Change("Given back or promised", formats.money(before, currency), formats.money(back, currency)),
        Change(
            "Can still go back",
            formats.money(left + row.amount_minor if waits else left, currency),
            formats.money(left, currency),
        ),
    ]
    if credit:
        after = credit - min(credit, row.amount_minor)
        changes.append(
            Change(
                "Credit left by the payment", formats.money(credit, currency), formats.money(after, currency)
            )
        )
    return Effect(
        noun="refund",
        sentence=f"Refund {amount} to {row.customer_name}",
        changes=changes,
        facts=_facts(
            asked,
            row.customer_id,
            currency,
            reason=rows.REASONS[row.reason_code],
            came=formats.money(found.row.captured_minor, currency),
        ),
        approve=f"Approve {amount}",
    )


def _facts(
    asked: ApprovalRequest, customer_id: UUID, currency: str, *, reason: str, came: str
) -> list[tuple[str, str]]:
    today = billing_rows.today()
    month = billing_rows.midnight(today.replace(day=1))
    theirs = history.asked_by(
        {asked.requested_by, asked.requested_key or asked.requested_by}, since=month, currency=currency
    )
    past = history.customer(customer_id, currency=currency)
    facts = [
        ("Reason", reason),
        ("Of a payment of", came),
        (
            "Asked by this person this month",
            f"{formats.count(theirs.count, 'refund')}, {formats.money(theirs.amount_minor, currency)}",
        ),
        (
            "The customer has paid",
            f"{formats.money(past.payments.amount_minor, currency)} in {formats.count(past.payments.count, 'payment')}",
        ),
        (
            "The customer has got back",
            f"{formats.money(past.refunds.amount_minor, currency)} in {formats.count(past.refunds.count, 'refund')}",
        ),
        ("The customer has contested", formats.count(past.disputes, "payment")),
    ]
    if past.first_paid_on is not None:
        facts.append(("First paid", formats.day(past.first_paid_on)))
    return facts
