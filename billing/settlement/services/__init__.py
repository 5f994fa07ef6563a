"""The use cases of settling."""

from billing.settlement.services.credit import AllocationExceeded, NothingDue, apply_credit, mark, release
from billing.settlement.services.money import Settled, refund_back, refund_out, settle, take_back
from billing.settlement.services.rows import CreditNotEnough, allocated, credit_of, lock_money

__all__ = [
    "AllocationExceeded",
    "CreditNotEnough",
    "NothingDue",
    "Settled",
    "allocated",
    "apply_credit",
    "credit_of",
    "lock_money",
    "mark",
    "refund_back",
    "refund_out",
    "release",
    "settle",
    "take_back",
]
