"""Collecting invoices by themselves, as their customer agreed: this method, up to this much, told some days before.

Promises kept: an invoice is announced once and charged once, whatever runs twice (a unique key); never more than was
announced, never above the limit, never without having told the customer; stopping it stops what is announced too.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import IntegrityError
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import translation
from django.utils.translation import gettext, gettext_noop

from audit import services as audit
from billing.customers import queries as customers
from billing.customers.models import Customer
from billing.customers.restriction import CustomerRestricted
from billing.documents import papers
from billing.documents.pdf import words as paper
from billing.invoices.models import Invoice
from billing.invoices.queries import due_minor
from billing.invoices.rules import local_day
from billing.issuer import queries as issuer
from core import money
from core.actor import Actor
from core.errors import NotFound, Refusal
from outbound import mail
from payments import events, words
from payments.gateways.base import GatewayAway, GatewayRefused, GatewayUnsure
from payments.models import Autopay, AutopayRun, GatewayAccount, Payment, PaymentMethod
from payments.services import collect, links, mandates, methods
from tenancy.context import Scope, attempt, scope, use_case
from tenancy.models import only

LEAST_NOTICE, MOST_NOTICE = 1, 30
_BATCH = 200
_GONE = "not_connected"
_SAID_GONE = gettext_noop(
    "This way to pay cannot be used any more. Nothing was charged, and nothing is collected by itself until you add "
    "it again and turn automatic payment on."
)


class LimitNotPositive(Refusal):
    """A limit has to be more than nothing."""

    code = "limit_not_positive"


class NoticeOutOfRange(Refusal):
    """Notice is given between 1 and 30 days before."""

    code = "notice_out_of_range"


class OnlyThemselves(Refusal):
    """Only the customer can agree to this."""

    code = "only_themselves"


@use_case
def set(
    *,
    customer_id: UUID,
    payment_method_id: UUID,
    currency: str,
    limit_minor: int,
    actor: Actor,
    at: datetime,
    notice_days: int = 3,
) -> Autopay:
    """Note that a customer lets invoices be collected; what they agreed to before in this currency ends.

    Raises:
        NotFound: they have no such method.
        MethodUnusable: its account at the provider is not connected any more.
        LimitNotPositive, NoticeOutOfRange, OnlyThemselves, UnknownCurrency.
    """
    if limit_minor < 1:
        raise LimitNotPositive(field="limit_minor")
    if not LEAST_NOTICE <= notice_days <= MOST_NOTICE:
        raise NoticeOutOfRange(field="notice_days")
    if actor.id is None:
        raise OnlyThemselves
    money.exponent(currency)
    method = only(
        PaymentMethod.objects.select_for_update(no_key=True).filter(
            pk=payment_method_id, customer_id=customer_id, state=PaymentMethod.State.ACTIVE
        )
    )
    if method is None:
        raise NotFound
    if method.pk in methods.gone(customer_id):
        raise methods.MethodUnusable(field="payment_method_id")
    _end(_active(customer_id, currency), at)
    agreed = Autopay(
        customer_id=customer_id,
        payment_method=method,
        currency=currency,
        limit_minor=limit_minor,
        notice_days=notice_days,
        mandate_text=mandates.autopay(limit_minor=limit_minor, currency=currency, notice_days=notice_days),
        agreed_at=at,
        agreed_by=actor.id,
    )
    agreed.save(force_insert=True)
    audit.record(
        events.AUTOPAY_SET,
        actor=actor,
        subject=("customer", customer_id),
        facts={"currency": currency, "notice_days": notice_days},
    )
    return agreed


@use_case
def stop(*, customer_id: UUID, currency: str, actor: Actor, at: datetime) -> None:
    """End what a customer agreed to in this currency; harmless where there is nothing."""
    if _end(_active(customer_id, currency), at):
        audit.record(events.AUTOPAY_STOPPED, actor=actor, subject=("customer", customer_id))


def of(customer_id: UUID) -> list[Autopay]:
    """Return what a customer lets us collect now, by currency."""
    rows = Autopay.objects.select_related("payment_method").filter(
        customer_id=customer_id, ended_at__isnull=True
    )
    return list(rows.order_by("currency"))


def charge_due(*, tenant_id: UUID, actor: Actor, at: datetime) -> int:
    """Announce what is due soon and charge what is due now, each in steps of its own; return how many were charged."""
    with scope(Scope(tenant_id)):
        announce(actor=actor, at=at)
        today = local_day(at, issuer.time_zone())
        rows = AutopayRun.objects.filter(state=AutopayRun.State.ANNOUNCED, charge_on__lte=today)
        runs = list(rows.order_by("charge_on", "id").values_list("pk", flat=True)[:_BATCH])
    charged = 0
    for run_id in runs:
        with scope(Scope(tenant_id)):
            attempt_id = begin(run_id=run_id, actor=actor, at=at)
        if attempt_id is None:
            continue
        charged += 1
        try:
            collect.charge_saved(tenant_id=tenant_id, attempt_id=attempt_id, at=at, actor=actor)
        except (GatewayAway, GatewayRefused, GatewayUnsure, collect.NotToBeCharged):
            # The attempt says how it stands; what is unsure is asked about, what failed is told to the customer.
            continue
    return charged


@use_case
def announce(*, actor: Actor, at: datetime) -> int:
    """Tell customers what will be collected from them and when; return how many invoices were announced."""
    announced = 0
    for agreed in Autopay.objects.select_related("payment_method").filter(ended_at__isnull=True):
        today = local_day(at, issuer.time_zone())
        latest = today + timedelta(days=agreed.notice_days)
        for invoice in _to_announce(agreed, latest)[:_BATCH]:
            announced += _announce(agreed, invoice, today, actor, at)
    return announced


@use_case
def begin(*, run_id: UUID, actor: Actor, at: datetime) -> UUID | None:
    """Begin the payment of an announced invoice and return its attempt; None where nothing is to be charged."""
    run = AutopayRun.objects.select_for_update().select_related("autopay__payment_method").get(pk=run_id)
    if run.state != AutopayRun.State.ANNOUNCED:
        return None
    agreed = run.autopay
    if agreed.ended_at is not None:
        _skip(run, "stopped", actor, at)
        return None
    invoice = Invoice.objects.get(pk=run.invoice_id)
    amount = min(due_minor(invoice), run.amount_minor, agreed.limit_minor)
    if invoice.status != Invoice.Status.FINALIZED or amount < 1:
        _skip(run, "nothing_due", actor, at)
        return None
    method = agreed.payment_method
    if Customer.objects.filter(pk=run.customer_id, restricted_at__isnull=False).exists():
        _skip(run, CustomerRestricted.code, actor, at)
        return None
    if _is_gone(method):
        _skip(run, _GONE, actor, at)
        _tell_gone(agreed, invoice, actor, at)
        return None
    try:
        with attempt():
            begun = collect.start(
                customer_id=run.customer_id,
                items=[(run.invoice_id, amount)],
                account_id=method.account_id,
                method=method.kind,
                saved_method_id=method.pk,
                source=Payment.Source.AUTOPAY,
                actor=actor,
                at=at,
            )
    except collect.PaymentOnItsWay:
        # They are paying already; what of it arrives is seen at the next look.
        return None
    except Refusal as refusal:
        _skip(run, refusal.code, actor, at)
        return None
    run.state, run.payment_id, run.updated_at = AutopayRun.State.CHARGED, begun.payment_id, at
    run.save(update_fields=["state", "payment_id", "updated_at"])
    audit.record(
        events.AUTOPAY_CHARGED,
        actor=actor,
        subject=("invoice", run.invoice_id),
        facts={"payment": str(begun.payment_id)},
    )
    return begun.pk


def _to_announce(agreed: Autopay, latest: date) -> "QuerySet[Invoice]":
    runs = AutopayRun.objects.filter(invoice_id=OuterRef("pk"))
    rows: QuerySet[Invoice] = Invoice.objects.filter(
        ~Exists(runs),
        customer_id=agreed.customer_id,
        currency=agreed.currency,
        status=Invoice.Status.FINALIZED,
        amount_due_minor__gt=0,
        due_on__lte=latest,
        attempts_open=0,
        disputes_open=0,
        # What was there before they agreed is not collected by it.
        finalized_at__gte=agreed.agreed_at,
    )
    return rows.order_by(F("due_on").asc(), "id")


def _announce(agreed: Autopay, invoice: Invoice, today: date, actor: Actor, at: datetime) -> int:
    due = due_minor(invoice)
    to = customers.get(agreed.customer_id).email
    reason = _why_not(agreed, due, to)
    charge_on = max(invoice.due_on or today, today + timedelta(days=agreed.notice_days))
    run = AutopayRun(
        customer_id=agreed.customer_id,
        invoice_id=invoice.pk,
        autopay=agreed,
        state=AutopayRun.State.SKIPPED if reason else AutopayRun.State.ANNOUNCED,
        reason_code=reason,
        currency=invoice.currency,
        amount_minor=due,
        charge_on=charge_on,
        announced_at=None if reason else at,
        updated_at=at,
    )
    try:
        with attempt():
            run.save(force_insert=True)
    except IntegrityError:
        return 0  # another worker announced it
    if reason:
        audit.record(
            events.AUTOPAY_SKIPPED,
            actor=actor,
            subject=("invoice", invoice.pk),
            facts={"why": reason},
        )
        if reason == _GONE:
            _tell_gone(agreed, invoice, actor, at)
        return 0
    row, lang = issuer.get(), papers.language_of(agreed.customer_id)
    mail.send(
        template="autopay_notice",
        to=to,
        context={
            "issuer": row.name if row else "",
            "number": invoice.number,
            "amount": paper.money(due, invoice.currency, lang),
            "charge_on": paper.day(charge_on, lang),
            "method": _method(agreed, lang),
        },
        language=lang,
        dedupe_key=f"autopay:{invoice.pk}",
    )
    audit.record(events.AUTOPAY_ANNOUNCED, actor=actor, subject=("invoice", invoice.pk))
    return 1


def _why_not(agreed: Autopay, due: int, to: str) -> str:
    """Say why an invoice is not collected; empty where it is."""
    if Customer.objects.filter(pk=agreed.customer_id, restricted_at__isnull=False).exists():
        return CustomerRestricted.code
    if _is_gone(agreed.payment_method):
        return _GONE
    if due > agreed.limit_minor:
        return "over_limit"
    return "" if to else "no_email_address"


def _is_gone(method: PaymentMethod) -> bool:
    return not GatewayAccount.objects.filter(
        pk=method.account_id, state=GatewayAccount.State.CONNECTED
    ).exists()


def _tell_gone(agreed: Autopay, invoice: Invoice, actor: Actor, at: datetime) -> None:
    """Write to a customer, once for what they agreed to, that it collects nothing and how to pay."""
    to, row, lang = (
        customers.get(agreed.customer_id).email,
        issuer.get(),
        papers.language_of(agreed.customer_id),
    )
    if not to:
        return
    url = links.given(invoice_id=invoice.pk, actor=actor, at=at)
    mail.send(
        template="payment_needs_action",
        to=to,
        context={
            "issuer": row.name if row else "",
            "number": invoice.number,
            "amount": paper.money(due_minor(invoice), invoice.currency, lang),
            "method": _method(agreed, lang),
            "reason": _in(lang, _SAID_GONE),
            "url": url,
            "expires_on": paper.day(links.expires_at(invoice.pk, at=at).date(), lang),
        },
        language=lang,
        dedupe_key=f"autopay-gone:{agreed.pk}",
    )


def _method(agreed: Autopay, lang: str) -> str:
    method = agreed.payment_method
    with translation.override(lang):
        return words.method(method.kind, method.brand, method.last4)


def _in(lang: str, text: str) -> str:
    with translation.override(lang):
        return gettext(text)


def _skip(run: AutopayRun, reason: str, actor: Actor, at: datetime) -> None:
    run.state, run.reason_code, run.updated_at = AutopayRun.State.SKIPPED, reason, at
    run.save(update_fields=["state", "reason_code", "updated_at"])
    audit.record(
        events.AUTOPAY_SKIPPED, actor=actor, subject=("invoice", run.invoice_id), facts={"why": reason}
    )


def _active(customer_id: UUID, currency: str) -> "QuerySet[Autopay]":
    rows: QuerySet[Autopay] = Autopay.objects.filter(
        customer_id=customer_id, currency=currency, ended_at__isnull=True
    )
    return rows


def _end(rows: "QuerySet[Autopay]", at: datetime) -> int:
    ended = 0
    for agreed in rows.select_for_update(no_key=True):
        agreed.ended_at = at
        agreed.save(update_fields=["ended_at"])
        ended += 1
    return ended
