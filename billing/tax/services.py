"""Adding tax rates and replacing them. There is no editing: documents keep what they were taxed by."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from accounts import fielddiffs
from audit import services as audit
from billing import events
from billing.tax import rules, seeds
from billing.tax.models import TaxComponent, TaxRate
from core import cardnumbers, characters, days, money
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from tenancy import constraints
from tenancy.context import use_case

_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}\Z", re.ASCII)
MOST_COMPONENTS = 6
_COUNTRY = re.compile(r"[A-Z]{2}\Z", re.ASCII)
_DAY = timedelta(days=1)
_ONE_A_CODE = ("billing_taxrate_one_open", "billing_taxrate_once")


class BadTaxRateCode(Refusal):
    """A tax rate's code is lower-case letters, digits and _ . - only, at most 40."""

    code = "bad_code"


class BadCountry(Refusal):
    """A country is two capital letters (ISO 3166-1)."""

    code = "bad_country"


class GroupUnfit(Refusal):
    """A group is made of two to six different rates."""

    code = "group_unfit"


class GroupFollows(Conflict):
    """A group changes when one of its rates is replaced; replace that one."""

    code = "group_follows"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What else is known of a rate: where it is the law, which of that place's it is, why nothing is charged."""

    kind: str = TaxRate.Kind.OTHER
    country: str = ""
    region: str = ""
    reason: str = ""
    reason_code: str = ""


class TaxRateExists(Conflict):
    """There is a tax rate of this code already; replace it instead."""

    code = "tax_rate_exists"


class TaxRateSuperseded(Conflict):
    """This tax rate has been replaced already."""

    code = "tax_rate_superseded"


class TaxRateWouldOverlap(Refusal):
    """The new rate must begin after the one it replaces."""

    code = "tax_rate_would_overlap"


@use_case
def create(
    *,
    code: str,
    name: str,
    category: str,
    percentage: Decimal,
    valid_from: date,
    actor: Actor,
    at: datetime,
    about: About = About(),
) -> TaxRate:
    """Add a tax rate, valid from a day on.

    Raises:
        BadTaxRateCode, TaxRateExists: the code cannot be used.
        UnknownTaxCategory, PercentageNotAllowed: no document may carry this rate.
    """
    if not _CODE.match(code):
        raise BadTaxRateCode(field="code")
    if TaxRate.objects.filter(code=code).exists():
        raise TaxRateExists(field="code")
    # Of two who add one code at once both have found it free: the second waits here, and is refused by name.
    taken = TaxRateExists(field="code")
    with constraints.refusing(taken, *_ONE_A_CODE), fielddiffs.by(actor):
        row = _insert(code, name, rules.Rate(category, percentage), valid_from, at, about)
    audit.record(events.TAX_RATE_CREATED, actor=actor, subject=("tax_rate", row.pk))
    return row


@use_case
def supersede(
    *,
    tax_rate_id: UUID,
    percentage: Decimal,
    valid_from: date,
    actor: Actor,
    at: datetime,
    name: str | None = None,
    category: str | None = None,
) -> TaxRate:
    """End a tax rate and begin another of the same code on the same day; return the new one.

    Raises:
        NotFound: there is no such rate.
        TaxRateSuperseded: it has ended already.
        TaxRateWouldOverlap: the new one would begin before the old one.
    """
    old = TaxRate.objects.select_for_update(no_key=True).filter(pk=tax_rate_id).first()
    if old is None:
        raise NotFound
    if old.valid_to is not None:
        raise TaxRateSuperseded
    if valid_from <= old.valid_from:
        raise TaxRateWouldOverlap(field="valid_from")
    if old.kind == TaxRate.Kind.GROUP:
        raise GroupFollows
    rate = rules.Rate(category or old.category, percentage)
    row = _replace(old, name or old.name, rate, valid_from, actor, at)
    members = TaxComponent.objects.filter(tax_rate=old, group__valid_to__isnull=True)
    for group in TaxRate.objects.filter(pk__in=members.values("group_id")).order_by("code"):
        parts = [
            row if item.tax_rate_id == old.pk else item.tax_rate
            for item in TaxComponent.objects.filter(group=group)
            .select_related("tax_rate")
            .order_by("position")
        ]
        together = rules.Rate(group.category, _sum(parts))
        made = _replace(group, group.name, together, max(valid_from, group.valid_from + _DAY), actor, at)
        _insert_components(made, parts)
    return row


