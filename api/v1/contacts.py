"""Contacts: the people of a customer, and which mail each of them gets."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from api.v1.customers import Checked
from billing import events
from billing.contacts import queries, rules, services
from billing.contacts.models import Contact
from billing.customers.rules import LANGUAGES
from core import clock, ids
from edge import recording
from edge.access import access

_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}
_READ = ("name", "email", "phone", "position")


def _as_email(text: str) -> dict[str, object]:
    return {"email": text}


class _Details(fields.Body):
    email = Checked(rule=_as_email, limit=254, help_text="Needed by whoever gets mail.", **_OPTIONAL)
    phone = fields.Text(limit=40, **_OPTIONAL)
    position = fields.Text(limit=120, **_OPTIONAL)
    roles = serializers.ListField(
        child=fields.Choice(words=rules.ROLES),
        max_length=len(rules.ROLES),
        required=False,
        help_text="What they get. Without anybody in a role its mail goes to the customer's own address.",
    )
    is_primary = fields.Flag(required=False, help_text="The first to be asked; one of a customer.")
    language = fields.Choice(words=LANGUAGES, **_OPTIONAL)


class NewContact(_Details):
    """What a contact is added with."""

    customer = fields.Id(kind="customer")
    name = fields.Text(limit=200)


class ContactChange(_Details):
    """What of a contact is to change; null removes an optional value."""

    name = fields.Text(limit=200, required=False)


class ShownContact(schema.Shown):
    """A person at a customer."""

    id = fields.Id(kind="contact")
    object = serializers.ChoiceField(choices=["contact"])
    customer = fields.Id(kind="customer")
    name = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    position = serializers.CharField(allow_null=True)
    roles = serializers.ListField(child=serializers.ChoiceField(choices=rules.ROLES))
    is_primary = serializers.BooleanField()
    language = serializers.ChoiceField(choices=LANGUAGES, allow_null=True)
    state = serializers.ChoiceField(choices=Contact.State.values)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def write(row: queries.ContactDetail) -> dict[str, Any]:
    """Write a contact as it is shown."""
    return {
        "id": ids.encode("contact", row.id),
        "object": "contact",
        "customer": ids.encode("customer", row.customer_id),
        "name": row.name,
        "email": row.email or None,
        "phone": row.phone or None,
        "position": row.position or None,
        "roles": list(row.roles),
        "is_primary": row.is_primary,
        "language": row.language or None,
        "state": row.state,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


@access(get=Permission.CUSTOMER_READ, post=Permission.CUSTOMER_WRITE)
class Contacts(Endpoint):
    """All contacts."""

    listed = "contacts"
    filters = frozenset({"customer", "email", "state"})

    @schema.describe(
        "contacts_list",
        "List contacts",
        gives=ShownContact,
        listed=True,
        filters=[
            ("customer", "Only this customer's."),
            ("email", "Exactly this address; case does not matter."),
            ("state", "active or former."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of contacts, newest first."""
        page, filters = self.page()
        customer_id = None
        if "customer" in filters:
            customer_id = self.value("customer", fields.Id(kind="customer"), filters)
        rows, next_after = queries.page(
            limit=page.limit,
            after=page.after,
            customer_id=customer_id,
            email=filters.get("email", ""),
            state=self.choice(filters, "state", Contact.State.values),
        )
        recording.read(self.edge, events.CONTACT_LISTED, subjects=[row.id for row in rows], fields=_READ)
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "contacts_create",
        "Add a contact to a customer",
        takes=NewContact,
        gives=ShownContact,
        created=True,
        examples={
            "Somebody who gets invoices and reminders": {
                "customer": "cus_" + "0" * 26,
                "name": "Joan Clarke",
                "email": "joan@customer.example",
                "roles": ["billing", "reminders"],
            }
        },
    )
    def post(self, request: Request) -> Response:
        """Add a contact."""
        given = self.body(NewContact)
        row = services.add(customer_id=given.pop("customer"), **given, actor=self.actor, at=clock.now())
        return self.created(write(queries.detail(row)), "contacts")


@access(get=Permission.CUSTOMER_READ, patch=Permission.CUSTOMER_WRITE)
class OneContact(Endpoint):
    """One contact."""

    @schema.describe("contacts_get", "Read a contact", gives=ShownContact)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the contact."""
        row = queries.get(ids.decode("contact", pk))
        recording.read(self.edge, events.CONTACT_READ, subject=("contact", row.id), fields=_READ)
        return self.one(write(row))

    @schema.describe("contacts_update", "Change a contact", takes=ContactChange, gives=ShownContact)
    def patch(self, request: Request, pk: str) -> Response:
        """Change the named fields and leave the others."""
        contact_id = ids.decode("contact", pk)
        changes = self.body(ContactChange)
        if self.expects_version():
            self.hold(Contact, contact_id)
            self.match(write(queries.get(contact_id)))
        at = clock.now()
        row = services.change(contact_id=contact_id, changes=changes, actor=self.actor, at=at)
        if row.updated_at != at:
            recording.read(self.edge, events.CONTACT_READ, subject=("contact", row.pk))
        return self.changed(write(queries.detail(row)))


@access(post=Permission.CUSTOMER_WRITE)
class Removed(Endpoint):
    """Writing to somebody no more."""

    @schema.describe("contacts_remove", "Remove a contact", takes=fields.Nothing, gives=ShownContact)
    def post(self, request: Request, pk: str) -> Response:
        """Remove the contact; what was sent to them stays known."""
        self.body(fields.Nothing)
        row = services.remove(contact_id=ids.decode("contact", pk), actor=self.actor, at=clock.now())
        return self.changed(write(queries.detail(row)))
