"""A customer's saved ways to pay: those that can be used now, and those whose account at the provider is gone."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils.translation import gettext as _

from core import ids
from payments import lists, words
from payments.lists import MethodRow, Place
from payments.models import PaymentMethod
from payments.services import methods
from web.kit import formats

_MOST = 50


@dataclass(frozen=True, slots=True)
class Saved:
    """What a customer has saved, newest first."""

    usable: list[MethodRow]
    gone: list[MethodRow]

    @property
    def all(self) -> list[MethodRow]:
        """Return both, what can be used first."""
        return [*self.usable, *self.gone]

    def choices(self) -> list[tuple[str, str]]:
        """Return what can be used as choices of a form."""
        named = names(self.usable)
        return [(ids.encode("payment_method", row.id), named[row.id]) for row in self.usable]

    @property
    def usual(self) -> MethodRow | None:
        """Return the usual one, where it can be used."""
        return next((row for row in self.usable if row.is_default), None)


def running_out(found: Saved, today: date) -> MethodRow | None:
    """Return a way to pay that has expired, or does within this month; the usual one before others."""
    ending = [
        row
        for row in found.usable
        if row.expires_year and (row.expires_year, row.expires_month or 12) <= (today.year, today.month)
    ]
    return min(ending, key=lambda row: not row.is_default, default=None)


def of(customer_id: UUID) -> Saved:
    """Read what a customer has saved."""
    place, active = Place(limit=_MOST), PaymentMethod.State.ACTIVE
    rows = lists.methods(place=place, customer_id=customer_id, state=active).rows
    gone = methods.gone(customer_id)
    return Saved([row for row in rows if row.id not in gone], [row for row in rows if row.id in gone])


def names(rows: list[MethodRow]) -> dict[UUID, str]:
    """Name methods so that they can be told apart: the same card saved twice is named by the day it was added."""
    named = {row.id: words.method(row.kind, row.brand, row.last4) for row in rows}
    alike = list(named.values())
    return {
        row.id: named[row.id]
        if alike.count(named[row.id]) == 1
        else _("%(method)s, added on %(day)s") % {"method": named[row.id], "day": formats.day(row.agreed_at)}
        for row in rows
    }
