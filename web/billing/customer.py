"""One customer: what they owe, their invoices, what is kept about them and how, and who looked."""

from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.permissions import Permission
from audit import events as audit_events
from audit import queries as audit
from billing.customers import kin, queries
from billing.customers.models import Customer
from billing.customers.queries import CustomerDetail, CustomerRow
from billing.invoices import lists
from billing.invoices.lists import View, Wanted
from core import clock, ids
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
        "delivery_address": documents.address(found.delivery_address),
        "merged_into": _link(slug, found.merged_into_id),
        "parent": _link(slug, found.parent_id),
        "below": _group(slug, kin.children(found.id), may_read=may_read, on=on),
        "merged_from": _group(slug, kin.merged_from(found.id), may_read=may_read, on=on),
        "language": dict(Customer.Language.choices).get(found.language, ""),
        "figures": _figures(slug, pk, found, on=wanted) if may_read else [],
        "rows": rows.rows(listed, slug=slug, on=on),
        "all_url": invoices.list_url(slug, customer=pk),
        "encrypted": encrypted_fields(),
        "may_bill": Permission.INVOICE_WRITE in request.permissions and found.state == "active",
        "may_read_invoices": may_read,
        "statement_url": reverse("reports:statement", args=[slug, pk])
        if Permission.REPORT_READ in request.permissions
        else "",
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


def _link(slug: str, customer_id: UUID | None) -> dict[str, str] | None:
    """Return the name and address of another customer that this one names."""
    if customer_id is None:
        return None
    name = queries.names([customer_id]).get(customer_id, "")
    return {
        "name": name,
        "url": reverse("billing:customer", args=[slug, ids.encode("customer", customer_id)]),
    }


def _group(slug: str, found: list[CustomerRow], *, may_read: bool, on: date) -> dict[str, Any]:
    """Return customers that belong to this one with what each owes, and what all owe."""
    if not found:
        return {}
    keys = [row.id for row in found]
    each: dict[UUID, list[str]] = {}
    sums: list[str] = []
    if may_read:
        for key in keys[:_LATEST]:
            wanted = Wanted(today=on, view=View.OPEN, customer_ids=[key])
            each[key] = [formats.money(sum_.due_minor, sum_.currency) for sum_ in lists.sums(wanted)]
        together = Wanted(today=on, view=View.OPEN, customer_ids=keys)
        sums = [formats.money(sum_.due_minor, sum_.currency) for sum_ in lists.sums(together)]
    return {
        "rows": [
            {
                "name": row.name,
                "url": reverse("billing:customer", args=[slug, ids.encode("customer", row.id)]),
                "due": each.get(row.id, []),
            }
            for row in found[:_LATEST]
        ],
        "more": max(len(found) - _LATEST, 0),
        "sums": sums,
    }


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
                ("detail", "Customer", "billing:customer", reads or found.id in request.opened_customers),
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
                ("contacts", "Contacts", "customers:contacts", reads),
                ("tax_id", "Tax id", "customers:tax_id", reads),
                ("access", "Access", "billing:customer_access", reads),
                ("privacy", "Privacy", "privacy:subject", Permission.PRIVACY_READ in request.permissions),
                ("portal", "Portal", "billing:portal", may_write),
                ("grants", "Opened to", "billing:grants", Permission.CUSTOMER_GRANT in request.permissions),
            )
            if opens
        ],
        "crumbs": above(request, slug),
        "sees_access": reads,
        "may_edit": may_write and not found.is_erased,
        "may_remind": Permission.REMINDER_MANAGE in request.permissions and not found.is_erased,
        "may_archive": may_write and found.state == "active",
        "may_restore": may_write and found.state == "archived" and found.merged_into_id is None,
        "may_unmerge": Permission.CUSTOMER_MERGE in request.permissions,
        "may_merge": Permission.CUSTOMER_MERGE in request.permissions
        and not found.is_erased
        and found.merged_into_id is None,
    }


def above(request: Request, slug: str) -> list[Crumb]:
    """Return the way to the list of customers, for whoever may open it."""
    if Permission.CUSTOMER_READ not in request.permissions and not request.opened_customers:
        return []
    return [Crumb("Customers", reverse("billing:customers", args=[slug]))]


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
