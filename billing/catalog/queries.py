"""Reading products and prices."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.catalog import rules
from billing.catalog.models import Price, PriceTier, Product
from core.errors import NotFound

# So many names are decrypted to find some or to sort by them.
MOST_NAMES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRow:
    """One version of a price."""

    id: UUID
    product_id: UUID
    code: str
    version: int
    terms: rules.Terms
    interval: str
    interval_count: int
    meter_id: UUID | None
    meter_code: str
    tax_behavior: str
    tax_code: str
    valid_from: date
    valid_to: date | None
    created_at: datetime

    @property
    def currency(self) -> str:
        """The currency of its amounts."""
        return self.terms.currency

    def is_sold_on(self, day: date) -> bool:
        """Tell whether somebody new can have it on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRow:
    """One product, with its prices where they were asked for."""

    id: UUID
    code: str
    name: str
    description: str
    kind: str
    tax_code: str
    unit_code: str
    state: str
    created_at: datetime
    updated_at: datetime
    prices: tuple[PriceRow, ...] = ()


def products(
    *, limit: int, after: UUID | None = None, state: str | None = None, code: str | None = None
) -> tuple[list[ProductRow], UUID | None]:
    """List products with their prices, newest first, and the cursor of the next page."""
    rows = Product.objects.order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    if state is not None:
        rows = rows.filter(state=state)
    if code is not None:
        rows = rows.filter(code=code)
    found = list(rows[: limit + 1])
    next_after = found[limit - 1].pk if len(found) > limit else None
    prices: dict[UUID, list[PriceRow]] = {}
    for price in _prices(Price.objects.filter(product_id__in=[row.pk for row in found[:limit]])):
        prices.setdefault(price.product_id, []).append(price)
    return [_product(row, prices.get(row.pk, [])) for row in found[:limit]], next_after


def product(product_id: UUID) -> ProductRow:
    """Return one product with all versions of its prices, the newest of each first.

    Raises:
        NotFound: there is none.
    """
    row = Product.objects.filter(pk=product_id).first()
    if row is None:
        raise NotFound
    return _product(row, _prices(Price.objects.filter(product_id=row.pk)))


def prices(
    *,
    limit: int,
    after: UUID | None = None,
    product_id: UUID | None = None,
    currency: str | None = None,
    on: date | None = None,
) -> tuple[list[PriceRow], UUID | None]:
    """List prices, newest first; with a day, those that are sold on it; and the cursor of the next page."""
    rows = Price.objects.all()
    if after is not None:
        rows = rows.filter(pk__lt=after)
    if product_id is not None:
        rows = rows.filter(product_id=product_id)
    if currency is not None:
        rows = rows.filter(currency=currency)
    if on is not None:
        rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=on), valid_from__lte=on)
        rows = rows.filter(product__state=Product.State.ACTIVE)
    found = list(rows.order_by("-id").values_list("pk", flat=True)[: limit + 1])
    next_after = found[limit - 1] if len(found) > limit else None
    listed = {row.id: row for row in _prices(Price.objects.filter(pk__in=found[:limit]))}
    return [listed[key] for key in found[:limit]], next_after


def price(price_id: UUID) -> PriceRow:
    """Return one price.

    Raises:
        NotFound: there is none.
    """
    found = by_ids([price_id])
    if price_id not in found:
        raise NotFound
    return found[price_id]


def by_ids(price_ids: Iterable[UUID]) -> dict[UUID, PriceRow]:
    """Return prices by id, with their tiers: two statements."""
    return {row.id: row for row in _prices(Price.objects.filter(pk__in=set(price_ids)))}


def named(product_ids: Iterable[UUID]) -> list[tuple[UUID, str, str]]:
    """Return id, name and unit of some products."""
    return [(row.pk, row.name, row.unit_code) for row in Product.objects.filter(pk__in=set(product_ids))]


def retired(product_ids: Iterable[UUID]) -> set[UUID]:
    """Return those products that are sold to nobody new."""
    rows = Product.objects.filter(pk__in=set(product_ids), state=Product.State.RETIRED)
    return set(rows.values_list("pk", flat=True))


def sells(day: date) -> bool:
    """Tell whether somebody new can have anything on a day."""
    rows = Price.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day), valid_from__lte=day)
    return rows.filter(product__state=Product.State.ACTIVE).exists()


def sold_as(product: str, code: str, currency: str, day: date) -> UUID | None:
    """Return the price that is sold on a day under these codes."""
    rows = Price.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day), valid_from__lte=day)
    rows = rows.filter(product__code=product, product__state=Product.State.ACTIVE)
    return rows.filter(code=code, currency=currency).order_by("-version").values_list("pk", flat=True).first()


def sold_on(day: date, *, currency: str | None = None) -> list[tuple[ProductRow, PriceRow]]:
    """List what somebody new can have on a day, by the name of the product."""
    rows = Price.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=day), valid_from__lte=day)
    rows = rows.filter(product__state=Product.State.ACTIVE)
    if currency is not None:
        rows = rows.filter(currency=currency)
    found = _prices(rows.order_by()[:MOST_NAMES])
    owners = {
        row.pk: _product(row, []) for row in Product.objects.filter(pk__in={p.product_id for p in found})
    }
    pairs = [(owners[price.product_id], price) for price in found]
    return sorted(pairs, key=lambda pair: (pair[0].name.casefold(), pair[1].code, pair[1].currency))


def terms_of(row: Price, tiers: Iterable[PriceTier]) -> rules.Terms:
    """Return what a price says."""
    return rules.Terms(
        model=row.model,
        currency=row.currency,
        unit_amount=_plain(row.unit_amount),
        package_size=None if row.package_size is None else _plain(row.package_size),
        flat_minor=row.flat_minor,
        minimum_minor=row.minimum_minor,
        tiers=tuple(
            rules.Tier(
                None if tier.up_to is None else _plain(tier.up_to), _plain(tier.unit_amount), tier.flat_minor
            )
            for tier in sorted(tiers, key=lambda tier: tier.position)
        ),
    )


def _plain(number: Decimal) -> Decimal:
    return Decimal(rules.plain(number))


def _prices(rows: "QuerySet[Price]") -> list[PriceRow]:
    found = list(rows.select_related("meter"))
    stepped = [row.pk for row in found if row.steps]
    tiers: dict[UUID, list[PriceTier]] = {}
    for tier in PriceTier.objects.filter(price_id__in=stepped) if stepped else ():
        tiers.setdefault(tier.price_id, []).append(tier)
    found.sort(key=lambda row: (row.code, row.currency, -row.version))
    return [
        PriceRow(
            id=row.pk,
            product_id=row.product_id,
            code=row.code,
            version=row.version,
            terms=terms_of(row, tiers.get(row.pk, [])),
            interval=row.interval,
            interval_count=row.interval_count,
            meter_id=row.meter_id,
            meter_code="" if row.meter is None else row.meter.code,
            tax_behavior=row.tax_behavior,
            tax_code=row.tax_code,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
            created_at=row.created_at,
        )
        for row in found
    ]


def _product(row: Product, prices: Iterable[PriceRow]) -> ProductRow:
    return ProductRow(
        id=row.pk,
        code=row.code,
        name=row.name,
        description=row.description or "",
        kind=row.kind,
        tax_code=row.tax_code,
        unit_code=row.unit_code,
        state=row.state,
        created_at=row.created_at,
        updated_at=row.updated_at,
        prices=tuple(prices),
    )
