"""Beginning a payment: what may be paid, by whom, and never twice at once.

Promise kept: of two tabs and a double click one attempt comes; what is on its way already is not collected again.
The invoices are locked, in the order of their ids, while this is decided.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, Q

from audit import services as audit
from billing.invoices.models import Invoice
from billing.invoices.queries import due_minor
from billing.settlement import services as settlement
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from payments import events, rules
from payments.models import Attempt, GatewayAccount, Payment, PaymentItem, PaymentMethod
from payments.services import moves, payers, soon
from payments.services.collect.bank import check_items, keep_items
from tenancy.context import use_case
from tenancy.models import only

MOST_ITEMS = 100
# A page with less left than this is not handed out again.
_STILL_GOOD = timedelta(minutes=2)
# Where the money may be moving without anybody in front of a page.
_ON_ITS_WAY = Q(attempts__state__in=["processing", "unknown"]) | Q(
    attempts__state="created", attempts__saved_method__isnull=False
)


class NotPayable(Conflict):
    """Only a finalized invoice with something due can be paid."""

    code = "not_payable"


class MoreThanDue(Refusal):
    """Less than that is due on the invoice."""

    code = "more_than_due"


class PaymentOnItsWay(Conflict):
    """A payment of this invoice is on its way already. Wait for its end before paying again."""

    code = "payment_on_its_way"


class AmountsChanged(Conflict):
    """What is left to pay has changed since it was shown. Look at the amounts, then pay."""

    code = "amounts_changed"


class DifferentCurrencies(Refusal):
    """Invoices of different currencies cannot be paid together."""

    code = "different_currencies"


class GatewayNotConnected(Conflict):
    """This organization takes no payments online at the moment."""

    code = "gateway_not_connected"


class NothingToPay(Refusal):
    """Choose at least one invoice, and at most a hundred."""

    code = "nothing_to_pay"


@use_case
def start(
    *,
    customer_id: UUID,
    items: Sequence[tuple[UUID, int]],
    account_id: UUID,
    source: str,
    actor: Actor,
    at: datetime,
    method: str = Payment.Method.CARD,
    save_method: bool = False,
    saved_method_id: UUID | None = None,
    seen: Mapping[UUID, int] | None = None,
) -> Attempt:
    """Begin to collect these amounts (minor units) of these invoices, or return the attempt that already does.

    Pages of the portal and of a pay link are kept apart: the one is never handed to whoever came for the other.
    `save_method` is heeded where `payers.may_keep` allows it.

    `seen` is what the payer was shown as left to pay of each invoice: of a part that is sent twice, the second finds
    less left and is refused, though there would be room for it.

    Without `saved_method_id` the payer is to be sent to a page (`open_page`), with it the method is charged
    (`charge_saved`). Nothing is asked of the provider here.

    Raises:
        NotFound: an invoice is not there or not this customer's, or there is no such saved method.
        NotPayable, MoreThanDue, PaymentOnItsWay, AmountsChanged, DifferentCurrencies, GatewayNotConnected.
        NothingToPay, AmountNotPositive, InvoiceTwice.
    """
    if not 1 <= len(items) <= MOST_ITEMS:
        raise NothingToPay(field="items")
    check_items(items)
    items = sorted(items)
    _check_account(account_id, customer_id, saved_method_id)
    save_method = save_method and payers.may_keep(
        source=source, account_id=account_id, customer_id=customer_id
    )
    failed = _failed_before(customer_id, account_id, items)
    invoices = _lock_invoices(customer_id, [invoice_id for invoice_id, _ in items])
    if saved_method_id is None:
        running = _running(
            customer_id, account_id, items, method=method, source=source, save_method=save_method, at=at
        )
        if running is not None:
            return running
    if source == Payment.Source.AUTOPAY and any(invoice.attempts_open for invoice in invoices.values()):
        # Somebody has a page before them: what collects by itself waits until they have paid or left.
        raise PaymentOnItsWay
    _check_room(items, invoices, seen)
    payment = failed or Payment(
        customer_id=customer_id,
        account_id=account_id,
        method=method,
        source=source,
        currency=next(iter(invoices.values())).currency,
        amount_minor=sum(amount for _, amount in items),
        created_at=at,
        updated_at=at,
    )
    payment.state, payment.method, payment.source = Payment.State.PENDING, method, source
    payment.failure_code, payment.updated_at = "", at
    payment.brand = payment.last4 = ""
    payment.save()
    if failed is None:
        keep_items(payment, items)
    attempt = Attempt(
        payment=payment,
        customer_id=customer_id,
        account_id=account_id,
        saved_method_id=saved_method_id,
        number=_next_number(payment),
        save_method=save_method,
        # Should nothing follow, because the worker or the payer went away, it is looked at.
        ask_at=at + rules.LEASE if saved_method_id else at + rules.UNOPENED,
        created_at=at,
        updated_at=at,
    )
    attempt.save(force_insert=True)
    settlement.mark(invoice_ids=list(invoices), attempts=1, at=at)
    audit.record(
        events.PAYMENT_STARTED,
        actor=actor,
        subject=("payment", payment.pk),
        facts={"attempt": attempt.number, "source": payment.source},
    )
    soon.close_superseded()
    return attempt


def under_way(invoice_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return how much of each invoice is on its way already, in minor units: it may not be asked for again."""
    rows = PaymentItem.objects.filter(
        invoice_id__in=invoice_ids,
        payment__in=Payment.objects.filter(_ON_ITS_WAY).values("pk"),
    )
    found: dict[UUID, int] = defaultdict(int)
    for invoice_id, amount in rows.values_list("invoice_id", "amount_minor"):
        found[invoice_id] += amount
    return dict(found)


