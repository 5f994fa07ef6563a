"""Sending what a customer gets by mail: an invoice with its pay link, a receipt, word that a payment needs them.

Promise kept: a mail stands or falls with the change it tells of; the PDF is set when the mail leaves, outside any
transaction; mail goes to the address on file alone; a payment has one receipt, whatever runs twice.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import translation

from audit import services as audit
from billing.attachments import services as attachments
from billing.customers import queries as customers
from billing.customers.queries import Recipient
from billing.documents import making, papers, pdf
from billing.documents.mending import NotValid
from billing.documents.pdf import words as paper_words
from billing.invoices import queries as invoices
from billing.invoices.models import Invoice
from billing.invoices.queries import InvoiceDetail
from billing.issuer import queries as issuers
from core import clock
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from outbound import mail
from outbound.mail import Attachment
from outbound.webhooks import services as webhooks
from payments import events, receipts, words
from payments.models import Payment
from payments.services import links
from tenancy.context import Scope, scope, use_case

_log = logging.getLogger("strongbox.payments")
INVOICE_PDF, RECEIPT_PDF, EINVOICE = "invoice_pdf", "receipt_pdf", "einvoice"
# Older payments are left alone: somebody who connects a history does not mail everybody.
RECEIPTS_FOR = timedelta(days=7)
_BATCH = 100


class NotToBeSent(Conflict):
    """Only a finalized invoice can be sent."""

    code = "not_to_be_sent"


class NoAddress(Refusal):
    """This customer has no e-mail address. Enter one, then send the invoice."""

    code = "no_email_address"


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it is sent: to whom, each in a mail of their own, and its words."""

    to: str
    subject: str
    text: str
    people: tuple[Recipient, ...] = ()


@use_case
def check(*, invoice_id: UUID, actor: Actor, at: datetime) -> None:
    """Let an invoice pass that could be sent now. Raises as `send` does."""
    found, _ = _sendable(invoice_id)
    electronic = making.format_of(found)
    if electronic:
        making.assure(found, kind=electronic, actor=actor, at=at)


@use_case
def send(*, invoice_id: UUID, actor: Actor, at: datetime) -> InvoiceDetail:
    """Mail an invoice with its pay link and PDF to its customer, once this has committed.

    Raises:
        NotFound
        NotToBeSent: a draft, or a voided invoice.
        NoAddress: names the customer's field `email`.
        NotValid: its customer gets an electronic invoice, and this one breaks a rule; says which and where to mend it.
        CheckUnavailable: whether it breaks one could not be found out.
    """
    found, people = _sendable(invoice_id)
    electronic = making.format_of(found)
    if electronic:
        making.assure(found, kind=electronic, actor=actor, at=at)
    lang = papers.language_of(found.customer_id)
    url = links.given(invoice_id=found.id, actor=actor, at=at)
    carried = attachments.mailed_with(found.id)
    for one in people:
        mail.send(
            template="invoice",
            to=one.email,
            context=_words(
                found, url=url, expires_at=links.expires_at(found.id, at=at), lang=one.language or lang
            ),
            language=one.language or lang,
            # A second press of the button within the minute is not a second mail.
            dedupe_key=f"invoice:{found.id}:{int(at.timestamp()) // 60}{_apart(one)}",
            attach=[
                *[(kind, found.id) for kind in _attached(electronic, lines=len(found.lines))],
                *[(attachments.MAILED, key) for key in carried],
            ],
            reply_to=str(found.seller.get("email") or ""),
        )
    audit.record(events.INVOICE_SENT, actor=actor, subject=("invoice", found.id))
    webhooks.publish(
        type="invoice.sent",
        subject=("invoice", found.id),
        data={"customer": found.customer_id, "status": found.status, "payment_status": found.payment_status},
    )
    return found


