"""Collecting money: beginning a payment, the payer's page, charging what is saved, and what came of it."""

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
from payments.services.collect.outcomes import apply_outcome
from payments.services.collect.pages import PageClosed, open_page
from payments.services.collect.starting import (
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
    "DifferentCurrencies",
    "GatewayNotConnected",
    "InvoiceTwice",
    "MoreThanDue",
    "MoreThanPaid",
    "NotABankPayment",
    "NotPayable",
    "NotToBeCharged",
    "NothingToPay",
    "PageClosed",
    "PaymentMovedOn",
    "PaymentOnItsWay",
    "ReceivedInFuture",
    "RefundsUnderWay",
    "apply_outcome",
    "charge_saved",
    "open_page",
    "record",
    "reverse",
    "start",
    "under_way",
]
