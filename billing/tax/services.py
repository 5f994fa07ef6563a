"""Adding tax rates and replacing them. There is no editing: documents keep what they were taxed by."""

import re
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from accounts import fielddiffs
from audit import services as audit
from billing import events
from billing.tax import rules
from billing.tax.models import TaxRate
from core import cardnumbers, characters
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from tenancy import constraints
from tenancy.context import use_case

_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}\Z", re.ASCII)
_ONE_A_CODE = ("billing_taxrate_one_open", "billing_taxrate_once")


class BadTaxRateCode(Refusal):
    """A tax rate's code is lower-case letters, digits and _ . - only, at most 40."""

    code = "bad_code"


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
        row = _insert(code, name, category, percentage, valid_from, at)
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
    old.valid_to = valid_from
    with fielddiffs.by(actor):
        old.save(update_fields=["valid_to"])
        row = _insert(old.code, name or old.name, category or old.category, percentage, valid_from, at)
    audit.record(
        events.TAX_RATE_SUPERSEDED,
        actor=actor,
        subject=("tax_rate", old.pk),
        fields=["percentage", "valid_to"],
        facts={"by": str(row.pk)},
    )
    return row


def _insert(
    code: str, name: str, category: str, percentage: Decimal, valid_from: date, at: datetime
) -> TaxRate:
    texts = {"code": code, "name": name}
    cardnumbers.refuse(texts)
    characters.refuse(texts)
    rate = rules.check(rules.Rate(category, percentage))
    row: TaxRate = TaxRate.objects.create(
        code=code,
        name=name,
        category=rate.category,
        percentage=rate.percentage,
        valid_from=valid_from,
        created_at=at,
    )
    return row
