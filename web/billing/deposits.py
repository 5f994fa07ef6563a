"""Billing a deposit on the total of a draft, and having the draft take off what was billed so."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from billing.deposits import services
from core import clock, ids
from edge.access import access
from edge.request import Request
from web.billing import billed, invoice
from web.billing.quote_parts import PartForm
from web.forms import answer, attempting
from web.kit.forms import Form


class DepositForm(PartForm):
    """How much, and until when."""

    role = None  # type: ignore[assignment]  # Django drops a field that is None


@access(get=Permission.INVOICE_WRITE, post=Permission.INVOICE_WRITE)
def create(request: Request, slug: str, pk: str) -> HttpResponse:
    """Draft a deposit on a draft."""
    found = invoice.opened(request, pk)
    form = DepositForm(request.POST if request.method == "POST" else None, currency=found.currency)
    form.fields["percentage"].label = "Share of the total"
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            made = services.bill(
                invoice_id=found.id, actor=request.actor, at=clock.now(), **form.cleaned_data
            )
        if not form.errors:
            messages.success(request, "The deposit is drafted. Look at it, then finalize it.")
            return redirect("billing:invoice", slug, ids.encode("invoice", made.pk))
    context = {
        **invoice.context_of(request, slug, pk, found, ""),
        "crumbs": invoice.crumbs(slug, found),
        "billed": billed.ahead(found, slug=slug),
        "possible": invoice.may_bill_ahead(found),
        "currency": found.currency,
    }
    return answer(request, "billing/deposit.html", context, form=form)


@access(post=Permission.INVOICE_WRITE)
def take_off(request: Request, slug: str, pk: str) -> HttpResponse:
    """Have a draft take off its deposits."""
    form = Form(request.POST)
    with attempting(request, form):
        services.take_off(invoice_id=ids.decode("invoice", pk), actor=request.actor, at=clock.now())
    if form.errors:
        messages.warning(request, " ".join(str(error) for error in form.non_field_errors()))
    else:
        messages.success(request, "The draft takes off what was billed ahead.")
    return redirect("billing:invoice", slug, pk)
