"""Who a customer is related to: whom they belong to, who turned out to be them, who may be them."""

from dataclasses import dataclass
from uuid import UUID

from billing.contacts import queries as contacts
from billing.customers import queries
from billing.customers.models import Customer
from billing.customers.queries import CustomerRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A customer who may be the one somebody is entering, and what they share."""

    row: CustomerRow
    shares: tuple[str, ...]


def children(customer_id: UUID) -> list[CustomerRow]:
    """List who belongs to a customer, newest first."""
    return [
        queries.row_of(row)
        for row in Customer.objects.filter(parent_id=customer_id)
        .order_by("-id")
        .only(*queries.LISTED)[: queries.MOST]
    ]


def merged_from(customer_id: UUID) -> list[CustomerRow]:
    """List who turned out to be this customer, newest first; what was billed to them stands there."""
    rows = Customer.objects.filter(merged_into_id=customer_id).order_by("-id")
    return [queries.row_of(row) for row in rows.only(*queries.LISTED)[: queries.MOST]]


def duplicates(
    *, name: str = "", email: str = "", tax_id: str = "", besides: UUID | None = None
) -> list[Duplicate]:
    """Find who may be meant already: by e-mail address (a contact's too), tax id or name, compared by blind index."""
    shared: dict[UUID, list[str]] = {}
    for words, column, text in (
        ("e-mail address", "email_index", email),
        ("tax id", "tax_id_index", tax_id),
        ("name", "name_index", name),
    ):
        if text.strip():
            for row in queries.by_index(column, text, None):
                shared.setdefault(row.pk, []).append(words)
    if email.strip():
        for key in contacts.customers_of(email):
            shared.setdefault(key, []).append("a contact’s e-mail address")
    rows = {row.id: row for row in queries.rows_of(key for key in shared if key != besides)}
    return [Duplicate(row=rows[key], shares=tuple(words)) for key, words in shared.items() if key in rows]
