"""Billing's own lists for export: customers, contacts, invoices and their lines, read by plain SQL in portions."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from accounts.lists import queries as selections
from accounts.permissions import Permission
from billing.contacts.models import Contact
from billing.customers import chosen as customers_chosen
from billing.customers.models import Customer
from billing.exports.kinds import CHOSEN, Column, Filters, Kind, Shape, Value, register
from billing.invoices import chosen as invoices_chosen
from billing.invoices.models import InvoiceLine
from core import ids, money
from crypto import rows as plain_rows
from tenancy.context import current_tenant

PORTION = 2_000
_NEWEST = UUID(int=2**128 - 1)
_CUSTOMER_TEXTS = ("name", "email", "phone", "tax_id", "reference")
_ADDRESS = ("line1", "line2", "postal_code", "city", "region", "country")
# Data that is kept and not used is not taken out in lists either (GDPR Article 18).
_UNRESTRICTED = (
    "AND NOT EXISTS (SELECT FROM billing_customer c WHERE c.tenant_id = billing_contact.tenant_id "
    "AND c.id = billing_contact.customer_id AND c.restricted_at IS NOT NULL)"
)
STATUS = ("draft", "finalized", "voided")


def _personal(code: str, label: str) -> Column:
    return Column(code=code, label=label, is_personal=True)


CUSTOMER_COLUMNS = (
    Column(code="id", label="Id"),
    _personal("name", "Name"),
    _personal("email", "E-mail address"),
    _personal("phone", "Phone"),
    *(_personal(code, label) for code, label in (
        ("line1", "Street"), ("line2", "More of the address"), ("postal_code", "Postal code"),
        ("city", "City"), ("region", "Region"), ("country", "Country"),
    )),
    _personal("tax_id", "Tax id"),
    _personal("reference", "Your number"),
    Column(code="tax_id_state", label="Tax id checked"),
    Column(code="currency", label="Currency"),
    Column(code="payment_days", label="Days to pay", shape=Shape.NUMBER),
    Column(code="language", label="Language"),
    Column(code="state", label="State"),
    Column(code="parent", label="Belongs to"),
    Column(code="created_at", label="Added", shape=Shape.MOMENT),
)  # fmt: skip
CONTACT_COLUMNS = (
    Column(code="id", label="Id"),
    Column(code="customer", label="Customer"),
    _personal("name", "Name"),
    _personal("email", "E-mail address"),
    _personal("phone", "Phone"),
    _personal("position", "Position"),
    Column(code="roles", label="Gets"),
    Column(code="language", label="Language"),
    Column(code="state", label="State"),
)
INVOICE_COLUMNS = (
    Column(code="id", label="Id"),
    Column(code="number", label="Number"),
    Column(code="status", label="Status"),
    Column(code="payment_status", label="Paid"),
    Column(code="customer", label="Customer"),
    _personal("customer_name", "Customer's name"),
    Column(code="currency", label="Currency"),
    *(Column(code=code, label=label, shape=Shape.NUMBER) for code, label in (
        ("subtotal", "Net"), ("tax", "Tax"), ("total", "Total"), ("paid", "Paid amount"), ("due", "Due"),
    )),
    Column(code="issued_on", label="Issued on", shape=Shape.DAY),
    Column(code="due_on", label="Due on", shape=Shape.DAY),
    Column(code="created_at", label="Drafted", shape=Shape.MOMENT),
)  # fmt: skip
LINE_COLUMNS = (
    Column(code="invoice", label="Invoice"),
    Column(code="number", label="Number"),
    Column(code="position", label="Line", shape=Shape.NUMBER),
    _personal("description", "Description"),
    *(Column(code=code, label=label, shape=Shape.NUMBER) for code, label in (
        ("quantity", "Quantity"), ("unit_amount", "Unit price"), ("net", "Net"), ("tax_percentage", "Tax %"),
    )),
    Column(code="tax_category", label="Tax category"),
    Column(code="currency", label="Currency"),
    Column(code="issued_on", label="Issued on", shape=Shape.DAY),
)  # fmt: skip


def register_all() -> None:
    """Make billing's lists known."""
    register(
        Kind(
            code="customers", label="Customers", noun="customer", permission=Permission.CUSTOMER_READ,
            columns=CUSTOMER_COLUMNS, filters={"state": ("active", "archived"), CHOSEN: ()},
            count=_customers_count, page=_customers,
        )
    )  # fmt: skip
    register(
        Kind(
            code="contacts", label="Contacts", noun="contact", permission=Permission.CUSTOMER_READ,
            columns=CONTACT_COLUMNS, filters={"state": ("active", "former")},
            count=_contacts_count, page=_contacts,
        )
    )  # fmt: skip
    dated = {"status": STATUS, "from": (), "to": ()}
    register(
        Kind(
            code="invoices", label="Invoices", noun="invoice", permission=Permission.INVOICE_READ,
            columns=INVOICE_COLUMNS, filters={**dated, CHOSEN: ()}, count=_invoices_count, page=_invoices,
        )
    )  # fmt: skip
    register(
        Kind(
            code="lines", label="Invoice lines", noun="invoice line", permission=Permission.INVOICE_READ,
            columns=LINE_COLUMNS, filters=dated, count=_lines_count, page=_lines,
        )
    )  # fmt: skip


