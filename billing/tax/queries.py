"""Reading tax rates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q

from billing.tax.models import TaxComponent, TaxRate
from billing.tax.rules import Component, Rate, reason_of
from core.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRateRow:
    """One tax rate for a page."""

    id: UUID
    code: str
    name: str
    category: str
    percentage: Decimal
    valid_from: date
    valid_to: date | None
    country: str = ""
    region: str = ""
    kind: str = "other"
    reason: str = ""
    reason_code: str = ""
    created_at: datetime


def rate_of(row: TaxRate, components: Sequence[Component] = ()) -> Rate:
    """Return what a tax rate means for an amount; a group needs its components."""
    reason, reason_code = reason_of(row.category, row.reason, row.reason_code)
    return Rate(row.category, row.percentage, tuple(components), reason=reason, reason_code=reason_code)


def rates_by_id(tax_rate_ids: Iterable[UUID]) -> dict[UUID, Rate]:
    """Return what tax rates mean by id: one statement, and another where one of them is a group."""
    rows = by_ids(tax_rate_ids)
    groups = [row.pk for row in rows.values() if row.kind == TaxRate.Kind.GROUP]
    parts: dict[UUID, list[Component]] = {}
    if groups:
        found = TaxComponent.objects.filter(group_id__in=groups).select_related("tax_rate")
        for item in found.order_by("position"):
            parts.setdefault(item.group_id, []).append(
                Component(item.tax_rate.name, item.tax_rate.percentage)
            )
    return {key: rate_of(row, parts.get(key, ())) for key, row in rows.items()}


def rates(*, valid_on: date | None = None) -> list[TaxRateRow]:
    """List the tax rates by code, newest first; with a day, those valid on it."""
    rows = TaxRate.objects.order_by("code", "-valid_from")
    if valid_on is not None:
        rows = rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=valid_on), valid_from__lte=valid_on)
    return [_row(row) for row in rows]


def page(
    *, limit: int, after: UUID | None = None, code: str | None = None
) -> tuple[list[TaxRateRow], UUID | None]:
    """List tax rates by when they were added, newest first, and the cursor of the next page."""
    rows = TaxRate.objects.order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    if code is not None:
        rows = rows.filter(code=code)
    found = list(rows[: limit + 1])
    next_after = found[limit - 1].pk if len(found) > limit else None
    return [_row(row) for row in found[:limit]], next_after


def get(tax_rate_id: UUID) -> TaxRateRow:
    """Return one tax rate.

    Raises:
        NotFound: there is none.
    """
    row = TaxRate.objects.filter(pk=tax_rate_id).first()
    if row is None:
        raise NotFound
    return _row(row)


def by_ids(tax_rate_ids: Iterable[UUID]) -> dict[UUID, TaxRate]:
    """Return tax rates by id, in at most one statement."""
    wanted = set(tax_rate_ids)
    return {row.pk: row for row in TaxRate.objects.filter(pk__in=wanted)} if wanted else {}


def rows_of(tax_rate_ids: Iterable[UUID]) -> list[TaxRateRow]:
    """Return tax rates by code, in at most one statement."""
    return sorted((_row(row) for row in by_ids(tax_rate_ids).values()), key=lambda row: row.code)


def components(tax_rate_id: UUID) -> list[TaxRateRow]:
    """Return the taxes that a group puts together, in their order; none for any other rate."""
    found = TaxComponent.objects.filter(group_id=tax_rate_id).select_related("tax_rate").order_by("position")
    return [_row(item.tax_rate) for item in found]


def groups_with(tax_rate_ids: Iterable[UUID]) -> set[UUID]:
    """Tell which of these rates are groups."""
    rows = TaxRate.objects.filter(pk__in=set(tax_rate_ids), kind=TaxRate.Kind.GROUP)
    return set(rows.values_list("id", flat=True))


def of_place(*, country: str, region: str, on: date) -> TaxRateRow | None:
    """Return what is usually charged in a place on a day: of its region first, a group before a single rate."""
    rows = TaxRate.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=on),
        valid_from__lte=on,
        country=country,
        kind__in=[TaxRate.Kind.GROUP, TaxRate.Kind.STANDARD],
    ).filter(Q(region="") | Q(region__iexact=region))
    found = sorted(rows, key=lambda row: (row.region == "", row.kind != TaxRate.Kind.GROUP, row.code))
    return _row(found[0]) if found else None


def of_category(category: str, *, on: date) -> TaxRateRow | None:
    """Return the rate that says why nothing is charged, valid on a day."""
    rows = TaxRate.objects.filter(
        Q(valid_to__isnull=True) | Q(valid_to__gt=on), valid_from__lte=on, category=category
    ).exclude(kind=TaxRate.Kind.GROUP)
    found = sorted(rows, key=lambda row: (row.kind == TaxRate.Kind.OTHER, row.code))
    return _row(found[0]) if found else None


def _row(row: TaxRate) -> TaxRateRow:
    return TaxRateRow(
        id=row.pk,
        code=row.code,
        name=row.name,
        category=row.category,
        percentage=rate_of(row).percentage,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        country=row.country,
        region=row.region,
        kind=row.kind,
        reason=row.reason,
        reason_code=row.reason_code,
        created_at=row.created_at,
    )
