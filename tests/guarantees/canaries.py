"""Markers that are typed into every text there is, and the search for them in everything that is stored or said.

One stem for all of a run: whatever else was typed earlier into the same state folder is not found.
"""

import base64
import random
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from rest_framework.serializers import ListField

from api import fields, schema
from api.fields import Bodies, Body, Text, TextMap
from tests.guarantees import typed_recurring

_LETTERS = random.SystemRandom()
# Words of our own with a form or a length of their own; none of them can hold a person's name.
CODES = {"country": "AT", "unit_code": "HUR", "overlap": "24h", "since": "2026-12-01T00:00:00Z",
         "method": "bank_transfer", "received_on": "2026-01-02", "paid_on": "2026-01-03",
         "reason_code": "other", "einvoice_format": "facturx", "endpoint_scheme": "EM",
         "period_from": "2026-12-01", "period_to": "2027-01-01"}  # fmt: skip
# Settings that stand plain by their data policy: everybody who may see an invoice sees them.
PLAIN = {("NewTaxRate", "code"): "canary-free", ("NewTaxRate", "name"): "VAT 20 %",
         ("NewTaxRate", "region"): "NY", ("NewTaxRate", "reason"): "Charity",
         ("NewCountry", "country"): "AT"}  # fmt: skip
# Where one of two is given, the other is not.
EITHER = {
    ("NewDeposit", "amount_minor"), ("NewDeposit", "due_on"),
    ("NewPart", "amount_minor"), ("NewPart", "due_on"), ("NewLineDiscount", "amount"),
    ("NewDiscount", "amount"), ("NewTaxRate", "components"),
    ("NewLine", "price"), ("NewCustomer", "parent"), ("CustomerChange", "parent"), ("NewExport", "filters"),
}  # fmt: skip
# Of two ways to say a thing one is given.
CHOSEN = {
    ("NewCreditNote", "amount_minor"): None, ("NewCreditNote", "destination"): "credit",
    ("NewCreditNote", "series"): None, ("NewCreditLine", "quantity"): None,
    ("NewInvoice", "series"): None, ("InvoiceChange", "series"): None,
    ("NewExchangeRate", "to_currency"): "USD", ("NewExchangeRate", "valid_on"): "2026-01-02",
}  # fmt: skip
# Texts of an e-invoice that somebody wrote.
_WRITTEN = {
    "AccountingCost", "AdditionalStreetName", "AllowanceChargeReason", "BuyerReference", "CityName",
    "CompanyID", "CompanyLegalForm", "CountrySubentity", "Description", "ElectronicMail", "Line", "Name",
    "Note", "RegistrationName", "StreetName", "TaxExemptionReason", "Telephone",
}  # fmt: skip


def stem() -> str:
    """Draw the marker of a run: letters, because digits could pass for a number of something."""
    return "kanari" + "".join(_LETTERS.choice(string.ascii_lowercase) for _ in range(12))


def card_number() -> str:
    """Draw a number that every checksum and issuer range accepts (Luhn)."""
    digits = "4" + "".join(_LETTERS.choice(string.digits) for _ in range(14))
    total = sum(
        int(digit) if place % 2 else sum(divmod(2 * int(digit), 10)) for place, digit in enumerate(digits)
    )
    return f"{digits}{-total % 10}"


def spellings(marker: str) -> dict[str, bytes]:
    """How a marker may stand somewhere: as it is, in hexadecimal, in base64 at each of its three offsets."""
    raw = marker.encode()
    found = {"text": raw, "wide text": marker.encode("utf-16-le"), "hexadecimal": raw.hex().encode()}
    for offset in range(3):
        shifted = base64.b64encode(b"\0" * offset + raw)
        first, last = (0, 2, 3)[offset], (offset + len(raw)) * 8 // 6
        found[f"base64 at {offset}"] = shifted[first:last]
    return found


def search(marker: str, store: bytes) -> list[str]:
    """Return the spellings in which a marker stands in a store. Case does not hide text or hexadecimal."""
    lowered = store.lower()
    found = []
    for name, spelling in spellings(marker).items():
        if name.startswith("base64"):
            upper = spellings(marker.upper())[name]
            if spelling in store or upper in store:
                found.append(name)
        elif spelling.lower() in lowered:
            found.append(name)
    return found


@dataclass(frozen=True)
class Operation:
    """One operation of the API that takes a body."""

    name: str
    method: str
    path: str
    body: type[Body]


