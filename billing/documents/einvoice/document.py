"""An invoice or credit note as plain values, whatever syntax it comes or goes in; terms are those of EN 16931."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from billing.tax.rules import Rate

# UNTDID 1001: the codes of documents that take money back.
CREDIT_CODES = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A seller or buyer (BG-4, BG-7)."""

    name: str
    trading_name: str = ""
    tax_id: str = ""
    tax_number: str = ""
    registration: str = ""
    identifiers: tuple[str, ...] = ()
    endpoint_id: str = ""
    endpoint_scheme: str = ""
    address: dict[str, str] = field(default_factory=dict)
    contact_name: str = ""
    phone: str = ""
    email: str = ""

    def snapshot(self) -> dict[str, object]:
        """Return what the document keeps of this party for good."""
        values: dict[str, object] = {
            "name": self.name,
            "trading_name": self.trading_name,
            "tax_id": self.tax_id,
            "tax_number": self.tax_number,
            "registration": self.registration,
            "identifiers": list(self.identifiers),
            "endpoint_id": self.endpoint_id,
            "endpoint_scheme": self.endpoint_scheme,
            "address": dict(self.address),
            "contact_name": self.contact_name,
            "phone": self.phone,
            "email": self.email,
        }
        return {name: value for name, value in values.items() if value}

    @property
    def identity(self) -> str:
        """What tells this party from every other: VAT id, registration, tax number, else name and country."""
        for kind, value in (("tax", self.tax_id), ("reg", self.registration), ("num", self.tax_number)):
            compact = "".join(char for char in value.upper() if char.isalnum())
            if compact:
                return f"{kind}:{compact}"
        return f"name:{' '.join(self.name.casefold().split())}:{self.address.get('country', '')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """An allowance or a charge, on a line (BG-27, BG-28) or on the document (BG-20, BG-21)."""

    is_charge: bool
    amount_minor: int
    reason: str = ""
    reason_code: str = ""
    percentage: Decimal | None = None
    base_minor: int | None = None
    rate: Rate | None = None

    @property
    def signed_minor(self) -> int:
        """A charge adds, an allowance takes away."""
        return self.amount_minor if self.is_charge else -self.amount_minor


@dataclass(frozen=True, slots=True)
class Period:
    """When something was delivered (BG-14, BG-26): the first and the last day, either of them perhaps unsaid."""

    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line (BG-25)."""

    identifier: str
    name: str
    description: str
    note: str
    quantity: Decimal
    unit_code: str
    unit_amount: Decimal
    price_base_quantity: Decimal
    net_minor: int
    rate: Rate
    period: Period | None = None
    adjustments: tuple[Adjustment, ...] = ()

    @property
    def text(self) -> str:
        """Name, description and note as one text for people, nothing said twice."""
        parts: list[str] = []
        for part in (self.name, self.description, self.note):
            if part and part not in parts:
                parts.append(part)
        return "\n".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLine:
    """The tax of one rate as the document declares it (BG-23)."""

    rate: Rate
    base_minor: int
    tax_minor: int
    reason: str = ""
    reason_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The document's own totals (BG-22), in minor units."""

    lines_minor: int
    allowances_minor: int
    charges_minor: int
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    prepaid_minor: int
    rounding_minor: int
    payable_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One invoice or credit note, from outside or for it."""

    number: str
    type_code: str
    currency: str
    issued_on: date
    due_on: date | None
    seller: Party
    buyer: Party
    note: str
    references: dict[str, str]
    lines: tuple[Line, ...]
    adjustments: tuple[Adjustment, ...]
    taxes: tuple[TaxLine, ...]
    totals: Totals

    @property
    def is_credit_note(self) -> bool:
        """It takes money back (UNTDID 1001)."""
        return self.type_code in CREDIT_CODES


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing a check found: its rule, in words, where, and whether it forbids sending."""

    rule: str
    text: str
    place: str = ""
    is_error: bool = True
