"""Sending a quote to its customer: a mail with the PDF, and where it can be accepted."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from audit import services as audit
from billing import events
from billing.customers import queries as customers
from billing.customers.queries import Recipient
from billing.documents import papers, pdf
from billing.documents.pdf import words
from billing.issuer import queries as issuers
from billing.quotes import papers as quote_papers
from billing.quotes import queries
from billing.quotes.models import Quote
from billing.quotes.queries import QuoteDetail
from core.actor import Actor
from core.errors import Conflict, Refusal
from outbound import mail
from outbound.mail import Attachment
from tenancy import context
from tenancy.context import Scope, scope, use_case
from tenancy.models import Tenant

QUOTE_PDF = "quote_pdf"


class QuoteNotToBeSent(Conflict):
    """Only a quote that is open can be sent."""

    code = "quote_not_to_be_sent"


class NoAddressForQuote(Refusal):
    """This customer has no e-mail address. Enter one, then send the quote."""

    code = "no_email_address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail before it is sent."""

    to: str
    subject: str
    text: str


@use_case
def send(*, quote_id: UUID, actor: Actor, at: datetime) -> QuoteDetail:
    """Mail an open quote with its PDF to its customer, once this has committed.

    Raises:
        NotFound
        QuoteNotToBeSent: a draft, or one that has ended.
        NoAddressForQuote: names the customer's field `email`.
    """
    found, people = _sendable(quote_id)
    usual = papers.language_of(found.customer_id)
    for one in people:
        lang = one.language or usual
        apart = f":{one.contact_id}" if one.contact_id is not None else ""
        mail.send(
            template="quote",
            to=one.email,
            context=_words(found, lang),
            language=lang,
            # A second press of the button within the minute is not a second mail.
            dedupe_key=f"quote:{found.id}:{int(at.timestamp()) // 60}{apart}",
            attach=[(QUOTE_PDF, found.id)] if len(found.lines) <= pdf.MOST_LINES else [],
            reply_to=_issuer().email,
        )
    audit.record(events.QUOTE_SENT, actor=actor, subject=("quote", found.id))
    return found


def preview(quote_id: UUID) -> Letter:
    """Return the mail that `send` would send.

    Raises:
        NotFound, QuoteNotToBeSent, NoAddressForQuote.
    """
    found, people = _sendable(quote_id)
    lang = people[0].language or papers.language_of(found.customer_id)
    written = mail.write("quote", _words(found, lang), language=lang)
    return Letter(to=", ".join(one.email for one in people), subject=written.subject, text=written.text)


def quote_file(tenant_id: UUID, quote_id: UUID) -> Attachment:
    """Set a quote as PDF for a mail. No transaction is open while it is set."""
    with scope(Scope(tenant_id)):
        found = queries.get(quote_id)
        document = quote_papers.document_of(found)
    return Attachment(quote_papers.file_name(found), pdf.MEDIA_TYPE, pdf.invoice(document))


def _sendable(quote_id: UUID) -> tuple[QuoteDetail, list[Recipient]]:
    found = queries.get(quote_id)
    if found.status != Quote.Status.OPEN:
        raise QuoteNotToBeSent
    people = customers.recipients(found.customer_id, "billing")
    if not people:
        raise NoAddressForQuote(field="email")
    return found, people


def _issuer() -> pdf.Party:
    return papers.party({}) if issuers.get() is None else papers.issuer_party()


def _words(found: QuoteDetail, lang: str) -> dict[str, str]:
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=context.current_tenant())
    return {
        "number": found.number or "",
        "issuer": _issuer().name,
        "amount": words.money(found.total_minor, found.currency, lang),
        "valid_until": words.day(found.valid_until, lang) if found.valid_until else "",
        "url": f"{settings.PUBLIC_URL}/p/{slug}/quotes",
    }
