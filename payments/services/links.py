"""Pay links: whoever holds one can see and pay one invoice, and nothing else of anybody.

Promise kept: the table holds keyed digests, so a stolen row opens nothing; a link names its organization in clear
and is proved under its row-level security; it dies 30 days after the invoice was due and never lives longer than
120 days; a new one goes to the address on file alone, and asking for one answers the same whatever is typed.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings

from accounts import rules as paces
from accounts import throttle, tokens
from accounts.refusals import Recorded
from accounts.services import members
from accounts.throttle import Counter
from audit import services as audit
from billing.customers import queries as customers
from billing.customers.rules import normalize_email
from billing.documents import papers
from billing.documents.pdf import words as paper
from billing.invoices.models import Invoice
from core import ids
from core.actor import Actor, ActorKind
from core.errors import NotFound, Refusal
from outbound import mail
from payments import events
from payments.models import PayLink
from tenancy import context
from tenancy.context import use_case

AFTER_DUE = timedelta(days=30)
LONGEST, SHORTEST = timedelta(days=120), timedelta(days=7)
ROWS_STAY, _MOST_REMOVED = timedelta(days=365), 10_000
# A link that still lives this long is shown again rather than joined by another.
_STILL_GOOD = timedelta(days=5)


class LinkUnknown(Recorded):
    """This payment link is not one of ours, or only a part of it was copied."""

    code = "pay_link_unknown"
    status = 404
    event = events.PAY_LINK_REFUSED


class LinkExpired(Recorded):
    """This payment link stopped working."""

    code = "pay_link_expired"
    status = 410
    event = events.PAY_LINK_REFUSED


class LinkRevoked(LinkExpired):
    """This payment link was withdrawn."""

    code = "pay_link_revoked"


class NothingToPay(Refusal):
    """Only a finalized invoice has a payment link."""

    code = "nothing_to_pay"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRow:
    """A link as staff see it; its secret is written for whoever may send."""

    id: UUID
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None
    revoked_at: datetime | None
    works: bool


def expiry(*, due_on: date | None, at: datetime) -> datetime:
    """Return when a link made now stops working: 30 days after the due day, in 7 to 120 days from now."""
    latest, earliest = at + LONGEST, at + SHORTEST
    if due_on is None:
        return min(at + AFTER_DUE, latest)
    wanted = at + (due_on - at.date()) + AFTER_DUE
    return min(max(wanted, earliest), latest)


@use_case
def mint(*, invoice_id: UUID, actor: Actor, at: datetime) -> str:
    """Make a new link to an invoice and return its address. Earlier links go on working.

    Raises:
        NotFound
        NothingToPay: a draft, or a voided invoice.
    """
    return address(_mint(_payable(invoice_id), actor=actor, at=at))


@use_case
def given(*, invoice_id: UUID, actor: Actor, at: datetime) -> str:
    """Return the address of the invoice's newest link that works; make one where there is none.

    Raises:
        NotFound
        NothingToPay: a draft, or a voided invoice.
    """
    invoice = _payable(invoice_id)
    link = _newest(invoice.pk, at=at + _STILL_GOOD)
    return address(link or _mint(invoice, actor=actor, at=at))


def address_of(invoice_id: UUID, *, at: datetime) -> str:
    """Return the address of the invoice's newest link that works; nothing where there is none. It only reads."""
    link = _newest(invoice_id, at=at)
    return "" if link is None else address(link)


def expires_at(invoice_id: UUID, *, at: datetime) -> datetime:
    """Return when the invoice's newest link that works stops working.

    Raises:
        NotFound: none works.
    """
    link = _newest(invoice_id, at=at)
    if link is None:
        raise NotFound
    return link.expires_at


def address(link: PayLink) -> str:
    """Write the address a link is opened at."""
    return f"{settings.PUBLIC_URL}/pay/{secret(link)}"