def fetch(sql: str, named: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Read rows as they are stored."""
    with connection.cursor() as cursor:
        cursor.execute(sql, named)
        return list(cursor.fetchall())


def amount(minor: int | None, currency: str) -> Value:
    """Write a booked amount as the number people read."""
    return None if minor is None else money.from_minor(minor, currency)


def customer_names(keys: Sequence[UUID]) -> dict[UUID, str]:
    """Read the names of some customers, in one statement; restricted ones have none (GDPR Article 18).

    Their invoices and payments stand in the lists all the same, without a name: the books must be whole.
    """
    sql = (
        "SELECT id, subject_key, name FROM billing_customer "
        "WHERE tenant_id = %(tenant)s AND id = ANY(%(ids)s) AND restricted_at IS NULL"
    )
    found = fetch(sql, {"tenant": current_tenant(), "ids": sorted(set(keys))})
    return {key: str(name) for key, name in plain_rows.open_all(Customer, "name", found)}


def chosen_rows(
    filters: Filters, rows_of: "Callable[[selections.Chosen], QuerySet[Any]]"
) -> "QuerySet[Any] | None":
    """Return the rows of the selection that a list is narrowed to, None where it is narrowed to none.

    Raises:
        NotFound: there is no such selection.
    """
    if not filters.get(CHOSEN):
        return None
    return rows_of(selections.selection(ids.decode("selection", filters[CHOSEN])))


def portion(rows: "QuerySet[Any] | None", after: UUID | None) -> tuple[str, dict[str, Any]]:
    """Write the condition that reads the next portion of a selection, and its value."""
    if rows is None:
        return "", {}
    keys = rows.filter(pk__lt=after or _NEWEST).order_by("-pk").values_list("pk", flat=True)[:PORTION]
    return "AND id = ANY(%(keys)s)", {"keys": list(keys)}


def _customers_count(filters: Filters) -> int:
    chosen = chosen_rows(filters, customers_chosen.rows)
    rows = (Customer.objects.all() if chosen is None else chosen).filter(restricted_at__isnull=True)
    return (rows.filter(state=filters["state"]) if filters.get("state") else rows).count()


def _customers(
    filters: Filters, columns: Sequence[str], after: UUID | None
) -> tuple[list[Sequence[Value]], UUID | None]:
    plain = (
        "id", "subject_key", "currency", "payment_days", "language", "state", "tax_id_state", "parent_id",
        "created_at",
    )  # fmt: skip
    sealed = [name for name in _CUSTOMER_TEXTS if name in columns]
    if set(_ADDRESS) & set(columns):
        sealed.append("address")
    state = "AND state = %(state)s" if filters.get("state") else ""
    chosen = chosen_rows(filters, customers_chosen.rows)
    keys, named = portion(None if chosen is None else chosen.filter(restricted_at__isnull=True), after)
    sql = _select("billing_customer", (*plain, *sealed), f"AND restricted_at IS NULL {state} {keys}")
    stored = behind(sql, after, {"state": filters.get("state"), **named})
    open_person = plain_rows.person_opener(Customer, sealed)

    def tell(row: tuple[Any, ...]) -> dict[str, Value]:
        opened = open_person(row[0], row[1], row[len(plain) :]) if sealed else {}
        said = {
            "id": ids.encode("customer", row[0]), "currency": row[2], "payment_days": row[3], "language": row[4],
            "state": row[5], "tax_id_state": row[6], "created_at": row[8],
            "parent": ids.encode("customer", row[7]) if row[7] else None,
            **opened,
        }  # fmt: skip
        address = opened.get("address")
        if isinstance(address, dict):
            said |= {name: str(address.get(name, "")) for name in _ADDRESS}
        return said

    return shown(stored, columns, tell)


def _contacts_count(filters: Filters) -> int:
    rows = Contact.objects.filter(customer__restricted_at__isnull=True)
    return (rows.filter(state=filters["state"]) if filters.get("state") else rows).count()


def _contacts(
    filters: Filters, columns: Sequence[str], after: UUID | None
) -> tuple[list[Sequence[Value]], UUID | None]:
    plain = ("id", "subject_key", "customer_id", "roles", "language", "state")
    sealed = [name for name in ("name", "email", "phone", "position") if name in columns]
    state = "AND state = %(state)s" if filters.get("state") else ""
    sql = _select("billing_contact", (*plain, *sealed), f"{_UNRESTRICTED} {state}")
    stored = behind(sql, after, {"state": filters.get("state")})
    open_person = plain_rows.person_opener(Contact, sealed)

    def tell(row: tuple[Any, ...]) -> dict[str, Value]:
        return {
            "id": ids.encode("contact", row[0]), "customer": ids.encode("customer", row[2]),
            "roles": ", ".join(row[3]), "language": row[4], "state": row[5],
            **(open_person(row[0], row[1], row[len(plain) :]) if sealed else {}),
        }  # fmt: skip

    return shown(stored, columns, tell)


def _dated(filters: Filters, table: str) -> str:
    parts = []
    if filters.get("status"):
        parts.append(f"AND {table}.status = %(status)s")
    if filters.get("from"):
        parts.append(f"AND {table}.issued_on >= %(from)s")
    if filters.get("to"):
        parts.append(f"AND {table}.issued_on <= %(to)s")
    return " ".join(parts)


def _named(filters: Filters) -> dict[str, Any]:
    return {
        "status": filters.get("status"),
        **{name: date.fromisoformat(filters[name]) for name in ("from", "to") if filters.get(name)},
    }


def _invoices_count(filters: Filters) -> int:
    chosen = chosen_rows(filters, invoices_chosen.rows)
    if chosen is not None:
        return _narrowed(chosen, filters).count()
    sql = f"SELECT count(*) FROM billing_invoice i WHERE i.tenant_id = %(tenant)s {_dated(filters, 'i')}"  # noqa: S608  our own words
    return int(fetch(sql, {"tenant": current_tenant(), **_named(filters)})[0][0])


def _invoices(
    filters: Filters, columns: Sequence[str], after: UUID | None
) -> tuple[list[Sequence[Value]], UUID | None]:
    plain = (
        "id", "number", "status", "payment_status", "customer_id", "currency", "subtotal_minor", "tax_minor",
        "total_minor", "amount_paid_minor", "amount_due_minor", "issued_on", "due_on", "created_at",
    )  # fmt: skip
    chosen = chosen_rows(filters, invoices_chosen.rows)
    keys, named = portion(None if chosen is None else _narrowed(chosen, filters), after)
    where = f"{_dated(filters, 'billing_invoice')} {keys}"
    stored = behind(_select("billing_invoice", plain, where), after, {**_named(filters), **named})
    names = customer_names([row[4] for row in stored]) if "customer_name" in columns else {}

    def tell(row: tuple[Any, ...]) -> dict[str, Value]:
        sums = dict(zip(("subtotal", "tax", "total", "paid", "due"), row[6:11], strict=True))
        return {
            "id": ids.encode("invoice", row[0]), "number": row[1], "status": row[2], "payment_status": row[3],
            "customer": ids.encode("customer", row[4]), "customer_name": names.get(row[4]), "currency": row[5],
            **{name: amount(minor, row[5]) for name, minor in sums.items()},
            "issued_on": row[11], "due_on": row[12], "created_at": row[13],
        }  # fmt: skip

    return shown(stored, columns, tell)


def _narrowed(rows: "QuerySet[Any]", filters: Filters) -> "QuerySet[Any]":
    bounds = {
        "status": filters.get("status"),
        "issued_on__gte": filters.get("from"),
        "issued_on__lte": filters.get("to"),
    }
    return rows.filter(**{name: value for name, value in bounds.items() if value})


def _lines_count(filters: Filters) -> int:
    sql = (
        "SELECT count(*) FROM billing_invoiceline l JOIN billing_invoice i "  # noqa: S608  our own words
        "ON i.tenant_id = l.tenant_id AND i.id = l.invoice_id "
        f"WHERE l.tenant_id = %(tenant)s {_dated(filters, 'i')}"
    )
    return int(fetch(sql, {"tenant": current_tenant(), **_named(filters)})[0][0])


def _lines(
    filters: Filters, columns: Sequence[str], after: UUID | None
) -> tuple[list[Sequence[Value]], UUID | None]:
    sql = (
        "SELECT l.id, l.invoice_id, i.number, l.position, l.quantity, l.unit_amount, l.net_minor, "  # noqa: S608  our own words
        "l.tax_percentage, l.tax_category, i.currency, i.issued_on, "
        "CASE WHEN c.restricted_at IS NULL THEN l.description END "
        "FROM billing_invoiceline l JOIN billing_invoice i ON i.tenant_id = l.tenant_id AND i.id = l.invoice_id "
        "JOIN billing_customer c ON c.tenant_id = i.tenant_id AND c.id = i.customer_id "
        f"WHERE l.tenant_id = %(tenant)s AND l.id < %(after)s {_dated(filters, 'i')} "
        "ORDER BY l.id DESC LIMIT %(most)s"
    )
    stored = behind(sql, after, _named(filters))
    opened = plain_rows.opener(InvoiceLine, "description") if "description" in columns else None

    def tell(row: tuple[Any, ...]) -> dict[str, Value]:
        return {
            "invoice": ids.encode("invoice", row[1]), "number": row[2], "position": row[3],
            "quantity": row[4].normalize(), "unit_amount": row[5].normalize(), "net": amount(row[6], row[9]),
            "tax_percentage": row[7].normalize(), "tax_category": row[8], "currency": row[9],
            "issued_on": row[10], "description": opened(row[0], row[11]) if opened and row[11] is not None else None,
        }  # fmt: skip

    return shown(stored, columns, tell)


def _select(table: str, names: Sequence[str], where: str) -> str:
    return (
        f"SELECT {', '.join(names)} FROM {table} WHERE tenant_id = %(tenant)s AND id < %(after)s "  # noqa: S608  our own words
        f"{where} ORDER BY id DESC LIMIT %(most)s"
    )


def behind(sql: str, after: UUID | None, named: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Read a portion behind a cursor; the statement names `tenant`, `after` and `most`."""
    known = {name: value for name, value in named.items() if f"%({name})s" in sql}
    return fetch(sql, {"tenant": current_tenant(), "after": after or _NEWEST, "most": PORTION, **known})


def shown(
    stored: Sequence[tuple[Any, ...]],
    columns: Sequence[str],
    tell: Callable[[tuple[Any, ...]], dict[str, Value]],
) -> tuple[list[Sequence[Value]], UUID | None]:
    """Return the columns that were asked for of a portion, and the cursor of the next."""
    found: list[Sequence[Value]] = []
    for row in stored:
        said = tell(row)
        found.append([said.get(name) for name in columns])
    return found, stored[-1][0] if len(stored) == PORTION else None
