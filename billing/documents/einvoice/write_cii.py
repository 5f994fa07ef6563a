"""Writes an invoice or credit note as a Cross Industry Invoice, in the order its schema asks for (EN 16931-3-3)."""

from datetime import date

from billing.documents.einvoice import writing
from billing.documents.einvoice.document import Adjustment, Document, Line, Party
from billing.documents.einvoice.writing import Node, Profile
from billing.tax.rules import Rate

_STANDARD = "urn:un:unece:uncefact:data:standard:"
_NAMESPACES = {
    "rsm": f"{_STANDARD}CrossIndustryInvoice:100",
    "ram": f"{_STANDARD}ReusableAggregateBusinessInformationEntity:100",
    "udt": f"{_STANDARD}UnqualifiedDataType:100",
    "qdt": f"{_STANDARD}QualifiedDataType:100",
}
_CARDS, _DEBITS = frozenset({"48", "54", "55"}), frozenset({"49", "59"})


def write(document: Document, profile: Profile) -> bytes:
    """Write a document for a profile."""
    root = writing.root("rsm:CrossIndustryInvoice", _NAMESPACES)
    _Writer(document, profile).fill(root)
    return writing.finish(root)


class _Writer:
    """Writes one document."""

    def __init__(self, document: Document, profile: Profile) -> None:
        self.document, self.profile, self.references = document, profile, document.references

    def fill(self, root: Node) -> None:
        """Write the whole document."""
        context = root.node("rsm:ExchangedDocumentContext")
        if self.profile.process:
            process = context.node("ram:BusinessProcessSpecifiedDocumentContextParameter")
            process.text("ram:ID", self.profile.process)
        context.node("ram:GuidelineSpecifiedDocumentContextParameter").text("ram:ID", self.profile)
        head = root.node("rsm:ExchangedDocument")
        head.text("ram:ID", self.document.number)
        head.text("ram:TypeCode", self.document.type_code)
        _day(head, "ram:IssueDateTime", self.document.issued_on)
        if self.document.note:
            head.node("ram:IncludedNote").text("ram:Content", self.document.note)
        transaction = root.node("rsm:SupplyChainTradeTransaction")
        for position, line in enumerate(self.document.lines, start=1):
            self._line(transaction, line, position)
        self._agreement(transaction.node("ram:ApplicableHeaderTradeAgreement"))
        self._delivery(transaction.node("ram:ApplicableHeaderTradeDelivery"))
        self._settlement(transaction.node("ram:ApplicableHeaderTradeSettlement"))

    def _line(self, root: Node, line: Line, position: int) -> None:
        node, price = root.node("ram:IncludedSupplyChainTradeLineItem"), writing.price(line)
        node.node("ram:AssociatedDocumentLineDocument").text("ram:LineID", line.identifier or str(position))
        name, description = writing.name_and_description(line)
        product = node.node("ram:SpecifiedTradeProduct")
        product.text("ram:Name", name)
        product.text("ram:Description", description)
        cost = node.node("ram:SpecifiedLineTradeAgreement/ram:NetPriceProductTradePrice")
        cost.text("ram:ChargeAmount", writing.number(price.unit_amount))
        if price.base_quantity != 1:
            cost.text("ram:BasisQuantity", writing.number(price.base_quantity), unitCode=price.unit_code)
        delivery = node.node("ram:SpecifiedLineTradeDelivery")
        delivery.text("ram:BilledQuantity", writing.number(price.quantity), unitCode=price.unit_code)
        settlement = node.node("ram:SpecifiedLineTradeSettlement")
        _tax(settlement.node("ram:ApplicableTradeTax"), line.rate)
        if line.period is not None:
            _period(settlement, line.period.first, line.period.last)
        for item in line.adjustments:
            self._adjustment(settlement, item)
        total = settlement.node("ram:SpecifiedTradeSettlementLineMonetarySummation")
        self._amount(total, "ram:LineTotalAmount", line.net_minor)

    def _agreement(self, node: Node) -> None:
        found = self.references
        node.text("ram:BuyerReference", found.get("buyer_reference"))
        self._party(node.node("ram:SellerTradeParty"), self.document.seller, seller=True)
        self._party(node.node("ram:BuyerTradeParty"), self.document.buyer, seller=False)
        _reference(node, "ram:SellerOrderReferencedDocument", found.get("sales_order"))
        _reference(node, "ram:BuyerOrderReferencedDocument", found.get("order"))
        _reference(node, "ram:ContractReferencedDocument", found.get("contract"))
        if found.get("tender"):
            other = node.node("ram:AdditionalReferencedDocument")
            other.text("ram:IssuerAssignedID", found["tender"])
            other.text("ram:TypeCode", "50")
        if found.get("project"):
            project = node.node("ram:SpecifiedProcuringProject")
            project.text("ram:ID", found["project"])
            project.text("ram:Name", "Project reference")

    def _party(self, node: Node, party: Party, *, seller: bool) -> None:
        out_of_scope = writing.is_out_of_scope(self.document)
        identifiers = writing.once(party.identifiers)
        if seller and out_of_scope and not identifiers and not party.registration:
            identifiers = writing.once([party.tax_number or party.tax_id])
        for identifier in identifiers if seller else identifiers[:1]:
            node.text("ram:ID", identifier)
        node.text("ram:Name", party.name)
        if party.registration or party.trading_name:
            legal = node.node("ram:SpecifiedLegalOrganization")
            legal.text("ram:ID", party.registration)
            legal.text("ram:TradingBusinessName", party.trading_name)
        if party.contact_name or party.phone or party.email:
            contact = node.node("ram:DefinedTradeContact")
            contact.text("ram:PersonName", party.contact_name)
            if party.phone:
                contact.node("ram:TelephoneUniversalCommunication").text("ram:CompleteNumber", party.phone)
            if party.email:
                contact.node("ram:EmailURIUniversalCommunication").text("ram:URIID", party.email)
        _address(node.node("ram:PostalTradeAddress"), party.address)
        if party.endpoint_id:
            endpoint = node.node("ram:URIUniversalCommunication")
            endpoint.text("ram:URIID", party.endpoint_id, schemeID=party.endpoint_scheme or "EM")
        if party.tax_id and not out_of_scope:
            node.node("ram:SpecifiedTaxRegistration").text("ram:ID", party.tax_id, schemeID="VA")
        if party.tax_number and seller:
            node.node("ram:SpecifiedTaxRegistration").text("ram:ID", party.tax_number, schemeID="FC")

    def _delivery(self, node: Node) -> None:
        address, name = writing.delivery_address(self.document), self.references.get("deliver_to")
        if address or name:
            there = node.node("ram:ShipToTradeParty")
            there.text("ram:Name", name)
            if address:
                _address(there.node("ram:PostalTradeAddress"), address)
        on = writing.day_of(self.document, "delivered_on")
        if on is not None:
            _day(node.node("ram:ActualDeliverySupplyChainEvent"), "ram:OccurrenceDateTime", on)
        _reference(node, "ram:DespatchAdviceReferencedDocument", self.references.get("despatch"))
        _reference(node, "ram:ReceivingAdviceReferencedDocument", self.references.get("receipt"))

    def _settlement(self, node: Node) -> None:
        found, document = self.references, self.document
        node.text("ram:CreditorReferenceID", found.get("debit_creditor"))
        node.text("ram:PaymentReference", found.get("payment_reference"))
        node.text("ram:InvoiceCurrencyCode", document.currency)
        if found.get("payee"):
            node.node("ram:PayeeTradeParty").text("ram:Name", found["payee"])
        if found.get("payment_means"):
            self._means(node.node("ram:SpecifiedTradeSettlementPaymentMeans"), found["payment_means"])
        tax_point = writing.day_of(document, "tax_point")
        for item in document.taxes:
            tax = node.node("ram:ApplicableTradeTax")
            reason, code = writing.exemption(item.rate, item.reason, item.reason_code)
            self._amount(tax, "ram:CalculatedAmount", item.tax_minor)
            tax.text("ram:TypeCode", "VAT")
            tax.text("ram:ExemptionReason", reason)
            self._amount(tax, "ram:BasisAmount", item.base_minor)
            tax.text("ram:CategoryCode", item.rate.category)
            tax.text("ram:ExemptionReasonCode", code)
            _day(tax, "ram:TaxPointDate", tax_point, form="udt:DateString")
            tax_point = None  # it stands once (CII-SR-461)
            # The summary names a percentage even where it is none (BR-DE-14).
            tax.text("ram:RateApplicablePercent", writing.number(item.rate.percentage))
        _period(node, writing.day_of(document, "period_from"), writing.day_of(document, "period_to"))
        for item_ in document.adjustments:
            self._adjustment(node, item_)
        terms = writing.terms(document)
        if terms or document.due_on or found.get("debit_mandate"):
            inner = node.node("ram:SpecifiedTradePaymentTerms")
            inner.text("ram:Description", terms)
            _day(inner, "ram:DueDateDateTime", document.due_on)
            inner.text("ram:DirectDebitMandateID", found.get("debit_mandate"))
        self._totals(node.node("ram:SpecifiedTradeSettlementHeaderMonetarySummation"))
        for number, on in writing.preceding(document):
            before = node.node("ram:InvoiceReferencedDocument")
            before.text("ram:IssuerAssignedID", number)
            _day(before, "ram:FormattedIssueDateTime", on, form="qdt:DateTimeString")
        if found.get("accounting"):
            node.node("ram:ReceivableSpecifiedTradeAccountingAccount").text("ram:ID", found["accounting"])

    def _means(self, means: Node, code: str) -> None:
        found = self.references
        means.text("ram:TypeCode", code)
        if found.get("payment_card") and code in _CARDS:
            card = means.node("ram:ApplicableTradeSettlementFinancialCard")
            card.text("ram:ID", found["payment_card"])
            card.text("ram:CardholderName", found.get("payment_card_holder"))
        if found.get("debit_account") and code in _DEBITS:
            means.node("ram:PayerPartyDebtorFinancialAccount").text("ram:IBANID", found["debit_account"])
        if found.get("payment_account") and code not in _CARDS | _DEBITS:
            account = means.node("ram:PayeePartyCreditorFinancialAccount")
            other = code not in ("58", "59") and not found["payment_account"][:2].isalpha()
            if not other:
                account.text("ram:IBANID", found["payment_account"])
            account.text("ram:AccountName", found.get("payment_account_name"))
            if other:
                account.text("ram:ProprietaryID", found["payment_account"])
            if found.get("payment_bank"):
                bank = means.node("ram:PayeeSpecifiedCreditorFinancialInstitution")
                bank.text("ram:BICID", found["payment_bank"])

    def _adjustment(self, node: Node, item: Adjustment) -> None:
        inner = node.node("ram:SpecifiedTradeAllowanceCharge")
        inner.node("ram:ChargeIndicator").text("udt:Indicator", "true" if item.is_charge else "false")
        if item.percentage is not None and item.base_minor is not None:
            inner.text("ram:CalculationPercent", writing.number(item.percentage))
            self._amount(inner, "ram:BasisAmount", item.base_minor)
        self._amount(inner, "ram:ActualAmount", item.amount_minor)
        inner.text("ram:ReasonCode", item.reason_code)
        inner.text("ram:Reason", writing.reason(item))
        if item.rate is not None:
            _tax(inner.node("ram:CategoryTradeTax"), item.rate)

    def _totals(self, node: Node) -> None:
        totals, currency = self.document.totals, self.document.currency
        self._amount(node, "ram:LineTotalAmount", totals.lines_minor)
        if writing.has_adjustments(self.document, charges=True):
            self._amount(node, "ram:ChargeTotalAmount", totals.charges_minor)
        if writing.has_adjustments(self.document, charges=False):
            self._amount(node, "ram:AllowanceTotalAmount", totals.allowances_minor)
        self._amount(node, "ram:TaxBasisTotalAmount", totals.subtotal_minor)
        node.text("ram:TaxTotalAmount", writing.amount(totals.tax_minor, currency), currencyID=currency)
        if totals.rounding_minor:
            self._amount(node, "ram:RoundingAmount", totals.rounding_minor)
        self._amount(node, "ram:GrandTotalAmount", totals.total_minor)
        if totals.prepaid_minor:
            self._amount(node, "ram:TotalPrepaidAmount", totals.prepaid_minor)
        self._amount(node, "ram:DuePayableAmount", totals.payable_minor)

    def _amount(self, node: Node, name: str, minor: int) -> None:
        node.text(name, writing.amount(minor, self.document.currency))


def _tax(node: Node, rate: Rate) -> None:
    node.text("ram:TypeCode", "VAT")
    node.text("ram:CategoryCode", rate.category)
    node.text("ram:RateApplicablePercent", writing.percentage(rate))


def _address(node: Node, address: dict[str, str]) -> None:
    node.text("ram:PostcodeCode", address.get("postal_code"))
    node.text("ram:LineOne", address.get("line1"))
    node.text("ram:LineTwo", address.get("line2"))
    node.text("ram:LineThree", address.get("line3"))
    node.text("ram:CityName", address.get("city"))
    node.text("ram:CountryID", address.get("country"))
    node.text("ram:CountrySubDivisionName", address.get("region"))


def _reference(node: Node, name: str, number: str | None) -> None:
    if number:
        node.node(name).text("ram:IssuerAssignedID", number)


def _period(node: Node, first: date | None, last: date | None) -> None:
    if first or last:
        period = node.node("ram:BillingSpecifiedPeriod")
        _day(period, "ram:StartDateTime", first)
        _day(period, "ram:EndDateTime", last)


def _day(node: Node, name: str, value: date | None, *, form: str = "udt:DateTimeString") -> None:
    if value is not None:
        node.node(name).text(form, f"{value:%Y%m%d}", format="102")
