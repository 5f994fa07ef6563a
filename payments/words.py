"""Payments in a payer's words: how it was paid, why it was not, and when it will be."""

from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from payments.payer import Share

_BRANDS = {
    "amex": "American Express",
    "cartes_bancaires": "Cartes Bancaires",
    "diners": "Diners Club",
    "discover": "Discover",
    "eftpos_au": "eftpos",
    "jcb": "JCB",
    "mastercard": "Mastercard",
    "sepa_debit": gettext_noop("Direct debit from account"),
    "unionpay": "UnionPay",
    "visa": "Visa",
}
_KINDS = {
    "card": gettext_noop("Card"),
    "sepa_debit": gettext_noop("Direct debit"),
    "bank_transfer": gettext_noop("Bank transfer"),
}
# What a payer can do about it. What only the bank knows (lost, stolen, fraud) is said as any other decline: the page
# may be open in front of whoever found the card.
_DECLINES = {
    "insufficient_funds": gettext_noop(
        "There was not enough money on this card or account. Nothing was charged."
    ),
    "expired_card": gettext_noop("This card has expired. Nothing was charged."),
    "incorrect_cvc": gettext_noop("The security code did not match this card. Nothing was charged."),
    "authentication_required": gettext_noop(
        "Your bank wants you to confirm this payment. Nothing was charged."
    ),
    "payment_intent_authentication_failure": gettext_noop(
        "The payment was not confirmed with your bank. Nothing was charged."
    ),
    "debit_not_authorized": gettext_noop("Your bank returned the direct debit. Nothing was taken."),
    "processing_error": gettext_noop("Your bank could not process this. Nothing was charged."),
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
_DECLINED = gettext_noop("Your bank declined this. Nothing was charged.")


def method(kind: str, brand: str = "", last4: str = "") -> str:
    """Name a way to pay: "Visa ending 4242", "Direct debit from account ending 3000", "Bank transfer"."""
    named = _(_BRANDS.get(brand) or _KINDS.get(kind, "Card"))
    if not last4:
        return _(_KINDS[kind]) if kind in _KINDS else named
    return _("%(method)s ending %(last4)s") % {"method": named, "last4": last4}


def paid_with(share: Share) -> str:
    """Say how a payment was made."""
    return method(share.method, share.brand, share.last4)


def paid_on(share: Share) -> date | None:
    """Return the day a payment arrived."""
    if share.received_on is not None:
        return share.received_on
    return share.succeeded_at.date() if share.succeeded_at is not None else None


def no_card() -> str:
    """Say that the provider takes no such amount."""
    return _("This amount cannot be paid by card")


def failed(code: str) -> str:
    """Name in a few words what was in the way of a payment."""
    if _is_amount(code):
        return no_card()
    return (
        _("Card payments are not possible right now")
        if code in _AWAY
        else _("The last try did not go through")
    )


def declined(code: str, *, transfer: bool = True) -> str:
    """Say that a payment failed, that nothing was charged, and what to do. A bank is named only where it was asked."""
    if _is_amount(code):
        said = _("This amount cannot be paid by card. Nothing was charged.")
        way_out = _("Pay by bank transfer.") if transfer else ""
    elif code in _AWAY:
        said = _("The payment provider did not answer. Nothing was charged.")
        way_out = (
            _("Try again in a minute, or pay by bank transfer.") if transfer else _("Try again in a minute.")
        )
    elif code in _DECLINES or code in _BANK:
        said = _(_DECLINES.get(code, _DECLINED))
        way_out = _("Try another card, or pay by bank transfer.") if transfer else _("Try another card.")
    else:
        said = _("The payment could not be made. Nothing was charged.")
        way_out = _("Try again later, or pay by bank transfer.") if transfer else _("Try again later.")
    return f"{said} {way_out}".strip()


def _is_amount(code: str) -> bool:
    """Tell whether a payment was refused, by us or by the provider, before any bank was asked: for what it is."""
    return code.startswith(("amount_", "cannot_")) or code == "invalid_amount"