def secret(link: PayLink) -> str:
    """Write a link's secret once more from its row."""
    return tokens.link_of("pay_link_secret", tenant=context.current_tenant(), row=link.pk)


def of_invoice(invoice_id: UUID, *, at: datetime) -> list[LinkRow]:
    """List an invoice's links, newest first."""
    return [
        LinkRow(
            id=link.pk,
            created_at=link.created_at,
            expires_at=link.expires_at,
            opened_at=link.opened_at,
            revoked_at=link.revoked_at,
            works=link.revoked_at is None and link.expires_at > at,
        )
        for link in PayLink.objects.filter(invoice_id=invoice_id).order_by("-id")
    ]


def tenant_of(raw: str) -> UUID:
    """Return the organization a link names, so that its scope can be entered.

    Raises:
        LinkUnknown: it is no link of ours.
    """
    try:
        return tokens.tenant_of_link(raw)
    except NotFound as refusal:
        raise LinkUnknown from refusal


def find(raw: str) -> PayLink:
    """Return the row of a link in the scope of its organization, whether it still works or not.

    Raises:
        LinkUnknown: there is none.
    """
    digest = tokens.digest("pay_link", raw)
    link: PayLink | None = PayLink.objects.filter(digest=digest).first()
    if link is None:
        raise LinkUnknown(tenant_id=context.current_tenant())
    return link


@use_case
def open(raw: str, *, at: datetime) -> PayLink:
    """Return the link that works now, in the scope of the organization it names.

    Raises:
        LinkUnknown: there is none.
        LinkExpired, LinkRevoked: it does not work any more.
    """
    link = find(raw)
    refuse_dead(link, at=at)
    if link.opened_at is None:
        link.opened_at = at
        link.save(update_fields=["opened_at"])
    return link


def refuse_dead(link: PayLink, *, at: datetime) -> None:
    """Let a link that works pass.

    Raises:
        LinkExpired, LinkRevoked
    """
    subject, tenant_id = ("invoice", link.invoice_id), context.current_tenant()
    if link.revoked_at is not None:
        raise LinkRevoked(subject=subject, tenant_id=tenant_id)
    if link.expires_at <= at:
        raise LinkExpired(subject=subject, tenant_id=tenant_id)


@use_case
def revoke(*, invoice_id: UUID, actor: Actor, at: datetime, link_id: UUID | None = None) -> int:
    """Make an invoice's links worthless, all that work or the named one; return how many.

    Raises:
        NotFound: the named one is not there.
    """
    rows = PayLink.objects.select_for_update().filter(
        invoice_id=invoice_id, revoked_at__isnull=True, expires_at__gt=at
    )
    if link_id is not None:
        rows = rows.filter(pk=link_id)
    found = list(rows.order_by("id"))
    if link_id is not None and not found:
        raise NotFound
    for link in found:
        link.revoked_at = at
        link.save(update_fields=["revoked_at"])
        audit.record(events.PAY_LINK_REVOKED, actor=actor, subject=("invoice", invoice_id))
    return len(found)


@use_case
def resend(*, raw: str, email: str, number: str, network: str, actor: Actor, at: datetime) -> None:
    """Mail a new link to the address on file. The answer is nothing, whatever was typed and found.

    Whoever holds a link that once worked has proved enough; with one that nobody knows, address and number of the
    invoice have to agree. A withdrawn link brings no new one: a person decided so.

    Raises:
        throttle.TryAgainLater: too many from this network.
        throttle.CountersUnavailable
    """
    throttle.take([Counter(f"pay-link:{network}", paces.MAIL)], at=at)
    invoice = _asked_for(raw, email=email, number=number)
    if invoice is None or invoice.status != Invoice.Status.FINALIZED:
        return
    customer = customers.get(invoice.customer_id)
    if not customer.email:
        return
    try:
        throttle.take([Counter(f"pay-link-mail:{invoice.pk.hex}", paces.MAILBOX)], at=at)
    except throttle.TryAgainLater:
        # The same answer: somebody else's asking neither shows nor fills the mailbox.
        return
    link, lang = _mint(invoice, actor=actor, at=at), papers.language_of(invoice.customer_id)
    audit.record(events.PAY_LINK_RESENT, actor=actor, subject=("invoice", invoice.pk))
    mail.send(
        template="pay_link",
        to=customer.email,
        context={
            "number": invoice.number,
            "url": address(link),
            "expires_on": paper.day(link.expires_at.date(), lang),
        },
        language=lang,
    )


