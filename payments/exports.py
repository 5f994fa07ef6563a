"""Payments as a list that can be exported."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.permissions import Permission
from billing.exports import lists
from billing.exports.kinds import CHOSEN, Column, Filters, Kind, Shape, Value, register
from billing.invoices import chosen
from billing.invoices.models import Invoice
from core import ids
from payments.models import Payment
from payments.services import sending
from tenancy.context import current_tenant

# So many are set one after the other in some minutes; a year of them is an archive, not a download.
MOST_PDFS = 500
_PDF_PORTION = 25
STATES = tuple(Payment.State.values)
COLUMNS = (
    Column(code="id", label="Id"),
    Column(code="customer", label="Customer"),
    Column(code="customer_name", label="Customer's name", is_personal=True),
    Column(code="state", label="State"),
    Column(code="method", label="Method"),
    Column(code="currency", label="Currency"),
    *(Column(code=code, label=label, shape=Shape.NUMBER) for code, label in (
        ("amount", "Amount"), ("captured", "Captured"), ("refunded", "Refunded"), ("reversed", "Taken back"),
    )),
    Column(code="received_on", label="Received on", shape=Shape.DAY),
    Column(code="created_at", label="Recorded", shape=Shape.MOMENT),
)  # fmt: skip
_STORED = (
    "id, customer_id, state, method, currency, amount_minor, captured_minor, refunded_minor, reversed_minor, "
    "received_on, created_at"
)


def register_all() -> None:
    """Make the list of payments known."""
    register(
        Kind(
            code="payments", label="Payments", noun="payment", permission=Permission.PAYMENT_READ,
            columns=COLUMNS, filters={"state": STATES, "from": (), "to": ()}, count=_count, page=_page,
        )
    )  # fmt: skip
    register(
        Kind(
            code="invoice_pdfs", label="PDFs of invoices", noun="invoice", permission=Permission.INVOICE_READ,
            columns=(Column(code="pdf", label="The invoice as PDF", is_personal=True),), filters={CHOSEN: ()},
            count=lambda filters: _final(filters).count(), page=_final_page, formats=("zip",), most=MOST_PDFS,
            document=_pdf,
        )
    )  # fmt: skip


def _final(filters: Filters) -> "QuerySet[Invoice]":
    """Return the invoices that have a document: a draft has none."""
    found = lists.chosen_rows(filters, chosen.rows)
    rows: QuerySet[Invoice] = Invoice.objects.all() if found is None else found
    return rows.exclude(status=Invoice.Status.DRAFT)


def _final_page(
    filters: Filters, columns: Sequence[str], after: UUID | None
) -> tuple[list[Sequence[Value]], UUID | None]:
    rows = _final(filters) if after is None else _final(filters).filter(pk__lt=after)
    keys = list(rows.order_by("-pk").values_list("pk", flat=True)[:_PDF_PORTION])
    return [[str(key)] for key in keys], keys[-1] if len(keys) == _PDF_PORTION else None


def _pdf(tenant_id: UUID, invoice: str) -> tuple[str, bytes]:
    made = sending.invoice_file(tenant_id, UUID(invoice))
    return made.name, made.content


def _where(filters: Filters) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    named: dict[str, Any] = {}
    if filters.get("state"):
        parts.append("AND state = %(state)s")
        named["state"] = filters["state"]
    for name, sign in (("from", ">="), ("to", "<=")):
        if filters.get(name):
            parts.append(f"AND received_on {sign} %({name})s")
            named[name] = date.fromisoformat(filters[name])
    return " ".join(parts), named


def _count(filters: Filters) -> int:
    where, named = _where(filters)
    sql = f"SELECT count(*) FROM payments_payment WHERE tenant_id = %(tenant)s {where}"  # noqa: S608  our own words
    return int(lists.fetch(sql, {"tenant": current_tenant(), **named})[0][0])


def _page(
    filters: Filters, columns: Sequence[str], after: UUID | None
) -> tuple[list[Sequence[Value]], UUID | None]:
    where, named = _where(filters)
    sql = (
        f"SELECT {_STORED} FROM payments_payment WHERE tenant_id = %(tenant)s AND id < %(after)s {where} "  # noqa: S608  our own words
        "ORDER BY id DESC LIMIT %(most)s"
    )
    stored = lists.behind(sql, after, named)
    names = lists.customer_names([row[1] for row in stored]) if "customer_name" in columns else {}

    def tell(row: tuple[Any, ...]) -> dict[str, Value]:
        sums = dict(zip(("amount", "captured", "refunded", "reversed"), row[5:9], strict=True))
        return {
            "id": ids.encode("payment", row[0]), "customer": ids.encode("customer", row[1]),
            "customer_name": names.get(row[1]), "state": row[2], "method": row[3], "currency": row[4],
            **{name: lists.amount(minor, row[4]) for name, minor in sums.items()},
            "received_on": row[9], "created_at": row[10],
        }  # fmt: skip

    return lists.shown(stored, columns, tell)
