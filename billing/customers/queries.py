"""Reading customers: keyset pages, exact search by blind index, type-ahead by decrypted names.

A page fetches its keys and columns from one table in one statement and decrypts nothing that is not shown.
`within` limits what is read to these customers, for somebody to whom grants open single ones; None sets no limit.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models import Q

from accounts import grants
from accounts import queries as people
from accounts.models import User
from billing.contacts import queries as contacts
from billing.customers import rules
from billing.customers.models import Customer
from core.errors import NotFound
from crypto import blindindex
from crypto import rows as plain_rows
from tenancy import context

MOST = 200
# Reading this many names takes about an eighth of a second of one processor (7 µs each); beyond it type-ahead
# answers exact matches only.
TYPE_AHEAD_LIMIT = 20_000
_PORTION = 4_000
_NEWER_THAN_ALL = UUID(int=2**128 - 1)
_STORED = (
    "SELECT id, subject_key, name FROM billing_customer WHERE tenant_id = %(tenant)s AND state = 'active' "
)
_NEWEST = "AND id < %(before)s ORDER BY id DESC LIMIT %(most)s"
_NAMES, _NAMES_WITHIN = f"{_STORED}{_NEWEST}", f"{_STORED}AND id = ANY(%(within)s) {_NEWEST}"
_EXACT = {"email": "email_index", "tax_id": "tax_id_index", "reference": "reference_index"}
LISTED = ("id", "tenant_id", "subject_key", "name", "email", "reference", "currency", "state", "created_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow:
    """One customer in a list."""

    id: UUID
    name: str
    email: str
    reference: str
    currency: str
    state: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerDetail:
    """One customer with everything kept about them."""

    id: UUID
    name: str
    email: str
    phone: str
    address: dict[str, str] = field(default_factory=dict)
    tax_id: str
    reference: str
    notes: str
    metadata: dict[str, str] = field(default_factory=dict)
    einvoice_format: str
    endpoint_id: str
    endpoint_scheme: str
    buyer_reference: str
    tax_exemption: str = ""
    currency: str
    delivery_address: dict[str, str] = field(default_factory=dict)
    payment_days: int | None
    language: str
    tax_id_state: str
    parent_id: UUID | None
    merged_into_id: UUID | None
    state: str
    is_erased: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody who gets a mail about a customer. Without a contact it is the customer's own address."""

    email: str
    name: str
    language: str
    contact_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """One page; `next_after` is the cursor of the next one, None on the last."""

    rows: list[CustomerRow]
    next_after: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A grant: to whom a customer is open, and until when."""

    member_id: UUID
    name: str
    given_by: str
    given_at: datetime
    ends_at: datetime | None


def page(
    *,
    limit: int = 50,
    after: UUID | None = None,
    state: str | None = None,
    within: Collection[UUID] | None = None,
    oldest: bool = False,
) -> CustomerPage:
    """List customers, newest first or `oldest` first, from behind `after`."""
    rows = _rows(within).order_by("id" if oldest else "-id")
    if state is not None:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__gt=after) if oldest else rows.filter(pk__lt=after)
    limit = max(1, min(limit, MOST))
    found = list(rows.only(*LISTED)[: limit + 1])
    more = len(found) > limit
    return CustomerPage([row_of(row) for row in found[:limit]], found[limit - 1].pk if more else None)


def count(*, state: str, within: Collection[UUID]) -> int:
    """Count those of some customers that are in a state; of all there are tallies."""
    return _rows(within).filter(state=state).count()


def archived(*, most: int) -> list[UUID] | None:
    """Return the ids of the archived customers; None when they are more than so many."""
    rows = Customer.objects.filter(state=Customer.State.ARCHIVED).values_list("pk", flat=True)
    found = list(rows[: most + 1])
    return None if len(found) > most else found


def get(customer_id: UUID, *, within: Collection[UUID] | None = None) -> CustomerDetail:
    """Return one customer.

    Raises:
        NotFound: there is none, or it is another's, or outside the limit.
    """
    row = _rows(within).filter(pk=customer_id).first()
    if row is None:
        raise NotFound
    return detail(row)


def detail(row: Customer) -> CustomerDetail:
    """Show a customer whose row is loaded already."""
    return CustomerDetail(
        id=row.pk,
        name=row.name,
        email=row.email or "",
        phone=row.phone or "",
        address=_object(row.address),
        tax_id=row.tax_id or "",
        reference=row.reference or "",
        notes=row.notes or "",
        metadata=_object(row.metadata),
        einvoice_format=row.einvoice_format,
        endpoint_id=row.endpoint_id or "",
        endpoint_scheme=row.endpoint_scheme,
        buyer_reference=row.buyer_reference or "",
        tax_exemption=row.tax_exemption or "",
        currency=row.currency,
        delivery_address=_object(row.delivery_address),
        payment_days=row.payment_days,
        language=row.language,
        tax_id_state=row.tax_id_state,
        parent_id=row.parent_id,
        merged_into_id=row.merged_into_id,
        state=row.state,
        is_erased=row.subject_key is None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def details(
    *,
    limit: int = 50,
    after: UUID | None = None,
    state: str | None = None,
    found_by: Mapping[str, str] | None = None,
    ids: Iterable[UUID] | None = None,
) -> tuple[list[CustomerDetail], UUID | None]:
    """List customers with everything kept about them, newest first, and the cursor of the next page.

    `found_by` holds exact details (email, tax_id, reference), each compared by its blind index.
    """
    rows = Customer.objects.order_by("-id")
    if state is not None:
        rows = rows.filter(state=state)
    for name, text in (found_by or {}).items():
        column = _EXACT[name]
        rows = rows.filter(**{column: blindindex.lookup(Customer, column, text)})
    if ids is not None:
        rows = rows.filter(pk__in=list(ids))
    if after is not None:
        rows = rows.filter(pk__lt=after)
    limit = max(1, min(limit, MOST))
    found = list(rows[: limit + 1])
    next_after = found[limit - 1].pk if len(found) > limit else None
    return [detail(row) for row in found[:limit]], next_after


def names(customer_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return customers' names by id, in one statement, for a page that has their ids."""
    wanted = set(customer_ids)
    rows = (
        Customer.objects.filter(pk__in=wanted).only("id", "tenant_id", "subject_key", "name")
        if wanted
        else []
    )
    return {row.pk: row.name for row in rows}


