"""What a credit note takes back, to the cent. Pure: no clock, no database.

Promises kept: what is taken back of a rate carries its share of the tax that the invoice itself charged; whatever is
credited in whatever steps, crediting the rest leaves exactly nothing of any line, any tax and the whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from billing.issuer.rules import to_coin
from billing.tax.rules import plain
from core import money
from core.errors import FieldError, Invalid, Refusal


class CreditExceedsInvoice(Refusal):
    """More would be credited than the invoice has left to credit."""

    code = "credit_exceeds_invoice"


class NothingToCredit(Refusal):
    """Say what is credited: lines, or an amount above zero."""

    code = "nothing_to_credit"


class SplitDiffers(Refusal):
    """What goes off the open amount, to credit and back to the payer has to come to the credit note's total."""

    code = "split_differs"


@dataclass(frozen=True, slots=True, order=True)
class TaxKey:
    """One tax of a document: a rate, or one of several that are stacked under one rate."""

    category: str
    percentage: Decimal
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "percentage", plain(self.percentage))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the invoice, the taxes it feeds, and what was credited of it before."""

    id: UUID
    taxes: frozenset[TaxKey]
    net_minor: int
    credited_minor: int = 0
    # A discount of the whole invoice; it was taken from the items that are asked in its own way.
    is_allowance: bool = False
    # No discount of the whole invoice touched it: a charge, or an earlier invoice that is taken off.
    is_apart: bool = False
    tax_inclusive: bool = False
    # An earlier invoice that is taken off.
    is_deducted: bool = False

    @property
    def left_minor(self) -> int:
        """What can still be credited of it; below zero where the line is (a discount)."""
        return self.net_minor - self.credited_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLeft:
    """What can still be credited of one tax of the invoice."""

    key: TaxKey
    base_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCredit:
    """What somebody asks to be credited of a line: an amount before tax in minor units, or a quantity of it."""

    line_id: UUID
    net_minor: int | None = None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What is credited of a line, before tax, in minor units."""

    line_id: UUID
    net_minor: int


@dataclass(frozen=True, slots=True)
class TaxTaken:
    """What is credited of a tax, and of what."""

    key: TaxKey
    base_minor: int
    tax_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Credited:
    """What a credit note comes to."""

    lines: tuple[Taken, ...]
    taxes: tuple[TaxTaken, ...]

    @property
    def subtotal_minor(self) -> int:
        """Before tax."""
        return sum(item.net_minor for item in self.lines)

    @property
    def tax_minor(self) -> int:
        """All taxes together."""
        return sum(item.tax_minor for item in self.taxes)

    @property
    def total_minor(self) -> int:
        """What goes back."""
        return self.subtotal_minor + self.tax_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Where it goes, in minor units: off what is open, to the customer's credit, back to who paid."""

    offset_minor: int = 0
    credit_minor: int = 0
    refund_minor: int = 0

    @property
    def total_minor(self) -> int:
        """All of it."""
        return self.offset_minor + self.credit_minor + self.refund_minor


def left_minor(lines: Sequence[Line], taxes: Sequence[TaxLeft]) -> int:
    """Return what can still be credited of the whole invoice, tax included."""
    return sum(line.left_minor for line in lines) + sum(tax.tax_minor for tax in taxes)


def everything(lines: Sequence[Line], taxes: Sequence[TaxLeft]) -> Credited:
    """Credit all that is left.

    Raises:
        NothingToCredit: nothing is.
    """
    if left_minor(lines, taxes) <= 0:
        raise NothingToCredit
    return Credited(
        lines=tuple(Taken(line.id, line.left_minor) for line in lines if line.left_minor),
        taxes=tuple(
            TaxTaken(tax.key, tax.base_minor, tax.tax_minor)
            for tax in taxes
            if tax.base_minor or tax.tax_minor
        ),
    )


