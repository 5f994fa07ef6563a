"""The use cases of settling."""

from billing.settlement.services.credit import AllocationExceeded, NothingDue, apply_credit, mark, release
from billing.settlement.services.expiry import expire, expire_due, expires_on
from billing.settlement.services.losses import (
    DueMovedOn,
    OnlyMembersWriteOff,
    WriteOffWaits,
    WrittenOff,
    write_off,
)
from billing.settlement.services.money import (
    Settled,
    refund_back,
    refund_out,
    refund_to_credit,
    settle,
    take_back,
)
from billing.settlement.services.rows import CreditNotEnough, allocated, credit_of, lock_money

__all__ = [
    "AllocationExceeded",
    "CreditNotEnough",
    "DueMovedOn",
    "NothingDue",
    "OnlyMembersWriteOff",
    "Settled",
    "WriteOffWaits",
    "WrittenOff",
    "allocated",
    "apply_credit",
    "credit_of",
    "expire",
    "expire_due",
    "expires_on",
    "lock_money",
    "mark",
    "refund_back",
    "refund_out",
    "refund_to_credit",
    "release",
    "settle",
    "take_back",
    "write_off",
]
