"""The people of a customer, and who gets which mail."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.contacts import queries, services
from billing.contacts.models import Contact
from billing.contacts.queries import ContactDetail
from billing.customers import queries as customers
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing.customer import context_of
from web.billing.customers import opened
from web.customers.forms import ContactForm
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb

ROLES = dict(Contact.Role.choices)


@access(get=Permission.CUSTOMER_READ)
def index(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a customer's contacts, and who gets what."""
    found = opened(request, pk)
    rows = queries.of_customer(found.id)
    recording.read(
        request, events.CONTACT_LISTED, subjects=[row.id for row in rows], fields=["name", "email", "phone"]
    )
    gets = [
        (label, [one.email for one in customers.recipients(found.id, role)])
        for role, label in ROLES.items()
        if role != Contact.Role.DELIVERY
    ]
    context = {
        **context_of(request, slug, pk, found, "contacts"),
        "rows": [
            {
                "pk": ids.encode("contact", row.id),
                "row": row,
                "roles": ", ".join(ROLES[role] for role in row.roles),
            }
            for row in rows
        ],
        "gets": gets,
    }
    return render(request, "customers/contacts.html", context)


@access(get=Permission.CUSTOMER_WRITE, post=Permission.CUSTOMER_WRITE)
def create(request: Request, slug: str, pk: str) -> HttpResponse:
    """Add a contact."""
    found = opened(request, pk)
    form = ContactForm(request.POST if request.method == "POST" else None, initial={"roles": ["billing"]})
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.add(customer_id=found.id, **form.cleaned_data, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, "The contact is added.")
            return redirect("customers:contacts", slug, pk)
    context = {
        "is_new": True,
        "customer": found,
        "back_url": reverse("customers:contacts", args=[slug, pk]),
        "crumbs": _crumbs(slug, pk, found.name),
    }
    return answer(request, "customers/contact_form.html", context, form=form)


@access(get=Permission.CUSTOMER_WRITE, post=Permission.CUSTOMER_WRITE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change a contact."""
    found, customer_pk = _contact(request, pk)
    begun = {name: getattr(found, name) for name in services.FIELDS}
    form = ContactForm(request.POST if request.method == "POST" else None, initial=begun)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.change(
                contact_id=found.id, changes=form.cleaned_data, actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, "The changes are saved.")
            return redirect("customers:contacts", slug, customer_pk)
    customer = customers.get(found.customer_id)
    context = {
        "is_new": False,
        "pk": pk,
        "customer": customer,
        "back_url": reverse("customers:contacts", args=[slug, customer_pk]),
        "crumbs": _crumbs(slug, customer_pk, customer.name),
    }
    return answer(request, "customers/contact_form.html", context, form=form)


@access(get=Permission.CUSTOMER_WRITE, post=Permission.CUSTOMER_WRITE)
def remove(request: Request, slug: str, pk: str) -> HttpResponse:
    """Write to somebody no more."""
    found, customer_pk = _contact(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.remove(contact_id=found.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"{found.name} gets nothing any more.")
            return redirect("customers:contacts", slug, customer_pk)
    customer = customers.get(found.customer_id)
    context = {
        "contact": found,
        "roles": [ROLES[role].lower() for role in found.roles],
        "customer": customer,
        "back_url": reverse("customers:contacts", args=[slug, customer_pk]),
        "crumbs": _crumbs(slug, customer_pk, customer.name),
    }
    return answer(request, "customers/contact_remove.html", context, form=form)


def _contact(request: Request, pk: str) -> tuple[ContactDetail, str]:
    found = queries.get(ids.decode("contact", pk), within=request.granted_customers)
    recording.read(
        request,
        events.CONTACT_READ,
        subject=("contact", found.id),
        fields=["name", "email", "phone", "position"],
    )
    return found, ids.encode("customer", found.customer_id)


def _crumbs(slug: str, pk: str, name: str) -> list[Crumb]:
    return [
        Crumb("Customers", reverse("billing:customers", args=[slug])),
        Crumb(name, reverse("billing:customer", args=[slug, pk])),
        Crumb("Contacts", reverse("customers:contacts", args=[slug, pk])),
    ]
