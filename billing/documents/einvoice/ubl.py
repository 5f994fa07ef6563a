"""Reads UBL 2 invoices and credit notes as EN 16931, Peppol BIS 3 and XRechnung write them, enveloped or bare."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NoReturn
from xml.etree.ElementTree import Element  # a type; parsing is xml.py's

from billing.documents.einvoice import reading, rules
from billing.documents.einvoice import xml as hardened
from billing.documents.einvoice.document import Adjustment, Document, Line, Party, Period, TaxLine, Totals
from billing.documents.einvoice.reading import (
    CurrencyMismatch,
    FieldMalformed,
    FieldMissing,
    FormatUnsupported,
)
from billing.tax.rules import NO_TAX, Rate
from core import money

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_INVOICE = f"{{{_UBL}Invoice-2}}Invoice"
_CREDIT_NOTE = f"{{{_UBL}CreditNote-2}}CreditNote"
_LINES = ("InvoiceLine", "CreditNoteLine")
_ENVELOPE = "StandardBusinessDocument"
_PREFIXES = {"cac": f"{{{_UBL}CommonAggregateComponents-2}}", "cbc": f"{{{_UBL}CommonBasicComponents-2}}"}
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:Z|[+-]\d{2}:\d{2})?\Z", re.ASCII)

_ADDRESS = {
    "line1": "cbc:StreetName",
    "line2": "cbc:AdditionalStreetName",
    "line3": "cac:AddressLine/cbc:Line",
    "city": "cbc:CityName",
    "postal_code": "cbc:PostalZone",
    "region": "cbc:CountrySubentity",
    "country": "cac:Country/cbc:IdentificationCode",
}
# The creditor of a direct debit stands among the seller's identifiers (BT-90).
_CREDITOR = "cac:PartyIdentification/cbc:ID[@schemeID='SEPA']"
_REFERENCES = {
    "buyer_reference": "cbc:BuyerReference",
    "order": "cac:OrderReference/cbc:ID",
    "sales_order": "cac:OrderReference/cbc:SalesOrderID",
    "contract": "cac:ContractDocumentReference/cbc:ID",
    "project": "cac:ProjectReference/cbc:ID",
    "despatch": "cac:DespatchDocumentReference/cbc:ID",
    "receipt": "cac:ReceiptDocumentReference/cbc:ID",
    "tender": "cac:OriginatorDocumentReference/cbc:ID",
    "accounting": "cbc:AccountingCost",
    "profile": "cbc:CustomizationID",
    "process": "cbc:ProfileID",
    "period_from": "cac:InvoicePeriod/cbc:StartDate",
    "period_to": "cac:InvoicePeriod/cbc:EndDate",
    "tax_point": "cbc:TaxPointDate",
    "delivered_on": "cac:Delivery/cbc:ActualDeliveryDate",
    "deliver_to": "cac:Delivery/cac:DeliveryParty/cac:PartyName/cbc:Name",
    **{
        f"deliver_to_{name}": f"cac:Delivery/cac:DeliveryLocation/cac:Address/{path}"
        for name, path in _ADDRESS.items()
    },
    "payee": "cac:PayeeParty/cac:PartyName/cbc:Name",
    "payment_means": "cac:PaymentMeans/cbc:PaymentMeansCode",
    "payment_reference": "cac:PaymentMeans/cbc:PaymentID",
    "payment_account": "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID",
    "payment_account_name": "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:Name",
    "payment_bank": "cac:PaymentMeans/cac:PayeeFinancialAccount/cac:FinancialInstitutionBranch/cbc:ID",
    "payment_card": "cac:PaymentMeans/cac:CardAccount/cbc:PrimaryAccountNumberID",
    "payment_card_holder": "cac:PaymentMeans/cac:CardAccount/cbc:HolderName",
    "debit_mandate": "cac:PaymentMeans/cac:PaymentMandate/cbc:ID",
    "debit_account": "cac:PaymentMeans/cac:PaymentMandate/cac:PayerFinancialAccount/cbc:ID",
    "debit_creditor": f"cac:AccountingSupplierParty/cac:Party/{_CREDITOR}",
    "payment_terms": "cac:PaymentTerms/cbc:Note",
}


def read(data: bytes) -> Document:
    """Read one UBL invoice or credit note and prove that its figures agree.

    Raises:
        Refusal: of `xml`, of `rules` or of `reading`; each names what is wrong.
    """
    return of_root(hardened.parse(data))


def is_ubl(root: Element) -> bool:
    """Tell whether this is UBL, or an envelope in which it comes."""
    return root.tag in (_INVOICE, _CREDIT_NOTE) or root.tag.rpartition("}")[2] == _ENVELOPE


def of_root(root: Element) -> Document:
    """Read a parsed document; see `read`."""
    root = _opened(root)
    credit = root.tag == _CREDIT_NOTE
    code = "cbc:CreditNoteTypeCode" if credit else "cbc:InvoiceTypeCode"
    currency = _required(root, "cbc:DocumentCurrencyCode").upper()
    money.exponent(currency)
    reader = _Reader(root, currency)
    document = Document(
        number=_required(root, "cbc:ID"),
        type_code=_text(root, code) or ("381" if credit else "380"),
        currency=currency,
        issued_on=_date(root, "cbc:IssueDate") or _missing("cbc:IssueDate"),
        due_on=_date(root, "cbc:DueDate") or _date(root, "cac:PaymentMeans/cbc:PaymentDueDate"),
        seller=_party(root, "cac:AccountingSupplierParty/cac:Party"),
        buyer=_party(root, "cac:AccountingCustomerParty/cac:Party"),
        note="\n".join(_texts(root, "cbc:Note")),
        references=_references(root),
        lines=tuple(reader.line(element) for tag in _LINES for element in _all(root, f"cac:{tag}")),
        adjustments=tuple(reader.adjustments(root, taxed=True)),
        taxes=tuple(reader.taxes),
        totals=reader.totals(),
    )
    rules.check(document)
    return document


def _references(root: Element) -> dict[str, str]:
    before = _all(root, "cac:BillingReference/cac:InvoiceDocumentReference")
    found = {name: text for name, path in _REFERENCES.items() if (text := _text(root, path))}
    days = [(_text(each, "cbc:ID"), _date(each, "cbc:IssueDate")) for each in before]
    return found | reading.preceding_texts(days)


def _opened(root: Element) -> Element:
    """Find the document, inside its Peppol envelope when there is one."""
    if root.tag.rpartition("}")[2] == _ENVELOPE:
        root = next((child for child in root if child.tag in (_INVOICE, _CREDIT_NOTE)), root)
    if root.tag not in (_INVOICE, _CREDIT_NOTE):
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
        counted = _counted(element)
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
            period=_period(element),
            adjustments=adjustments,
        )

    def _price(self, element: Element, whole_minor: int) -> tuple[Decimal, Decimal, Decimal]:
        """Read quantity, price and base quantity; without a price it is one piece of the whole."""
        counted = _counted(element)
        price = _find(element, "cac:Price/cbc:PriceAmount")
        base = _find(element, "cac:Price/cbc:BaseQuantity")
        if counted is None or price is None:
            return Decimal(1), money.from_minor(whole_minor, self.currency), Decimal(1)
        if _currency(price) not in ("", self.currency):
            raise CurrencyMismatch(f"A price is not in {self.currency}.", field="PriceAmount")
        per = Decimal(1) if base is None else reading.base_quantity(_decimal(base, "cbc:BaseQuantity"))
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
            reason_code=_text(category, "cbc:TaxExemptionReasonCode") if category is not None else "",
        )

    def _rate(self, category: Element | None) -> Rate:
        if category is None:
            return NO_TAX
        percentage = _find(category, "cbc:Percent")
        exact = None if percentage is None else _decimal(percentage, "Percent")
        return reading.rate(_text(category, "cbc:ID") or "O", exact, {item.rate for item in self.taxes})


def _counted(element: Element) -> Element | None:
    found = _find(element, "cbc:InvoicedQuantity")
    return _find(element, "cbc:CreditedQuantity") if found is None else found


def _period(element: Element) -> Period | None:
    first = _date(element, "cac:InvoicePeriod/cbc:StartDate")
    last = _date(element, "cac:InvoicePeriod/cbc:EndDate")
    return None if first is None and last is None else Period(first, last)


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
        identifiers=tuple(
            text
            for element in _all(party, "cac:PartyIdentification/cbc:ID")
            if element.get("schemeID") != "SEPA" and (text := (element.text or "").strip())
        ),
        endpoint_id="" if endpoint is None else (endpoint.text or "").strip(),
        endpoint_scheme="" if endpoint is None else (endpoint.get("schemeID") or ""),
        address=_address(party),
        contact_name=_text(party, "cac:Contact/cbc:Name"),
        phone=_text(party, "cac:Contact/cbc:Telephone"),
        email=_text(party, "cac:Contact/cbc:ElectronicMail")
        or (_text(party, "cbc:EndpointID") if is_email else ""),
    )


def _address(party: Element) -> dict[str, str]:
    found = {name: _text(party, f"cac:PostalAddress/{path}") for name, path in _ADDRESS.items()}
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
    reading.missing(_name(path))


def _name(path: str) -> str:
    return path.rpartition(":")[2]


def _currency(element: Element | None) -> str:
    return "" if element is None else (element.get("currencyID") or "").strip().upper()


def _decimal(element: Element, path: str) -> Decimal:
    return reading.decimal(element, _name(path))


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