def operations() -> list[Operation]:
    """List every operation that takes a body with fields, from the schema that the API publishes."""
    paths = schema.document()["paths"]
    bodies = {body.__name__: body for body in schema._bodies(Body)}
    found = []
    for path, methods in paths.items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
            if name and bodies[name]().fields:
                path_here = path.removeprefix("/api/v1/")
                found.append(Operation(operation["operationId"], method.upper(), path_here, bodies[name]))
    return sorted(found, key=lambda operation: operation.name)


def texts(body: type[Body]) -> Iterator[tuple[str, ...]]:
    """Every place of a body that takes text, as a path of names and positions."""
    for name, field in body().fields.items():
        if isinstance(field, Text):
            yield (name,)
        elif isinstance(field, TextMap):
            yield from ((name, "*key"), (name, "*value"))
        elif isinstance(field, Bodies):
            yield from ((name, "0", *inner) for inner in texts(field.of))
        elif isinstance(field, Body):
            yield from ((name, *inner) for inner in texts(type(field)))


def filled(body: type[Body], marker: str, records: Mapping[str, str]) -> dict[str, Any]:
    """Fill a body whole, with a marker in every text that is not a code of ours."""
    return {
        name: _value(body, name, field, marker, records)
        for name, field in body().fields.items()
        if (body.__name__, name) not in EITHER | typed_recurring.EITHER
    }


def _value(body: type[Body], name: str, field: Any, marker: str, records: Mapping[str, str]) -> Any:
    if (body.__name__, name) in CHOSEN:
        return CHOSEN[body.__name__, name]
    if (body.__name__, name) in PLAIN:
        return PLAIN[body.__name__, name]
    if (body.__name__, name) in typed_recurring.FIXED:
        return typed_recurring.FIXED[body.__name__, name]
    if name in CODES:
        return CODES[name]
    if name == "url":
        return f"https://93.184.216.34/{marker}"
    if isinstance(field, ListField):
        return list(field.child.words[:1])
    if isinstance(field, Text):
        return f"{marker}@{body.__name__.lower()}.example" if name == "email" else f"{marker} {name}"
    if isinstance(field, TextMap):
        return {f"{marker} key": f"{marker} value"}
    if isinstance(field, Bodies):
        return [filled(field.of, marker, records)]
    if isinstance(field, Body):
        return filled(type(field), marker, records)
    if isinstance(field, fields.Id):
        return records[field.kind]
    if isinstance(field, fields.Content):
        return base64.b64encode(f"day,done\n1,{marker}\n".encode()).decode()
    simple = {
        fields.Currency: "EUR",
        fields.DecimalText: "20",
        fields.Day: "2026-12-01",
        fields.Choice: field.words[0] if isinstance(field, fields.Choice) else "",
        fields.Flag: False,
        fields.Minor: 100,
        fields.Whole: 7,
    }
    return simple[type(field)]


def placed(body: dict[str, Any], place: tuple[str, ...], text: str) -> dict[str, Any]:
    """Return a copy of a filled body with another text in one place."""
    name, *rest = place
    if not rest:
        return {**body, name: text}
    if rest == ["*key"]:
        return {**body, name: {text: "value"}}
    if rest == ["*value"]:
        return {**body, name: {"key": text}}
    inner = body[name]
    if isinstance(inner, list):
        return {**body, name: [placed(inner[0], tuple(rest[1:]), text)]}
    return {**body, name: placed(inner, tuple(rest), text)}


def pointer(place: tuple[str, ...]) -> str:
    """How a refusal names a place (RFC 6901); a name that is a card number itself is not repeated."""
    return "/" + "/".join({"*key": "…", "*value": "key"}.get(part, part) for part in place)


def einvoice(document: bytes, marker: str) -> bytes:
    """Write a marker into every text of an e-invoice that somebody wrote."""
    for prefix, uri in re.findall(rb'xmlns:(\w+)="([^"]+)"', document):
        ElementTree.register_namespace(prefix.decode(), uri.decode())
    root = ElementTree.fromstring(document)  # noqa: S314  a file of the suite's own
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        if name in _WRITTEN and not len(element):
            element.text = (
                f"{marker}@{name.lower()}.example" if name == "ElectronicMail" else f"{marker} {name}"
            )
    return ElementTree.tostring(root)