def by_amount(lines: Sequence[Line], taxes: Sequence[TaxLeft], amount_minor: int) -> Credited:
    """Credit an amount, tax included, spread over what is left of every tax and of every line that feeds it.

    Raises:
        NothingToCredit: nothing, or less.
        CreditExceedsInvoice: more than there is left.
    """
    left = left_minor(lines, taxes)
    if amount_minor < 1:
        raise NothingToCredit(field="amount_minor")
    if amount_minor > left:
        raise CreditExceedsInvoice(field="amount_minor")
    if amount_minor == left:
        return everything(lines, taxes)
    # First over the lines of equal taxes together and over the taxes, so that a base and its tax stay a cent apart.
    groups: dict[frozenset[TaxKey], list[Line]] = {}
    for line in lines:
        groups.setdefault(line.taxes, []).append(line)
    nets = [sum(line.left_minor for line in group) for group in groups.values()]
    parts = shares(amount_minor, [*nets, *(tax.tax_minor for tax in taxes)])
    taken: dict[UUID, int] = {}
    for group, net in zip(groups.values(), parts, strict=False):
        own = shares(net, _weights(group, net))
        taken.update({line.id: part for line, part in zip(group, own, strict=True) if part})
    amounts = dict(zip((tax.key for tax in taxes), parts[len(nets) :], strict=True))
    bases = _bases(lines, taken)
    return Credited(
        lines=tuple(Taken(line.id, taken[line.id]) for line in lines if line.id in taken),
        taxes=tuple(
            TaxTaken(key, bases.get(key, 0), tax) for key, tax in amounts.items() if tax or bases.get(key)
        ),
    )


def _weights(group: Sequence[Line], net_minor: int) -> list[int]:
    """Return what each line has left; none of earlier invoices that are taken off, as long as the others suffice.

    What was used up of a deposit stays used up: a part of the final invoice is credited, not of what was paid ahead.
    """
    own = [0 if line.is_deducted else line.left_minor for line in group]
    return own if 0 <= net_minor <= sum(own) else [line.left_minor for line in group]


def by_lines(lines: Sequence[Line], taxes: Sequence[TaxLeft], wanted: Mapping[UUID, int]) -> Credited:
    """Credit amounts before tax of lines; each tax gives back its share of what is taken of its base.

    Nobody gets back what was never charged: with what is taken of an item goes its share of the discounts that the
    whole invoice had, unless they are named themselves. Pieces of every item together take exactly the discount.

    Raises:
        NothingToCredit: nothing of any line.
        Invalid: names every line of which there is less left, and those that are not the invoice's.
        CreditExceedsInvoice: more than is left of a tax's base, whose discounts have to be credited with it.
    """
    known = {line.id: line for line in lines}
    errors = []
    for index, (line_id, net) in enumerate(wanted.items()):
        line = known.get(line_id)
        if line is None:
            errors.append(FieldError(f"/lines/{index}/line", "not_found", "The invoice has no such line."))
        elif not _within(net, line.left_minor):
            sentence = "There is less than that left to credit of this line."
            errors.append(FieldError(f"/lines/{index}/amount_minor", "credit_exceeds_line", sentence))
    if errors:
        raise Invalid(errors)
    taken = {line_id: net for line_id, net in _with_discounts(lines, wanted).items() if net}
    bases = _bases(lines, taken)
    found = []
    for tax in taxes:
        base = bases.get(tax.key)
        if base is None:
            continue
        if not _within(base, tax.base_minor):
            raise CreditExceedsInvoice(
                "More would be credited than is left of a tax rate; credit its discounts as well.",
                field="lines",
            )
        found.append(TaxTaken(tax.key, base, part(tax.tax_minor, base, tax.base_minor)))
    made = Credited(
        lines=tuple(Taken(line.id, taken[line.id]) for line in lines if line.id in taken), taxes=tuple(found)
    )
    if made.total_minor < 1:
        raise NothingToCredit(field="lines")
    if made.total_minor > left_minor(lines, taxes):
        raise CreditExceedsInvoice(
            "More would be credited than was charged; credit the lines that took something off as well.",
            field="lines",
        )
    return made


def _with_discounts(lines: Sequence[Line], wanted: Mapping[UUID, int]) -> dict[UUID, int]:
    """Add to what is taken of items the share of each discount that goes with it.

    Of all that was taken so far, so that no piece is more than a cent from its share, however many there are.
    """
    sums: dict[tuple[frozenset[TaxKey], bool], tuple[int, int, int]] = {}
    for line in lines:
        if not line.is_allowance and not line.is_apart:
            key = (line.taxes, line.tax_inclusive)
            whole, before, taken = sums.get(key, (0, 0, 0))
            mine = wanted.get(line.id, 0)
            sums[key] = whole + line.net_minor, before + line.credited_minor, taken + mine
    found = dict(wanted)
    for line in lines:
        whole, before, taken = sums.get((line.taxes, line.tax_inclusive), (0, 0, 0))
        if line.is_allowance and taken and line.id not in wanted:
            share = part(line.net_minor, before + taken, whole) - line.credited_minor
            found[line.id] = max(min(0, line.left_minor), min(share, max(0, line.left_minor)))
    return found


