"""Payments in a payer's words: how it was paid, why it was not, and when it will be."""

from datetime import date

from payments.payer import Share

_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "sepa_debit": "Direct debit from account",
    "unionpay": "UnionPay",
    "visa": "Visa",
}
_KINDS = {"card": "Card", "sepa_debit": "Direct debit", "bank_transfer": "Bank transfer"}
# What a payer can do about it. What only the bank knows (lost, stolen, fraud) is said as any other decline: the page
# may be open in front of whoever found the card.
_DECLINES = {
    "insufficient_funds": "There was not enough money on this card or account. Nothing was charged.",
    "expired_card": "This card has expired. Nothing was charged.",
    "incorrect_cvc": "The security code did not match this card. Nothing was charged.",
    "authentication_required": "Your bank wants you to confirm this payment. Nothing was charged.",
    "payment_intent_authentication_failure": "The payment was not confirmed with your bank. Nothing was charged.",
    "debit_not_authorized": "Your bank returned the direct debit. Nothing was taken.",
    "processing_error": "Your bank could not process this. Nothing was charged.",
}
# Said by a bank and by nobody else; all in the same words.
_BANK = frozenset(
    [
        "account_closed",
        "approve_with_id",
        "bank_account_restricted",
        "call_issuer",
        "card_declined",
        "card_not_supported",
        "card_velocity_exceeded",
        "currency_not_supported",
        "declined",
        "do_not_honor",
        "do_not_try_again",
        "duplicate_transaction",
        "fraudulent",
        "generic_could_not_process",
        "generic_decline",
        "incorrect_number",
        "incorrect_pin",
        "incorrect_zip",
        "invalid_account",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "invalid_pin",
        "issuer_not_available",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "no_account",
        "no_action_taken",
        "not_permitted",
        "offline_pin_required",
        "online_or_offline_pin_required",
        "pickup_card",
        "pin_try_exceeded",
        "reenter_transaction",
        "refer_to_customer",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "service_not_allowed",
        "stolen_card",
        "stop_payment_order",
        "testmode_decline",
        "transaction_not_allowed",
        "try_again_later",
        "withdrawal_count_limit_exceeded",
    ]
)
# Nothing was sent, or it was turned away unread.
_AWAY = frozenset(["address_refused", "gateway_away", "host_unknown", "no_answer", "too_many_requests"])
_DECLINED = "Your bank declined this. Nothing was charged."
NO_CARD = "This amount cannot be paid by card"
_NOT_NOW = "Card payments are not possible right now"
_FAILED = "The last try did not go through"


def method(kind: str, brand: str = "", last4: str = "") -> str:
    """Name a way to pay: "Visa ending 4242", "Direct debit from account ending 3000", "Bank transfer"."""
    named = _BRANDS.get(brand) or _KINDS.get(kind, "Card")
    return f"{named} ending {last4}" if last4 else _KINDS.get(kind, named)


def paid_with(share: Share) -> str:
    """Say how a payment was made."""
    return method(share.method, share.brand, share.last4)


def paid_on(share: Share) -> date | None:
    """Return the day a payment arrived."""
    if share.received_on is not None:
        return share.received_on
    return share.succeeded_at.date() if share.succeeded_at is not None else None


def failed(code: str) -> str:
    """Name in a few words what was in the way of a payment."""
    if _is_amount(code):
        return NO_CARD
    return _NOT_NOW if code in _AWAY else _FAILED


def declined(code: str, *, transfer: bool = True) -> str:
    """Say that a payment failed, that nothing was charged, and what to do. A bank is named only where it was asked."""
    if _is_amount(code):
        return f"{NO_CARD}. Nothing was charged.{' Pay by bank transfer.' if transfer else ''}"
    if code in _AWAY:
        way_out = "Try again in a minute, or pay by bank transfer." if transfer else "Try again in a minute."
        return f"The payment provider did not answer. Nothing was charged. {way_out}"
    if code in _DECLINES or code in _BANK:
        said = _DECLINES.get(code, _DECLINED)
        way_out = "Try another card, or pay by bank transfer." if transfer else "Try another card."
        return f"{said} {way_out}"
    way_out = "Try again later, or pay by bank transfer." if transfer else "Try again later."
    return f"The payment could not be made. Nothing was charged. {way_out}"


def _is_amount(code: str) -> bool:
    """Tell whether a payment was refused, by us or by the provider, before any bank was asked: for what it is."""
    return code.startswith(("amount_", "cannot_")) or code == "invalid_amount"
