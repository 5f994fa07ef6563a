"""Reads UBL 2 invoices as EN 16931, Peppol BIS 3 and XRechnung write them, in a Peppol envelope or bare."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NoReturn
from xml.etree.ElementTree import Element  # a type; parsing is xml.py's

from billing.documents.einvoice import rules
from billing.documents.einvoice import xml as hardened
from billing.documents.einvoice.document import Adjustment, Document, Line, Party, TaxLine, Totals
from billing.tax.rules import NO_TAX, Rate
from core import money
from core.errors import Refusal

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_INVOICE = f"{{{_UBL}Invoice-2}}Invoice"
_CREDIT_NOTE = f"{{{_UBL}CreditNote-2}}CreditNote"
_ENVELOPE = "StandardBusinessDocument"
_PREFIXES = {"cac": f"{{{_UBL}CommonAggregateComponents-2}}", "cbc": f"{{{_UBL}CommonBasicComponents-2}}"}
# UNTDID 1001: the codes under which an Invoice element is a credit note all the same.
_CREDIT_CODES = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:Z|[+-]\d{2}:\d{2})?\Z", re.ASCII)

_REFERENCES = {
    "buyer_reference": "cbc:BuyerReference",
    "order": "cac:OrderReference/cbc:ID",
    "sales_order": "cac:OrderReference/cbc:SalesOrderID",
    "contract": "cac:ContractDocumentReference/cbc:ID",
    "project": "cac:ProjectReference/cbc:ID",
    "despatch": "cac:DespatchDocumentReference/cbc:ID",
    "receipt": "cac:ReceiptDocumentReference/cbc:ID",
    "tender": "cac:OriginatorDocumentReference/cbc:ID",
    "preceding_invoice": "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID",
    "accounting": "cbc:AccountingCost",
    "profile": "cbc:CustomizationID",
    "period_from": "cac:InvoicePeriod/cbc:StartDate",
    "period_to": "cac:InvoicePeriod/cbc:EndDate",
    "tax_point": "cbc:TaxPointDate",
    "delivered_on": "cac:Delivery/cbc:ActualDeliveryDate",
    "payee": "cac:PayeeParty/cac:PartyName/cbc:Name",
    "payment_means": "cac:PaymentMeans/cbc:PaymentMeansCode",
    "payment_reference": "cac:PaymentMeans/cbc:PaymentID",
    "payment_account": "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID",
    "payment_terms": "cac:PaymentTerms/cbc:Note",
}


class FormatUnsupported(Refusal):
    """This is XML, but no UBL invoice."""

    code = "format_unsupported"


class FieldMissing(Refusal):
    """The document lacks something every invoice has."""

    code = "missing_field"


class FieldMalformed(Refusal):
    """The document holds a value that cannot be read."""

    code = "malformed_field"


class CurrencyMismatch(Refusal):
    """The document mixes currencies."""

    code = "currency_mismatch"


def read(data: bytes) -> Document:
    """Read one UBL invoice and prove that its figures agree.

    Raises:
        Refusal: of `xml`, of `rules` or of this module; each names what is wrong.
    """
    root = _invoice(hardened.parse(data))
    type_code = _text(root, "cbc:InvoiceTypeCode") or "380"
    if type_code in _CREDIT_CODES:
        raise rules.CreditNoteUnsupported(field="type_code")
    currency = _required(root, "cbc:DocumentCurrencyCode").upper()
    money.exponent(currency)
    reader = _Reader(root, currency)
    document = Document(
        number=_required(root, "cbc:ID"),
        type_code=type_code,
        currency=currency,
        issued_on=_date(root, "cbc:IssueDate") or _missing("cbc:IssueDate"),
        due_on=_date(root, "cbc:DueDate") or _date(root, "cac:PaymentMeans/cbc:PaymentDueDate"),
        seller=_party(root, "cac:AccountingSupplierParty/cac:Party"),
        buyer=_party(root, "cac:AccountingCustomerParty/cac:Party"),
        note="\n".join(_texts(root, "cbc:Note")),
        references={name: text for name, path in _REFERENCES.items() if (text := _text(root, path))},
        lines=tuple(reader.line(element) for element in _all(root, "cac:InvoiceLine")),
        adjustments=tuple(reader.adjustments(root, taxed=True)),
        taxes=tuple(reader.taxes),
        totals=reader.totals(),
    )
    rules.check(document)
    return document


def _invoice(root: Element) -> Element:
    """Find the invoice, inside its Peppol envelope when there is one."""
    if root.tag.rpartition("}")[2] == _ENVELOPE:
        root = next((child for child in root if child.tag in (_INVOICE, _CREDIT_NOTE)), root)
    if root.tag == _CREDIT_NOTE:
        raise rules.CreditNoteUnsupported(field="document")
    if root.tag != _INVOICE:
        raise FormatUnsupported(f"The document is a {root.tag.rpartition('}')[2][:60]}, no UBL invoice.")
    return root


class _Reader:
    """Reads amounts and rates of one document, whose currency all of them must be in."""

    def __init__(self, root: Element, currency: str) -> None:
        self.root, self.currency = root, currency
        self.tax_totals = [
            element
            for element in _all(root, "cac:TaxTotal")
            # A second total in the tax currency (BT-111) repeats the first; it is not part of the sum.
            if _currency(_find(element, "cbc:TaxAmount")) in ("", currency)
        ]
        self.taxes = [self._tax(item) for whole in self.tax_totals for item in _all(whole, "cac:TaxSubtotal")]

    def amount(self, element: Element, path: str) -> int | None:
        """Read an amount in minor units; more decimals than the currency has are refused."""
        found = _find(element, path)
        if found is None:
            return None
        if _currency(found) not in ("", self.currency):
            raise CurrencyMismatch(f"{path} is not in {self.currency}.", field=_name(path))
        return money.exact_minor(_decimal(found, path), self.currency)

    def totals(self) -> Totals:
        """Read the document's totals; what is optional is zero when absent."""
        whole = _find(self.root, "cac:LegalMonetaryTotal")
        if whole is None:
            raise FieldMissing("The document has no totals (LegalMonetaryTotal).", field="totals")

        def required(name: str) -> int:
            value = self.amount(whole, f"cbc:{name}")
            return value if value is not None else _missing(f"cbc:{name}")

        def optional(name: str) -> int:
            return self.amount(whole, f"cbc:{name}") or 0

        return Totals(
            lines_minor=required("LineExtensionAmount"),
            allowances_minor=optional("AllowanceTotalAmount"),
            charges_minor=optional("ChargeTotalAmount"),
            subtotal_minor=required("TaxExclusiveAmount"),
            tax_minor=sum(self.amount(item, "cbc:TaxAmount") or 0 for item in self.tax_totals),
            total_minor=required("TaxInclusiveAmount"),
            prepaid_minor=optional("PrepaidAmount"),
            rounding_minor=optional("PayableRoundingAmount"),
            payable_minor=required("PayableAmount"),
        )

    def adjustments(self, element: Element, *, taxed: bool) -> Iterator[Adjustment]:
        """Read the allowances and charges directly under an element."""
        for item in _all(element, "cac:AllowanceCharge"):
            indicator = _required(item, "cbc:ChargeIndicator").lower()
            if indicator not in ("true", "false", "1", "0"):
                raise FieldMalformed("ChargeIndicator is neither true nor false.", field="ChargeIndicator")
            amount = self.amount(item, "cbc:Amount")
            factor = _find(item, "cbc:MultiplierFactorNumeric")
            yield Adjustment(
                is_charge=indicator in ("true", "1"),
                amount_minor=amount if amount is not None else _missing("cbc:Amount"),
                reason=_text(item, "cbc:AllowanceChargeReason"),
                reason_code=_text(item, "cbc:AllowanceChargeReasonCode"),
                percentage=None if factor is None else _decimal(factor, "cbc:MultiplierFactorNumeric"),
                base_minor=self.amount(item, "cbc:BaseAmount"),
                rate=self._rate(_find(item, "cac:TaxCategory")) if taxed else None,
            )

    def line(self, element: Element) -> Line:
        """Read one line."""
        net_minor = self.amount(element, "cbc:LineExtensionAmount")
        if net_minor is None:
            _missing("cbc:LineExtensionAmount")
        adjustments = tuple(self.adjustments(element, taxed=False))
        whole = net_minor - sum(item.signed_minor for item in adjustments)
        quantity, unit_amount, base_quantity = self._price(element, whole)
        counted = _find(element, "cbc:InvoicedQuantity")
        return Line(
            identifier=_text(element, "cbc:ID"),
            name=_text(element, "cac:Item/cbc:Name"),
            description=_text(element, "cac:Item/cbc:Description"),
            note="\n".join(_texts(element, "cbc:Note")),
            quantity=quantity,
            unit_code="" if counted is None else (counted.get("unitCode") or ""),
            unit_amount=unit_amount,
            price_base_quantity=base_quantity,
            net_minor=net_minor,
            rate=self._rate(_find(element, "cac:Item/cac:ClassifiedTaxCategory")),
            adjustments=adjustments,
        )

    def _price(self, element: Element, whole_minor: int) -> tuple[Decimal, Decimal, Decimal]:
        """Read quantity, price and base quantity; without a price it is one piece of the whole."""
        counted = _find(element, "cbc:InvoicedQuantity")
        price = _find(element, "cac:Price/cbc:PriceAmount")
        base = _find(element, "cac:Price/cbc:BaseQuantity")
        if counted is None or price is None:
            return Decimal(1), money.from_minor(whole_minor, self.currency), Decimal(1)
        if _currency(price) not in ("", self.currency):
            raise CurrencyMismatch(f"A price is not in {self.currency}.", field="PriceAmount")
        per = Decimal(1) if base is None else _decimal(base, "cbc:BaseQuantity")
        if per <= 0:
            raise FieldMalformed("A price's BaseQuantity is not above zero.", field="BaseQuantity")
        return _decimal(counted, "cbc:InvoicedQuantity"), _decimal(price, "cbc:PriceAmount"), per

    def _tax(self, element: Element) -> TaxLine:
        category = _find(element, "cac:TaxCategory")
        base, amount = self.amount(element, "cbc:TaxableAmount"), self.amount(element, "cbc:TaxAmount")
        percentage = None if category is None else _find(category, "cbc:Percent")
        if percentage is None:
            percentage = _find(element, "cbc:Percent")  # UBL 2.0 wrote it here
        code = "O" if category is None else _text(category, "cbc:ID") or "O"
        return TaxLine(
            rate=Rate(code, Decimal(0) if percentage is None else _decimal(percentage, "Percent")),
            base_minor=base if base is not None else _missing("cbc:TaxableAmount"),
            tax_minor=amount if amount is not None else _missing("cbc:TaxAmount"),
            reason=_text(category, "cbc:TaxExemptionReason") if category is not None else "",
        )

    def _rate(self, category: Element | None) -> Rate:
        if category is None:
            return NO_TAX
        code = _text(category, "cbc:ID") or "O"
        percentage = _find(category, "cbc:Percent")
        if percentage is not None:
            return Rate(code, _decimal(percentage, "Percent"))
        declared = {item.rate for item in self.taxes if item.rate.category == code}
        return declared.pop() if len(declared) == 1 else Rate(code, Decimal(0))


