"""Writes an invoice or credit note as UBL 2.1, in the order its schema asks for (EN 16931-3-2)."""

from datetime import date

from billing.documents.einvoice import writing
from billing.documents.einvoice.document import Adjustment, Document, Line, Party
from billing.documents.einvoice.writing import Node, Profile
from billing.tax.rules import Rate

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
# What a transfer is paid into, a card and a direct debit need different particulars (UNTDID 4461).
_CARDS, _DEBITS = frozenset({"48", "54", "55"}), frozenset({"49", "59"})


def write(document: Document, profile: Profile) -> bytes:
    """Write a document for a profile."""
    kind = "CreditNote" if document.is_credit_note else "Invoice"
    root = writing.root(
        kind,
        {
            "": f"{_UBL}{kind}-2",
            "cac": f"{_UBL}CommonAggregateComponents-2",
            "cbc": f"{_UBL}CommonBasicComponents-2",
        },
    )
    _Writer(document, profile).fill(root)
    return writing.finish(root)


class _Writer:
    """Writes one document."""

    def __init__(self, document: Document, profile: Profile) -> None:
        self.document, self.profile = document, profile
        self.credit, self.references = document.is_credit_note, document.references

    def fill(self, root: Node) -> None:
        """Write the whole document."""
        self._head(root)
        self._references(root)
        self._party(root.node("cac:AccountingSupplierParty/cac:Party"), self.document.seller, seller=True)
        self._party(root.node("cac:AccountingCustomerParty/cac:Party"), self.document.buyer, seller=False)
        root_payee = self.references.get("payee")
        if root_payee:
            root.node("cac:PayeeParty/cac:PartyName").text("cbc:Name", root_payee)
        self._delivery(root)
        self._payment(root)
        for item in self.document.adjustments:
            self._adjustment(root, item)
        self._taxes(root)
        self._totals(root)
        for position, line in enumerate(self.document.lines, start=1):
            self._line(root, line, position)

    def _head(self, root: Node) -> None:
        document = self.document
        root.text("cbc:CustomizationID", self.profile)
        root.text("cbc:ProfileID", self.profile.process)
        root.text("cbc:ID", document.number)
        root.text("cbc:IssueDate", document.issued_on.isoformat())
        if not self.credit:
            _day(root, "cbc:DueDate", document.due_on)
            root.text("cbc:InvoiceTypeCode", document.type_code)
            root.text("cbc:Note", document.note)
            _day(root, "cbc:TaxPointDate", writing.day_of(document, "tax_point"))
        else:
            _day(root, "cbc:TaxPointDate", writing.day_of(document, "tax_point"))
            root.text("cbc:CreditNoteTypeCode", document.type_code)
            root.text("cbc:Note", document.note)
        root.text("cbc:DocumentCurrencyCode", document.currency)
        root.text("cbc:AccountingCost", self.references.get("accounting"))
        root.text("cbc:BuyerReference", self.references.get("buyer_reference"))
        self._period(root, writing.day_of(document, "period_from"), writing.day_of(document, "period_to"))

    def _references(self, root: Node) -> None:
        found = self.references
        if found.get("order") or found.get("sales_order"):
            order = root.node("cac:OrderReference")
            # BT-14 alone: the schema wants an ID all the same (Peppol writes NA).
            order.text("cbc:ID", found.get("order") or "NA")
            order.text("cbc:SalesOrderID", found.get("sales_order"))
        for number, on in writing.preceding(self.document):
            before = root.node("cac:BillingReference/cac:InvoiceDocumentReference")
            before.text("cbc:ID", number)
            _day(before, "cbc:IssueDate", on)
        _reference(root, "cac:DespatchDocumentReference", found.get("despatch"))
        _reference(root, "cac:ReceiptDocumentReference", found.get("receipt"))
        if not self.credit:
            _reference(root, "cac:OriginatorDocumentReference", found.get("tender"))
        _reference(root, "cac:ContractDocumentReference", found.get("contract"))
        if self.credit:
            if found.get("project"):
                project = root.node("cac:AdditionalDocumentReference")
                project.text("cbc:ID", found["project"])
                project.text("cbc:DocumentTypeCode", "50")
            _reference(root, "cac:OriginatorDocumentReference", found.get("tender"))
        else:
            _reference(root, "cac:ProjectReference", found.get("project"))

    def _party(self, node: Node, party: Party, *, seller: bool) -> None:
        out_of_scope = writing.is_out_of_scope(self.document)
        node.text("cbc:EndpointID", party.endpoint_id, schemeID=party.endpoint_scheme or "EM")
        for identifier in _identifiers(party, seller=seller, out_of_scope=out_of_scope):
            node.node("cac:PartyIdentification").text("cbc:ID", identifier)
        creditor = self.references.get("debit_creditor") if seller else None
        if creditor:
            node.node("cac:PartyIdentification").text("cbc:ID", creditor, schemeID="SEPA")
        if party.trading_name:
            node.node("cac:PartyName").text("cbc:Name", party.trading_name)
        _address(node.node("cac:PostalAddress"), party.address)
        if party.tax_id and not out_of_scope:
            _tax_scheme(node.node("cac:PartyTaxScheme"), party.tax_id, "VAT")
        if party.tax_number and seller:
            _tax_scheme(node.node("cac:PartyTaxScheme"), party.tax_number, "TAX")
        entity = node.node("cac:PartyLegalEntity")
        entity.text("cbc:RegistrationName", party.name)
        entity.text("cbc:CompanyID", party.registration)
        contact = node.node("cac:Contact")
        contact.text("cbc:Name", party.contact_name)
        contact.text("cbc:Telephone", party.phone)
        contact.text("cbc:ElectronicMail", party.email)
        node.drop_if_empty(contact)

    def _delivery(self, root: Node) -> None:
        address = writing.delivery_address(self.document)
        delivery = root.node("cac:Delivery")
        _day(delivery, "cbc:ActualDeliveryDate", writing.day_of(self.document, "delivered_on"))
        if address:
            _address(delivery.node("cac:DeliveryLocation/cac:Address"), address)
        if self.references.get("deliver_to"):
            delivery.node("cac:DeliveryParty/cac:PartyName").text("cbc:Name", self.references["deliver_to"])
        root.drop_if_empty(delivery)

    def _payment(self, root: Node) -> None:
        found = self.references
        code = found.get("payment_means")
        if code:
            means = root.node("cac:PaymentMeans")
            means.text("cbc:PaymentMeansCode", code)
            if self.credit:
                _day(means, "cbc:PaymentDueDate", self.document.due_on)
            means.text("cbc:PaymentID", found.get("payment_reference"))
            if found.get("payment_card") and code in _CARDS:
                card = means.node("cac:CardAccount")
                card.text("cbc:PrimaryAccountNumberID", found["payment_card"])
                card.text("cbc:NetworkID", "mapped-from-cii")
                card.text("cbc:HolderName", found.get("payment_card_holder"))
            if found.get("payment_account") and code not in _CARDS | _DEBITS:
                account = means.node("cac:PayeeFinancialAccount")
                account.text("cbc:ID", found["payment_account"])
                account.text("cbc:Name", found.get("payment_account_name"))
                if found.get("payment_bank"):
                    account.node("cac:FinancialInstitutionBranch").text("cbc:ID", found["payment_bank"])
            if code in _DEBITS and (found.get("debit_mandate") or found.get("debit_account")):
                mandate = means.node("cac:PaymentMandate")
                mandate.text("cbc:ID", found.get("debit_mandate"))
                if found.get("debit_account"):
                    mandate.node("cac:PayerFinancialAccount").text("cbc:ID", found["debit_account"])
        terms = writing.terms(self.document)
        if terms:
            root.node("cac:PaymentTerms").text("cbc:Note", terms)

    def _adjustment(self, node: Node, item: Adjustment) -> None:
        inner = node.node("cac:AllowanceCharge")
        inner.text("cbc:ChargeIndicator", "true" if item.is_charge else "false")
        inner.text("cbc:AllowanceChargeReasonCode", item.reason_code)
        inner.text("cbc:AllowanceChargeReason", writing.reason(item))
        if item.percentage is not None and item.base_minor is not None:
            inner.text("cbc:MultiplierFactorNumeric", writing.number(item.percentage))
        self._amount(inner, "cbc:Amount", item.amount_minor)
        if item.percentage is not None and item.base_minor is not None:
            self._amount(inner, "cbc:BaseAmount", item.base_minor)
        if item.rate is not None:
            _category(inner.node("cac:TaxCategory"), item.rate)

    def _taxes(self, root: Node) -> None:
        total = root.node("cac:TaxTotal")
        self._amount(total, "cbc:TaxAmount", self.document.totals.tax_minor)
        for item in self.document.taxes:
            part = total.node("cac:TaxSubtotal")
            self._amount(part, "cbc:TaxableAmount", item.base_minor)
            self._amount(part, "cbc:TaxAmount", item.tax_minor)
            category = part.node("cac:TaxCategory")
            reason, code = writing.exemption(item.rate, item.reason, item.reason_code)
            _category(category, item.rate, always=True, reason=reason, code=code)

    def _totals(self, root: Node) -> None:
        totals, whole = self.document.totals, root.node("cac:LegalMonetaryTotal")
        self._amount(whole, "cbc:LineExtensionAmount", totals.lines_minor)
        self._amount(whole, "cbc:TaxExclusiveAmount", totals.subtotal_minor)
        self._amount(whole, "cbc:TaxInclusiveAmount", totals.total_minor)
        if writing.has_adjustments(self.document, charges=False):
            self._amount(whole, "cbc:AllowanceTotalAmount", totals.allowances_minor)
        if writing.has_adjustments(self.document, charges=True):
            self._amount(whole, "cbc:ChargeTotalAmount", totals.charges_minor)
        if totals.prepaid_minor:
            self._amount(whole, "cbc:PrepaidAmount", totals.prepaid_minor)
        if totals.rounding_minor:
            self._amount(whole, "cbc:PayableRoundingAmount", totals.rounding_minor)
        self._amount(whole, "cbc:PayableAmount", totals.payable_minor)

    def _line(self, root: Node, line: Line, position: int) -> None:
        node = root.node("cac:CreditNoteLine" if self.credit else "cac:InvoiceLine")
        price = writing.price(line)
        node.text("cbc:ID", line.identifier or str(position))
        quantity = "cbc:CreditedQuantity" if self.credit else "cbc:InvoicedQuantity"
        node.text(quantity, writing.number(price.quantity), unitCode=price.unit_code)
        self._amount(node, "cbc:LineExtensionAmount", line.net_minor)
        if line.period is not None:
            self._period(node, line.period.first, line.period.last)
        for item in line.adjustments:
            self._adjustment(node, item)
        name, description = writing.name_and_description(line)
        product = node.node("cac:Item")
        product.text("cbc:Description", description)
        product.text("cbc:Name", name)
        _category(product.node("cac:ClassifiedTaxCategory"), line.rate)
        cost = node.node("cac:Price")
        cost.text("cbc:PriceAmount", writing.number(price.unit_amount), currencyID=self.document.currency)
        if price.base_quantity != 1:
            cost.text("cbc:BaseQuantity", writing.number(price.base_quantity), unitCode=price.unit_code)

    def _amount(self, node: Node, name: str, minor: int) -> None:
        currency = self.document.currency
        node.text(name, writing.amount(minor, currency), currencyID=currency)

    def _period(self, node: Node, first: date | None, last: date | None) -> None:
        if first or last:
            period = node.node("cac:InvoicePeriod")
            _day(period, "cbc:StartDate", first)
            _day(period, "cbc:EndDate", last)