def preview(invoice_id: UUID, *, at: datetime) -> Letter:
    """Return the mail that `send` would send, with a word in place of the link.

    Raises:
        NotFound, NotToBeSent, NoAddress.
    """
    found, people = _sendable(invoice_id)
    expires_at = links.expiry(due_on=found.due_on, at=at)
    lang = papers.language_of(found.customer_id)
    words_ = _words(found, url="[the payment link]", expires_at=expires_at, lang=lang)
    written = mail.write("invoice", words_, language=lang)
    return Letter(", ".join(one.email for one in people), written.subject, written.text, tuple(people))


@use_case
def send_receipt(*, payment_id: UUID, actor: Actor, at: datetime) -> bool:
    """Mail the receipt of a payment that arrived; say whether this call did.

    Raises:
        NotFound
    """
    payment = Payment.objects.select_for_update(no_key=True).filter(pk=payment_id).first()
    if payment is None:
        raise NotFound
    if payment.state != Payment.State.SUCCEEDED or payment.receipt_sent_at is not None:
        return False
    people = customers.recipients(payment.customer_id, "receipts")
    # Whoever has no address has a receipt on the portal and the pay page, and is not asked after again.
    payment.receipt_sent_at = at
    payment.save(update_fields=["receipt_sent_at"])
    if not people:
        return False
    document = receipts.document_of(payment_id)
    for one in people:
        mail.send(
            template="receipt",
            to=one.email,
            context=_receipt_words(document),
            language=document.language,
            dedupe_key=f"receipt:{payment_id}{_apart(one)}",
            attach=[(RECEIPT_PDF, payment_id)],
            reply_to=document.seller.email,
        )
    audit.record(events.RECEIPT_SENT, actor=actor, subject=("payment", payment_id))
    return True


def receipts_due(*, at: datetime) -> list[UUID]:
    """Name payments that arrived lately and whose receipt has not been sent, the oldest first."""
    rows = Payment.objects.filter(
        state=Payment.State.SUCCEEDED, receipt_sent_at__isnull=True, succeeded_at__gte=at - RECEIPTS_FOR
    )
    return list(rows.order_by("id").values_list("pk", flat=True)[:_BATCH])


