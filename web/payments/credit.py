"""Putting a customer's credit onto their open invoices, in one step and by as many invoices as it reaches."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events as billing_events
from billing.customers import queries as customers
from billing.customers.queries import CustomerDetail
from billing.settlement import queries as settled
from billing.settlement import services as settlement
from core import clock, ids
from core.errors import Conflict
from edge import recording
from edge.access import access
from edge.request import Request
from payments import proposals
from payments.proposals import OpenInvoice
from payments.services import soon
from web.forms import answer, attempting
from web.kit import formats
from web.kit.parts import Crumb, Tab
from web.payments import allocation
from web.payments.allocation import AllocationForm


class CreditMovedOn(Conflict):
    """The credit has changed since this page was shown. Look at the amounts again."""

    code = "credit_moved_on"


@access(get=Permission.PAYMENT_WRITE, post=Permission.PAYMENT_WRITE)
def allocate(request: Request, slug: str, pk: str) -> HttpResponse:
    """Put credit onto invoices."""
    customer = customers.get(ids.decode("customer", pk))
    recording.read(
        request, billing_events.CUSTOMER_READ, subject=("customer", customer.id), fields=["name", "credit"]
    )
    credit = settled.credit(customer_id=customer.id)
    currency = request.GET.get("currency", "")
    currency = currency if currency in credit else next(iter(credit), customer.currency)
    available = credit.get(currency, 0)
    named = request.GET.get("invoice", "")
    first = ids.decode("invoice", named) if named else None
    invoices = proposals.open_invoices(customer_id=customer.id, currency=currency, first=first)
    action = request.POST.get("action") or request.GET.get("action", "")
    if request.method != "POST":
        wanted = [each for each in invoices if each.id == first] or invoices
        form = AllocationForm(
            invoices=invoices,
            currency=currency,
            initial=allocation.proposal(available, wanted, currency),
        )
    elif action == "compute":
        form = AllocationForm(invoices=invoices, currency=currency, initial=request.POST.dict())
    else:
        form = AllocationForm(request.POST, invoices=invoices, currency=currency)
        if form.is_valid() and _save(request, form, customer):
            return redirect("payments:customer_payments", slug, pk)
    context = _context(slug, pk, customer, form, credit=credit, currency=currency, invoices=invoices)
    if action == "compute" and request.headers.get("HX-Request") == "true":
        return render(request, "payments/_credit_left.html", {**context, "form": form})
    return answer(request, "payments/credit.html", context, form=form)


def _save(request: Request, form: AllocationForm, customer: CustomerDetail) -> bool:
    """Put the credit onto the invoices, all of them or none."""
    put = form.put()
    if not put:
        form.add_error(None, "Say how much goes onto which invoice.")
        return False
    at = clock.now()
    with attempting(request, form):
        # A page that is sent twice finds less credit than it showed, though there may be enough for it.
        money = settlement.lock_money(
            customer_id=customer.id, currency=form.unit, booked_on=at.date(), actor=request.actor, at=at
        )
        if request.POST.get("seen", "") not in ("", str(money.balance.amount_minor)):
            raise CreditMovedOn
        for invoice_id, amount_minor in put:
            settlement.apply_credit(
                invoice_id=invoice_id, amount_minor=amount_minor, actor=request.actor, at=at
            )
        soon.close_pages_of([invoice_id for invoice_id, _ in put])
    if form.errors:
        return False
    whole = formats.money(sum(amount for _, amount in put), form.unit)
    messages.success(
        request, f"{whole} of {customer.name}’s credit lies on {formats.count(len(put), 'invoice')} now."
    )
    return True


def _context(
    slug: str,
    pk: str,
    customer: CustomerDetail,
    form: AllocationForm,
    *,
    credit: dict[str, int],
    currency: str,
    invoices: list[OpenInvoice],
) -> dict[str, Any]:
    base = reverse("payments:credit", args=[slug, pk])
    typed = form.data if form.is_bound else form.initial
    available = credit.get(currency, 0)
    return {
        "pk": pk,
        "customer": customer,
        "currency": currency,
        "available_minor": available,
        "lines": form.lines(slug),
        "left": allocation.left(available, typed, invoices, currency),
        "form_url": f"{base}?currency={currency}",
        "tabs": [Tab(code, f"{base}?currency={code}", code == currency) for code in credit]
        if len(credit) > 1
        else [],
        "crumbs": [
            Crumb("Customers", reverse("billing:customers", args=[slug])),
            Crumb(customer.name, reverse("billing:customer", args=[slug, pk])),
        ],
    }
