"""Merging two records of one customer: chosen, reviewed with its numbers, and taken back."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing.customers import kin, queries
from billing.customers.queries import CustomerDetail
from billing.invoices import lists
from billing.invoices.lists import View, Wanted
from billing.merges import services
from core import clock, ids
from edge.access import access
from edge.request import Request
from web.billing import documents, rows
from web.billing.customers import opened
from web.customers.forms import SearchForm
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.kit.parts import Crumb

_MOST = 20
_COMPARED = (
    ("Name", "name"), ("E-mail address", "email"), ("Tax id", "tax_id"), ("Your number", "reference"),
    ("Currency", "currency"),
)  # fmt: skip


@access(get=Permission.CUSTOMER_MERGE, post=Permission.CUSTOMER_MERGE)
def merge(request: Request, slug: str, pk: str) -> HttpResponse:
    """Choose the customer that stays, see what would happen, and do it."""
    source = opened(request, pk)
    into = request.POST.get("into") or request.GET.get("into") or ""
    if not into:
        return _choose(request, slug, pk, source)
    target = opened(request, into)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.merge(source_id=source.id, target_id=target.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"{source.name} is merged into {target.name}.")
            return redirect("billing:customer", slug, into)
    context = {
        **_around(slug, pk, source),
        "target": target,
        "into": into,
        "compared": [
            *((label, getattr(source, name), getattr(target, name)) for label, name in _COMPARED),
            (
                "Address",
                ", ".join(documents.address(source.address)),
                ", ".join(documents.address(target.address)),
            ),
        ],
        "subscribed": services.subscribed(source.id),
        "effects": services.effects(source.id),
        "stays": _stays(source),
        "label": f"Merge into {target.name}",
    }
    return answer(request, "customers/merge.html", context, form=form)


@access(get=Permission.CUSTOMER_MERGE, post=Permission.CUSTOMER_MERGE)
def unmerge(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take a merged customer back as one of their own."""
    source = opened(request, pk)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.unmerge(source_id=source.id, actor=request.actor, at=clock.now())
        if not form.errors:
            messages.success(request, f"{source.name} is a customer of their own again.")
            return redirect("billing:customer", slug, pk)
    target = queries.get(source.merged_into_id) if source.merged_into_id else None
    return answer(
        request, "customers/unmerge.html", {**_around(slug, pk, source), "target": target}, form=form
    )


def _choose(request: Request, slug: str, pk: str, source: CustomerDetail) -> HttpResponse:
    form = SearchForm(request.GET, auto_id="filter_%s")
    form.is_valid()
    words = str(form.cleaned_data.get("q") or "").strip()
    shares = {}
    if words:
        found = queries.search(words, limit=_MOST)
    else:
        alike = kin.duplicates(name=source.name, email=source.email, tax_id=source.tax_id, besides=source.id)
        found = [each.row for each in alike if each.row.state == "active"][:_MOST]
        shares = {each.row.id: ", ".join(each.shares) for each in alike}
    context = {
        **_around(slug, pk, source),
        "words": words,
        "rows": [
            {
                "row": row,
                "url": f"?into={ids.encode('customer', row.id)}",
                "shares": shares.get(row.id, ""),
            }
            for row in found
            if row.id != source.id
        ],
    }
    return answer(request, "customers/merge_choose.html", context, form=form)


def _around(slug: str, pk: str, source: CustomerDetail) -> dict[str, Any]:
    return {
        "customer": source,
        "pk": pk,
        "back_url": reverse("billing:customer", args=[slug, pk]),
        "crumbs": [
            Crumb("Customers", reverse("billing:customers", args=[slug])),
            Crumb(source.name, reverse("billing:customer", args=[slug, pk])),
        ],
    }


def _stays(source: CustomerDetail) -> list[tuple[str, str]]:
    """Say what stays on the merged customer: final documents, by currency."""
    wanted = Wanted(today=rows.today(), view=View.OPEN, customer_ids=[source.id])
    return [
        (formats.count(each.count, "open invoice"), formats.money(each.due_minor, each.currency))
        for each in lists.sums(wanted)
    ]
