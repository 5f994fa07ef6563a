"""Writing a draft: first whom, then what. Totals come from the server while somebody types.

Lines are added and removed by ordinary buttons of the form; with JavaScript only the lines are swapped.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from billing import events as billing_events
from billing.customers import queries as customers
from billing.customers.queries import CustomerDetail
from billing.invoices import lists, pricing, queries, rules, services
from billing.invoices.queries import InvoiceDetail, LineRow
from billing.issuer import queries as issuers
from billing.tax import proposals
from billing.tax import queries as tax_rates
from billing.tax.proposals import Proposal
from billing.tax.queries import TaxRateRow
from core import clock, ids
from core.errors import Invalid, NotFound, Refusal
from edge import recording
from edge.access import access
from edge.request import Request
from web.billing import choosing, documents, pasting, picking, rows
from web.billing.draft_forms import MOST_LINES, DraftForm, Lines, discount_words, with_reason
from web.billing.forms import chosen_customer
from web.forms import answer, attempting
from web.kit.parts import Crumb


@access(get=Permission.INVOICE_WRITE, post=Permission.INVOICE_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Draft an invoice; a page that saved itself names the draft it made."""
    made = request.POST.get("draft", "")
    return _change(request, slug, made) if made else _page(request, slug, None)


@access(get=Permission.INVOICE_WRITE, post=Permission.INVOICE_WRITE)
def change(request: Request, slug: str, pk: str) -> HttpResponse:
    """Change a draft."""
    return _change(request, slug, pk)


def _change(request: Request, slug: str, pk: str) -> HttpResponse:
    found = queries.get(ids.decode("invoice", pk))
    recording.read(
        request, billing_events.INVOICE_READ, subject=("invoice", found.id), fields=["buyer", "lines", "note"]
    )
    if found.status != "draft" or found.imported_number is not None:
        messages.warning(request, "This invoice cannot be edited. Its content is fixed.")
        return redirect("billing:invoice", slug, pk)
    if found.role:
        messages.warning(request, "This draft bills a quote as it was agreed. Its lines cannot be edited.")
        return redirect("billing:invoice", slug, pk)
    if is_beyond(found.lines):
        messages.warning(request, "This draft holds more than this page shows. Change it by the API.")
        return redirect("billing:invoice", slug, pk)
    return _page(request, slug, found)


@access(post=Permission.INVOICE_WRITE)
def totals(request: Request, slug: str) -> HttpResponse:
    """Answer with what the lines come to as they are written; nothing is kept."""
    computed = computed_totals(request.POST, usable_rates(request.POST), slug)
    return render(request, "billing/_totals.html", computed)


def _page(request: Request, slug: str, found: InvoiceDetail | None) -> HttpResponse:
    named = request.POST.get("customer") or request.GET.get("customer", "")
    customer_id = chosen_customer(named) or (found.customer_id if found is not None else None)
    if customer_id is None or (request.method == "GET" and "choose" in request.GET):
        base = reverse("billing:new_invoice", args=[slug]) if found is None else _edit_url(slug, found)
        again = found is not None
        return choosing.choose(
            request, base=base, noun="invoice", choosing_again=again, crumbs=_crumbs(slug, found)
        )
    customer = customers.get(customer_id)
    rates = usable_rates(request.POST, found.lines if found else ())
    proposed = _proposed(customer_id)
    usual = proposed.rate.id if isinstance(proposed, Proposal) else None
    if found is None:
        recording.read(
            request,
            billing_events.CUSTOMER_READ,
            subject=("customer", customer.id),
            fields=["name", "address", "email"],
        )
    action = pasting.action_of(request.POST.get("action") or request.GET.get("action", ""), request.POST)
    data, refused = picking.taken(request.POST, usual=usual)
    mixed = _is_mixed(found) or bool(data.get("mixed"))
    if request.method != "POST":
        form, lines = (
            DraftForm(initial=_initial(customer, found)),
            Lines.kept(found.lines if found else (), rates=rates, usual=usual),
        )
    elif action in ("add", "compute", "propose", "paste") or action.startswith(("remove-", "pick-")):
        lines = Lines.changed(
            data,
            rates=rates,
            add=action == "add",
            remove=action.removeprefix("remove-"),
            usual=usual,
            taxed_by=usual if action == "propose" else None,
            refused={} if action.startswith("remove-") else refused,
            paste=action == "paste",
        )
        form = DraftForm(initial=data.dict())
    else:
        form, lines = DraftForm(data), Lines.sent(data, rates=rates)
        for number, sentence in refused.items():
            form.add_error(None, f"Line {number + 1}: {sentence}")
        saved = _save(
            request, form, lines, customer_id=customer.id, found=found, proposed=proposed, mixed=mixed
        )
        if action == "autosave":
            return _kept_itself(request, slug, saved, is_new=found is None)
        if saved is not None:
            messages.success(request, "The draft is saved.")
            finalizes = action == "review" and Permission.INVOICE_FINALIZE in request.permissions
            page = "billing:finalize" if finalizes else "billing:invoice"
            return redirect(page, slug, ids.encode("invoice", saved))
        if not lines.forms:
            lines = Lines.kept((), rates=rates)
    context = {**_context(slug, customer, found, lines), "proposed": proposed, "mixed": mixed}
    context["picks"] = picking.is_offered(request)
    context["may_finalize"] = Permission.INVOICE_FINALIZE in request.permissions
    if request.method == "POST" and action != "save" and request.headers.get("HX-Request") == "true":
        if action in ("add", "paste") and not lines.unpasted:
            lines.take_focus()
        return render(request, "billing/_lines.html", {**context, "form": form, "swapped": True})
    computed = computed_totals(data, rates, slug) if request.method == "POST" else _kept_totals(found)
    offers = picking.offers(request, str(form["currency"].value())) if context["picks"] else []
    return answer(request, "billing/draft.html", {**context, **computed, "offers": offers}, form=form)