def _party(root: Element, path: str) -> Party:
    party = _find(root, path)
    if party is None:
        raise FieldMissing(f"The document has no {_name(path.split('/', maxsplit=1)[0])}.", field=_name(path))
    tax_id = tax_number = ""
    for scheme in _all(party, "cac:PartyTaxScheme"):
        number = _text(scheme, "cbc:CompanyID")
        if (_text(scheme, "cac:TaxScheme/cbc:ID") or "VAT").upper() == "VAT":
            tax_id = tax_id or number
        else:
            tax_number = tax_number or number
    trading_name = _text(party, "cac:PartyName/cbc:Name")
    name = _text(party, "cac:PartyLegalEntity/cbc:RegistrationName") or trading_name
    if not name:
        raise FieldMissing(f"{_name(path.split('/', maxsplit=1)[0])} has no name.", field="name")
    endpoint = _find(party, "cbc:EndpointID")
    is_email = endpoint is not None and endpoint.get("schemeID") == "EM"
    return Party(
        name=name,
        trading_name=trading_name if trading_name != name else "",
        tax_id=tax_id,
        tax_number=tax_number,
        registration=_text(party, "cac:PartyLegalEntity/cbc:CompanyID"),
        identifiers=tuple(_texts(party, "cac:PartyIdentification/cbc:ID")),
        address=_address(party),
        contact_name=_text(party, "cac:Contact/cbc:Name"),
        phone=_text(party, "cac:Contact/cbc:Telephone"),
        email=_text(party, "cac:Contact/cbc:ElectronicMail")
        or (_text(party, "cbc:EndpointID") if is_email else ""),
    )


