"""Products: added, described anew, retired. What they cost is said by their prices."""

from typing import Any

from django.http import HttpResponseBase
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import Permission
from api import fields, schema
from api.endpoint import Endpoint
from billing import events
from billing.catalog import queries, rules, services
from billing.catalog.models import Product
from core import clock, ids
from edge import recording
from edge.access import access

_KINDS, _STATES = tuple(Product.Kind.values), tuple(Product.State.values)


class ProductWords(fields.Body):
    """What of a product may change; documents keep the words they had."""

    name = fields.Text(limit=rules.NAME_LENGTH, required=False)
    description = fields.Text(limit=rules.DESCRIPTION_LENGTH, lines=True, blank=True, required=False)
    kind = fields.Choice(words=_KINDS, required=False, help_text="service if absent.")
    tax_code = fields.Text(
        limit=40, blank=True, required=False, help_text="Code of the tax rate that new prices begin with."
    )
    unit_code = fields.Text(
        limit=8, blank=True, required=False, help_text="UN/ECE Recommendation 20, such as HUR."
    )


class NewProduct(ProductWords):
    """What a product is added with."""

    code = fields.Text(limit=40, help_text="Lower-case letters, digits and _ . -; it stays.")
    name = fields.Text(limit=rules.NAME_LENGTH)


class ShownProduct(schema.Shown):
    """A product."""

    id = fields.Id(kind="product")
    object = serializers.ChoiceField(choices=["product"])
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    kind = serializers.ChoiceField(choices=_KINDS)
    tax_code = serializers.CharField()
    unit_code = serializers.CharField()
    state = serializers.ChoiceField(choices=_STATES)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


def write(row: queries.ProductRow | Product) -> dict[str, Any]:
    """Write a product as it is shown."""
    return {
        "id": ids.encode("product", row.id),
        "object": "product",
        "code": row.code,
        "name": row.name,
        "description": row.description or "",
        "kind": row.kind,
        "tax_code": row.tax_code,
        "unit_code": row.unit_code,
        "state": row.state,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


@access(get=Permission.PRODUCT_READ, post=Permission.PRODUCT_WRITE)
class Products(Endpoint):
    """All products."""

    listed = "products"
    filters = frozenset({"code", "state"})

    @schema.describe(
        "products_list",
        "List products",
        gives=ShownProduct,
        listed=True,
        filters=[("code", "Exactly this code."), ("state", "active or retired.")],
    )
    def get(self, request: Request) -> Response:
        """Answer with a page of products, newest first."""
        page, filters = self.page()
        state = self.choice(filters, "state", _STATES)
        rows, next_after = queries.products(
            limit=page.limit, after=page.after, state=state, code=filters.get("code")
        )
        recording.read(self.edge, events.PRODUCT_READ, subjects=[row.id for row in rows])
        return Response(page.answer([write(row) for row in rows], next_after))

    @schema.describe(
        "products_create",
        "Add a product",
        takes=NewProduct,
        gives=ShownProduct,
        created=True,
        examples={"A plan": {"code": "team", "name": "Team plan", "kind": "digital"}},
    )
    def post(self, request: Request) -> Response:
        """Add a product."""
        row = services.create_product(actor=self.actor, at=clock.now(), **self.body(NewProduct))
        return self.created(write(row), "products")


@access(get=Permission.PRODUCT_READ, patch=Permission.PRODUCT_WRITE)
class OneProduct(Endpoint):
    """One product."""

    @schema.describe("products_get", "Read a product", gives=ShownProduct)
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        """Answer with the product."""
        row = queries.product(ids.decode("product", pk))
        recording.read(self.edge, events.PRODUCT_READ, subject=("product", row.id))
        return self.one(write(row))

    @schema.describe("products_update", "Describe a product anew", takes=ProductWords, gives=ShownProduct)
    def patch(self, request: Request, pk: str) -> Response:
        """Change the named fields and leave the others."""
        product_id = ids.decode("product", pk)
        changes = self.body(ProductWords)
        if self.expects_version():
            self.hold(Product, product_id)
            self.match(write(queries.product(product_id)))
        row = services.update_product(
            product_id=product_id, changes=changes, actor=self.actor, at=clock.now()
        )
        return self.changed(write(row))


@access(post=Permission.PRODUCT_WRITE)
class Retired(Endpoint):
    """Retiring a product."""

    @schema.describe("products_retire", "Retire a product", takes=fields.Nothing, gives=ShownProduct)
    def post(self, request: Request, pk: str) -> Response:
        """Sell it to nobody new; whoever has it keeps it."""
        self.body(fields.Nothing)
        row = services.retire_product(product_id=ids.decode("product", pk), actor=self.actor, at=clock.now())
        return self.changed(write(row))


@access(post=Permission.PRODUCT_WRITE)
class Restored(Endpoint):
    """Taking a product back."""

    @schema.describe("products_restore", "Sell a product again", takes=fields.Nothing, gives=ShownProduct)
    def post(self, request: Request, pk: str) -> Response:
        """Sell it again."""
        self.body(fields.Nothing)
        row = services.restore_product(product_id=ids.decode("product", pk), actor=self.actor, at=clock.now())
        return self.changed(write(row))
