"""Booked money is a whole number of minor units and a currency: exact, and never a binary fraction.

Prices and rates are `Decimal`; they become booked money in one place, `to_minor`, which rounds once.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, InvalidOperation, localcontext

from core.errors import Refusal

# ISO 4217 (2024 list), by the number of digits after the decimal point. Precious metals, test codes and
# units of account that nobody invoices in are left out.
_TWO = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY
COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR
MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD
SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
"""
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
EXPONENTS: dict[str, int] = {
    **dict.fromkeys(_TWO.split(), 2),
    **dict.fromkeys(_ZERO.split(), 0),
    **dict.fromkeys(_THREE.split(), 3),
}

# Wide enough that no product of a quantity, a price and a rate is rounded before it is meant to be.
EXACT = Context(prec=80, rounding=ROUND_HALF_UP)
# A bigint column; also far beyond any invoice, so that a slip of the keyboard is refused and not booked.
MAX_MINOR = 10**15

_PLAIN_DECIMAL = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})\Z", re.ASCII)


class UnknownCurrency(Refusal):
    """The currency is not an ISO 4217 code in use."""

    code = "unknown_currency"


class CurrenciesDiffer(Refusal):
    """Amounts of two currencies cannot be put together."""

    code = "currencies_differ"


class AmountTooPrecise(Refusal):
    """The amount has more decimals than its currency."""

    code = "amount_too_precise"


class AmountTooLarge(Refusal):
    """The amount is larger than any that can be booked."""

    code = "amount_too_large"


class NotADecimal(Refusal):
    """The text is not a plain decimal number."""

    code = "not_a_decimal"


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units with its currency; two currencies never meet in one sum."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        exponent(self.currency)

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrenciesDiffer(f"{self.currency} and {other.currency} cannot be put together.")

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount_minor < other.amount_minor

    def __le__(self, other: "Money") -> bool:
        self._same(other)
        return self.amount_minor <= other.amount_minor

    @property
    def amount(self) -> Decimal:
        """The amount in major units, exact."""
        return from_minor(self.amount_minor, self.currency)


def exponent(currency: str) -> int:
    """Return how many decimals the currency has (ISO 4217).

    Raises:
        UnknownCurrency: no such currency in use.
    """
    try:
        return EXPONENTS[currency]
    except KeyError:
        sentence = f"{currency[:8]!r} is not an ISO 4217 currency in use."
        raise UnknownCurrency(sentence, field="currency") from None


def decimal(text: str) -> Decimal:
    """Read a plain decimal number: digits, one point, a sign; no exponent, no NaN, no grouping.

    Raises:
        NotADecimal: anything else.
    """
    if not _PLAIN_DECIMAL.match(text.strip()):
        raise NotADecimal(f"{text[:20]!r} is not a plain decimal number.")
    return Decimal(text.strip())


def to_minor(amount: Decimal, currency: str) -> int:
    """Round an amount in major units to minor units, half away from zero: the one place that rounds.

    Raises:
        AmountTooLarge: the result cannot be booked.
        UnknownCurrency: no such currency in use.
    """
    try:
        minor = int(EXACT.scaleb(amount, exponent(currency)).quantize(Decimal(1), context=EXACT))
    except InvalidOperation:
        # More digits than are ever reckoned with.
        raise AmountTooLarge() from None
    if abs(minor) > MAX_MINOR:
        raise AmountTooLarge()
    return minor


def exact_minor(amount: Decimal, currency: str) -> int:
    """Turn an amount into minor units without rounding it.

    Raises:
        AmountTooPrecise: the amount has decimals that its currency does not.
    """
    minor = to_minor(amount, currency)
    if from_minor(minor, currency) != amount:
        raise AmountTooPrecise(f"An amount in {currency} has at most {exponent(currency)} decimals.")
    return minor


def from_minor(amount_minor: int, currency: str) -> Decimal:
    """Return minor units as an exact amount in major units, with the currency's decimals."""
    return EXACT.scaleb(Decimal(amount_minor), -exponent(currency))


def multiply(*factors: Decimal) -> Decimal:
    """Multiply without losing a digit."""
    product = Decimal(1)
    for factor in factors:
        product = EXACT.multiply(product, factor)
    return product


def add(*amounts: Decimal) -> Decimal:
    """Add without losing a digit."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def divide(amount: Decimal, by: Decimal) -> Decimal:
    """Divide to 80 significant digits; what is left over is far below any minor unit."""
    return EXACT.divide(amount, by)


def allocate(total_minor: int, weights: Sequence[int | Decimal]) -> list[int]:
    """Split a total by weights so that the parts sum to it exactly (largest remainder, first wins a tie).

    Weights are at least zero. When all are zero the parts are as equal as they can be.
    """
    if not weights:
        raise ValueError("nothing to allocate to")
    exact = [Decimal(weight) for weight in weights]
    if any(weight < 0 for weight in exact):
        raise ValueError("a weight is negative")
    with localcontext(EXACT):
        whole = sum(exact, Decimal(0))
        if whole == 0:
            exact, whole = [Decimal(1)] * len(exact), Decimal(len(exact))
        # Work on the size and give the sign back, so that a refund splits as its charge did.
        size = abs(total_minor)
        shares = [weight * size / whole for weight in exact]
        parts = [int(share) for share in shares]
        order = sorted(range(len(parts)), key=lambda index: (parts[index] - shares[index], index))
        for index in order[: size - sum(parts)]:
            parts[index] += 1
    return parts if total_minor >= 0 else [-part for part in parts]


def spread(total_minor: int, exact: Sequence[Decimal]) -> list[int]:
    """Round exact parts (minor units, of either sign) to whole ones that sum to the total (largest remainder).

    The total is what the parts come to, but for rounding: each part moves by less than one as long as it is.
    """
    if not exact:
        if total_minor:
            raise ValueError("nothing to spread over")
        return []
    with localcontext(EXACT):
        parts = [int(part.to_integral_value(ROUND_FLOOR)) for part in exact]
        order = sorted(range(len(parts)), key=lambda index: (parts[index] - exact[index], index))
    each, left = divmod(total_minor - sum(parts), len(parts))
    for place, index in enumerate(order):
        parts[index] += each + (place < left)
    return parts


def total(amounts: Iterable[Money], currency: str) -> Money:
    """Add amounts of one currency; none at all is zero of it."""
    result = Money(0, currency)
    for amount in amounts:
        result = result + amount
    return result