def _address(party: Element) -> dict[str, str]:
    paths = {
        "line1": "cbc:StreetName",
        "line2": "cbc:AdditionalStreetName",
        "line3": "cac:AddressLine/cbc:Line",
        "city": "cbc:CityName",
        "postal_code": "cbc:PostalZone",
        "region": "cbc:CountrySubentity",
        "country": "cac:Country/cbc:IdentificationCode",
    }
    found = {name: _text(party, f"cac:PostalAddress/{path}") for name, path in paths.items()}
    return {name: text for name, text in found.items() if text}


def _path(path: str) -> str:
    for prefix, namespace in _PREFIXES.items():
        path = path.replace(f"{prefix}:", namespace)
    return path


def _find(element: Element, path: str) -> Element | None:
    return element.find(_path(path))


def _all(element: Element, path: str) -> list[Element]:
    return element.findall(_path(path))


def _texts(element: Element, path: str) -> list[str]:
    return [text for found in _all(element, path) if (text := (found.text or "").strip())]


def _text(element: Element, path: str) -> str:
    return next(iter(_texts(element, path)), "")


def _required(element: Element, path: str) -> str:
    return _text(element, path) or _missing(path)


def _missing(path: str) -> NoReturn:
    raise FieldMissing(f"The document has no {_name(path)}.", field=_name(path))


def _name(path: str) -> str:
    return path.rpartition(":")[2]


def _currency(element: Element | None) -> str:
    return "" if element is None else (element.get("currencyID") or "").strip().upper()


def _decimal(element: Element, path: str) -> Decimal:
    try:
        return money.decimal(element.text or "")
    except money.NotADecimal:
        raise FieldMalformed(f"{_name(path)} is not a plain decimal number.", field=_name(path)) from None


def _date(element: Element, path: str) -> date | None:
    text = _text(element, path)
    if not text:
        return None
    match = _DATE.match(text)
    try:
        if match:
            return date(*map(int, match.groups()))
    except ValueError:
        pass
    raise FieldMalformed(f"{_name(path)} is not a date.", field=_name(path))