@use_case
def invite(*, customer_id: UUID, network: str, actor: Actor, at: datetime) -> None:
    """Invite the address on file to the portal of a link's customer. The answer is nothing, whatever is found.

    Whoever holds the link asks; only whoever reads the mail gets in.

    Raises:
        throttle.TryAgainLater: too many from this network.
        throttle.CountersUnavailable
    """
    throttle.take([Counter(f"pay-link:{network}", paces.MAIL)], at=at)
    customer = customers.get(customer_id)
    if not customer.email or customer.state != "active":
        return
    try:
        throttle.take([Counter(f"portal-mail:{customer.id.hex}", paces.MAILBOX)], at=at)
    except throttle.TryAgainLater:
        # The same answer: somebody else's asking neither shows nor fills the mailbox.
        return
    with suppress(members.MembersHaveNoPortal), context.attempt():
        members.invite_customer(
            email=customer.email,
            customer_id=customer.id,
            actor=actor,
            at=at,
            language=papers.language_of(customer.id),
        )


@use_case
def remove_old(*, actor: Actor, at: datetime) -> int:
    """Remove links a year after they stopped working, at most 10,000 at once; return how many."""
    old = PayLink.objects.filter(expires_at__lt=at - ROWS_STAY).order_by("expires_at")
    keys = list(old.values_list("pk", flat=True)[:_MOST_REMOVED])
    if keys:
        PayLink.objects.filter(pk__in=keys).delete()
        audit.record(events.PAY_LINK_RETENTION, actor=actor, facts={"links": len(keys)})
    return len(keys)


def _asked_for(raw: str, *, email: str, number: str) -> Invoice | None:
    link = PayLink.objects.filter(digest=tokens.digest("pay_link", raw)).first()
    if link is not None:
        invoice: Invoice | None = Invoice.objects.get(pk=link.invoice_id) if link.revoked_at is None else None
        return invoice
    found = list(Invoice.objects.filter(number=number.strip())[:2]) if number.strip() else []
    if len(found) != 1:
        return None
    on_file = normalize_email(customers.get(found[0].customer_id).email)
    return found[0] if on_file and on_file == normalize_email(email) else None


def _payable(invoice_id: UUID) -> Invoice:
    invoice: Invoice | None = Invoice.objects.filter(pk=invoice_id).first()
    if invoice is None:
        raise NotFound
    if invoice.status != Invoice.Status.FINALIZED:
        raise NothingToPay
    return invoice


def _newest(invoice_id: UUID, *, at: datetime) -> PayLink | None:
    rows = PayLink.objects.filter(invoice_id=invoice_id, revoked_at__isnull=True, expires_at__gt=at)
    link: PayLink | None = rows.order_by("-id").first()
    return link


def _mint(invoice: Invoice, *, actor: Actor, at: datetime) -> PayLink:
    link = PayLink(
        id=ids.uuid7(),
        tenant_id=context.current_tenant(),
        customer_id=invoice.customer_id,
        invoice_id=invoice.pk,
        created_by=actor.id if actor.kind is not ActorKind.STRANGER else None,
        created_at=at,
        expires_at=expiry(due_on=invoice.due_on, at=at),
    )
    link.digest = tokens.digest("pay_link", secret(link))
    link.save(force_insert=True)
    audit.record(events.PAY_LINK_MADE, actor=actor, subject=("invoice", invoice.pk))
    return link
