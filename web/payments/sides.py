"""The payments' side of an invoice and of a customer."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from billing.settlement import queries as settled
from core import ids
from edge import recording
from edge.access import access
from edge.request import Request
from payments import events, lists
from payments.lists import Place
from web.billing import customer as customer_pages
from web.billing import invoice as invoice_pages
from web.billing.customers import opened as customer_opened
from web.kit import formats
from web.payments import rows

_MOST = 50


@access(get=Permission.PAYMENT_READ)
def invoice(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show what paid an invoice, and what was tried."""
    found = invoice_pages.opened(request, pk)
    listed = lists.payments(place=Place(limit=_MOST), invoice_id=found.id, with_names=False)
    recording.read(
        request,
        events.PAYMENT_LISTED,
        subject=("invoice", found.id),
        subjects=[row.id for row in listed.rows],
    )
    on: dict[object, int] = {}
    for row in settled.allocations(invoice_id=found.id):
        on[row.payment_id] = on.get(row.payment_id, 0) + row.amount_minor
    credit = settled.credit(customer_id=found.customer_id).get(found.currency, 0)
    writes = Permission.PAYMENT_WRITE in request.permissions
    due = found.status == "finalized" and found.amount_due_minor > 0
    context = {
        **invoice_pages.context_of(request, slug, pk, found, "payments"),
        "facts": found,
        "rows": [
            (row, on.get(each.id, 0))
            for each, row in zip(listed.rows, rows.rows(listed.rows, slug=slug), strict=True)
        ],
        "credit_minor": credit if due else 0,
        "credit_url": f"{reverse('payments:credit', args=[slug, ids.encode('customer', found.customer_id)])}"
        f"?currency={found.currency}&invoice={pk}"
        if writes
        else "",
        "may_refund": Permission.REFUND_WRITE in request.permissions,
    }
    return render(request, "payments/invoice_payments.html", context)


@access(get=Permission.PAYMENT_READ)
def customer(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a customer's credit, saved methods and payments."""
    found = customer_opened(request, pk)
    listed = lists.payments(place=Place(limit=_MOST), customer_ids=[found.id], with_names=False)
    methods = lists.methods(place=Place(limit=_MOST), customer_id=found.id).rows
    recording.read(
        request,
        events.PAYMENT_LISTED,
        subject=("customer", found.id),
        subjects=[row.id for row in listed.rows],
    )
    recording.read(
        request,
        events.PAYMENT_METHOD_LISTED,
        subject=("customer", found.id),
        subjects=[row.id for row in methods],
    )
    writes = Permission.PAYMENT_WRITE in request.permissions
    base = reverse("payments:credit", args=[slug, pk])
    context = {
        **customer_pages.context_of(request, slug, pk, found, "payments"),
        "credits": [
            (formats.money(amount, currency), f"{base}?currency={currency}" if writes else "")
            for currency, amount in settled.credit(customer_id=found.id).items()
        ],
        "methods": [rows.method(row) for row in methods],
        "rows": rows.rows(listed.rows, slug=slug),
        "all_url": f"{reverse('payments:payments', args=[slug])}?customer={pk}",
        "record_url": f"{reverse('payments:new', args=[slug])}?customer={pk}" if writes else "",
    }
    return render(request, "payments/customer_payments.html", context)
