"""A document is taken in only when its own figures agree to the minor unit (EN 16931 BR-CO-10 to 17)."""

from billing.documents.einvoice.document import Document
from billing.tax import rules as tax
from core import money
from core.errors import Refusal


class TotalsDisagree(Refusal):
    """The document's figures contradict each other."""

    code = "totals_disagree"


class CreditNoteUnsupported(Refusal):
    """This invoice takes money back, as only a credit note does."""

    code = "credit_note_unsupported"


def check(document: Document) -> None:
    """Let a document pass whose figures agree.

    Raises:
        CreditNoteUnsupported: it would take money back.
        TotalsDisagree: names the rule and both figures.
        UnknownTaxCategory, PercentageNotAllowed: a line or total is taxed as no document may be.
    """
    totals = document.totals
    if totals.total_minor < 0:
        raise CreditNoteUnsupported(field="total")
    if not document.lines:
        raise TotalsDisagree("The document has no lines (BR-16).", field="lines")
    for line in document.lines:
        # Quantity times price is not compared: no rule of EN 16931 asks it, and its own examples differ.
        tax.check(line.rate)
    declared = [item.amount_minor for item in document.adjustments]
    allowances = sum(item.amount_minor for item in document.adjustments if not item.is_charge)
    _equal(document, "BR-CO-10", "lines", totals.lines_minor, sum(line.net_minor for line in document.lines))
    _equal(document, "BR-CO-11", "allowances", totals.allowances_minor, allowances)
    _equal(document, "BR-CO-12", "charges", totals.charges_minor, sum(declared) - allowances)
    net = totals.lines_minor - totals.allowances_minor + totals.charges_minor
    _equal(document, "BR-CO-13", "subtotal", totals.subtotal_minor, net)
    _equal(document, "BR-CO-14", "tax", totals.tax_minor, sum(item.tax_minor for item in document.taxes))
    _equal(document, "BR-CO-15", "total", totals.total_minor, totals.subtotal_minor + totals.tax_minor)
    payable = totals.total_minor - totals.prepaid_minor + totals.rounding_minor
    _equal(document, "BR-CO-16", "payable", totals.payable_minor, payable)
    _check_taxes(document)


def _check_taxes(document: Document) -> None:
    """Each rate's base must be the sum of what is taxed by it, and its tax what the percentage makes of it.

    The schematron of EN 16931 lets the tax differ by a whole unit of the currency. Here it may differ by what
    rounding each line apart can make: half a minor unit a line, rounded up.
    """
    bases: dict[tax.Rate, int] = {}
    parts: dict[tax.Rate, int] = {}
    amounts = [(line.rate, line.net_minor) for line in document.lines]
    amounts += [(item.rate or tax.NO_TAX, item.signed_minor) for item in document.adjustments]
    for rate, amount in amounts:
        bases[rate] = bases.get(rate, 0) + amount
        parts[rate] = parts.get(rate, 0) + 1
    declared: dict[tax.Rate, tuple[int, int]] = {}
    for item in document.taxes:
        base, amount = declared.get(item.rate, (0, 0))
        declared[item.rate] = (base + item.base_minor, amount + item.tax_minor)
    for rate in sorted({*bases, *declared}):
        base, amount = declared.get(rate, (0, 0))
        name = f"base of {rate.category} {rate.percentage}"
        _equal(document, "BR-S-08", name, base, bases.get(rate, 0))
        expected = tax.tax_minor(base, rate.percentage, document.currency)
        if abs(amount - expected) > (parts.get(rate, 0) + 1) // 2:
            name = f"tax of {rate.category} {rate.percentage}"
            raise _disagreement(document, "BR-CO-17", name, amount, expected)


def _equal(document: Document, rule: str, name: str, declared: int, computed: int) -> None:
    if declared != computed:
        raise _disagreement(document, rule, name, declared, computed)


def _disagreement(document: Document, rule: str, name: str, declared: int, computed: int) -> TotalsDisagree:
    says, makes = (money.from_minor(value, document.currency) for value in (declared, computed))
    sentence = f"{name}: the document says {says}, its parts make {makes} ({rule})."
    return TotalsDisagree(sentence, field=name.split()[0], rule=rule)
