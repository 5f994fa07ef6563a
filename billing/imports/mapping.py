"""Which field of a customer each column of a table holds, guessed from its name in many programs' words. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from billing.customers.rules import ADDRESS_FIELDS
from billing.imports import rules

IGNORED, KEPT = "", "metadata"
_TEXTS = ("name", "email", "phone", "tax_id", "reference", "notes", "currency")
_TERMS = ("payment_days", "language")
_DELIVERY = tuple(f"delivery_{name}" for name in ADDRESS_FIELDS)
FIELDS = (*_TEXTS, *_TERMS, *ADDRESS_FIELDS, *_DELIVERY)
LABELS: Mapping[str, str] = {
    "name": "Name", "email": "E-mail address", "phone": "Phone", "tax_id": "Tax id",
    "reference": "Your number for them", "notes": "Notes", "currency": "Currency",
    "payment_days": "Days to pay", "language": "Language (de, en)", "line1": "Street",
    "line2": "More of the address", "line3": "Third address line", "city": "City",
    "postal_code": "Postal code", "region": "Region", "country": "Country (two letters)",
    **{f"delivery_{name}": f"Delivery: {label}" for name, label in (
        ("line1", "street"), ("line2", "more of the address"), ("line3", "third line"), ("city", "city"),
        ("postal_code", "postal code"), ("region", "region"), ("country", "country"),
    )},
}  # fmt: skip
# What other programs call these, folded.
_HEADS: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "firma", "firmenname", "kunde", "kundenname", "company", "company name", "customer",
             "customer name", "organization", "organisation", "unternehmen", "display name", "full name", "nom"),
    "email": ("email", "e mail", "e mail adresse", "email address", "e mail address", "mail", "rechnungsmail"),
    "phone": ("phone", "telefon", "telephone", "tel", "phone number", "telefonnummer", "mobile", "mobil"),
    "tax_id": ("tax id", "vat id", "vat", "vat number", "vat no", "ust id", "ustid", "ust idnr", "ust id nr",
               "uid", "uid nummer", "umsatzsteuer id", "umsatzsteuer identifikationsnummer", "tva", "tax number"),
    "reference": ("reference", "number", "customer number", "customer no", "customer id", "kundennummer",
                  "kundennr", "kunden nr", "debitor", "debitorennummer", "account number", "nr"),
    "notes": ("notes", "note", "notiz", "notizen", "bemerkung", "bemerkungen", "comment", "kommentar", "memo"),
    "currency": ("currency", "wahrung", "waehrung", "devise", "iso currency"),
    "payment_days": ("payment days", "days to pay", "terms", "payment terms", "zahlungsziel", "net days",
                     "zahlungsfrist"),
    "language": ("language", "sprache", "locale", "lang"),
    "line1": ("line1", "street", "strasse", "straße", "address", "adresse", "anschrift", "address line1",
              "address line 1", "address 1", "street address", "billing address", "strasse nr", "rue"),
    "line2": ("line2", "address line2", "address line 2", "address 2", "adresszusatz", "zusatz", "suite"),
    "line3": ("line3", "address line3", "address line 3", "address 3"),
    "city": ("city", "ort", "stadt", "town", "ville", "billing city"),
    "postal_code": ("postal code", "zip", "zip code", "postcode", "plz", "postleitzahl", "billing zip"),
    "region": ("region", "state", "province", "bundesland", "kanton", "county"),
    "country": ("country", "land", "country code", "landercode", "laendercode", "pays", "billing country"),
}  # fmt: skip
_LANGUAGES = {"deutsch": "de", "german": "de", "englisch": "en", "english": "en"}
_KNOWN = {
    **{folded: field for field, names in _HEADS.items() for folded in names},
    **{f"{prefix} {folded}": f"delivery_{field}" for field in ADDRESS_FIELDS for folded in _HEADS[field]
       for prefix in ("delivery", "shipping", "liefer", "lieferung")},
}  # fmt: skip


def guess(heads: Sequence[str], remembered: Mapping[str, str] | None = None) -> list[str]:
    """Return a field for each column: as it was mapped the last time, else by its name; each field once."""
    chosen: list[str] = []
    for head in heads:
        plain = folded(head)
        field = (remembered or {}).get(plain)
        if field is None:
            field = KEPT if head.casefold().startswith("metadata.") else _KNOWN.get(plain, IGNORED)
        chosen.append(field if field == KEPT or field not in chosen else IGNORED)
    return chosen


def check(heads: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Let a mapping pass.

    Raises:
        UnknownColumn: it names a field that no customer has, or not one for each column.
        MissingColumn: no column holds the name.
    """
    if len(columns) != len(heads):
        raise rules.UnknownColumn(field="columns")
    named = [field for field in columns if field not in (IGNORED, KEPT)]
    for field in named:
        if field not in FIELDS:
            raise rules.UnknownColumn(f"No customer has a field “{field[:40]}”.", field="columns")
    if len(set(named)) != len(named):
        raise rules.UnknownColumn("Two columns are mapped to one field.", field="columns")
    if "name" not in named:
        raise rules.MissingColumn("Say which column holds the name.", field="columns")
    return list(columns)


def values(heads: Sequence[str], columns: Sequence[str], cells: Sequence[str]) -> dict[str, object]:
    """Return what a row says of a customer, for `customers.prepare`."""
    texts: dict[str, object] = {}
    parts: dict[str, dict[str, str]] = {"address": {}, "delivery_address": {}, "metadata": {}}
    for head, field, text in zip(heads, columns, cells, strict=False):
        if field == KEPT:
            if text:
                parts["metadata"][head.removeprefix("metadata.")[:40]] = text
        elif field in ADDRESS_FIELDS:
            parts["address"][field] = _address(field, text)
        elif field in _DELIVERY:
            name = field.removeprefix("delivery_")
            parts["delivery_address"][name] = _address(name, text)
        elif field == "payment_days":
            texts[field] = int(text) if text.isdecimal() and len(text) < 6 else text or None
        elif field == "language":
            texts[field] = _LANGUAGES.get(text.casefold(), text.casefold())
        elif field:
            texts[field] = text
    return {**texts, **parts}


def folded(head: str) -> str:
    """Return a column's name as it is compared: case, accents and punctuation do not matter."""
    plain = unicodedata.normalize("NFKD", head.casefold()).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain).split()) or head.casefold()


def _address(field: str, text: str) -> str:
    return text.upper() if field == "country" else text