def _save(
    request: Request,
    form: DraftForm,
    lines: Lines,
    *,
    customer_id: UUID,
    found: InvoiceDetail | None,
    proposed: "Proposal | Refusal",
    mixed: bool,
) -> UUID | None:
    """Keep the draft and return its id, or leave the faults on the form."""
    for fault in lines.faults():
        form.add_error(None, fault)
    if not form.is_valid():
        return None
    values: dict[str, Any] = {
        "currency": form.cleaned_data["currency"],
        "issued_on": form.cleaned_data["issued_on"],
        "due_on": form.cleaned_data["due_on"],
        "note": form.cleaned_data["note"],
        "lines": lines.inputs(tax_inclusive=None if mixed else form.cleaned_data["tax_inclusive"]),
        "discounts": discounts_of(form),
        **({"series_id": form.series_id()} if "series" in form.fields else {}),
    }
    if isinstance(proposed, Proposal) and all(
        line.tax_rate_id == proposed.rate.id for line in values["lines"]
    ):
        values["tax_rule"] = proposed.rule
    at = clock.now()
    with attempting(request, form):
        if found is None:
            made = services.create_draft(customer_id=customer_id, actor=request.actor, at=at, **values)
        else:
            if customer_id != found.customer_id:
                values["customer_id"] = customer_id
            made = services.update_draft(invoice_id=found.id, changes=values, actor=request.actor, at=at)
    if form.errors:
        return None
    return UUID(str(made.pk))


def _kept_itself(request: Request, slug: str, saved: UUID | None, *, is_new: bool) -> HttpResponse:
    """Answer a page that saves itself: when it did, and which draft it is from now on."""
    pk = "" if saved is None else ids.encode("invoice", saved)
    response = render(
        request, "billing/_kept_itself.html", {"draft_pk": pk, "is_new": is_new, "at": clock.now()}
    )
    if saved is not None and is_new:
        response["HX-Replace-Url"] = reverse("billing:edit_invoice", args=[slug, pk])
    return response


def _edit_url(slug: str, found: InvoiceDetail) -> str:
    return reverse("billing:edit_invoice", args=[slug, ids.encode("invoice", found.id)])


def usable_rates(data: QueryDict, kept_lines: Iterable[LineRow] = ()) -> list[TaxRateRow]:
    """Return the rates of today, and those that the lines have already."""
    rates = tax_rates.rates(valid_on=rows.today())
    kept = Lines.rates_named(data) | {line.tax_rate_id for line in kept_lines if line.tax_rate_id}
    return [*rates, *tax_rates.rows_of(kept - {rate.id for rate in rates})]


def _proposed(customer_id: UUID) -> Proposal | Refusal:
    """Return the rate that the place of supply asks for, or why none is proposed."""
    try:
        return proposals.propose(customer_id=customer_id, on=rows.today())
    except Refusal as refusal:
        return refusal


def _is_mixed(found: InvoiceDetail | None) -> bool:
    """Whether some prices of a draft have the tax inside and some have not: each line then stays as it is."""
    return found is not None and len({line.gross_minor is None for line in found.lines}) > 1


def _document_discount(found: InvoiceDetail) -> dict[str, Any] | None:
    return next((entry for line in found.lines if line.kind != "item" for entry in line.adjustments), None)


def is_beyond(lines: Sequence[LineRow]) -> bool:
    """Whether a draft holds what this page does not show, so that saving it would lose something."""
    asked = pricing.asked_discounts([(line.kind, line.adjustments) for line in lines])
    items = sum(line.kind == "item" for line in lines)
    return items > MOST_LINES or len(asked) > 1 or any(each.is_charge for each in asked)


