"""Adding products and prices, and replacing prices. No price is edited: who has one keeps what was agreed."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from accounts import fielddiffs
from audit import services as audit
from billing import events
from billing.catalog import rules
from billing.catalog.models import Price, PriceTier, Product
from billing.invoices.rules import text_errors
from billing.tax.models import TaxRate
from billing.usage.models import Meter
from core import days
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Refusal
from outbound.webhooks import publishing
from tenancy import constraints
from tenancy.context import use_case

_CHANGEABLE = frozenset({"name", "description", "kind", "tax_code", "unit_code"})


class ProductExists(Conflict):
    """There is a product of this code already."""

    code = "product_exists"


class ProductRetired(Conflict):
    """This product is retired. Take it back before you sell it again."""

    code = "product_retired"


class PriceExists(Conflict):
    """This product has a price of this code and currency already; supersede it instead."""

    code = "price_exists"


class PriceSuperseded(Conflict):
    """This price has been replaced or retired already."""

    code = "price_superseded"


class PriceWouldOverlap(Refusal):
    """The new version must begin after the one it replaces."""

    code = "price_would_overlap"


@use_case
def create_product(
    *,
    code: str,
    name: str,
    actor: Actor,
    at: datetime,
    description: str = "",
    kind: str = Product.Kind.SERVICE,
    tax_code: str = "",
    unit_code: str = "",
) -> Product:
    """Add a product, without prices yet.

    Raises:
        Invalid: names every field that cannot be used.
        ProductExists: the code names another.
    """
    values = {
        "name": name.strip(),
        "description": description.strip(),
        "kind": kind,
        "tax_code": tax_code,
        "unit_code": unit_code,
    }
    errors = rules.code_errors("/code", code) + _product_errors(values)
    if errors:
        raise Invalid(errors)
    row = Product(
        code=code, created_at=at, updated_at=at, **{**values, "description": values["description"] or None}
    )
    with constraints.refusing(ProductExists(field="code"), "billing_product_code"), fielddiffs.by(actor):
        row.save(force_insert=True)
    audit.record(events.PRODUCT_CREATED, actor=actor, subject=("product", row.pk))
    publishing.publish(type="product.created", subject=("product", row.pk), data={"state": row.state})
    return row


@use_case
def update_product(*, product_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> Product:
    """Change the words about a product, or what new prices begin with. Documents keep the words they had.

    Raises:
        NotFound: there is none.
        Invalid: names every field that cannot be used.
    """
    unknown = sorted(set(changes) - _CHANGEABLE)
    if unknown:
        raise Invalid(
            [FieldError(f"/{name}", "unknown_field", "There is no such field.") for name in unknown]
        )
    row = _locked_product(product_id)
    values = {name: str(value or "").strip() for name, value in changes.items()}
    if errors := _product_errors(values):
        raise Invalid(errors)
    for name, value in values.items():
        setattr(row, name, (value or None) if name == "description" else value)
    row.updated_at = at
    with fielddiffs.by(actor):
        row.save(update_fields=[*values, "updated_at"])
    audit.record(events.PRODUCT_UPDATED, actor=actor, subject=("product", row.pk), fields=sorted(values))
    publishing.publish(type="product.updated", subject=("product", row.pk), data={"state": row.state})
    return row


@use_case
def retire_product(*, product_id: UUID, actor: Actor, at: datetime) -> Product:
    """Sell a product to nobody new; subscriptions that have it go on.

    Raises:
        NotFound: there is none.
        ProductRetired: it is already.
    """
    return _state(product_id, Product.State.RETIRED, actor, at)


@use_case
def restore_product(*, product_id: UUID, actor: Actor, at: datetime) -> Product:
    """Sell a retired product again.

    Raises:
        NotFound: there is none.
    """
    return _state(product_id, Product.State.ACTIVE, actor, at)


def _state(product_id: UUID, state: str, actor: Actor, at: datetime) -> Product:
    row = _locked_product(product_id)
    if row.state == state == Product.State.RETIRED:
        raise ProductRetired
    row.state, row.updated_at = state, at
    with fielddiffs.by(actor):
        row.save(update_fields=["state", "updated_at"])
    event = events.PRODUCT_RETIRED if state == Product.State.RETIRED else events.PRODUCT_RESTORED
    audit.record(event, actor=actor, subject=("product", row.pk))
    publishing.publish(type="product.updated", subject=("product", row.pk), data={"state": row.state})
    return row


@use_case
def create_price(
    *,
    product_id: UUID,
    terms: rules.Terms,
    actor: Actor,
    at: datetime,
    valid_from: date,
    code: str = "standard",
    interval: str = Price.Interval.NONE,
    interval_count: int = 1,
    meter_id: UUID | None = None,
    tax_behavior: str = Price.TaxBehavior.EXCLUSIVE,
    tax_code: str | None = None,
) -> Price:
    """Add a price to a product, sold from a day on. Without a tax code it takes the product's.

    Raises:
        NotFound: there is no such product or meter.
        ProductRetired: nothing new is sold of it.
        PriceExists: one of this code and currency is open.
        Invalid: names every field that cannot be used.
    """
    product = _locked_product(product_id)
    if product.state != Product.State.ACTIVE:
        raise ProductRetired(field="product")
    if meter_id is not None and not Meter.objects.filter(pk=meter_id).exists():
        raise NotFound("There is no such meter.", field="meter")
    rules.check(terms, interval=interval, interval_count=interval_count, metered=meter_id is not None)
    tax_code = product.tax_code if tax_code is None else tax_code
    errors = rules.code_errors("/code", code) + _tax_errors(tax_code)
    if tax_behavior not in Price.TaxBehavior.values:
        errors.append(FieldError("/tax_behavior", "unknown_choice", "Tax is exclusive or inclusive."))
    if errors:
        raise Invalid(errors)
    days.check(valid_from, field="valid_from")
    family = Price.objects.filter(product_id=product.pk, code=code, currency=terms.currency)
    last = family.order_by("-version").first()
    if last is not None and last.valid_to is None:
        raise PriceExists(field="code")
    row = _insert(
        Price(
            product=product,
            code=code,
            version=1 if last is None else last.version + 1,
            interval=interval,
            interval_count=interval_count,
            meter_id=meter_id,
            tax_behavior=tax_behavior,
            tax_code=tax_code,
            valid_from=valid_from,
            created_at=at,
        ),
        terms,
        actor,
    )
    audit.record(
        events.PRICE_CREATED, actor=actor, subject=("price", row.pk), facts={"product": str(product.pk)}
    )
    publishing.publish(type="price.created", subject=("price", row.pk), data={"product": product.pk})
    return row


@use_case
def supersede_price(
    *,
    price_id: UUID,
    terms: rules.Terms,
    valid_from: date,
    actor: Actor,
    at: datetime,
    tax_code: str | None = None,
) -> Price:
    """End a price and begin its next version on the same day. Subscriptions keep the version they have.

    Currency, interval, meter and tax behavior stay: another of these is another price.

    Raises:
        NotFound: there is no such price.
        PriceSuperseded: it has ended already.
        PriceWouldOverlap: the new one would begin before the old one.
        Invalid: names every field that cannot be used.
    """
    old = _open_price(price_id)
    days.check(valid_from, field="valid_from")
    if valid_from <= old.valid_from:
        raise PriceWouldOverlap(field="valid_from")
    if terms.currency != old.currency:
        raise Invalid(
            [FieldError("/currency", "fixed", f"This price is in {old.currency}; add another price.")]
        )
    metered = old.meter_id is not None
    rules.check(terms, interval=old.interval, interval_count=old.interval_count, metered=metered)
    tax_code = old.tax_code if tax_code is None else tax_code
    if errors := _tax_errors(tax_code):
        raise Invalid(errors)
    with fielddiffs.by(actor):
        old.valid_to = valid_from
        old.save(update_fields=["valid_to"])
    row = _insert(
        Price(
            product_id=old.product_id,
            code=old.code,
            version=old.version + 1,
            supersedes=old,
            interval=old.interval,
            interval_count=old.interval_count,
            meter_id=old.meter_id,
            tax_behavior=old.tax_behavior,
            tax_code=tax_code,
            valid_from=valid_from,
            created_at=at,
        ),
        terms,
        actor,
    )
    facts = {"by": str(row.pk)}
    audit.record(
        events.PRICE_SUPERSEDED, actor=actor, subject=("price", old.pk), fields=["valid_to"], facts=facts
    )
    publishing.publish(type="price.superseded", subject=("price", old.pk), data={"product": old.product_id})
    return row


@use_case
def retire_price(*, price_id: UUID, on: date, actor: Actor, at: datetime) -> Price:
    """Sell a price to nobody new from a day on.

    Raises:
        NotFound: there is no such price.
        PriceSuperseded: it has ended already.
    """
    row = _open_price(price_id)
    days.check(on, field="on")
    row.valid_to = max(on, row.valid_from)
    with fielddiffs.by(actor):
        row.save(update_fields=["valid_to"])
    audit.record(events.PRICE_RETIRED, actor=actor, subject=("price", row.pk), fields=["valid_to"])
    publishing.publish(type="price.retired", subject=("price", row.pk), data={"product": row.product_id})
    return row


def _insert(row: Price, terms: rules.Terms, actor: Actor) -> Price:
    row.currency, row.model, row.unit_amount = terms.currency, terms.model, terms.unit_amount
    row.package_size, row.flat_minor, row.minimum_minor = (
        terms.package_size,
        terms.flat_minor,
        terms.minimum_minor,
    )
    row.steps = len(terms.tiers)
    taken = PriceExists(field="code")
    with constraints.refusing(taken, "billing_price_version", "billing_price_one_open"), fielddiffs.by(actor):
        row.save(force_insert=True)
    PriceTier.objects.bulk_create(
        PriceTier(
            price=row,
            position=position,
            up_to=tier.up_to,
            unit_amount=tier.unit_amount,
            flat_minor=tier.flat_minor,
        )
        for position, tier in enumerate(terms.tiers)
    )
    return row


def _locked_product(product_id: UUID) -> Product:
    row: Product | None = Product.objects.select_for_update(no_key=True).filter(pk=product_id).first()
    if row is None:
        raise NotFound("There is no such product.", field="product")
    return row


def _open_price(price_id: UUID) -> Price:
    row: Price | None = Price.objects.select_for_update(no_key=True).filter(pk=price_id).first()
    if row is None:
        raise NotFound
    if row.valid_to is not None:
        raise PriceSuperseded
    return row


def _product_errors(values: Mapping[str, str]) -> list[FieldError]:
    errors: list[FieldError] = []
    if "name" in values:
        errors += text_errors("/name", values["name"], rules.NAME_LENGTH, required=True)
    if "description" in values:
        errors += text_errors("/description", values["description"], rules.DESCRIPTION_LENGTH)
    if "unit_code" in values:
        errors += text_errors("/unit_code", values["unit_code"], 8)
    if "kind" in values and values["kind"] not in Product.Kind.values:
        errors.append(FieldError("/kind", "unknown_choice", "It is goods, a service or digital."))
    return errors + _tax_errors(values.get("tax_code", ""))


def _tax_errors(tax_code: str) -> list[FieldError]:
    if not tax_code or TaxRate.objects.filter(code=tax_code).exists():
        return []
    return [FieldError("/tax_code", "unknown_tax_rate", "There is no tax rate of this code.")]