def recipients(customer_id: UUID, role: str) -> list[Recipient]:
    """Say who gets a kind of mail about a customer: the contacts in the role, else the customer's own address.

    Raises:
        NotFound: there is no such customer.
    """
    return recipients_of([get(customer_id)], role)[customer_id]


def recipients_of(found: Iterable[CustomerDetail], role: str) -> dict[UUID, list[Recipient]]:
    """Say who gets a kind of mail about each of these customers; nobody where there is no address at all."""
    wanted = {row.id: row for row in found}
    theirs = contacts.in_role(wanted, role)
    answer: dict[UUID, list[Recipient]] = {}
    for key, row in wanted.items():
        people = [
            Recipient(
                email=one.email, name=one.name, language=one.language or row.language, contact_id=one.id
            )
            for one in theirs.get(key, [])
        ]
        own = [Recipient(email=row.email, name=row.name, language=row.language)] if row.email else []
        # One address once, whoever stands for it.
        apart: dict[str, Recipient] = {}
        for one in people or own:
            apart.setdefault(rules.normalize_email(one.email), one)
        answer[key] = list(apart.values())
    return answer


def language_of(customer_id: UUID) -> str:
    """Return the language noted of a customer, empty where none is."""
    return Customer.objects.filter(pk=customer_id).values_list("language", flat=True).first() or ""


def rows_of(customer_ids: Iterable[UUID]) -> list[CustomerRow]:
    """Return these customers as rows of a list, in no order, in one statement."""
    wanted = set(customer_ids)
    return [row_of(row) for row in Customer.objects.filter(pk__in=wanted).only(*LISTED)] if wanted else []


def find(
    *,
    email: str = "",
    tax_id: str = "",
    reference: str = "",
    name: str = "",
    within: Collection[UUID] | None = None,
) -> list[CustomerRow]:
    """Find customers by exactly one detail, compared by its blind index (case and spacing do not matter)."""
    given = {"email_index": email, "tax_id_index": tax_id, "reference_index": reference, "name_index": name}
    asked = {column: text for column, text in given.items() if text.strip()}
    if len(asked) != 1:
        raise ValueError("name exactly one detail to find customers by")
    (column, text), *_ = asked.items()
    return [row_of(row) for row in by_index(column, text, within)]


