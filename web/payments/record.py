"""Recording a bank payment: whose it is, how much, and onto which invoices. What is left becomes credit, and says so.

It works without JavaScript: the same form proposes, computes and saves, by three buttons. With it, the proposal and
what is left follow the typing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.permissions import Permission
from billing import events as billing_events
from billing.customers import queries as customers
from billing.customers.models import Customer
from billing.customers.queries import CustomerDetail, CustomerRow
from billing.documents import reference
from billing.invoices import lists as invoice_lists
from billing.invoices import queries as invoices
from billing.invoices.queries import InvoiceRow
from core import clock, ids
from edge import onetime, recording
from edge.access import access
from edge.request import Request
from payments import proposals
from payments.models import Payment
from payments.proposals import OpenInvoice
from payments.services import collect
from web.billing import rows as billing_rows
from web.forms import answer, attempting
from web.kit import formats
from web.kit.forms import AmountField, DayField, Form
from web.kit.parts import Crumb
from web.payments import allocation
from web.payments.allocation import AllocationForm

_MOST_FOUND = 12
_AMOUNT = {"inputmode": "decimal", "autocomplete": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A customer, or an invoice of theirs, to choose from."""

    url: str
    name: str
    detail: str


@dataclass(slots=True, kw_only=True)
class Money:
    """Whose money is recorded, in which currency, and what it could pay."""

    customer: CustomerDetail
    currency: str
    currencies: list[str]
    first: UUID | None
    invoices: list[OpenInvoice] = field(default_factory=list)


class SearchForm(Form):
    """Whose payment it is."""

    q = forms.CharField(
        label="Customer, invoice number or RF reference",
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"autocomplete": "off", "autofocus": True}),
    )


