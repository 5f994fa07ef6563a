"""Collecting money: beginning a payment, the payer's page, charging what is saved, and what came of it."""

from payments.services.collect.asking import ask, close_page
from payments.services.collect.bank import (
    AmountNotPositive,
    InvoiceTwice,
    MoreThanPaid,
    NotABankPayment,
    ReceivedInFuture,
    RefundsUnderWay,
    record,
    reverse,
)
from payments.services.collect.charging import NotToBeCharged, charge_saved
from payments.services.collect.ending import (
    GoesBackAlready,
    HeldOverLimit,
    NothingKnownOfIt,
    PaymentArrived,
    PaymentCannotBeStopped,
    Resolution,
    cancel,
    resolve_held,
)
from payments.services.collect.outcomes import apply_outcome
from payments.services.collect.pages import PageClosed, open_page
from payments.services.collect.starting import (
    AmountsChanged,
    DifferentCurrencies,
    GatewayNotConnected,
    MoreThanDue,
    NothingToPay,
    NotPayable,
    PaymentOnItsWay,
    start,
    under_way,
)
from payments.services.moves import PaymentMovedOn

__all__ = [
    "AmountNotPositive",
    "AmountsChanged",
    "DifferentCurrencies",
    "GatewayNotConnected",
    "GoesBackAlready",
    "HeldOverLimit",
    "InvoiceTwice",
    "MoreThanDue",
    "MoreThanPaid",
    "NotABankPayment",
    "NotPayable",
    "NotToBeCharged",
    "NothingKnownOfIt",
    "NothingToPay",
    "PageClosed",
    "PaymentArrived",
    "PaymentCannotBeStopped",
    "PaymentMovedOn",
    "PaymentOnItsWay",
    "ReceivedInFuture",
    "RefundsUnderWay",
    "Resolution",
    "apply_outcome",
    "ask",
    "cancel",
    "charge_saved",
    "close_page",
    "open_page",
    "record",
    "resolve_held",
    "reverse",
    "start",
    "under_way",
]
