"""The people of a customer, as the customer keeps them: who gets which mail, and who can sign in here."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import queries as people
from accounts.permissions import Permission
from billing import events
from billing.contacts import queries, services
from billing.customers import queries as customers
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import attempting
from web.kit.forms import Form
from web.portal import frame

# Who is called about a delivery is arranged with the organization; the portal is about mail.
ROLES = {
    "billing": gettext_lazy("Invoices"),
    "reminders": gettext_lazy("Reminders"),
    "receipts": gettext_lazy("Receipts"),
    "statements": gettext_lazy("Statements of account"),
}


class PersonForm(Form):
    """Somebody who gets mail, and which."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Gets"),
        choices=list(ROLES.items()),
        initial=["billing"],
        widget=forms.CheckboxSelectMultiple,
    )


@access(get=Permission.PORTAL_READ, post=Permission.PORTAL_PAY)
def index(request: Request, slug: str) -> HttpResponse:
    """Show who gets what, and add somebody."""
    mine = frame.customer_of(request)
    form = PersonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.add(customer_id=mine, **form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, _("Added. Mail goes to them from now on."))
            return redirect("portal:contacts", slug)
    rows = queries.of_customer(mine)
    recording.read(
        request, events.CONTACT_LISTED, subjects=[row.id for row in rows], fields=["name", "email"]
    )
    context = {
        "rows": [
            {
                "pk": ids.encode("contact", row.id),
                "name": row.name,
                "email": row.email,
                "gets": ", ".join(str(ROLES[role]) for role in row.roles if role in ROLES),
            }
            for row in rows
        ],
        "own_email": customers.get(mine).email,
        "signing_in": [(people.name_of(each.user), each.created_at) for each in people.portal_people(mine)],
        "may_write": Permission.PORTAL_PAY in request.permissions,
    }
    return frame.show(request, "portal/contacts.html", context, form=form)


@access(post=Permission.PORTAL_PAY)
def remove(request: Request, slug: str, pk: str) -> HttpResponse:
    """Send somebody no more mail."""
    found = queries.get(ids.decode("contact", pk), within=[frame.customer_of(request)])
    services.remove(contact_id=found.id, actor=request.actor, at=clock.now())
    messages.success(request, _("Removed. No mail goes to them any more."))
    return redirect("portal:contacts", slug)
