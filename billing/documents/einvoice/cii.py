"""Reads UN/CEFACT Cross Industry Invoices as EN 16931, Factur-X, ZUGFeRD and XRechnung write them."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
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

_NAMESPACE = "urn:un:unece:uncefact:data:standard:"
_ROOT = f"{{{_NAMESPACE}CrossIndustryInvoice:100}}CrossIndustryInvoice"
_RSM = f"{{{_NAMESPACE}CrossIndustryInvoice:100}}"
_RAM = f"{{{_NAMESPACE}ReusableAggregateBusinessInformationEntity:100}}"
_UDT = f"{{{_NAMESPACE}UnqualifiedDataType:100}}"
_QDT = f"{{{_NAMESPACE}QualifiedDataType:100}}"
_UDT_NAMES = frozenset({"DateTimeString", "DateString", "Indicator"})

_AGREEMENT, _DELIVERY, _SETTLEMENT = (
    f"T/ApplicableHeaderTrade{part}" for part in ("Agreement", "Delivery", "Settlement")
)
_MEANS, _TERMS = (
    f"{_SETTLEMENT}/SpecifiedTradeSettlementPaymentMeans",
    f"{_SETTLEMENT}/SpecifiedTradePaymentTerms",
)
_PRECEDING = f"{_SETTLEMENT}/InvoiceReferencedDocument"
_ADDRESS = {
    "line1": "LineOne", "line2": "LineTwo", "line3": "LineThree", "city": "CityName",
    "postal_code": "PostcodeCode", "region": "CountrySubDivisionName", "country": "CountryID",
}  # fmt: skip
_REFERENCES = {
    "buyer_reference": f"{_AGREEMENT}/BuyerReference",
    "order": f"{_AGREEMENT}/BuyerOrderReferencedDocument/IssuerAssignedID",
    "sales_order": f"{_AGREEMENT}/SellerOrderReferencedDocument/IssuerAssignedID",
    "contract": f"{_AGREEMENT}/ContractReferencedDocument/IssuerAssignedID",
    "project": f"{_AGREEMENT}/SpecifiedProcuringProject/ID",
    "despatch": f"{_DELIVERY}/DespatchAdviceReferencedDocument/IssuerAssignedID",
    "receipt": f"{_DELIVERY}/ReceivingAdviceReferencedDocument/IssuerAssignedID",
    "accounting": f"{_SETTLEMENT}/ReceivableSpecifiedTradeAccountingAccount/ID",
    "profile": "C/GuidelineSpecifiedDocumentContextParameter/ID",
    "process": "C/BusinessProcessSpecifiedDocumentContextParameter/ID",
    "deliver_to": f"{_DELIVERY}/ShipToTradeParty/Name",
    **{
        f"deliver_to_{name}": f"{_DELIVERY}/ShipToTradeParty/PostalTradeAddress/{path}"
        for name, path in _ADDRESS.items()
    },
    "payee": f"{_SETTLEMENT}/PayeeTradeParty/Name",
    "payment_means": f"{_MEANS}/TypeCode",
    "payment_reference": f"{_SETTLEMENT}/PaymentReference",
    "payment_account": f"{_MEANS}/PayeePartyCreditorFinancialAccount/IBANID",
    "payment_account_name": f"{_MEANS}/PayeePartyCreditorFinancialAccount/AccountName",
    "payment_bank": f"{_MEANS}/PayeeSpecifiedCreditorFinancialInstitution/BICID",
    "payment_card": f"{_MEANS}/ApplicableTradeSettlementFinancialCard/ID",
    "payment_card_holder": f"{_MEANS}/ApplicableTradeSettlementFinancialCard/CardholderName",
    "debit_mandate": f"{_TERMS}/DirectDebitMandateID",
    "debit_account": f"{_MEANS}/PayerPartyDebtorFinancialAccount/IBANID",
    "debit_creditor": f"{_SETTLEMENT}/CreditorReferenceID",
    "payment_terms": f"{_TERMS}/Description",
}
_OTHER_ACCOUNT = f"{_MEANS}/PayeePartyCreditorFinancialAccount/ProprietaryID"
_DAYS = {
    "period_from": f"{_SETTLEMENT}/BillingSpecifiedPeriod/StartDateTime/DateTimeString",
    "period_to": f"{_SETTLEMENT}/BillingSpecifiedPeriod/EndDateTime/DateTimeString",
    "tax_point": f"{_SETTLEMENT}/ApplicableTradeTax/TaxPointDate/DateString",
    "delivered_on": f"{_DELIVERY}/ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString",
}


def read(data: bytes) -> Document:
    """Read one CII document and prove that its figures agree.

    Raises:
        Refusal: of `xml`, of `rules` or of `reading`; each names what is wrong.
    """
    return of_root(hardened.parse(data))


def is_cii(root: Element) -> bool:
    """Tell whether this is a Cross Industry Invoice of the version that EN 16931 names."""
    return root.tag == _ROOT


def of_root(root: Element) -> Document:
    """Read a parsed document; see `read`."""
    if not is_cii(root):
        raise FormatUnsupported(f"The document is a {root.tag.rpartition('}')[2][:60]}, no CII invoice.")
    currency = _required(root, f"{_SETTLEMENT}/InvoiceCurrencyCode").upper()
    money.exponent(currency)
    reader = _Reader(root, currency)
    due = _date(root, f"{_TERMS}/DueDateDateTime/DateTimeString")
    document = Document(
        number=_required(root, "D/ID"),
        type_code=_text(root, "D/TypeCode") or "380",
        currency=currency,
        issued_on=_date(root, "D/IssueDateTime/DateTimeString") or reading.missing("IssueDateTime"),
        due_on=due,
        seller=_party(root, "SellerTradeParty"),
        buyer=_party(root, "BuyerTradeParty"),
        note="\n".join(_texts(root, "D/IncludedNote/Content")),
        references=_references(root),
        lines=tuple(reader.line(element) for element in _all(root, "T/IncludedSupplyChainTradeLineItem")),
        adjustments=tuple(
            reader.adjustments(_all(root, f"{_SETTLEMENT}/SpecifiedTradeAllowanceCharge"), taxed=True)
        ),
        taxes=tuple(reader.taxes),
        totals=reader.totals(),
    )
    rules.check(document)
    return document


class _Reader:
    """Reads amounts and rates of one document; an amount that names another currency is refused."""

    def __init__(self, root: Element, currency: str) -> None:
        self.root, self.currency = root, currency
        self.taxes = [self._tax(item) for item in _all(root, f"{_SETTLEMENT}/ApplicableTradeTax")]

    def amount(self, element: Element, path: str) -> int | None:
        """Read an amount in minor units; more decimals than the currency has are refused."""
        found = _find(element, path)
        return None if found is None else self._minor(found, _name(path))

    def required(self, element: Element, path: str) -> int:
        """Read an amount that every document has."""
        value = self.amount(element, path)
        return value if value is not None else reading.missing(_name(path))

    def totals(self) -> Totals:
        """Read the document's totals; what is optional is zero when absent."""
        whole = _find(self.root, f"{_SETTLEMENT}/SpecifiedTradeSettlementHeaderMonetarySummation")
        if whole is None:
            raise FieldMissing(
                "The document has no totals (SpecifiedTradeSettlementHeaderMonetarySummation).",
                field="totals",
            )
        # A second total in the tax currency (BT-111) repeats the first; it is not part of the sum.
        taxes = [
            self._minor(item, "TaxTotalAmount")
            for item in _all(whole, "TaxTotalAmount")
            if (item.get("currencyID") or self.currency).strip().upper() == self.currency
        ]
        return Totals(
            lines_minor=self.required(whole, "LineTotalAmount"),
            allowances_minor=self.amount(whole, "AllowanceTotalAmount") or 0,
            charges_minor=self.amount(whole, "ChargeTotalAmount") or 0,
            subtotal_minor=self.required(whole, "TaxBasisTotalAmount"),
            tax_minor=sum(taxes),
            total_minor=self.required(whole, "GrandTotalAmount"),
            prepaid_minor=self.amount(whole, "TotalPrepaidAmount") or 0,
            rounding_minor=self.amount(whole, "RoundingAmount") or 0,
            payable_minor=self.required(whole, "DuePayableAmount"),
        )

    def adjustments(self, found: list[Element], *, taxed: bool) -> Iterator[Adjustment]:
        """Read allowances and charges."""
        for item in found:
            indicator = _required(item, "ChargeIndicator/Indicator").lower()
            if indicator not in ("true", "false", "1", "0"):
                raise FieldMalformed("ChargeIndicator is neither true nor false.", field="ChargeIndicator")
            factor = _find(item, "CalculationPercent")
            yield Adjustment(
                is_charge=indicator in ("true", "1"),
                amount_minor=self.required(item, "ActualAmount"),
                reason=_text(item, "Reason"),
                reason_code=_text(item, "ReasonCode"),
                percentage=None if factor is None else reading.decimal(factor, "CalculationPercent"),
                base_minor=self.amount(item, "BasisAmount"),
                rate=self._rate(_find(item, "CategoryTradeTax")) if taxed else None,
            )

    def line(self, element: Element) -> Line:
        """Read one line."""
        settlement = _find(element, "SpecifiedLineTradeSettlement")
        if settlement is None:
            raise FieldMissing(
                "A line has no SpecifiedLineTradeSettlement.", field="SpecifiedLineTradeSettlement"
            )
        net_minor = self.required(settlement, "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount")
        adjustments = tuple(self.adjustments(_all(settlement, "SpecifiedTradeAllowanceCharge"), taxed=False))
        whole = net_minor - sum(item.signed_minor for item in adjustments)
        quantity, unit_amount, base_quantity = self._price(element, whole)
        counted = _find(element, "SpecifiedLineTradeDelivery/BilledQuantity")
        period = tuple(
            _date(settlement, f"BillingSpecifiedPeriod/{side}DateTime/DateTimeString")
            for side in ("Start", "End")
        )
        return Line(
            identifier=_text(element, "AssociatedDocumentLineDocument/LineID"),
            name=_text(element, "SpecifiedTradeProduct/Name"),
            description=_text(element, "SpecifiedTradeProduct/Description"),
            note="\n".join(_texts(element, "AssociatedDocumentLineDocument/IncludedNote/Content")),
            quantity=quantity,
            unit_code="" if counted is None else (counted.get("unitCode") or ""),
            unit_amount=unit_amount,
            price_base_quantity=base_quantity,
            net_minor=net_minor,
            rate=self._rate(_find(settlement, "ApplicableTradeTax")),
            period=Period(*period) if any(period) else None,
            adjustments=adjustments,
        )

    def _price(self, element: Element, whole_minor: int) -> tuple[Decimal, Decimal, Decimal]:
        """Read quantity, net price and base quantity; without a price it is one piece of the whole."""
        price = _find(element, "SpecifiedLineTradeAgreement/NetPriceProductTradePrice")
        counted = _find(element, "SpecifiedLineTradeDelivery/BilledQuantity")
        amount = None if price is None else _find(price, "ChargeAmount")
        if price is None or amount is None or counted is None:
            return Decimal(1), money.from_minor(whole_minor, self.currency), Decimal(1)
        self._check_currency(amount, "ChargeAmount")
        base = _find(price, "BasisQuantity")
        per = Decimal(1) if base is None else reading.base_quantity(reading.decimal(base, "BasisQuantity"))
        return reading.decimal(counted, "BilledQuantity"), reading.decimal(amount, "ChargeAmount"), per

    def _tax(self, element: Element) -> TaxLine:
        percentage = _find(element, "RateApplicablePercent")
        exact = Decimal(0) if percentage is None else reading.decimal(percentage, "RateApplicablePercent")
        return TaxLine(
            rate=Rate(_text(element, "CategoryCode") or "O", exact),
            base_minor=self.required(element, "BasisAmount"),
            tax_minor=self.required(element, "CalculatedAmount"),
            reason=_text(element, "ExemptionReason"),
            reason_code=_text(element, "ExemptionReasonCode"),
        )

    def _rate(self, element: Element | None) -> Rate:
        if element is None:
            return NO_TAX
        percentage = _find(element, "RateApplicablePercent")
        exact = None if percentage is None else reading.decimal(percentage, "RateApplicablePercent")
        return reading.rate(_text(element, "CategoryCode") or "O", exact, {item.rate for item in self.taxes})

    def _minor(self, element: Element, name: str) -> int:
        self._check_currency(element, name)
        return money.exact_minor(reading.decimal(element, name), self.currency)

    def _check_currency(self, element: Element, name: str) -> None:
        if (element.get("currencyID") or self.currency).strip().upper() != self.currency:
            raise CurrencyMismatch(f"{name} is not in {self.currency}.", field=name)