def send_receipts(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Mail what receipts are due in one organization, each in a transaction of its own; return how many."""
    with scope(Scope(tenant_id)):
        due = receipts_due(at=at)
    sent = 0
    for payment_id in due:
        try:
            with scope(Scope(tenant_id)):
                sent += send_receipt(payment_id=payment_id, actor=actor, at=at)
        except Refusal as refusal:
            # One that cannot be written must not keep the others from theirs; it is tried again.
            _log.warning("a receipt could not be sent: %s", refusal.code)
    return sent


@use_case
def ask_payer(*, payment_id: UUID, code: str, actor: Actor, at: datetime) -> bool:
    """Tell a customer that what was collected as agreed did not go through, with a link to pay each invoice.

    `code` says why (`words.declined`). Says whether a mail was written; one occasion is told of once.
    """
    payment = Payment.objects.get(pk=payment_id)
    people = customers.recipients(payment.customer_id, "billing")
    if not people:
        return False
    lang = papers.language_of(payment.customer_id)
    with translation.override(lang):
        method, reason = words.method(payment.method, payment.brand, payment.last4), words.declined(code)
    for item in payment.items.order_by("id"):
        found = invoices.get(item.invoice_id)
        url = links.given(invoice_id=found.id, actor=actor, at=at)
        said = {
            **_words(found, url=url, expires_at=links.expires_at(found.id, at=at), lang=lang),
            "amount": paper_words.money(item.amount_minor, payment.currency, lang),
            "method": method,
            "reason": reason,
        }
        for one in people:
            mail.send(
                template="payment_needs_action",
                to=one.email,
                context=said,
                language=lang,
                dedupe_key=f"needs-payer:{payment_id}:{item.invoice_id}{_apart(one)}",
            )
    return True


def invoice_file(tenant_id: UUID, invoice_id: UUID) -> Attachment:
    """Set an invoice as PDF for a mail; its pay link stands on it. No transaction is open while it is set."""
    at = clock.now()
    with scope(Scope(tenant_id)):
        found = invoices.get(invoice_id)
        prepared = making.prepare(found, kind="pdf", at=at, pay_url=links.address_of(found.id, at=at))
    made = making.made_and_kept(tenant_id, prepared, actor=Actor.system("mail"), at=at)
    return Attachment(prepared.name, prepared.media_type, made.content)


def einvoice_file(tenant_id: UUID, invoice_id: UUID) -> Attachment:
    """Write an invoice for programs, as its customer wants it; no transaction is open while it is checked and set.

    Raises:
        NotValid: it has changed since it was sent, and breaks a rule now. The mail waits.
    """
    at = clock.now()
    with scope(Scope(tenant_id)):
        found = invoices.get(invoice_id)
        kind = making.format_of(found)
        pay_url = links.address_of(found.id, at=at)
        prepared = making.prepare(found, kind=kind or "pdf", at=at, pay_url=pay_url)
    made = making.made_and_kept(tenant_id, prepared, actor=Actor.system("mail"), at=at)
    if not made.is_valid:
        raise NotValid(kind, made.problems)
    return Attachment(prepared.name, prepared.media_type, made.content)


def _attached(electronic: str, *, lines: int) -> list[str]:
    """Name what goes with an invoice: the PDF, the PDF with the XML in it, or the PDF and the XML.

    One that is too long for paper goes as XML, or by its link alone.
    """
    if lines > pdf.MOST_LINES:
        return [EINVOICE] if electronic in making.XML_KINDS else []
    if electronic == "facturx":
        return [EINVOICE]
    return [INVOICE_PDF, EINVOICE] if electronic else [INVOICE_PDF]


def receipt_file(tenant_id: UUID, payment_id: UUID) -> Attachment:
    """Set a receipt as PDF for a mail. No transaction is open while it is set."""
    with scope(Scope(tenant_id)):
        document = receipts.document_of(payment_id)
    return Attachment(receipts.file_name(payment_id), pdf.MEDIA_TYPE, pdf.receipt(document))


def _apart(one: Recipient) -> str:
    """Tell two mails of one occasion apart, to two people."""
    return f":{one.contact_id}" if one.contact_id is not None else ""


def _sendable(invoice_id: UUID) -> tuple[InvoiceDetail, list[Recipient]]:
    found = invoices.get(invoice_id)
    if found.status != Invoice.Status.FINALIZED:
        raise NotToBeSent
    people = customers.recipients(found.customer_id, "billing")
    if not people:
        raise NoAddress(field="email")
    return found, people


def _words(found: InvoiceDetail, *, url: str, expires_at: datetime, lang: str = "en") -> dict[str, str]:
    return {
        "number": found.number or "",
        "issuer": _issuer(found),
        "amount": paper_words.money(found.amount_due_minor, found.currency, lang),
        "due_on": paper_words.day(found.due_on, lang) if found.due_on else "",
        "url": url,
        "expires_on": paper_words.day(expires_at.date(), lang),
    }


def _issuer(found: InvoiceDetail) -> str:
    row = issuers.get()
    return str(found.seller.get("name") or (row.name if row else ""))


def _receipt_words(document: pdf.ReceiptDocument) -> dict[str, object]:
    currency, lang = document.amount.currency, document.language

    def money(minor: int) -> str:
        return paper_words.money(minor, currency, lang)

    return {
        "issuer": document.seller.name,
        "amount": money(document.amount.amount_minor),
        "paid_on": paper_words.day(document.paid_on, lang),
        "method": document.method,
        "receipt": document.number,
        "credit": money(document.credit_minor) if document.credit_minor else "",
        "invoices": [
            {
                "number": one.number,
                "amount": money(one.amount_minor),
                "left": money(one.left_minor) if one.left_minor else "",
            }
            for one in document.invoices
        ],
    }
