"""A customer said when they will pay: reminders of the invoice rest until that day has passed."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.permissions import Permission
from billing import events as billing_events
from billing.invoices import queries as invoices
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from payments.reminders import plans, queries
from web.forms import answer, attempting
from web.kit.forms import DayField, Form
from web.kit.parts import Crumb
from web.reminders.index import invoice_url, today


class PromiseForm(Form):
    """When they will pay, and what was said."""

    promised_on = DayField(
        label="They will pay by",
        help_text="Nothing reminds of this invoice until that day has passed.",
    )
    note = forms.CharField(
        label="What was said",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
        help_text="Kept encrypted.",
    )


@access(get=Permission.INVOICE_SEND, post=Permission.INVOICE_SEND)
def record(request: Request, slug: str, pk: str) -> HttpResponse:
    """Note a promise, or take it back."""
    found = invoices.get(ids.decode("invoice", pk))
    taking_back = request.method == "POST" and request.POST.get("action") == "end"
    form: Form = Form(request.POST) if taking_back else PromiseForm(
        request.POST if request.method == "POST" else None
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            if taking_back:
                plans.end_promise(invoice_id=found.id, actor=request.actor, at=clock.now())
            else:
                plans.promise(
                    invoice_id=found.id,
                    promised_on=form.cleaned_data["promised_on"],
                    note=form.cleaned_data["note"],
                    today=today(),
                    actor=request.actor,
                    at=clock.now(),
                )
        if not form.errors:
            messages.success(
                request, "The promise is taken back." if taking_back else "The promise is noted."
            )
            return redirect("billing:invoice", slug, pk)
    elif request.method != "POST":
        recording.read(request, billing_events.INVOICE_READ, subject=("invoice", found.id))
    sent, _ = queries.sent(invoice_id=found.id)
    context = {
        "invoice": found,
        "promise": queries.promise(found.id),
        "asking": form if isinstance(form, PromiseForm) else PromiseForm(),
        "sent": sent,
        "crumbs": [Crumb(found.number or "Draft", invoice_url(slug, found.id))],
    }
    return answer(request, "reminders/promise.html", context, form=form)