def _references(root: Element) -> dict[str, str]:
    found = {name: _text(root, path) for name, path in _REFERENCES.items()}
    found["payment_account"] = found["payment_account"] or _text(root, _OTHER_ACCOUNT)
    for name, path in _DAYS.items():
        day = _date(root, path)
        found[name] = "" if day is None else day.isoformat()
    found |= reading.preceding_texts(
        (_text(each, "IssuerAssignedID"), _date(each, "FormattedIssueDateTime/Q:DateTimeString"))
        for each in _all(root, _PRECEDING)
    )
    for other in _all(root, f"{_AGREEMENT}/AdditionalReferencedDocument"):
        if _text(other, "TypeCode") == "50":
            found["tender"] = _text(other, "IssuerAssignedID")
    return {name: text for name, text in found.items() if text}


def _party(root: Element, role: str) -> Party:
    party = _find(root, f"{_AGREEMENT}/{role}")
    if party is None:
        raise FieldMissing(f"The document has no {role}.", field=role)
    tax_ids: dict[str, str] = {}
    for element in _all(party, "SpecifiedTaxRegistration/ID"):
        tax_ids.setdefault((element.get("schemeID") or "VA").upper(), (element.text or "").strip())
    name = _text(party, "Name")
    trading_name = _text(party, "SpecifiedLegalOrganization/TradingBusinessName")
    if not (name or trading_name):
        raise FieldMissing(f"{role} has no name.", field="name")
    endpoint = _find(party, "URIUniversalCommunication/URIID")
    scheme = "" if endpoint is None else (endpoint.get("schemeID") or "")
    address = "" if endpoint is None else (endpoint.text or "").strip()
    contact = "DefinedTradeContact"
    email = _text(party, f"{contact}/EmailURIUniversalCommunication/URIID")
    found = {key: _text(party, f"PostalTradeAddress/{path}") for key, path in _ADDRESS.items()}
    return Party(
        name=name or trading_name,
        trading_name=trading_name if trading_name != name else "",
        tax_id=tax_ids.get("VA", ""),
        tax_number=tax_ids.get("FC", ""),
        registration=_text(party, "SpecifiedLegalOrganization/ID"),
        identifiers=(*_texts(party, "ID"), *_texts(party, "GlobalID")),
        endpoint_id=address,
        endpoint_scheme=scheme,
        address={key: text for key, text in found.items() if text},
        contact_name=_text(party, f"{contact}/PersonName") or _text(party, f"{contact}/DepartmentName"),
        phone=_text(party, f"{contact}/TelephoneUniversalCommunication/CompleteNumber"),
        email=email or (address if scheme == "EM" else ""),
    )