def _bases(lines: Sequence[Line], taken: Mapping[UUID, int]) -> dict[TaxKey, int]:
    bases: dict[TaxKey, int] = {}
    for line in lines:
        for key in line.taxes if line.id in taken else ():
            bases[key] = bases.get(key, 0) + taken[line.id]
    return bases


def net_of(line: Line, quantity: Decimal, *, of: Decimal) -> int:
    """Return what a quantity of a line comes to before tax, no more than what is left of it."""
    share = money.divide(money.multiply(Decimal(line.net_minor), quantity), of)
    exact = int(share.quantize(Decimal(1), context=money.EXACT))
    # The last piece takes the part of a cent that rounding the others left, and never a whole piece of one cent.
    if line.credited_minor and abs(exact) >= 1 and abs(line.left_minor - share) < 1:
        return line.left_minor
    return exact


def split(
    total_minor: int,
    *,
    open_minor: int,
    offset_minor: int | None,
    credit_minor: int | None,
    refund_minor: int,
) -> Split:
    """Say where a credit note goes: unless somebody says otherwise, first off what is open, the rest to credit.

    Raises:
        SplitDiffers: the parts do not come to the total, or more goes off than is open.
    """
    rest = total_minor - refund_minor
    if offset_minor is None:
        offset_minor = min(max(rest, 0) if credit_minor is None else max(rest - credit_minor, 0), open_minor)
    if credit_minor is None:
        credit_minor = rest - offset_minor
    made = Split(offset_minor=offset_minor, credit_minor=credit_minor, refund_minor=refund_minor)
    if min(offset_minor, credit_minor, refund_minor) < 0 or made.total_minor != total_minor:
        raise SplitDiffers(field="offset_minor")
    if offset_minor > open_minor:
        raise SplitDiffers("No more than is still open of the invoice can go off it.", field="offset_minor")
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounded:
    """How an invoice was rounded to a coin, and what its credit notes took back so far, in minor units.

    `noted_minor` is before rounding, `rounded_minor` what rounding added to it.
    """

    total_minor: int
    rounding_minor: int
    noted_minor: int
    rounded_minor: int
    coin_minor: int

    def of(self, total_minor: int) -> int:
        """Return what rounding adds to the next credit note.

        Of all that was taken back so far, so that all notes of an invoice together give back what was to be paid.
        """
        noted, whole = self.noted_minor + total_minor, self.total_minor + self.rounding_minor
        payable = whole if noted == self.total_minor else min(to_coin(noted, self.coin_minor), whole)
        return max(payable, self.noted_minor + self.rounded_minor) - noted - self.rounded_minor


def shared(total_minor: int, *, open_minor: int, refundable_minor: int, given_back_minor: int) -> Split:
    """Share a credit note out: what went back before, off what is open, back to who paid, the rest to credit.

    Raises:
        SplitDiffers: more went back before than it credits.
    """
    rest = total_minor - given_back_minor
    if rest < 0:
        raise SplitDiffers("The refunds made before are more than is credited.", field="given_back")
    offset = min(rest, open_minor)
    refund = min(rest - offset, refundable_minor)
    return Split(
        offset_minor=offset, credit_minor=rest - offset - refund, refund_minor=refund + given_back_minor
    )


def shares(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split an amount by weights of any sign (largest remainder); no part passes its weight.

    The amount lies between nothing and the weights' sum.
    """
    whole = sum(weights)
    if not amount_minor or not whole:
        return [0] * len(weights)
    floors = [weight * amount_minor // whole for weight in weights]
    rests = [
        weight * amount_minor % whole if whole > 0 else -(weight * amount_minor % whole) for weight in weights
    ]
    order = sorted(range(len(weights)), key=lambda index: (-rests[index], index))
    for index in order[: amount_minor - sum(floors)]:
        floors[index] += 1
    return floors


def part(of_minor: int, taken: int, whole: int) -> int:
    """Return the share of an amount that goes with what is taken of a whole, rounded half away from zero."""
    if not whole:
        return 0
    size = 2 * abs(of_minor * taken) + abs(whole)
    rounded = size // (2 * abs(whole))
    return rounded if of_minor * taken * whole >= 0 else -rounded


def _within(amount: int, limit: int) -> bool:
    return min(0, limit) <= amount <= max(0, limit)