def discounts_of(form: DraftForm) -> list[rules.Discount]:
    """Return the discount on everything, if there is one; call it on a checked form."""
    asked = with_reason(form.cleaned_data.get("discount"), form.cleaned_data.get("reason", ""))
    return [] if asked is None else [asked]


def _initial(customer: CustomerDetail, found: InvoiceDetail | None) -> dict[str, Any]:
    if found is None:
        issuer = issuers.get()
        return {"currency": customer.currency or (issuer.currency if issuer else "EUR")}
    return {
        "currency": found.currency,
        "issued_on": found.issued_on,
        "due_on": found.due_on,
        "note": found.note,
        "series": ids.encode("series", found.series_id) if found.series_id else "",
        "tax_inclusive": bool(found.lines) and all(line.gross_minor is not None for line in found.lines),
        **discount_words(_document_discount(found)),
    }


def _context(
    slug: str, customer: CustomerDetail, found: InvoiceDetail | None, lines: Lines
) -> dict[str, Any]:
    base = reverse("billing:new_invoice", args=[slug]) if found is None else _edit_url(slug, found)
    back = (
        reverse("billing:invoices", args=[slug])
        if found is None
        else reverse("billing:invoice", args=[slug, ids.encode("invoice", found.id)])
    )
    return {
        "customer": documents.Party(
            name=customer.name,
            address=documents.address(customer.address),
            tax_id=customer.tax_id,
            email=customer.email,
        ),
        "customer_pk": ids.encode("customer", customer.id),
        "lines": lines,
        "is_new": found is None,
        "form_url": base,
        "choose_url": f"{base}?choose=1",
        "totals_url": reverse("billing:totals", args=[slug]),
        "back_url": back,
        "draft_pk": "" if found is None else ids.encode("invoice", found.id),
        "crumbs": _crumbs(slug, found),
    }


def _crumbs(slug: str, found: InvoiceDetail | None) -> list[Crumb]:
    crumbs = [Crumb("Invoices", reverse("billing:invoices", args=[slug]))]
    if found is not None:
        crumbs.append(
            Crumb("Draft", reverse("billing:invoice", args=[slug, ids.encode("invoice", found.id)]))
        )
    return crumbs


def _kept_totals(found: InvoiceDetail | None) -> dict[str, Any]:
    if found is None:
        return {}
    return {
        "currency": found.currency,
        "subtotal_minor": found.subtotal_minor,
        "taxes": documents.document(found).taxes,
        "rounding_minor": found.rounding_minor,
        "payable_minor": found.payable_minor,
        "unread": 0,
        "twins": [],
    }


def computed_totals(data: QueryDict, rates: list[TaxRateRow], slug: str) -> dict[str, Any]:
    """Compute what the lines come to that can be read already."""
    currency = data.get("currency", "")
    lines, form = Lines.sent(data, rates=rates), DraftForm(data)
    form.is_valid()
    customer_id = chosen_customer(data.get("customer", ""))
    inclusive = None if data.get("mixed") else bool(form.cleaned_data.get("tax_inclusive"))
    inputs = lines.valid_inputs(tax_inclusive=inclusive)
    try:
        if customer_id is None:
            raise NotFound
        result = services.preview(
            customer_id=customer_id,
            lines=inputs,
            currency=currency,
            discounts=discounts_of(form) if inputs else (),
        ).totals
    except Refusal as refusal:
        return {"refusal": _said(refusal), "unread": 0}
    return {
        "currency": currency,
        "subtotal_minor": result.subtotal_minor,
        "taxes": [
            documents.Tax(
                label=f"{tax.name}, {documents.rate(tax.rate.category, tax.rate.percentage)}"
                if tax.name
                else documents.rate(tax.rate.category, tax.rate.percentage, words=True),
                base_minor=tax.base_minor,
                tax_minor=tax.tax_minor,
            )
            for tax in result.taxes
        ],
        "rounding_minor": result.rounding_minor,
        "payable_minor": result.total_minor + result.rounding_minor,
        "unread": len(lines.forms) - len(inputs),
        "twins": _twins(data, result.total_minor, currency, slug),
    }


def _said(refusal: Refusal) -> str:
    return refusal.errors[0].detail if isinstance(refusal, Invalid) and refusal.errors else refusal.message


def _twins(data: QueryDict, total_minor: int, currency: str, slug: str) -> list[rows.Row]:
    customer_id = chosen_customer(data.get("customer", ""))
    if customer_id is None:
        return []
    since = clock.now() - timedelta(days=lists.TWIN_DAYS)
    draft = data.get("draft", "")
    found = lists.twins(
        customer_id=customer_id,
        total_minor=total_minor,
        currency=currency,
        since=since,
        but=ids.decode("invoice", draft) if draft else None,
    )
    return [rows.row(each, slug=slug, on=rows.today()) for each in found]