def _path(path: str) -> str:
    parts = []
    for part in path.split("/"):
        if part in ("T", "D", "C"):
            name = {
                "T": "SupplyChainTradeTransaction",
                "D": "ExchangedDocument",
                "C": "ExchangedDocumentContext",
            }[part]
            parts.append(f"{_RSM}{name}")
        elif part.startswith("Q:"):
            parts.append(f"{_QDT}{part[2:]}")
        else:
            parts.append(f"{_UDT if part in _UDT_NAMES else _RAM}{part}")
    return "/".join(parts)


def _find(element: Element, path: str) -> Element | None:
    return element.find(_path(path))


def _all(element: Element, path: str) -> list[Element]:
    return element.findall(_path(path))


def _texts(element: Element, path: str) -> list[str]:
    return [text for found in _all(element, path) if (text := (found.text or "").strip())]


def _text(element: Element, path: str) -> str:
    return next(iter(_texts(element, path)), "")


def _required(element: Element, path: str) -> str:
    return _text(element, path) or reading.missing(_name(path))


def _name(path: str) -> str:
    return path.rpartition("/")[2].rpartition(":")[2]


def _date(element: Element, path: str) -> date | None:
    """Read a day (UNTDID 2379, format 102); other formats are not EN 16931's."""
    found = _find(element, path)
    text = "" if found is None else (found.text or "").strip()
    if found is None or not text:
        return None
    try:
        if (found.get("format") or "102") == "102" and len(text) == 8 and text.isascii() and text.isdigit():
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        pass
    name = path.split("/")[-2]
    raise FieldMalformed(f"{name} is not a date.", field=name)