def search(text: str, *, limit: int = 10, within: Collection[UUID] | None = None) -> list[CustomerRow]:
    """Find customers as somebody types: e-mail, tax id or number exactly, the active by a name from a word's start."""
    found = matching(text, limit=limit, within=within)
    rows = {row.id: row for row in rows_of(found)}
    return [rows[customer_id] for customer_id in found if customer_id in rows]


def matching(text: str, *, limit: int = 10, within: Collection[UUID] | None = None) -> list[UUID]:
    """Return the ids of what `search` finds, for a list that shows other columns of them.

    Names are decrypted in this request, newest customers first, up to TYPE_AHEAD_LIMIT of them.
    """
    wanted = rules.normalize_name(text)
    if not wanted:
        return []
    asked = _index_of("email_index" if "@" in text else "reference_index", text)
    if rules.normalize_tax_id(text):
        asked |= _index_of("tax_id_index", text)
    if "@" in text:
        asked |= Q(pk__in=contacts.customers_of(text))
    found = list(_rows(within).filter(asked).order_by("-id").values_list("pk", flat=True)[:limit])
    normalize, inside = rules.normalize_name, f" {wanted}"
    for customer_id, name in _active_names(within):
        if len(found) >= limit:
            break
        name = normalize(name)
        if (name.startswith(wanted) or inside in name) and customer_id not in found:
            found.append(customer_id)
    return found


def opened_to(person: User, *, at: datetime) -> frozenset[UUID]:
    """Return the customers that grants open to a member at this moment."""
    rows = grants.visible(Customer.objects.all(), user=person, action=grants.Action.VIEW, at=at)
    return frozenset(rows.values_list("id", flat=True))


def openings(customer_id: UUID, *, at: datetime) -> list[Opening]:
    """List to whom a customer is open by a grant, the one that ends first at the top."""
    rows = list(grants.holders(Customer(pk=customer_id), at=at))
    members = {row.user_id: row.pk for row in people.members().filter(user__in=[row.user_id for row in rows])}
    names = people.names_of({each for row in rows for each in (row.user_id, row.granted_by)})
    return [
        Opening(
            member_id=members[row.user_id],
            name=names[row.user_id],
            given_by=names.get(row.granted_by, ""),
            given_at=row.granted_at,
            ends_at=row.expires_at,
        )
        for row in rows
        if row.user_id in members
    ]


def _rows(within: Collection[UUID] | None) -> "models.QuerySet[Customer]":
    rows: models.QuerySet[Customer] = Customer.objects.all()
    return rows if within is None else rows.filter(pk__in=within)


def _active_names(within: Collection[UUID] | None) -> Iterator[tuple[UUID, str]]:
    """Decrypt the names of active customers, newest first."""
    return plain_rows.open_all(Customer, "name", _stored_names(within))


def _stored_names(within: Collection[UUID] | None) -> Iterator[tuple[UUID, bytes | None, bytes | None]]:
    """Read the stored names of active customers, newest first, in portions.

    By plain SQL: the ORM converts each value once more, which takes half as long as decrypting it.
    """
    named: dict[str, Any] = {"tenant": context.current_tenant(), "within": list(within or ())}
    named["before"], left = _NEWER_THAN_ALL, TYPE_AHEAD_LIMIT
    with connection.cursor() as cursor:
        while left > 0:
            cursor.execute(
                _NAMES if within is None else _NAMES_WITHIN, {**named, "most": min(_PORTION, left)}
            )
            found = cursor.fetchall()
            yield from found
            if len(found) < _PORTION:
                return
            named["before"], left = found[-1][0], left - len(found)


def by_index(column: str, text: str, within: Collection[UUID] | None) -> Sequence[Customer]:
    """Find customers by one detail, compared by its blind index, with what a list shows of them."""
    return list(_rows(within).filter(_index_of(column, text)).order_by("-id").only(*LISTED)[:MOST])


def _index_of(column: str, text: str) -> Q:
    return Q(**{column: blindindex.lookup(Customer, column, text)})


def row_of(row: Customer) -> CustomerRow:
    """Show a customer in a list whose row is loaded already."""
    return CustomerRow(
        id=row.pk,
        name=row.name,
        email=row.email or "",
        reference=row.reference or "",
        currency=row.currency,
        state=row.state,
        created_at=row.created_at,
    )


def _object(value: object) -> dict[str, str]:
    """An erased object reads as nothing: its marker is a text."""
    return dict(value) if isinstance(value, dict) else {}