def _check_account(account_id: UUID, customer_id: UUID, saved_method_id: UUID | None) -> None:
    account = only(GatewayAccount.objects.filter(pk=account_id))
    if account is None or account.state != GatewayAccount.State.CONNECTED:
        raise GatewayNotConnected
    if saved_method_id is not None:
        found = PaymentMethod.objects.filter(
            pk=saved_method_id,
            customer_id=customer_id,
            account_id=account_id,
            state=PaymentMethod.State.ACTIVE,
        )
        if not found.exists():
            raise NotFound


def _lock_invoices(customer_id: UUID, invoice_ids: Sequence[UUID]) -> dict[UUID, Invoice]:
    rows = Invoice.objects.select_for_update(no_key=True).filter(pk__in=invoice_ids, customer_id=customer_id)
    found = {invoice.pk: invoice for invoice in rows.order_by("pk")}
    if len(found) != len(invoice_ids):
        raise NotFound
    if len({invoice.currency for invoice in found.values()}) > 1:
        raise DifferentCurrencies(field="items")
    return found


def _check_room(
    items: Sequence[tuple[UUID, int]], invoices: Mapping[UUID, Invoice], seen: Mapping[UUID, int] | None
) -> None:
    moving = under_way(list(invoices))
    for invoice_id, amount in items:
        invoice = invoices[invoice_id]
        due = due_minor(invoice)
        if invoice.status != Invoice.Status.FINALIZED or due <= 0:
            raise NotPayable
        if amount > due:
            raise MoreThanDue(field="items")
        room = due - moving.get(invoice_id, 0)
        if amount > room:
            raise PaymentOnItsWay
        if seen is not None and seen.get(invoice_id) != room:
            raise AmountsChanged


def _running(
    customer_id: UUID,
    account_id: UUID,
    items: Sequence[tuple[UUID, int]],
    *,
    method: str,
    source: str,
    save_method: bool,
    at: datetime,
) -> Attempt | None:
    """Return the attempt that already collects the same from the same place, while its payer can still use it."""
    rows = Attempt.objects.select_related("payment").filter(
        Q(page_expires_at__isnull=True) | Q(page_expires_at__gt=at + _STILL_GOOD),
        customer_id=customer_id,
        account_id=account_id,
        saved_method__isnull=True,
        save_method=save_method,
        state__in=[Attempt.State.CREATED, Attempt.State.OPEN, Attempt.State.UNKNOWN],
        payment__method=method,
        payment__source=source,
        payment__items__invoice_id=items[0][0],
    )
    same = (one for one in rows.order_by("-id") if sorted(moves.items_of(one.payment_id)) == items)
    found: Attempt | None = next(same, None)
    return found


def _failed_before(customer_id: UUID, account_id: UUID, items: Sequence[tuple[UUID, int]]) -> Payment | None:
    """Lock the payment of the same that failed last: the next attempt is one of its own. Payments before invoices."""
    rows = Payment.objects.filter(
        customer_id=customer_id,
        account_id=account_id,
        state=Payment.State.FAILED,
        items__invoice_id=items[0][0],
    )
    found = only(rows.order_by("-id"))
    if found is None or sorted(moves.items_of(found.pk)) != items:
        return None
    locked = moves.lock_payment(found.pk)
    return locked if locked.state == Payment.State.FAILED else None


def _next_number(payment: Payment) -> int:
    last = Attempt.objects.filter(payment=payment).aggregate(last=Max("number"))["last"]
    return (last or 0) + 1
