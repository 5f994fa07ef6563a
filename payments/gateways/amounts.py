"""Our minor units and Stripe's, which differ where a currency has no cents or thousandths. Nothing is rounded here.

Promise kept: what is charged is exactly what is owed. Where Stripe cannot take an amount as it stands (thousandths that
do not end in zero, cents of a currency it counts in whole units, more digits than it reads), it is refused before
anything is sent.
"""

from core import money
from core.money import Money
from payments.gateways.base import GatewayRefused, GatewayUnsure

# Counted in whole units by Stripe (docs.stripe.com/currencies, "Zero-decimal currencies").
_WHOLE = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
# Have no cents any more and are still sent as if they had ("Special cases").
_AS_IF_CENTS = frozenset({"ISK", "UGX"})
# Have thousandths, of which the last must be zero ("Three-decimal currencies").
_THOUSANDTHS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
# The most digits an amount may have ("Minimum and maximum charge amounts"), and the currencies of small units that may
# have more: how many of them is left to Stripe.
_MOST = 10**8
_MORE_DIGITS = frozenset(["COP", "HUF", "IDR", "INR", "JPY", "LBP"])


def takes(amount: Money) -> bool:
    """Tell whether Stripe can take exactly this amount; asks nobody."""
    try:
        to_stripe(amount)
    except GatewayRefused:
        return False
    return True


def to_stripe(amount: Money) -> int:
    """Return an amount as Stripe counts it.

    Raises:
        GatewayRefused: Stripe cannot take exactly this amount.
    """
    places, ours = _places(amount.currency), money.exponent(amount.currency)
    minor = amount.amount_minor
    if minor <= 0:
        raise GatewayRefused("amount_not_positive")
    if places >= ours:
        counted = minor * int(10 ** (places - ours))
    else:
        counted, rest = divmod(minor, int(10 ** (ours - places)))
        if rest:
            raise GatewayRefused("amount_too_precise", f"Cards cannot pay fractions of {amount.currency}.")
    if amount.currency in _THOUSANDTHS and counted % 10:
        sentence = f"Cards pay {amount.currency} to two decimals; this amount has three."
        raise GatewayRefused("amount_too_precise", sentence)
    if counted >= _MOST and amount.currency not in _MORE_DIGITS:
        raise GatewayRefused("amount_too_large", "Cards cannot pay this much at once.")
    return counted


def from_stripe(counted: int, currency: str) -> Money:
    """Return what Stripe counted as an amount of ours.

    Raises:
        GatewayUnsure: it is no amount that we could have asked for.
    """
    code = currency.upper()
    if code not in money.EXPONENTS:
        raise GatewayUnsure("currency_unknown")
    places, ours = _places(code), money.exponent(code)
    if places <= ours:
        return Money(counted * int(10 ** (ours - places)), code)
    minor, rest = divmod(counted, int(10 ** (places - ours)))
    if rest:
        raise GatewayUnsure("amount_unreadable")
    return Money(minor, code)


def _places(currency: str) -> int:
    if currency in _WHOLE:
        return 0
    # ISK and UGX have no cents any more and are still sent as if they had ("Special cases").
    return 3 if currency in _THOUSANDTHS else 2
