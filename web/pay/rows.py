"""What stands on a pay page: plain rows, said once."""

from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from billing.bankaccounts import queries as bankaccounts
from billing.documents import epc, reference
from billing.documents.pdf import words as paper_words
from billing.invoices import rules
from billing.issuer import queries as issuers
from core import clock, ids
from core.qr import Code
from payments import words
from payments.payer import Share
from tenancy.models import Tenant
from web.billing import rows as invoice_rows
from web.kit import formats
from web.pay.door import Opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """How to pay from one's own bank."""

    holder: str
    iban: str
    bic: str
    reference: str
    code: Code | None
    changed_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """A payment of the invoice, as its payer reads it; `credit_minor` of it is kept as their credit."""

    amount_minor: int
    meant_minor: int
    credit_minor: int
    currency: str
    on: date | None
    method: str
    receipt: bool
    pk: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The invoice, amount first. `late` is in words, empty while it is not."""

    title: str
    number: str
    issuer: str
    email: str
    buyer: str
    kind: str
    standing: str
    currency: str
    total_minor: int
    paid_minor: int
    due_minor: int
    issued_on: date | None
    due_on: date | None
    voided_at: datetime | None
    late: str
    sandbox: bool
    lines: list["Line"]
    more_lines: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line in short."""

    description: str
    net_minor: int


_MOST_LINES = 5
# What the document calls itself, by what of a quote it bills.
_TITLES = {
    "": gettext_noop("Invoice"),
    "deposit": gettext_noop("Deposit invoice"),
    "progress": gettext_noop("Progress invoice"),
    "final": gettext_noop("Final invoice"),
}


def title(role: str) -> str:
    """Name an invoice as its document does."""
    return _(_TITLES[role])


def bill(opened: Opened) -> Bill:
    """Write the invoice of a link."""
    found, row = (
        opened.invoice,
        invoice_rows.row(opened.invoice, slug=opened.tenant.slug, on=invoice_rows.today()),
    )
    return Bill(
        title=title(found.role),
        number=found.number or "",
        issuer=opened.issuer,
        email=str(found.seller.get("email") or ""),
        buyer=str(found.buyer.get("name") or found.customer_name),
        kind=opened.standing.kind,
        standing="disputed" if opened.standing.kind == "disputed" else invoice_rows.told(row.standing),
        currency=found.currency,
        total_minor=found.payable_minor,
        paid_minor=found.amount_paid_minor,
        due_minor=found.amount_due_minor,
        issued_on=found.issued_on,
        due_on=found.due_on,
        voided_at=found.voided_at,
        late=row.late,
        sandbox=opened.tenant.mode == Tenant.Mode.TEST,
        lines=[Line(line.description.splitlines()[0], line.net_minor) for line in found.lines[:_MOST_LINES]],
        more_lines=max(0, len(found.lines) - _MOST_LINES),
    )


def transfer(opened: Opened) -> Transfer | None:
    """Write how the invoice is paid from one's own bank; None where no bank details hold."""
    found = bankaccounts.current(clock.now())
    named = reference.references([opened.invoice.id]).get(opened.invoice.id, "")
    if found is None or not named:
        return None
    return Transfer(
        holder=found.holder,
        # It may break between its groups, and nowhere else.
        iban=paper_words.iban(found.iban).replace("\u00a0", " "),
        bic=found.bic,
        reference=reference.printed(named),
        code=epc.code(
            holder=found.holder,
            iban=found.iban,
            bic=found.bic,
            amount_minor=opened.invoice.amount_due_minor,
            currency=opened.invoice.currency,
            reference=named,
        ),
        changed_on=rules.local_day(found.holds_from, issuers.time_zone()),
    )


def paid(share: Share) -> Paid:
    """Write a payment that arrived."""
    return Paid(
        amount_minor=share.amount_minor,
        meant_minor=share.meant_minor,
        credit_minor=share.credit_minor,
        currency=share.currency,
        on=words.paid_on(share),
        method=words.paid_with(share),
        receipt=share.alone,
        pk=ids.encode("payment", share.payment_id),
    )


def button(bill_shown: Bill) -> str:
    """Name the one button: it repeats the amount."""
    return _("Pay %(amount)s") % {"amount": formats.money(bill_shown.due_minor, bill_shown.currency)}
