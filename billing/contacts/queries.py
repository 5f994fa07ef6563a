"""Reading contacts: those of one customer, one by id, and whose an address is."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.contacts.models import Contact
from core.errors import NotFound
from crypto import blindindex

MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDetail:
    """One contact with everything kept about them."""

    id: UUID
    customer_id: UUID
    name: str
    email: str
    phone: str
    position: str
    roles: tuple[str, ...]
    is_primary: bool
    language: str
    state: str
    is_erased: bool
    created_at: datetime
    updated_at: datetime


def of_customer(customer_id: UUID) -> list[ContactDetail]:
    """List the active contacts of a customer: the primary one first, then in the order they came."""
    rows = Contact.objects.filter(customer_id=customer_id, state=Contact.State.ACTIVE)
    return [detail(row) for row in rows.order_by("-is_primary", "id")]


def get(contact_id: UUID, *, within: Collection[UUID] | None = None) -> ContactDetail:
    """Return one contact, also a former one; `within` limits it to those of these customers.

    Raises:
        NotFound: there is none, or it is outside the limit.
    """
    rows = Contact.objects.filter(pk=contact_id)
    row = (rows if within is None else rows.filter(customer_id__in=within)).first()
    if row is None:
        raise NotFound
    return detail(row)


def page(
    *,
    limit: int = 50,
    after: UUID | None = None,
    customer_id: UUID | None = None,
    email: str = "",
    state: str | None = None,
) -> tuple[list[ContactDetail], UUID | None]:
    """List contacts, newest first, and the cursor of the next page; an address is compared by its blind index."""
    rows = Contact.objects.order_by("-id")
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if email:
        rows = rows.filter(email_index=blindindex.lookup(Contact, "email_index", email))
    if state is not None:
        rows = rows.filter(state=state)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    limit = max(1, min(limit, MOST))
    found = list(rows[: limit + 1])
    return [detail(row) for row in found[:limit]], found[limit - 1].pk if len(found) > limit else None


def customers_of(email: str) -> list[UUID]:
    """Return the customers one of whose active contacts has this address."""
    index = blindindex.lookup(Contact, "email_index", email)
    rows = Contact.objects.filter(email_index=index, state=Contact.State.ACTIVE)
    return list(rows.order_by("-id").values_list("customer_id", flat=True)[:MOST])


def in_role(customer_ids: Iterable[UUID], role: str) -> dict[UUID, list[ContactDetail]]:
    """Return by customer who has a role, in the order they came, in one statement."""
    rows = Contact.objects.filter(
        customer_id__in=set(customer_ids), state=Contact.State.ACTIVE, roles__contains=[role]
    )
    found: dict[UUID, list[ContactDetail]] = {}
    for row in rows.order_by("-is_primary", "id"):
        if row.email is not None and row.subject_key is not None:
            found.setdefault(row.customer_id, []).append(detail(row))
    return found


def detail(row: Contact) -> ContactDetail:
    """Show a contact whose row is loaded already."""
    return ContactDetail(
        id=row.pk,
        customer_id=row.customer_id,
        name=row.name,
        email=row.email or "",
        phone=row.phone or "",
        position=row.position or "",
        roles=tuple(row.roles),
        is_primary=row.is_primary,
        language=row.language,
        state=row.state,
        is_erased=row.subject_key is None,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
