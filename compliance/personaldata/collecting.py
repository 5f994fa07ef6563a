"""The rows of one person, table by table, as the walk finds them: read in portions, each value opened or left out.

Left out is what is no information about anybody: keys, hashes and blind indexes. What was erased reads as such.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet

from audit.models import Event
from billing.contacts.models import Contact
from billing.customers.models import Customer
from compliance.personaldata import graph
from core.datapolicy import DataPolicy, FieldClass
from outbound.models import OutboxMessage
from tenancy.checks import policy_of

PORTION = 500
_LEFT_OUT = frozenset({FieldClass.SECRET, FieldClass.WRAPPED_KEY, FieldClass.BLIND_INDEX, FieldClass.HASH})
_MOST_EVENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose rows: a table and ids of it. Several ids where records of one person were merged."""

    start: str
    keys: tuple[UUID, ...]

    @property
    def key(self) -> UUID:
        """Return the id they were asked for by."""
        return self.keys[0]


@dataclass(frozen=True, slots=True)
class Table:
    """One table that holds the person: which rows, and what it was said to be for."""

    model: type[models.Model]
    rows: QuerySet[Any]
    policy: DataPolicy

    @property
    def label(self) -> str:
        """Name the table."""
        return self.model._meta.label

    @property
    def columns(self) -> list[str]:
        """Name the columns that say something about somebody."""
        kept = [field for field in self.model._meta.concrete_fields if field.name != "tenant"]
        return [field.attname for field in kept if self.policy.fields[field.name] not in _LEFT_OUT]


def customer(customer_id: UUID) -> Person:
    """Name a customer and everybody who was merged into them, of the organization in scope."""
    keys, waiting = [customer_id], [customer_id]
    while waiting:
        merged = Customer.objects.filter(merged_into_id__in=waiting).exclude(pk__in=keys)
        waiting = list(merged.values_list("pk", flat=True))
        keys += waiting
    return Person(start=graph.CUSTOMER, keys=tuple(keys))


def contact(contact_id: UUID) -> Person:
    """Name one person at a customer."""
    return Person(start=graph.CONTACT, keys=(contact_id,))


def user(user_id: UUID) -> Person:
    """Name somebody with an account."""
    return Person(start=graph.USER, keys=(user_id,))


def tables(person: Person) -> list[Table]:
    """Return the tables that may hold the person, with the question that finds their rows."""
    waiting = {each.label: each for each in graph.reached(person.start)}
    ready: dict[str, QuerySet[Any]] = {}
    while waiting:
        # A table is asked after those that its rows may belong to; what goes round is asked by what is known.
        free = [each for each in waiting.values() if not any(edge.target in waiting for edge in each.edges)]
        each = (free or list(waiting.values()))[0]
        del waiting[each.label]
        rows = each.model._default_manager.all()
        if each.label == person.start:
            ready[each.label] = rows.filter(pk__in=person.keys)
            continue
        found = Q(pk__in=[])
        for edge in each.edges:
            if edge.target in ready:
                found |= _belongs(edge, ready, person)
        ready[each.label] = rows.filter(found)
    found_tables = []
    for label, rows in ready.items():
        policy = policy_of(rows.model)
        assert policy is not None, label  # noqa: S101  checked: tenancy.E001
        found_tables.append(Table(rows.model, rows.order_by("pk"), policy))
    return found_tables


def _belongs(edge: graph.Edge, ready: Mapping[str, QuerySet[Any]], person: Person) -> Q:
    if edge.label == graph.FILE:
        # A file names nobody: the row that names the file does.
        named = ready[edge.target].exclude(**{edge.column: None})
        return Q(pk__in=named.order_by().values(edge.column))
    if edge.target == person.start:
        return Q(**{f"{edge.column}__in": person.keys})
    return Q(**{f"{edge.column}__in": ready[edge.target].order_by().values("pk")})


def counts(person: Person) -> dict[str, int]:
    """Say how many rows of each table hold the person; tables without any are left out."""
    found = {table.label: table.rows.count() for table in tables(person)}
    letters = len(letters_to(person))
    if letters:
        found[OutboxMessage._meta.label] = letters
    return {label: count for label, count in found.items() if count}


def page(table: Table, after: Any = None) -> tuple[list[dict[str, Any]], Any]:
    """Read a portion of a table's rows, every value as it can be written, and the cursor of the next one."""
    rows = table.rows if after is None else table.rows.filter(pk__gt=after)
    found = list(rows[:PORTION])
    return [written(table, row) for row in found], found[-1].pk if len(found) == PORTION else None


def written(table: Table, row: Any) -> dict[str, Any]:
    """Write one row: plain values as they are, encrypted ones in clear."""
    return {name: plain(getattr(row, name)) for name in table.columns}


def plain(value: Any) -> Any:
    """Write a value so that JSON can hold it without losing anything."""
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def addresses(person: Person) -> set[str]:
    """Return the e-mail addresses of a person and, for a customer, of everybody at it, case folded."""
    found: list[Any] = []
    if person.start == graph.CUSTOMER:
        found += [row.email for row in Customer.objects.filter(pk__in=person.keys)]
        found += [row.email for row in Contact.objects.filter(customer_id__in=person.keys)]
    elif person.start == graph.CONTACT:
        found += [row.email for row in Contact.objects.filter(pk__in=person.keys)]
    else:
        found += [row.email for row in apps.get_model(graph.USER)._default_manager.filter(pk__in=person.keys)]
    return {str(each).strip().casefold() for each in found if each and "@" in str(each)}


def names(person: Person) -> set[str]:
    """Return the names of a person and, for a customer, of everybody at it, case folded."""
    found: list[Any] = []
    if person.start == graph.CUSTOMER:
        found += [row.name for row in Customer.objects.filter(pk__in=person.keys)]
        found += [row.name for row in Contact.objects.filter(customer_id__in=person.keys)]
    elif person.start == graph.CONTACT:
        found += [row.name for row in Contact.objects.filter(pk__in=person.keys)]
    # What was erased before is no text any more.
    return {each.strip().casefold() for each in found if isinstance(each, str) and each.strip()}


def letters_to(person: Person) -> list[OutboxMessage]:
    """Find the mails whose text is still here and that go to the person: they name nobody but in their address."""
    wanted = addresses(person)
    if not wanted:
        return []
    waiting = OutboxMessage.objects.filter(body__isnull=False).order_by("pk")
    return [row for row in waiting if str((row.body or {}).get("to", "")).strip().casefold() in wanted]


def history(person: Person) -> list[dict[str, Any]]:
    """Say what was done with the person's own records: kind, time and through what, newest first."""
    keys = list(person.keys)
    about = Event.objects.filter(Q(subject_id__in=keys) | Q(subject_ids__overlap=keys))
    if person.start == graph.USER:
        about = Event.objects.filter(Q(actor_id__in=keys) | Q(subject_id__in=keys))
    columns = ("event", "at", "actor_kind", "via", "result")
    return [
        dict(zip(columns, [plain(value) for value in row], strict=True))
        for row in about.order_by("-at").values_list(*columns)[:_MOST_EVENTS]
    ]
