"""Customers: who is billed. Found exactly by e-mail address, tax id or own number; by name as one types."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpResponseBase
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.customers import queries, rules, services
from billing.customers.models import Customer
from billing.taxids import rules as taxids
from core import clock, ids
from core.errors import Invalid
from edge import recording
from edge.access import access
from edge.request import Request as EdgeRequest

_OPTIONAL: dict[str, Any] = {"required": False, "allow_null": True}


class Checked(fields.Text):
    """A text that billing's own rule for the field must accept as well."""

    def __init__(self, *, rule: Callable[[str], dict[str, object]], **kwargs: Any) -> None:
        self.rule = rule
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Read the text."""
        text = super().to_internal_value(data)
        try:
            rules.check(self.rule(text))
        except Invalid as refusal:
            found = [exceptions.ErrorDetail(error.detail, code=error.code) for error in refusal.errors]
            raise exceptions.ValidationError(found) from refusal
        return text


def _as_email(text: str) -> dict[str, object]:
    return {"email": text}


def _as_tax_id(text: str) -> dict[str, object]:
    wrong = taxids.fault(text)
    if wrong is not None:
        raise Invalid([wrong])
    return {"tax_id": text}


def _as_country(text: str) -> dict[str, object]:
    return {"address": {"country": text}}


class Address(fields.Body):
    """A postal address; the country is two letters (ISO 3166-1)."""

    line1 = fields.Text(limit=200, required=False)
    line2 = fields.Text(limit=200, required=False)
    line3 = fields.Text(limit=200, required=False)
    city = fields.Text(limit=200, required=False)
    postal_code = fields.Text(limit=200, required=False)
    region = fields.Text(limit=200, required=False)
    country = Checked(rule=_as_country, limit=200, required=False)


class _Details(fields.Body):
    email = Checked(rule=_as_email, limit=254, **_OPTIONAL)
    phone = fields.Text(limit=40, **_OPTIONAL)
    address = Address(**_OPTIONAL)
    delivery_address = Address(**_OPTIONAL)
    tax_id = Checked(rule=_as_tax_id, limit=40, **_OPTIONAL)
    payment_days = fields.Whole(
        least=0, most=rules.LONGEST_TERMS, help_text="Days to pay; absent: your usual terms.", **_OPTIONAL
    )
    language = fields.Choice(words=rules.LANGUAGES, help_text="Of documents and mail.", **_OPTIONAL)
    parent = fields.Id(kind="customer", help_text="The company this one belongs to.", **_OPTIONAL)  # type: ignore[assignment]  # a field of ours
    reference = fields.Text(limit=80, help_text="Your own number for the customer; unique.", **_OPTIONAL)
    einvoice_format = fields.Choice(
        words=rules.EINVOICE_FORMATS, help_text="What comes beside the PDF, or in it.", **_OPTIONAL
    )
    endpoint_id = fields.Text(limit=100, help_text="Their electronic address (BT-49).", **_OPTIONAL)
    endpoint_scheme = fields.Choice(
        words=rules.ENDPOINT_SCHEMES, help_text="What kind of address it is (EAS), such as EM.", **_OPTIONAL
    )
    buyer_reference = fields.Text(
        limit=80, help_text="Routes their invoices (BT-10), such as a Leitweg-ID.", **_OPTIONAL
    )
    tax_exemption = fields.Text(
        limit=400,
        help_text="Why they are charged no tax, as documents say it; for automatic tax.",
        **_OPTIONAL,
    )
    notes = fields.Text(limit=5_000, lines=True, **_OPTIONAL)
    metadata = fields.TextMap(
        keys=rules.METADATA_KEYS,
        key_limit=rules.METADATA_KEY_LENGTH,
        limit=rules.METADATA_VALUE_LENGTH,
        **_OPTIONAL,
    )


class NewCustomer(_Details):
    """What a customer is added with."""

    name = fields.Text(limit=200)
    currency = fields.Currency()


class CustomerChange(_Details):
    """What of a customer is to change; null removes an optional value."""

    name = fields.Text(limit=200, required=False)
    currency = fields.Currency(required=False)


class ShownCustomer(schema.Shown):
    """A customer."""

    id = fields.Id(kind="customer")
    object = serializers.ChoiceField(choices=["customer"])
    name = serializers.CharField()
    email = serializers.CharField(allow_null=True)
    phone = serializers.CharField(allow_null=True)
    address = Address(allow_null=True)
    delivery_address = Address(allow_null=True)
    tax_id = serializers.CharField(allow_null=True)
    tax_id_state = serializers.ChoiceField(choices=Customer.TaxIdState.values)
    payment_days = serializers.IntegerField(allow_null=True)
    language = serializers.ChoiceField(choices=rules.LANGUAGES, allow_null=True)
    parent = fields.Id(kind="customer", allow_null=True)  # type: ignore[assignment]  # a field of ours
    merged_into = fields.Id(kind="customer", allow_null=True)
    reference = serializers.CharField(allow_null=True)
    einvoice_format = serializers.ChoiceField(choices=rules.EINVOICE_FORMATS)
    endpoint_id = serializers.CharField(allow_null=True)
    endpoint_scheme = serializers.CharField(allow_null=True)
    buyer_reference = serializers.CharField(allow_null=True)
    tax_exemption = serializers.CharField(allow_null=True)
    notes = serializers.CharField(allow_null=True)
    metadata = serializers.DictField(child=serializers.CharField())
    currency = serializers.CharField()
    state = serializers.ChoiceField(choices=Customer.State.values)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def write(row: queries.CustomerDetail) -> dict[str, Any]:
    """Write a customer as it is shown."""
    return {
        "id": ids.encode("customer", row.id),
        "object": "customer",
        "name": row.name,
        "email": row.email or None,
        "phone": row.phone or None,
        "address": row.address or None,
        "delivery_address": row.delivery_address or None,
        "tax_id": row.tax_id or None,
        "tax_id_state": row.tax_id_state,
        "payment_days": row.payment_days,
        "language": row.language or None,
        "parent": ids.encode("customer", row.parent_id) if row.parent_id else None,
        "merged_into": ids.encode("customer", row.merged_into_id) if row.merged_into_id else None,
        "reference": row.reference or None,
        "einvoice_format": row.einvoice_format,
        "endpoint_id": row.endpoint_id or None,
        "endpoint_scheme": row.endpoint_scheme or None,
        "buyer_reference": row.buyer_reference or None,
        "tax_exemption": row.tax_exemption or None,
        "notes": row.notes or None,
        "metadata": row.metadata,
        "currency": row.currency,
        "state": row.state,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def _named(given: dict[str, Any]) -> dict[str, Any]:
    """Name a body's values as the services do."""
    if "parent" in given:
        given["parent_id"] = given.pop("parent")
    return given


