"""What each test card and test account does, as Stripe documents it; any other number is refused.

A number is turned into the name of its scenario where it comes in and is forgotten there.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_GENERIC = "Your card was declined."
_MESSAGES = {
    "card_declined": _GENERIC,
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "payment_intent_authentication_failure": "The provided PaymentMethod has failed authentication.",
    "setup_intent_authentication_failure": "The provided PaymentMethod has failed authentication.",
    "debit_not_authorized": "The customer's bank account could not be debited.",
}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How one test card or account behaves.

    `authentication` is never, first (until it has been set up for payments without its holder) or always.
    `code` and `decline` refuse a charge; `refuses_setup` refuses to be saved as well.
    """

    id: str
    title: str
    last4: str
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    code: str = ""
    decline: str = ""
    refuses_setup: bool = True
    authentication: str = "never"
    dispute: str = ""
    refund: str = "succeeds"
    debit: str = ""
    bank_code: str = ""

    @property
    def is_debit(self) -> bool:
        """Tell whether this is a bank account."""
        return bool(self.debit)

    @property
    def fingerprint(self) -> str:
        """Return what tells two cards apart; made from the scenario, never from a number."""
        return hashlib.sha256(f"fingerprint {self.id}".encode()).hexdigest()[:16]

    @property
    def message(self) -> str:
        """Return the sentence of this refusal."""
        return message(self.decline if self.decline in _MESSAGES else self.code)


def message(code: str) -> str:
    """Return the sentence for an error code."""
    return _MESSAGES.get(code, _GENERIC)


def _card(number: str, id: str, title: str, **traits: str | bool) -> tuple[str, Scenario]:
    return number, Scenario(id=id, title=title, last4=number[-4:], **traits)  # type: ignore[arg-type]


def _decline(number: str, decline: str, title: str, code: str = "card_declined") -> tuple[str, Scenario]:
    return _card(number, decline, title, code=code, decline=decline)


def _account(number: str, id: str, title: str, **traits: str) -> tuple[str, Scenario]:
    known = {"brand": "sepa_debit", "country": "DE", "refund": "later", "bank_code": number[4:12]}
    return number, Scenario(id=id, title=title, last4=number[-4:], **{**known, **traits})  # type: ignore[arg-type]


_CARDS = dict(
    [
        _card("4242424242424242", "visa", "Succeeds"),
        _card("4000056655665556", "visa_debit", "Succeeds (debit card)", funding="debit"),
        _card("5555555555554444", "mastercard", "Succeeds", brand="mastercard"),
        _card("378282246310005", "amex", "Succeeds", brand="amex"),
        _decline("4000000000000002", "generic_decline", "Declined"),
        _decline("4000000000009995", "insufficient_funds", "Declined: insufficient funds"),
        _decline("4000000000009987", "lost_card", "Declined: lost card"),
        _decline("4000000000009979", "stolen_card", "Declined: stolen card"),
        _card("4100000000000019", "fraud", "Declined: fraud", code="card_declined", decline="fraudulent"),
        _card("4000000000000069", "expired_card", "Declined: expired card", code="expired_card"),
        _card("4000000000000127", "incorrect_cvc", "Declined: wrong security code", code="incorrect_cvc"),
        _card("4000000000000119", "processing_error", "Declined: processing error", code="processing_error"),
        _card(
            "4000000000000341", "declines_later", "Can be saved, declines when charged",
            code="card_declined", decline="generic_decline", refuses_setup=False,
        ),
        _card(
            "4000002500003155", "authenticate_first", "Asks for authentication until it is saved",
            authentication="first",
        ),
        _card(
            "4000002760003184", "authenticate_always", "Asks for authentication every time",
            authentication="always",
        ),
        _card(
            "4000008400001629", "authenticate_declined", "Asks for authentication, then declines",
            authentication="always", code="card_declined", decline="generic_decline",
        ),
        _card("4000000000000259", "dispute", "Succeeds, disputed as fraud later", dispute="fraudulent"),
        _card(
            "4000000000002685", "dispute_not_received", "Succeeds, disputed as not received later",
            dispute="product_not_received",
        ),
        _card("4000000000007726", "refund_later", "Succeeds; a refund is pending first", refund="later"),
        _card("4000000000005126", "refund_fails", "Succeeds; a refund fails later", refund="fails"),
    ]
)  # fmt: skip
_ACCOUNTS = dict(
    [
        _account("DE89370400440532013000", "debit", "Succeeds after a delay", debit="succeeds"),
        _account("DE62370400440532013001", "debit_fails", "Fails after a delay", debit="fails"),
        _account(
            "DE35370400440532013002", "debit_disputed", "Succeeds after a delay, disputed later",
            debit="succeeds", dispute="fraudulent",
        ),
    ]
)  # fmt: skip
BY_ID = {scenario.id: scenario for scenario in (*_CARDS.values(), *_ACCOUNTS.values())}
# Stripe's names for ready-made test payment methods.
READY_MADE = {
    "pm_card_visa": "visa",
    "pm_card_mastercard": "mastercard",
    "pm_card_amex": "amex",
    "pm_card_visa_debit": "visa_debit",
    "pm_card_visa_chargeDeclined": "generic_decline",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "insufficient_funds",
    "pm_card_visa_chargeDeclinedLostCard": "lost_card",
    "pm_card_visa_chargeDeclinedStolenCard": "stolen_card",
    "pm_card_chargeDeclinedExpiredCard": "expired_card",
    "pm_card_chargeDeclinedIncorrectCvc": "incorrect_cvc",
    "pm_card_chargeDeclinedProcessingError": "processing_error",
    "pm_card_chargeCustomerFail": "declines_later",
    "pm_card_authenticationRequiredOnSetup": "authenticate_first",
    "pm_card_authenticationRequired": "authenticate_always",
    "pm_card_createDispute": "dispute",
    "pm_card_createDisputeProductNotReceived": "dispute_not_received",
    "pm_card_pendingRefund": "refund_later",
    "pm_card_refundFail": "refund_fails",
}


def of_card(number: str) -> Scenario | None:
    """Return the scenario of a typed card number; None when it is no test card."""
    return _CARDS.get(re.sub(r"[\s-]", "", number))


def of_account(number: str) -> Scenario | None:
    """Return the scenario of a typed IBAN; None when it is no test account."""
    return _ACCOUNTS.get(re.sub(r"\s", "", number).upper())


def shown() -> list[tuple[str, Scenario]]:
    """Return every test number and its scenario, for the page that lists them."""
    return [*_CARDS.items(), *_ACCOUNTS.items()]
