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
_DECLINED = "Your bank declined this. Nothing was charged."
_WAY_OUT = "Try another card, or pay by bank transfer."


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


def declined(code: str, *, transfer: bool = True) -> str:
    """Say that a payment failed, that nothing was charged, and what to do."""
    said = _DECLINES.get(code, _DECLINED)
    return f"{said} {_WAY_OUT if transfer else 'Try another card.'}"