def _record_if_unchanged(request: EdgeRequest, row: Customer, at: datetime) -> None:
    """Record a change that changed nothing as what it is: a look at the customer."""
    if row.updated_at != at:
        recording.read(request, events.CUSTOMER_READ, subject=("customer", row.pk))


@access(get=Permission.CUSTOMER_READ, post=Permission.CUSTOMER_WRITE)
class Customers(Endpoint):
    """All customers."""

    listed = "customers"
    filters = frozenset({"email", "q", "reference", "state", "tax_id"})

    @schema.describe(
        "customers_list",
        "List or find customers",
        gives=ShownCustomer,
        listed=True,
        filters=[
            ("email", "Exactly this address; case does not matter."),
            ("tax_id", "Exactly this tax id; spaces and case do not matter."),
            ("reference", "Exactly this number of your own."),
            ("state", "active or archived."),
            ("q", "The beginning of a word of the name, or an exact detail: active customers, one page."),
        ],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of customers, newest first."""
        page, filters = self.page()
        state = self.choice(filters, "state", Customer.State.values)
        if "q" in filters:
            found = queries.search(filters["q"], limit=page.limit)
            rows, next_after = queries.details(ids=[row.id for row in found], limit=page.limit)
        else:
            exact = {name: text for name, text in filters.items() if name in ("email", "tax_id", "reference")}
            rows, next_after = queries.details(
                limit=page.limit, after=page.after, state=state, found_by=exact
            )
        recording.read(
            self.edge, events.CUSTOMER_LISTED, subjects=[row.id for row in rows], fields=sorted(filters)
        )
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "customers_create", "Add a customer", takes=NewCustomer, gives=ShownCustomer, created=True
    )
    def post(self, request: Request) -> Response:
        """Add a customer."""
        row = services.create(**_named(self.body(NewCustomer)), actor=self.actor, at=clock.now())
        return self.created(write(queries.detail(row)), "customers")


@access(get=Permission.CUSTOMER_READ, patch=Permission.CUSTOMER_WRITE)
class OneCustomer(Endpoint):
    """One customer."""

    @schema.describe("customers_get", "Read a customer", gives=ShownCustomer)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the customer."""
        row = queries.get(ids.decode("customer", pk))
        recording.read(self.edge, events.CUSTOMER_READ, subject=("customer", row.id))
        return self.one(write(row))

    @schema.describe("customers_update", "Change a customer", takes=CustomerChange, gives=ShownCustomer)
    def patch(self, request: Request, pk: str) -> Response:
        """Change the named fields and leave the others."""
        customer_id = ids.decode("customer", pk)
        changes = _named(self.body(CustomerChange))
        if self.expects_version():
            self.hold(Customer, customer_id)
            self.match(write(queries.get(customer_id)))
        at = clock.now()
        row = services.update(customer_id=customer_id, changes=changes, actor=self.actor, at=at)
        _record_if_unchanged(self.edge, row, at)
        return self.changed(write(queries.detail(row)))


@access(post=Permission.CUSTOMER_WRITE)
class Archived(Endpoint):
    """Taking a customer out of the lists."""

    @schema.describe("customers_archive", "Archive a customer", takes=fields.Nothing, gives=ShownCustomer)
    def post(self, request: Request, pk: str) -> Response:
        """Archive the customer; their documents stay."""
        self.body(fields.Nothing)
        row = services.archive(customer_id=ids.decode("customer", pk), actor=self.actor, at=clock.now())
        return self.changed(write(queries.detail(row)))


@access(post=Permission.CUSTOMER_WRITE)
class Restored(Endpoint):
    """Taking an archived customer back."""

    @schema.describe("customers_restore", "Restore a customer", takes=fields.Nothing, gives=ShownCustomer)
    def post(self, request: Request, pk: str) -> Response:
        """Take the customer back into the lists."""
        self.body(fields.Nothing)
        at = clock.now()
        row = services.restore(customer_id=ids.decode("customer", pk), actor=self.actor, at=at)
        _record_if_unchanged(self.edge, row, at)
        return self.changed(write(queries.detail(row)))
