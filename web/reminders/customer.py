"""How one customer is reminded: by which plan, or not for now."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing import events as billing_events
from billing.customers import queries as customers
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from payments.reminders import plans, queries
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb


class ChoiceForm(Form):
    """The plan, and whether reminders rest."""

    plan = forms.ChoiceField(label="Plan", required=False)
    paused = forms.BooleanField(
        label="Pause reminders of this customer",
        required=False,
        help_text="Nothing goes out until this is off.",
    )

    def __init__(self, *args: Any, choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["plan"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  above
        field.choices = [("", "the organization’s default"), *choices]


@access(get=Permission.REMINDER_MANAGE, post=Permission.REMINDER_MANAGE)
def choose(request: Request, slug: str, pk: str) -> HttpResponse:
    """Say how a customer is reminded."""
    customer_id = ids.decode("customer", pk)
    plan_id, is_paused = queries.choice(customer_id)
    offered = [
        (ids.encode("reminder_plan", row.plan.id), row.plan.name)
        for row in queries.plans()
        if not row.plan.is_default
    ]
    form = ChoiceForm(
        request.POST if request.method == "POST" else None,
        initial={"plan": ids.encode("reminder_plan", plan_id) if plan_id else "", "paused": is_paused},
        choices=offered,
    )
    if request.method == "POST" and form.is_valid():
        named = form.cleaned_data["plan"]
        with attempting(request, form):
            plans.choose(
                customer_id=customer_id,
                plan_id=ids.decode("reminder_plan", named) if named else None,
                is_paused=form.cleaned_data["paused"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, "Saved.")
            return redirect("billing:customer", slug, pk)
    elif request.method != "POST":
        recording.read(
            request, billing_events.CUSTOMER_READ, subject=("customer", customer_id), fields=["name"]
        )
    back = reverse("billing:customer", args=[slug, pk])
    name = customers.names([customer_id]).get(customer_id, "")
    context = {"name": name, "back_url": back, "crumbs": [Crumb(name, back)]}
    return answer(request, "reminders/customer.html", context, form=form)
