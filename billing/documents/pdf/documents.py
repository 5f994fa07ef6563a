"""What stands on a document: plain values, so that whoever has them can have it set."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from billing.issuer.rules import Layout
from core.errors import Refusal
from core.money import Money


class Mark(StrEnum):
    """What is written across a document that is not to be paid."""

    NONE = ""
    DRAFT = "draft"
    VOID = "void"


# Set at once they take seconds and a tenth of a megabyte each; beyond, a request would hold its thread too long.
MOST_LINES = 5_000


class TooManyForPaper(Refusal):
    """A PDF has at most 5,000 lines, and this document has more. Take it as XML, or its lines as CSV."""

    code = "too_many_lines_for_pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A seller or a buyer. `address` is its lines, the country last."""

    name: str
    address: tuple[str, ...] = ()
    tax_id: str = ""
    tax_number: str = ""
    email: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line; an allowance or charge of the whole document has neither quantity nor price."""

    description: str
    net_minor: int
    category: str
    percentage: Decimal
    quantity: Decimal | None = None
    unit_code: str = ""
    unit_amount: Decimal | None = None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """The tax of one rate, and in words why nothing is charged."""

    category: str
    percentage: Decimal
    base_minor: int
    tax_minor: int
    reason: str = ""
    # Which of several stacked taxes it is.
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankDetails:
    """Where a transfer goes. `changed_on` is the day these details began to hold."""

    holder: str
    iban: str
    bic: str = ""
    changed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    """A picture of the seller's, as PNG or JPEG, and its size in dots."""

    content: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How an organization's documents look. `accent` is a colour such as "#2440b0" that stands out on white."""

    accent: str = "#2440b0"
    layout: Layout = Layout.CLASSIC


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDocument:
    """An invoice as it stands on paper. Amounts are minor units of `currency`; `at` dates the file itself.

    `bank` with `reference` and `pay_url` are the ways to pay; without any, none is shown. `check_url` is the page
    on which a customer finds the bank details that hold.
    """

    number: str
    at: datetime
    mark: Mark = Mark.NONE
    seller: Party
    buyer: Party
    issued_on: date | None
    due_on: date | None
    voided_on: date | None = None
    references: tuple[tuple[str, str], ...] = ()
    currency: str
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    subtotal_minor: int
    total_minor: int
    rounding_minor: int = 0
    prepaid_minor: int = 0
    paid_minor: int = 0
    # What credit notes took off it.
    credited_minor: int = 0
    due_minor: int
    note: str = ""
    bank: BankDetails | None = None
    reference: str = ""
    pay_url: str = ""
    check_url: str = ""
    language: str = "en"
    logo: Logo | None = None
    look: Look = Look()
    # A credit note is set as an invoice is, under its own name; nothing is to be paid on one.
    title: str = "Invoice"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteDocument:
    """A credit note as it stands on paper, and where what it takes back went (label, minor units)."""

    number: str
    at: datetime
    seller: Party
    buyer: Party
    issued_on: date
    invoice_number: str = ""
    invoice_issued_on: date | None = None
    references: tuple[tuple[str, str], ...] = ()
    currency: str
    lines: tuple[Line, ...]
    taxes: tuple[Tax, ...]
    subtotal_minor: int
    total_minor: int
    rounding_minor: int = 0
    went: tuple[tuple[str, int], ...] = ()
    note: str = ""
    check_url: str = ""
    language: str = "en"
    logo: Logo | None = None
    look: Look = Look()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidInvoice:
    """What of a payment went to one invoice, and what is still owed on it afterwards."""

    number: str
    amount_minor: int
    issued_on: date | None = None
    left_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptDocument:
    """A receipt. `method` is in words, such as "Visa ending 4242"; `credit_minor` is kept for the customer."""

    number: str
    at: datetime
    seller: Party
    buyer: Party
    paid_on: date
    amount: Money
    method: str
    reference: str = ""
    invoices: tuple[PaidInvoice, ...] = ()
    credit_minor: int = 0
    refunded_minor: int = 0
    check_url: str = ""
    language: str = "en"
    logo: Logo | None = None
    look: Look = Look()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One movement of a statement; `moved_minor` is its own amount where in all it changes nothing, or less."""

    on: date
    what: str
    number: str
    amount_minor: int
    moved_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementDocument:
    """A statement of account in one currency."""

    at: datetime
    seller: Party
    buyer: Party
    since: date
    until: date
    currency: str
    opening_minor: int
    closing_minor: int
    credit_minor: int
    rows: tuple[Moved, ...] = ()
    check_url: str = ""
    language: str = "en"
    logo: Logo | None = None
    look: Look = Look()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportTable:
    """One table of a report, in words."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    foot: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """A report for the organization itself."""

    at: datetime
    seller: Party
    title: str
    about: str
    note: str = ""
    tables: tuple[ReportTable, ...] = ()
    language: str = "en"
    logo: Logo | None = None
    look: Look = Look()
