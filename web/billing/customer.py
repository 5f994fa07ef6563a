"""One customer: what they owe, their invoices, what is kept about them and how, and who looked."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from audit import events as audit_events
from audit import queries as audit
from billing.customers.models import Customer
from billing.customers.queries import CustomerDetail
from billing.invoices import lists
from billing.invoices.lists import View, Wanted
from core import clock
from core.datapolicy import ENCRYPTED_CLASSES
from edge import recording
from edge.access import Granted, access
from edge.request import Request
from web.billing import documents, invoices, rows
from web.billing.customers import opened
from web.console import trail
from web.kit import formats
from web.kit.parts import Crumb, Tab

_LATEST = 20
_NOT_SHOWN = ("subject_key",)


@access(get=Granted(Permission.CUSTOMER_READ))
def detail(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show a customer."""
    found = opened(request, pk)
    on = rows.today()
    may_read = Permission.INVOICE_READ in request.permissions or found.id in request.opened_customers
    wanted = Wanted(today=on, customer_ids=[found.id])
    listed = lists.page(wanted, limit=_LATEST).rows if may_read else []
    context = {
        **context_of(request, slug, pk, found, "detail"),
        "address": documents.address(found.address),
        "figures": _figures(slug, pk, found, on=wanted) if may_read else [],
        "rows": rows.rows(listed, slug=slug, on=on),
        "all_url": invoices.list_url(slug, customer=pk),
        "encrypted": encrypted_fields(),
        "may_bill": Permission.INVOICE_WRITE in request.permissions and found.state == "active",
        "may_read_invoices": may_read,
    }
    return render(request, "billing/customer.html", context)


@access(get=Permission.CUSTOMER_READ)
def access_history(request: Request, slug: str, pk: str) -> HttpResponse:
    """Show who looked at the customer."""
    found = opened(request, pk)
    page = audit.access_history(found.id, at=clock.now(), cursor=request.GET.get("cursor", ""))
    recording.read(request, audit_events.AUDIT_READ, subject=("customer", found.id))
    context = {
        **context_of(request, slug, pk, found, "access"),
        "seen": trail.rows(page.events, slug=slug, permissions=request.permissions),
        "next_url": f"?cursor={page.next_cursor}" if page.next_cursor else "",
        "search_url": trail.search_url(slug, subject=str(found.id)),
        "may_audit": Permission.AUDIT_READ in request.permissions,
    }
    return render(request, "billing/customer_access.html", context)


def encrypted_fields() -> list[str]:
    """Name what of a customer is kept encrypted, from the table's own data policy."""
    return [
        name.replace("_", " ")
        for name, kind in Customer.data_policy.fields.items()
        if kind in ENCRYPTED_CLASSES and name not in _NOT_SHOWN
    ]


def context_of(request: Request, slug: str, pk: str, found: CustomerDetail, current: str) -> dict[str, Any]:
    """Return what every side of a customer shows around itself; a tab that cannot be opened is absent."""
    may_write = Permission.CUSTOMER_WRITE in request.permissions
    reads = Permission.CUSTOMER_READ in request.permissions
    return {
        "pk": pk,
        "customer": found,
        "tabs": [
            Tab(label, reverse(name, args=[slug, pk]), key == current)
            for key, label, name, opens in (
                ("detail", "Customer", "billing:customer", True),
                (
                    "payments",
                    "Payments",
                    "payments:customer_payments",
                    Permission.PAYMENT_READ in request.permissions,
                ),
                (
                    "credit",
                    "Credit",
                    "billing:credit_entries",
                    Permission.PAYMENT_READ in request.permissions,
                ),
                ("access", "Access", "billing:customer_access", reads),
                ("portal", "Portal", "billing:portal", may_write),
                ("grants", "Opened to", "billing:grants", Permission.CUSTOMER_GRANT in request.permissions),
            )
            if opens
        ],
        "crumbs": [Crumb("Customers", reverse("billing:customers", args=[slug]))],
        "sees_access": reads,
        "may_edit": may_write and not found.is_erased,
        "may_remind": Permission.REMINDER_MANAGE in request.permissions and not found.is_erased,
        "may_archive": may_write and found.state == "active",
        "may_restore": may_write and found.state == "archived",
    }


def _figures(slug: str, pk: str, found: CustomerDetail, *, on: Wanted) -> list[dict[str, str]]:
    """Return what they owe, by currency; each figure leads to its rows."""
    owed = {each.currency: each for each in lists.sums(_of(on, View.OPEN))}
    late = {each.currency: each for each in lists.sums(_of(on, View.OVERDUE))}
    figures = []
    for currency in sorted(owed) or [found.currency]:
        open_, overdue = owed.get(currency), late.get(currency)
        figures.append(
            {
                "open": formats.money(open_.due_minor if open_ else 0, currency),
                "open_hint": formats.count(open_.count if open_ else 0, "open invoice"),
                "open_url": invoices.list_url(slug, view=View.OPEN, customer=pk),
                "overdue": formats.money(overdue.due_minor if overdue else 0, currency),
                "overdue_hint": formats.count(overdue.count if overdue else 0, "overdue invoice"),
                "overdue_url": invoices.list_url(slug, view=View.OVERDUE, customer=pk),
                "overdue_tint": "bad" if overdue else "",
            }
        )
    return figures


def _of(wanted: Wanted, view: View) -> Wanted:
    return Wanted(today=wanted.today, view=view, customer_ids=wanted.customer_ids)
