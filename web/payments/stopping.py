"""Stopping a payment that nobody has paid yet: its page closes, and its invoices can be voided or paid otherwise."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from accounts.permissions import Permission
from core import clock
from edge.access import access
from edge.request import Request
from payments.models import Payment
from payments.services import collect
from web.forms import answer
from web.kit import formats
from web.kit.forms import Form
from web.payments import payment
from web.people import organization

STOPPABLE = (Payment.State.PENDING, Payment.State.UNKNOWN)
# What keeps a payment from being stopped.
_SAID = (collect.PaymentArrived, collect.PaymentCannotBeStopped, collect.PaymentMovedOn)


@access(get=Permission.PAYMENT_WRITE, post=Permission.PAYMENT_WRITE)
def stop(request: Request, slug: str, pk: str) -> HttpResponse:
    """Stop a payment; the provider is asked to close its page, outside any transaction."""
    found = payment.opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    possible = found.row.state in STOPPABLE
    if request.method == "POST" and form.is_valid() and possible:
        tenant_id, actor, at = organization.tenant_of(request).pk, request.actor, clock.now()
        done = redirect("payments:payment", slug, pk)
        messages.success(request, "The payment is stopped. Nothing was charged.")

        def close() -> HttpResponseBase:
            try:
                collect.cancel(tenant_id=tenant_id, payment_id=found.row.id, actor=actor, at=at)
            except _SAID as refusal:
                return redirect(f"{request.path}?refused={refusal.code}")
            return done

        request.afterwards = close
        return done
    context = {
        **payment.context_of(request, slug, pk, found, ""),
        "crumbs": payment.crumbs(slug, found),
        "possible": possible,
        "refused": next((each().message for each in _SAID if each.code == request.GET.get("refused")), ""),
        "label": f"Stop payment of {formats.money(found.row.amount_minor, found.row.currency)}",
    }
    return answer(request, "payments/stop.html", context, form=form)
