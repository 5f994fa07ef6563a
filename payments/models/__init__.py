"""Every table of payments."""

from payments.models.accounts import GatewayAccount, GatewayCustomer, HookReceipt
from payments.models.links import PayLink
from payments.models.methods import Autopay, PaymentMethod
from payments.models.payments import Attempt, Payment, PaymentItem
from payments.models.returns import Dispute, Refund

__all__ = [
    "Attempt",
    "Autopay",
    "Dispute",
    "GatewayAccount",
    "GatewayCustomer",
    "HookReceipt",
    "PayLink",
    "Payment",
    "PaymentItem",
    "PaymentMethod",
    "Refund",
]