class PaymentForm(AllocationForm):
    """How much came, when, and where it goes."""

    field_order = ("amount_minor", "currency", "received_on", "reference", "again")
    amount_minor = AmountField(label="Amount received", widget=forms.TextInput(attrs=_AMOUNT))
    currency = forms.ChoiceField(label="Currency")
    received_on = DayField(label="Received on")
    reference = forms.CharField(
        label="Written beside it",
        required=False,
        max_length=140,
        help_text="The reference on the bank statement. Kept encrypted.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    again = forms.BooleanField(label="It is another payment, record it as well", required=False)

    def __init__(self, *args: Any, about: Money, **kwargs: Any) -> None:
        super().__init__(*args, invoices=about.invoices, currency=about.currency, **kwargs)
        currency, amount = self.fields["currency"], self.fields["amount_minor"]
        assert isinstance(currency, forms.ChoiceField) and isinstance(amount, AmountField)  # noqa: S101  above
        currency.choices = [(code, code) for code in about.currencies]
        amount.currency = about.currency

    def clean(self) -> dict[str, Any]:
        """Refuse to put more onto invoices than came."""
        cleaned = super().clean()
        if not self.errors:
            over = sum(amount for _, amount in self.put()) - cleaned["amount_minor"]
            if over > 0:
                more = formats.money(over, self.unit)
                self.add_error("amount_minor", f"The invoices get {more} more than came. Put less onto them.")
        return cleaned


@access(get=Permission.PAYMENT_WRITE, post=Permission.PAYMENT_WRITE)
def create(request: Request, slug: str) -> HttpResponse:
    """Record a bank payment."""
    about = _about(request)
    if about is None:
        return _choose(request, slug)
    action = request.POST.get("action") or request.GET.get("action", "")
    if request.method != "POST":
        form = _begun(request, about)
        recording.read(
            request,
            billing_events.CUSTOMER_READ,
            subject=("customer", about.customer.id),
            fields=["name"],
        )
    elif action in ("propose", "compute"):
        form = _typed(request, about, propose=action == "propose")
    else:
        form = PaymentForm(request.POST, about=about)
        saved = _save(request, form, about) if form.is_valid() else None
        if saved is not None:
            _tell(request, form, saved)
            return redirect("payments:payment", slug, ids.encode("payment", saved.pk))
    context = {**_context(slug, about, form), "once": onetime.token(request)}
    if request.method == "POST" and action and request.headers.get("HX-Request") == "true":
        part = {"propose": "payments/_allocation.html", "compute": "payments/_left.html"}.get(action)
        if part is not None:
            return render(request, part, {**context, "form": form})
    return answer(request, "payments/new.html", context, form=form)


def _about(request: Request) -> Money | None:
    """Return whose money it is, by the customer or the invoice that the page names; None when neither is."""
    query = request.POST if request.method == "POST" else request.GET
    first: UUID | None = None
    currency = str(query.get("currency", ""))
    if query.get("invoice"):
        invoice = invoices.get(ids.decode("invoice", str(query["invoice"])))
        first, customer_id = invoice.id, invoice.customer_id
        currency = currency or invoice.currency
    elif query.get("customer"):
        customer_id = ids.decode("customer", str(query["customer"]))
    else:
        return None
    customer = customers.get(customer_id)
    owed = proposals.currencies(customer_id=customer.id)
    choices = [customer.currency, *(code for code in owed if code != customer.currency)]
    if currency not in choices:
        currency = customer.currency if customer.currency in owed or not owed else owed[0]
    return Money(
        customer=customer,
        currency=currency,
        currencies=choices,
        first=first,
        invoices=proposals.open_invoices(customer_id=customer.id, currency=currency, first=first),
    )


def _begun(request: Request, about: Money) -> PaymentForm:
    """Begin with what the address says; an invoice that it names is taken to be paid in full."""
    amount = str(request.GET.get("amount", ""))[:30]
    minor = allocation.read_minor(amount, about.currency)
    if not amount and about.first is not None:
        minor = next((each.due_minor for each in about.invoices if each.id == about.first), 0)
        amount = formats.amount(minor, about.currency) if minor else ""
    initial = {
        "amount_minor": amount,
        "currency": about.currency,
        "received_on": billing_rows.today(),
        **allocation.proposal(minor, about.invoices, about.currency),
    }
    return PaymentForm(about=about, initial=initial)


def _typed(request: Request, about: Money, *, propose: bool) -> PaymentForm:
    """Show what was typed, unchecked, with a new proposal or as it is."""
    values: dict[str, Any] = request.POST.dict()
    values["currency"] = about.currency
    if propose:
        minor = allocation.read_minor(str(values.get("amount_minor", "")), about.currency)
        values |= allocation.proposal(minor, about.invoices, about.currency)
    return PaymentForm(about=about, initial=values)


def _save(request: Request, form: PaymentForm, about: Money) -> Payment | None:
    """Record the payment; one of the same customer, day and amount is asked about first."""
    given = form.cleaned_data
    # Of two who record the same money at once, the second sees the first.
    Customer.objects.select_for_update(no_key=True).filter(pk=about.customer.id).first()
    twin = proposals.twin(
        customer_id=about.customer.id,
        currency=about.currency,
        amount_minor=given["amount_minor"],
        received_on=given["received_on"],
    )
    if twin is not None and not given["again"]:
        form.add_error(
            "again",
            "The same amount of this customer on this day is recorded already. Tick this if both came.",
        )
        return None
    with attempting(request, form):
        if given["again"]:
            onetime.claim(request)
        return collect.record(
            customer_id=about.customer.id,
            currency=about.currency,
            amount_minor=given["amount_minor"],
            wanted=form.put(),
            received_on=given["received_on"],
            reference=given["reference"],
            source=Payment.Source.STAFF,
            actor=request.actor,
            at=clock.now(),
        )
    return None


def _tell(request: Request, form: PaymentForm, saved: Payment) -> None:
    left = saved.amount_minor - sum(amount for _, amount in form.put())
    said = f"{formats.money(saved.amount_minor, saved.currency)} is recorded."
    if left > 0:
        said += f" {formats.money(left, saved.currency)} of it is credit of the customer."
    messages.success(request, said)


def _context(slug: str, about: Money, form: PaymentForm) -> dict[str, Any]:
    base = reverse("payments:new", args=[slug])
    typed: Mapping[str, Any] = form.data if form.is_bound else form.initial
    amount = allocation.read_minor(str(typed.get("amount_minor") or ""), about.currency)
    back = reverse("payments:payments", args=[slug])
    if about.first is not None:
        back = reverse("billing:invoice", args=[slug, ids.encode("invoice", about.first)])
    return {
        "customer": about.customer,
        "customer_pk": ids.encode("customer", about.customer.id),
        "invoice_pk": ids.encode("invoice", about.first) if about.first else "",
        "currency": about.currency,
        "lines": form.lines(slug),
        "amount_minor": amount,
        "left": allocation.left(amount, typed, about.invoices, about.currency),
        "asks_again": "again" in form.errors,
        "form_url": base,
        "choose_url": f"{base}?{urlencode({'amount': str(typed.get('amount_minor') or '')})}",
        "back_url": back,
        "crumbs": [Crumb("Payments", reverse("payments:payments", args=[slug]))],
    }


def _choose(request: Request, slug: str) -> HttpResponse:
    """Let somebody choose whose payment it is."""
    form = SearchForm(request.GET)
    form.is_valid()
    words = str(form.cleaned_data.get("q") or "").strip()
    amount = str(request.GET.get("amount", ""))[:30]
    shown = customers.search(words, limit=_MOST_FOUND) if words else _recent()
    numbered = _invoices(words) if words else []
    recording.read(
        request,
        billing_events.CUSTOMER_LISTED,
        subjects=[row.id for row in shown],
        fields=["name", "email"],
    )
    base = reverse("payments:new", args=[slug])
    kept = {"amount": amount} if amount else {}
    choices = [
        Choice(
            url=f"{base}?{urlencode({'invoice': ids.encode('invoice', row.id), **kept})}",
            name=f"{row.number}, {row.customer_name}",
            detail=f"{formats.money(row.amount_due_minor, row.currency)} due",
        )
        for row in numbered
        if row.status == "finalized"
    ]
    choices += [
        Choice(
            url=f"{base}?{urlencode({'customer': ids.encode('customer', row.id), **kept})}",
            name=row.name,
            detail=" · ".join(part for part in (row.reference, row.email) if part),
        )
        for row in shown
    ]
    context = {
        "form": form,
        "words": words,
        "amount": amount,
        "choices": choices,
        "announce": formats.count(len(choices), "match", "matches"),
        "crumbs": [Crumb("Payments", reverse("payments:payments", args=[slug]))],
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "billing/_choices.html" if fragment else "payments/choose.html", context)


def _invoices(words: str) -> list[InvoiceRow]:
    """Find the invoice that a number, or a creditor reference on a bank statement, names."""
    named = reference.find(words)
    return invoices.find_by_number(words) if named is None else [invoices.get(named)]


def _recent() -> list[CustomerRow]:
    """Return the customers billed last."""
    latest = invoice_lists.recent_customers(limit=_MOST_FOUND)
    found = {row.id: row for row in customers.rows_of(latest)}
    return [found[key] for key in latest if key in found]
