"""Every table of payments."""

from payments.models.accounts import GatewayAccount, GatewayCustomer, HookReceipt
from payments.models.holds import PayoutHold
from payments.models.links import PayLink
from payments.models.methods import Autopay, AutopayRun, PaymentMethod
from payments.models.notes import PageAsk, PaymentNote
from payments.models.payments import Attempt, Payment, PaymentItem
from payments.models.returns import Dispute, Refund
from payments.reminders.models import (
    LateFee,
    PaymentPromise,
    Reminder,
    ReminderChoice,
    ReminderPlan,
    ReminderStep,
)
from payments.statements.models import Statement, StatementLine

__all__ = [
    "Attempt",
    "Autopay",
    "AutopayRun",
    "Dispute",
    "GatewayAccount",
    "GatewayCustomer",
    "HookReceipt",
    "LateFee",
    "PageAsk",
    "PayLink",
    "Payment",
    "PaymentItem",
    "PaymentMethod",
    "PaymentNote",
    "PaymentPromise",
    "PayoutHold",
    "Refund",
    "Reminder",
    "ReminderChoice",
    "ReminderPlan",
    "ReminderStep",
    "Statement",
    "StatementLine",
]
