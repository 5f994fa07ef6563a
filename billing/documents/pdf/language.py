"""What documents say, in the languages they can be written in. English is the text itself."""

from collections.abc import Mapping
from types import MappingProxyType

LANGUAGES: Mapping[str, str] = MappingProxyType({"en": "English", "de": "Deutsch"})

# The words of the templates, by the names they use.
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "invoice": "Invoice", "credit_note": "Credit note", "credited": "Credited", "receipt": "Receipt",
        "draft": "draft", "void": "void",
        "description": "Description", "quantity": "Quantity", "unit_price": "Unit price", "tax": "Tax",
        "net": "Net", "total": "Total", "amount_due": "Amount due", "please_pay": "Please pay", "by": "by",
        "holder": "Account holder", "iban": "IBAN", "bic": "BIC", "reference": "Reference",
        "pay_online": "Pay online", "scan": "Scan with your bank's app",
        "code": "QR code that fills in a bank transfer",
        "settled": "Nothing is left to pay. Thank you.", "never": "We never change bank details by e-mail.",
        "check": "Check them at", "changed": "last changed on", "page": "Page", "of": "of", "tax_id": "Tax id",
        "tax_number": "Tax number", "received": "We received", "thanks": "Thank you.", "issued": "Issued",
        "paid": "Paid", "still_due": "Still due", "logo": "Logo", "xml": "The same invoice for programs",
    }
)  # fmt: skip

_GERMAN: Mapping[str, str] = MappingProxyType(
    {
        "Invoice": "Rechnung",
        "Receipt": "Zahlungsbeleg",
        "Credited": "Gutgeschrieben",
        "Issued on": "Datum",
        "Corrects invoice": "Korrigiert Rechnung",
        "Off what was open": "Vom offenen Betrag abgezogen",
        "Given back": "Erstattet",
        "draft": "Entwurf",
        "void": "storniert",
        "Description": "Beschreibung",
        "Quantity": "Menge",
        "Unit price": "Einzelpreis",
        "Tax": "USt.",
        "Net": "Netto",
        "Total": "Gesamtbetrag",
        "Amount due": "Zu zahlen",
        "Please pay": "Bitte zahlen Sie",
        "by": "bis zum",
        "Account holder": "Kontoinhaber",
        "Reference": "Verwendungszweck",
        "Pay online": "Online bezahlen",
        "Scan with your bank's app": "Mit der App Ihrer Bank scannen",
        "QR code that fills in a bank transfer": "QR-Code, der eine Überweisung ausfüllt",
        "Nothing is left to pay. Thank you.": "Es ist nichts mehr zu zahlen. Vielen Dank.",
        "We never change bank details by e-mail.": "Wir ändern unsere Bankverbindung nie per E-Mail.",
        "Check them at": "Prüfen Sie sie unter",
        "last changed on": "zuletzt geändert am",
        "Page": "Seite",
        "of": "von",
        "Tax id": "USt-IdNr.",
        "Tax number": "Steuernummer",
        "We received": "Wir haben erhalten:",
        "Thank you.": "Vielen Dank.",
        "Issued": "Rechnungsdatum",
        "Paid": "Bezahlt",
        "Still due": "Noch offen",
        "Logo": "Logo",
        "The same invoice for programs": "Dieselbe Rechnung für Programme",
        "Paid before": "Zuvor bezahlt",
        "Rounding": "Rundung",
        "on": "auf",
        "Invoice number": "Rechnungsnummer",
        "Credit note": "Gutschrift",
        "Credit note number": "Gutschriftsnummer",
        "Takes back from invoice": "Zu Rechnung",
        "Invoice issued": "Rechnung vom",
        "Given when it is final": "Folgt bei Ausstellung",
        "When it is final": "Bei Ausstellung",
        "Due": "Zahlbar bis",
        "Your tax id": "Ihre USt-IdNr.",
        "Your reference": "Ihre Referenz",
        "Your order": "Ihre Bestellung",
        "Our order": "Unser Auftrag",
        "Contract": "Vertrag",
        "Project": "Projekt",
        "Delivery note": "Lieferschein",
        "Goods receipt": "Wareneingang",
        "Tender": "Ausschreibung",
        "Cost centre": "Kostenstelle",
        "Terms": "Zahlungsbedingungen",
        "Customer number": "Kundennummer",
        "Original number": "Ursprüngliche Nummer",
        "Receipt number": "Belegnummer",
        "Paid on": "Bezahlt am",
        "Paid with": "Bezahlt mit",
        "Kept as credit": "Als Guthaben behalten",
        "Refunded since": "Seitdem erstattet",
        "Price per": "Preis je",
        "Charge": "Zuschlag",
        "Allowance": "Nachlass",
        "Discount": "Nachlass",
        "With tax": "Mit Steuer",
        "Service period": "Leistungszeitraum",
        "A draft: nothing is owed yet, and anything on it may still change.": (
            "Ein Entwurf: Noch ist nichts zu zahlen, und alles kann sich noch ändern."
        ),
        "Nothing is owed on this invoice.": "Auf diese Rechnung ist nichts zu zahlen.",
        "Voided": "Storniert",
        "Reverse charge: the customer owes the tax.": ("Steuerschuldnerschaft des Leistungsempfängers."),
        "Intra-community supply, exempt from tax.": "Steuerfreie innergemeinschaftliche Lieferung.",
        "Export outside the EU, exempt from tax.": "Steuerfreie Ausfuhrlieferung.",
        "Exempt from tax.": "Steuerfrei.",
        "Zero rate": "Nullsatz",
        "Exempt": "Steuerfrei",
        "Reverse charge": "Steuerschuldnerschaft des Leistungsempfängers",
        "Intra-community supply": "Innergemeinschaftliche Lieferung",
        "Export outside the EU": "Ausfuhrlieferung",
        "Outside the scope of tax": "Nicht steuerbar",
        "h": "Std.",
        "min": "Min.",
        "s": "Sek.",
        "days": "Tage",
        "weeks": "Wochen",
        "months": "Monate",
        "years": "Jahre",
    }
)


def say(text: str, language: str) -> str:
    """Return a text of ours in a document's language; what it has no words for stays English."""
    return _GERMAN.get(text, text) if language[:2] == "de" else text


def labels(language: str) -> dict[str, str]:
    """Return the words of the templates in a document's language."""
    return {name: say(text, language) for name, text in LABELS.items()}