@use_case
def create_group(
    *, code: str, name: str, tax_rate_ids: Sequence[UUID], valid_from: date, actor: Actor, at: datetime
) -> TaxRate:
    """Put several taxes together that one line carries at once, such as state, county and city.

    Each of them is computed, rounded and shown by itself, on its own base. Replacing one of them replaces the group.

    Raises:
        BadTaxRateCode, TaxRateExists: the code cannot be used.
        GroupUnfit: fewer than two rates, one twice, one that has ended, one without a percentage, or two of one name.
        NotFound: there is no such rate.
    """
    found = {row.pk: row for row in TaxRate.objects.filter(pk__in=set(tax_rate_ids))}
    if set(tax_rate_ids) - set(found):
        raise NotFound("There is no such tax rate.", field="tax_rates")
    parts = [found[key] for key in tax_rate_ids]
    if len(found) != len(parts) or not 2 <= len(parts) <= MOST_COMPONENTS:
        raise GroupUnfit(field="tax_rates")
    if any(
        row.kind == TaxRate.Kind.GROUP or row.category != "S" or row.valid_to is not None for row in parts
    ):
        raise GroupUnfit("Only open rates of category S can be put together.", field="tax_rates")
    if len({row.name for row in parts}) != len(parts):
        raise GroupUnfit("Each tax of a group needs a name of its own.", field="tax_rates")
    places = {(row.country, row.region) for row in parts}
    country, region = max(places, key=lambda place: (place[1] != "", place))
    row = create(
        code=code,
        name=name,
        category="S",
        percentage=_sum(parts),
        valid_from=valid_from,
        actor=actor,
        at=at,
        about=About(kind=TaxRate.Kind.GROUP, country=country, region=region),
    )
    _insert_components(row, parts)
    return row


@use_case
def add_country(*, country: str, actor: Actor, at: datetime) -> list[TaxRate]:
    """Add the rates of a country of the EU, and what is sold across a border without tax; what is here stays.

    Raises:
        NoRatesKnown: the country is none of the EU's.
    """
    wanted = [*seeds.rates(country), *seeds.untaxed()]
    here = set(TaxRate.objects.filter(code__in=[seed.code for seed in wanted]).values_list("code", flat=True))
    made: list[TaxRate] = []
    for seed in wanted:
        if seed.code in here:
            continue
        about = About(kind=seed.kind, country=seed.country, reason=seed.reason, reason_code=seed.reason_code)
        (first, percentage), *later = seed.windows
        row = create(
            code=seed.code,
            name=seed.name,
            category=seed.category,
            percentage=percentage,
            valid_from=first,
            actor=actor,
            at=at,
            about=about,
        )
        for day, percentage in later:
            row = supersede(tax_rate_id=row.pk, percentage=percentage, valid_from=day, actor=actor, at=at)
        made.append(row)
    return made


def _replace(
    old: TaxRate, name: str, rate: rules.Rate, valid_from: date, actor: Actor, at: datetime
) -> TaxRate:
    old.valid_to = valid_from
    about = About(
        kind=old.kind, country=old.country, region=old.region, reason=old.reason, reason_code=old.reason_code
    )
    with fielddiffs.by(actor):
        old.save(update_fields=["valid_to"])
        row = _insert(old.code, name, rate, valid_from, at, about)
    audit.record(
        events.TAX_RATE_SUPERSEDED,
        actor=actor,
        subject=("tax_rate", old.pk),
        fields=["percentage", "valid_to"],
        facts={"by": str(row.pk)},
    )
    return row


def _sum(parts: Sequence[TaxRate]) -> Decimal:
    return money.add(*(row.percentage for row in parts))


def _insert_components(group: TaxRate, parts: Sequence[TaxRate]) -> None:
    TaxComponent.objects.bulk_create(
        TaxComponent(group=group, tax_rate=row, position=position)
        for position, row in enumerate(parts, start=1)
    )


def _insert(
    code: str, name: str, wanted: rules.Rate, valid_from: date, at: datetime, about: About
) -> TaxRate:
    texts = {"code": code, "name": name, "reason": about.reason, "region": about.region}
    cardnumbers.refuse(texts)
    characters.refuse(texts)
    days.check(valid_from, field="valid_from")
    if about.country and not _COUNTRY.match(about.country):
        raise BadCountry(field="country")
    rate = rules.check(wanted)
    reason, reason_code = rules.reason_of(rate.category, about.reason, about.reason_code)
    row: TaxRate = TaxRate.objects.create(
        code=code,
        name=name,
        category=rate.category,
        percentage=rate.percentage,
        valid_from=valid_from,
        country=about.country,
        region=about.region,
        kind=about.kind,
        reason=reason,
        reason_code=reason_code,
        created_at=at,
    )
    return row
