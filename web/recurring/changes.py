"""Changing a subscription, each with its numbers before and after; pausing, ending, and charging something once."""

from datetime import date
from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.permissions import Permission
from billing import events
from billing.catalog import queries as catalog
from billing.customers import queries as customers
from billing.subscriptions import clock as days
from billing.subscriptions import queries, services
from billing.subscriptions.queries import SubscriptionRow
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing.forms import plain
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import Form
from web.recurring.forms import CancelForm, ChangeForm, ChargeForm, DayForm, SeenForm
from web.recurring.subscriptions import crumbs, opened, shown

_FIELDS = {f"changes/0/{name}": name for name in ("item", "price", "quantity")}


@access(get=Permission.SUBSCRIPTION_WRITE, post=Permission.SUBSCRIPTION_WRITE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change what a subscription is for: first what it would come to, then the change itself."""
    found = opened(request, pk)
    form = _change_form(request, found)
    before = after = None
    reviewed = False
    if request.method == "POST" and form.is_valid():
        given, at = form.cleaned_data, clock.now()
        changes = [
            services.ItemChange(
                item_id=ids.decode("subscription_item", given["item"]) if given["item"] else None,
                price_id=form.price_id,
                quantity=given["quantity"] if given["quantity"] is not None else Decimal(1),
            )
        ]
        confirmed = request.POST.get("action") == "confirm"
        with attempting(request, form, fields=_FIELDS):
            if confirmed:
                services.change(
                    subscription_id=found.id,
                    changes=changes,
                    on=given["on"],
                    bill_now=given["bill_now"],
                    actor=request.actor,
                    at=at,
                )
            else:
                before, after = queries.preview_change(
                    subscription_id=found.id,
                    changes=changes,
                    on=given["on"],
                    bill_now=given["bill_now"],
                    at=at,
                )
                reviewed = True
        if confirmed and not form.errors:
            messages.success(request, "The subscription is changed.")
            return redirect("recurring:subscription", slug, pk)
    total = 0 if after is None else after.total_minor
    context = {
        "subscription": found,
        "reviewed": reviewed,
        "before": before,
        "before_lines": shown(before),
        "after": after,
        "after_lines": shown(after),
        "label": f"Change it: next invoice {formats.money(total, found.currency)} before tax",
        "crumbs": crumbs(slug, found),
        "back_url": reverse("recurring:subscription", args=[slug, pk]),
    }
    return answer(request, "recurring/change.html", context, form=form)


def _change_form(request: Request, found: SubscriptionRow) -> ChangeForm:
    today = days.today(clock.now())
    items = [
        (ids.encode("subscription_item", item.id), f"{item.product_name} × {formats.number(item.quantity)}")
        for item in found.items
    ]
    sold = [
        (product, price)
        for product, price in catalog.sold_on(today, currency=found.currency)
        if (price.interval, price.interval_count) == (found.interval, found.interval_count)
    ]
    known = {price.id for _, price in sold}
    # Who has a price that is sold to nobody new may keep it.
    for item in found.items:
        if item.price.id not in known:
            sold.append((catalog.product(item.price.product_id), item.price))
    first = found.items[0] if found.items else None
    initial = {
        "item": items[0][0] if items else "",
        "price": ids.encode("price", first.price.id) if first else "",
        "quantity": plain(first.quantity) if first else "1",
        "on": max(today, found.start_on),
    }
    return ChangeForm(
        request.POST if request.method == "POST" else None, initial=initial, items=items, sold=sold
    )


@access(get=Permission.SUBSCRIPTION_WRITE, post=Permission.SUBSCRIPTION_WRITE)
def pause(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let a subscription rest."""
    found = opened(request, pk)
    form = DayForm(request.POST if request.method == "POST" else None, initial={"on": _today()})
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.pause(
                subscription_id=found.id, on=form.cleaned_data["on"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, "The subscription is paused. Its days cost nothing until it goes on.")
            return redirect("recurring:subscription", slug, pk)
    sentence = (
        "The days of the pause cost nothing. What was billed for them is given back on the next invoice."
    )
    return _confirm(request, slug, found, form, "Pause", sentence, "Pause subscription", "Let it run")


@access(get=Permission.SUBSCRIPTION_WRITE, post=Permission.SUBSCRIPTION_WRITE)
def resume(request: Request, slug: str, pk: str) -> HttpResponse:
    """Let a paused subscription go on."""
    found = opened(request, pk)
    form = DayForm(request.POST if request.method == "POST" else None, initial={"on": _today()})
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.resume(
                subscription_id=found.id, on=form.cleaned_data["on"], actor=request.actor, at=clock.now()
            )
        if not form.errors:
            messages.success(request, "The subscription goes on.")
            return redirect("recurring:subscription", slug, pk)
    sentence = "It goes on with what it was for, at the prices it had. The rest of the period costs its days."
    return _confirm(request, slug, found, form, "Resume", sentence, "Resume subscription", "Leave it paused")


@access(get=Permission.SUBSCRIPTION_WRITE, post=Permission.SUBSCRIPTION_WRITE)
def cancel(request: Request, slug: str, pk: str) -> HttpResponse:
    """End a subscription."""
    found = opened(request, pk)
    initial = {"when": "period", "on": _today()}
    form = CancelForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        by_day = given["when"] == "day"
        with attempting(request, form):
            row = services.cancel(
                subscription_id=found.id,
                at_period_end=not by_day,
                on=(given["on"] or _today()) if by_day else None,
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            messages.success(request, f"The subscription ends on {formats.day(row.ends_on or _today())}.")
            return redirect("recurring:subscription", slug, pk)
    sentence = (
        "Days that were billed and are not had any more are given back on the customer's next invoice. "
        "When none is to come, give them back by a credit note from the subscription's page."
    )
    return _confirm(request, slug, found, form, "Cancel", sentence, "Cancel subscription", "Keep it")


@access(post=Permission.SUBSCRIPTION_WRITE)
def keep(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take a cancellation back."""
    services.keep(subscription_id=ids.decode("subscription", pk), actor=request.actor, at=clock.now())
    messages.success(request, "The subscription goes on as before.")
    return redirect("recurring:subscription", slug, pk)


@access(get=Permission.CREDIT_NOTE_WRITE, post=Permission.CREDIT_NOTE_WRITE)
def give_back(request: Request, slug: str, pk: str) -> HttpResponse:
    """Give back what was paid ahead and will not be used."""
    found = opened(request, pk)
    unused = services.unused(queries.row(found.id), clock.now())
    total = sum(one.amount_minor for one in unused)
    form = SeenForm(request.POST if request.method == "POST" else None, initial={"amount_minor": total})
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            notes = services.give_back(
                subscription_id=found.id,
                seen_minor=form.cleaned_data["amount_minor"],
                actor=request.actor,
                at=clock.now(),
            )
        if not form.errors:
            many = len(notes)
            words = (
                f"{many} credit note{'s' if many != 1 else ''} made." if many else "It was credited before."
            )
            messages.success(request, f"{words} Nothing of this subscription is left to give back.")
            return redirect("recurring:subscription", slug, pk)
    context = {
        "subscription": found,
        "unused": unused,
        "total_minor": total,
        "net_minor": sum(one.net_minor for one in unused),
        "label": f"Give back {formats.money(total, found.currency)}",
        "crumbs": crumbs(slug, found),
        "back_url": reverse("recurring:subscription", args=[slug, pk]),
    }
    return answer(request, "recurring/give_back.html", context, form=form)


@access(get=Permission.SUBSCRIPTION_WRITE, post=Permission.SUBSCRIPTION_WRITE)
def charge(request: Request, slug: str, pk: str) -> HttpResponse:
    """Put something onto a customer's next invoice."""
    customer = customers.get(ids.decode("customer", pk))
    recording.read(request, events.CUSTOMER_READ, subject=("customer", customer.id), fields=["name"])
    form = ChargeForm(
        request.POST if request.method == "POST" else None, initial={"quantity": "1", "due_on": _today()}
    )
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.add_charge(
                customer_id=customer.id, actor=request.actor, at=clock.now(), **form.cleaned_data
            )
        if not form.errors:
            messages.success(request, "It stands on the next invoice.")
            return redirect(f"{reverse('recurring:subscriptions', args=[slug])}?customer={pk}")
    context = {
        "title": f"Charge {customer.name} once",
        "label": "Charge it",
        "crumbs": crumbs(slug),
        "back_url": reverse("billing:customer", args=[slug, pk]),
    }
    return answer(request, "recurring/form.html", context, form=form)


@access(post=Permission.SUBSCRIPTION_WRITE)
def withdraw(request: Request, slug: str, pk: str) -> HttpResponse:
    """Take a charge back before it has been billed."""
    row = services.withdraw_charge(charge_id=ids.decode("charge", pk), actor=request.actor, at=clock.now())
    messages.success(request, "The charge is withdrawn.")
    back = reverse("recurring:subscriptions", args=[slug])
    return redirect(f"{back}?customer={ids.encode('customer', row.customer_id)}")


def _today() -> date:
    return days.today(clock.now())


def _confirm(
    request: Request,
    slug: str,
    found: SubscriptionRow,
    form: Form,
    verb: str,
    sentence: str,
    label: str,
    keep: str,
) -> HttpResponse:
    context = {
        "title": f"{verb} the subscription of {found.customer_name}",
        "lead": ", ".join(item.product_name for item in found.items),
        "sentence": sentence,
        "label": label,
        "keep": keep,
        "crumbs": crumbs(slug, found),
        "back_url": reverse("recurring:subscription", args=[slug, ids.encode("subscription", found.id)]),
    }
    return answer(request, "recurring/confirm.html", context, form=form)
