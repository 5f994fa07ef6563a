"""Writing about an invoice, and answering.

Promise kept: the words are read by this customer and by who may read the invoice; a mail says that there is a message
and where, never what stands in it.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts import queries as people
from accounts.models import User
from audit import services as audit
from billing import events
from billing.documents import papers
from billing.invoices.models import Invoice
from billing.issuer import queries as issuers
from billing.messages.models import InvoiceMessage
from core import cardnumbers, characters, ids
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from outbound import mail
from tenancy.context import use_case

LONGEST = 2_000
# One customer in a day: a conversation, and no flood.
MOST_A_DAY = 20


class NothingWritten(Refusal):
    """Write what it is about."""

    code = "nothing_written"


class MessageTooLong(Refusal):
    """A message has at most 2,000 characters. Say it shorter, or in two."""

    code = "message_too_long"


class TooManyMessages(Conflict):
    """These were many messages for one day. Write on tomorrow, or call."""

    code = "too_many_messages"


class NothingToAnswer(Conflict):
    """The customer has written nothing about this invoice."""

    code = "nothing_to_answer"


@use_case
def write(
    *, invoice_id: UUID, customer_id: UUID, text: str, objects: bool, actor: Actor, at: datetime
) -> InvoiceMessage:
    """Write to the organization about an invoice, as its customer. One that `objects` holds reminders until answered.

    Raises:
        NotFound: no such invoice of this customer, or a draft.
        NothingWritten, MessageTooLong, CardNumberRefused, CharacterRefused: name the field `text`.
        TooManyMessages
    """
    invoice = _invoice(invoice_id)
    if invoice.customer_id != customer_id:
        raise NotFound
    since = at - timedelta(days=1)
    mine = InvoiceMessage.objects.filter(customer_id=customer_id, at__gt=since)
    if mine.exclude(kind=InvoiceMessage.Kind.ANSWER).count() >= MOST_A_DAY:
        raise TooManyMessages
    kind = InvoiceMessage.Kind.OBJECTION if objects else InvoiceMessage.Kind.QUESTION
    row = _add(invoice, kind, text, actor, at)
    audit.record(
        events.MESSAGE_WRITTEN, actor=actor, subject=("invoice", invoice.pk), facts={"kind": kind.value}
    )
    issuer = issuers.get()
    if issuer is not None and issuer.email:
        page = f"/o/{people.current_organization().slug}/invoices/{ids.encode('invoice', invoice.pk)}"
        mail.send(
            template="message_written",
            to=issuer.email,
            context={"number": invoice.number, "objects": objects, "path": page},
            # However fast somebody writes, one mail an hour about one invoice.
            dedupe_key=f"message:{invoice.pk}:{int(at.timestamp()) // 3_600}",
        )
    return row


@use_case
def answer(*, invoice_id: UUID, text: str, actor: Actor, at: datetime) -> InvoiceMessage:
    """Answer what a customer wrote about an invoice; whoever wrote last is told by mail.

    Raises:
        NotFound: no such invoice.
        NothingToAnswer
        NothingWritten, MessageTooLong, CardNumberRefused, CharacterRefused: name the field `text`.
    """
    invoice = _invoice(invoice_id)
    theirs = InvoiceMessage.objects.filter(invoice_id=invoice.pk).exclude(kind=InvoiceMessage.Kind.ANSWER)
    last = theirs.order_by("-id").first()
    if last is None:
        raise NothingToAnswer
    row = _add(invoice, InvoiceMessage.Kind.ANSWER, text, actor, at)
    audit.record(events.MESSAGE_ANSWERED, actor=actor, subject=("invoice", invoice.pk))
    person = User.objects.filter(pk=last.author_id).first()
    here = people.current_organization()
    # Whoever was shut out of the portal since is told nothing of what goes on there.
    access = people.portal_access(user_id=last.author_id, tenant_id=here.pk, customer_id=invoice.customer_id)
    if person is not None and person.email and access is not None:
        slug, issuer = here.slug, issuers.get()
        mail.send(
            template="message_answered",
            to=person.email,
            context={
                "number": invoice.number,
                "issuer": issuer.name if issuer else "",
                "url": f"{settings.PUBLIC_URL}/p/{slug}/invoices/{ids.encode('invoice', invoice.pk)}",
            },
            language=papers.language_of(invoice.customer_id),
        )
    return row


def _invoice(invoice_id: UUID) -> Invoice:
    row: Invoice | None = Invoice.objects.filter(pk=invoice_id).exclude(status=Invoice.Status.DRAFT).first()
    if row is None:
        raise NotFound
    return row


def _add(
    invoice: Invoice, kind: InvoiceMessage.Kind, text: str, actor: Actor, at: datetime
) -> InvoiceMessage:
    said = text.strip()
    if not said:
        raise NothingWritten(field="text")
    if len(said) > LONGEST:
        raise MessageTooLong(field="text")
    cardnumbers.refuse({"text": said})
    characters.refuse({"text": said})
    if actor.id is None:
        raise NotFound  # a message is somebody's
    row = InvoiceMessage(
        customer_id=invoice.customer_id,
        invoice_id=invoice.pk,
        kind=kind,
        text=said,
        author_id=actor.id,
        at=at,
    )
    row.save(force_insert=True)
    return row
