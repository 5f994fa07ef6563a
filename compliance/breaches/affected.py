"""Whom a breach touched: read from the trail, which names every record that was read, changed or taken out.

A person, key or session whose acts they were narrows it to what was touched through them; without one everybody who
was a customer by then counts, because a copied database asks nobody.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models

from billing.contacts.models import Contact
from billing.customers.models import Customer
from compliance.breaches.models import Breach
from compliance.personaldata import graph
from tenancy.context import current_tenant

_PORTION = 5_000
# Whole lists leave through exports, which name no row: whoever took one had all of them.
_WHOLE_LISTS = ("export.made", "export.downloaded", "breach.list_taken")


def customers(breach: Breach, *, at: datetime) -> list[UUID]:
    """Name the customers that a breach touched, by their ids."""
    until = breach.ended_at or at
    who = {
        name: value
        for name in ("actor_id", "key_id", "session_id")
        if (value := getattr(breach, name)) is not None
    }
    everybody = Customer.objects.filter(created_at__lte=until)
    if not who or _took_lists(breach, who, until):
        return list(everybody.order_by("pk").values_list("pk", flat=True))
    touched: set[UUID] = set()
    for keys in _touched(breach, who, until):
        touched |= _whose(keys)
    return sorted(touched)


def _conditions(breach: Breach, who: dict[str, UUID], until: datetime) -> tuple[str, dict[str, Any]]:
    # An API key acts for whoever made it; a person's own acts and those through their key both count.
    named = " OR ".join(f"{name} = %({name})s" for name in who)
    sql = f"tenant_id = %(tenant)s AND ({named}) AND result = 'success' AND at <= %(until)s"
    values: dict[str, Any] = {**who, "tenant": current_tenant(), "until": until}
    if breach.began_at is not None:
        sql += " AND at >= %(began)s"
        values["began"] = breach.began_at
    return sql, values


def _took_lists(breach: Breach, who: dict[str, UUID], until: datetime) -> bool:
    where, values = _conditions(breach, who, until)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM audit_event WHERE {where} AND event = ANY(%(lists)s))",  # noqa: S608  our own words
            {**values, "lists": list(_WHOLE_LISTS)},
        )
        (found,) = cursor.fetchone()
    return bool(found)


def _touched(breach: Breach, who: dict[str, UUID], until: datetime) -> Iterator[list[UUID]]:
    """Yield the ids of all records that the acts name."""
    where, values = _conditions(breach, who, until)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT touched FROM audit_event, unnest(subject_ids || subject_id) AS touched "  # noqa: S608
            f"WHERE {where} AND touched IS NOT NULL",
            values,
        )
        while rows := cursor.fetchmany(_PORTION):
            yield [row[0] for row in rows]


def _whose(keys: list[UUID]) -> set[UUID]:
    """Say whose records these are, whatever tables they stand in."""
    found = set(Customer.objects.filter(pk__in=keys).values_list("pk", flat=True))
    found |= set(Contact.objects.filter(pk__in=keys).values_list("customer_id", flat=True))
    for label in sorted(graph.owned_by_customers()):
        model: type[models.Model] = apps.get_model(label)
        columns = {field.attname for field in model._meta.concrete_fields}
        if "customer_id" in columns:
            rows = model._default_manager.filter(pk__in=keys, customer_id__isnull=False)
            found |= set(rows.values_list("customer_id", flat=True).distinct())
    return found