def _identifiers(party: Party, *, seller: bool, out_of_scope: bool) -> list[str]:
    """Return a party's identifiers; a seller that may show no VAT number needs another one (BR-CO-26)."""
    found = writing.once(party.identifiers)
    if seller and out_of_scope and not found and not party.registration:
        return writing.once([party.tax_number or party.tax_id])
    return found if seller else found[:1]


def _category(node: Node, rate: Rate, *, always: bool = False, reason: str = "", code: str = "") -> None:
    """Write a rate; the summary names its percentage `always`, even where it is none (BR-DE-14)."""
    node.text("cbc:ID", rate.category)
    node.text("cbc:Percent", writing.number(rate.percentage) if always else writing.percentage(rate))
    node.text("cbc:TaxExemptionReasonCode", code)
    node.text("cbc:TaxExemptionReason", reason)
    node.node("cac:TaxScheme").text("cbc:ID", "VAT")


def _tax_scheme(node: Node, number: str, scheme: str) -> None:
    node.text("cbc:CompanyID", number)
    node.node("cac:TaxScheme").text("cbc:ID", scheme)


def _address(node: Node, address: dict[str, str]) -> None:
    node.text("cbc:StreetName", address.get("line1"))
    node.text("cbc:AdditionalStreetName", address.get("line2"))
    node.text("cbc:CityName", address.get("city"))
    node.text("cbc:PostalZone", address.get("postal_code"))
    node.text("cbc:CountrySubentity", address.get("region"))
    if address.get("line3"):
        node.node("cac:AddressLine").text("cbc:Line", address["line3"])
    if address.get("country"):
        node.node("cac:Country").text("cbc:IdentificationCode", address["country"])


def _reference(node: Node, name: str, number: str | None) -> None:
    if number:
        node.node(name).text("cbc:ID", number)


def _day(node: Node, name: str, value: date | None) -> None:
    if value is not None:
        node.text(name, value.isoformat())
