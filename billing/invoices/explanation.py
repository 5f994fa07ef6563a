"""How each amount of a document came about, from what is kept: what was asked, each rounding, each sum. Pure.

Promise kept: a step is computed here once more and compared with the amount that is kept, so that an explanation
that does not explain says so instead of inventing something.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.invoices.queries import InvoiceDetail, LineRow, TaxRow
from billing.issuer.rules import COINS
from billing.tax import place
from billing.tax.rules import CATEGORIES, Component, Rate, inside, plain
from core import money

POLICIES = {
    "document": "Tax is rounded once for each rate of the document (EN 16931).",
    "line": "Tax is rounded on every line; the document adds up what the lines carry.",
    "imported": "An imported document: its amounts are its seller's, and are kept as they came.",
}
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One amount: of what it is, how it is computed, before it was rounded if it was, and what came out.

    `position` is the line's. `holds`: computing it once more gives what is kept.
    """

    what: str
    how: str
    exact: Decimal | None = None
    result_minor: int
    position: int | None = None
    holds: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All steps in their order: lines, what is off or on top, taxes, sums."""

    policy: str
    rounding: str
    why_tax: str
    steps: tuple[Step, ...]

    @property
    def holds(self) -> bool:
        """Whether every step does."""
        return all(step.holds for step in self.steps)


def explain(found: InvoiceDetail) -> Explanation:
    """Explain a document."""
    if found.imported_number is not None:
        return Explanation(
            policy=POLICIES["imported"], rounding=found.rounding, why_tax="", steps=_sums(found)
        )
    steps = [step for line in found.lines for step in _line(line, found.currency)]
    by_line = found.rounding == "line"
    steps += [_tax(row, found.lines, found.currency, by_line=by_line) for row in found.taxes]
    return Explanation(
        policy=POLICIES[found.rounding],
        rounding=found.rounding,
        why_tax=place.WORDS.get(found.tax_rule, ""),
        steps=(*steps, *_sums(found)),
    )


def _line(line: LineRow, currency: str) -> Iterable[Step]:
    what = line.description.splitlines()[0][:80] if line.description else "Line"
    entry = line.adjustments[0] if line.adjustments else None
    asked = line.net_minor if line.gross_minor is None else line.gross_minor
    if line.kind == "item":
        exact = money.multiply(line.quantity, line.unit_amount)
        listed = money.to_minor(exact, currency)
        off = 0 if entry is None else int(entry["amount_minor"])
        yield Step(
            what=what,
            how=f"{_text(line.quantity)} × {_text(line.unit_amount)}{_with_tax(line)}",
            exact=plain(exact),
            result_minor=listed,
            position=line.position,
            holds=listed - off == asked,
        )
        if entry is not None:
            yield _discount(f"Discount: {entry['reason']}" if entry["reason"] else "Discount", line, currency)
    else:
        yield _discount(what, line, currency)
    if line.gross_minor is not None and line.deducts_id is not None:
        yield Step(
            what=f"{what}, without tax",
            how="As the earlier invoice charged it, with its tax",
            result_minor=line.net_minor,
            position=line.position,
        )
    elif line.gross_minor is not None:
        whole = _HUNDRED + line.tax_percentage
        yield Step(
            what=f"{what}, without tax",
            how=f"{_amount(asked, currency)} × 100 / {_text(whole)}, so that all lines of the rate sum to its base",
            exact=_short(money.divide(money.multiply(_major(asked, currency), _HUNDRED), whole)),
            result_minor=line.net_minor,
            position=line.position,
        )


def _discount(what: str, line: LineRow, currency: str) -> Step:
    entry = line.adjustments[0] if line.adjustments else {}
    signed = int(entry.get("amount_minor", 0)) * (1 if entry.get("is_charge") else -1)
    base, percentage = entry.get("base_minor"), entry.get("percentage")
    if base is None or percentage is None:
        how = f"The amount named{_with_tax(line)}"
        if line.kind != "item":
            how = f"Of {entry.get('amount')} named, what falls to this rate{_with_tax(line)}"
        return Step(what=what, how=how, result_minor=signed, position=line.position)
    exact = money.multiply(_major(int(base), currency), Decimal(str(percentage)), Decimal("0.01"))
    return Step(
        what=what,
        how=f"{percentage} % of {_amount(int(base), currency)}{_with_tax(line)}",
        exact=plain(exact),
        result_minor=signed,
        position=line.position,
        holds=abs(money.to_minor(exact, currency)) == abs(signed),
    )


def _tax(row: TaxRow, lines: Sequence[LineRow], currency: str, *, by_line: bool) -> Step:
    """Explain one tax: on top of what is without tax, inside of what has it inside."""
    top, parts, exact, minor, deducted = 0, list[str](), Decimal(0), 0, 0
    within: dict[Rate, int] = {}
    for line in lines:
        rate = _rate(line)
        part = next((each for each in rate.parts if _is(row, rate, each)), None)
        if part is None:
            continue
        if line.gross_minor is not None and line.deducts_id is not None:
            charged = line.gross_minor - line.net_minor
            if line.tax_components:
                own = next(each for each in line.tax_components if each["name"] == part.name)
                charged = money.to_minor(Decimal(own["tax_exact"]), currency)
            deducted += charged
            exact, minor = money.add(exact, _major(charged, currency)), minor + charged
        elif by_line:
            minor += money.to_minor(_tax_of(line, rate, part, currency), currency)
            exact = money.add(exact, _tax_of(line, rate, part, currency))
        elif line.gross_minor is None:
            top += line.net_minor
        else:
            within[rate] = within.get(rate, 0) + line.gross_minor
    percentage = _text(row.percentage)
    if by_line:
        parts.append(f"{percentage} % of each line, rounded on each")
    else:
        if top or not within:
            on_top = money.multiply(_major(top, currency), row.percentage, Decimal("0.01"))
            parts.append(f"{percentage} % of {_amount(top, currency)}")
            exact, minor = money.add(exact, on_top), minor + money.to_minor(on_top, currency)
        for rate, gross in within.items():
            each = inside(_major(gross, currency), row.percentage, rate.percentage)
            whole = _text(_HUNDRED + rate.percentage)
            parts.append(f"{percentage} / {whole} of {_amount(gross, currency)} with tax")
            exact, minor = money.add(exact, each), minor + money.to_minor(each, currency)
    if deducted:
        parts.append(f"{_amount(deducted, currency)} that was charged before")
    name = row.name or (
        f"Tax {percentage} %" if row.percentage else CATEGORIES.get(row.category, row.category)
    )
    return Step(
        what=f"{name} on {_amount(row.base_minor, currency)}",
        how=" + ".join(parts) if row.percentage else row.reason or "No tax",
        exact=_short(exact),
        result_minor=row.tax_minor,
        holds=minor == row.tax_minor,
    )


def _sums(found: InvoiceDetail) -> tuple[Step, ...]:
    lines = sum(line.net_minor for line in found.lines)
    taxes = sum(tax.tax_minor for tax in found.taxes)
    total = found.subtotal_minor + found.tax_minor
    rounded = Step(
        what="Rounding",
        how="To the smallest coin"
        if found.imported_number is None
        else "As its seller rounded what is to be paid",
        result_minor=found.rounding_minor,
        # The coin itself is a setting that may have changed since.
        holds=found.imported_number is not None
        or (
            abs(found.rounding_minor) <= COINS.get(found.currency, 1) // 2
            and found.payable_minor % COINS.get(found.currency, 1) == 0
        ),
    )
    return (
        Step(
            what="Net",
            how="All lines, discounts and charges together",
            result_minor=found.subtotal_minor,
            holds=lines == found.subtotal_minor,
        ),
        Step(
            what="Tax", how="All taxes together", result_minor=found.tax_minor, holds=taxes == found.tax_minor
        ),
        Step(
            what="Total", how="Net and tax", result_minor=found.total_minor, holds=total == found.total_minor
        ),
        *([rounded] if found.rounding_minor else []),
    )


def _rate(line: LineRow) -> Rate:
    parts = tuple(Component(each["name"], Decimal(each["percentage"])) for each in line.tax_components)
    return Rate(line.tax_category, line.tax_percentage, parts)


def _is(row: TaxRow, rate: Rate, part: Component) -> bool:
    return (rate.category, part.percentage, part.name) == (row.category, row.percentage, row.name)


def _tax_of(line: LineRow, rate: Rate, part: Component, currency: str) -> Decimal:
    if line.gross_minor is None:
        return money.multiply(_major(line.net_minor, currency), part.percentage, Decimal("0.01"))
    return inside(_major(line.gross_minor, currency), part.percentage, rate.percentage)


def _with_tax(line: LineRow) -> str:
    return "" if line.gross_minor is None else ", with tax"


def _major(minor: int, currency: str) -> Decimal:
    return money.from_minor(minor, currency)


def _amount(minor: int, currency: str) -> str:
    return f"{_major(minor, currency):f}".replace("-", "\N{MINUS SIGN}")


def _text(value: Decimal) -> str:
    return f"{plain(value):f}"


def _short(value: Decimal) -> Decimal:
    """Cut what never ends at twelve decimals."""
    return plain(value.quantize(Decimal(1).scaleb(-12), context=money.EXACT))
