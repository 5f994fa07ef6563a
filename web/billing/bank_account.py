"""The organization's bank details: what holds, what is announced, what was, and the steps to change it.

Promise kept: whoever may see the organization sees every change and who made it; a change takes two people and
72 hours, and one person is enough to stop it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import queries as people
from accounts.models import ApprovalRequest
from accounts.permissions import Permission
from billing import events
from billing.bankaccounts import queries, rules, services
from billing.bankaccounts.queries import BankAccountRow
from billing.documents import epc
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from web.forms import answer, attempting
from web.kit.forms import Form
from web.kit.parts import Crumb
from web.people.effects import Change, Effect

_DETAILS = ["holder", "iban", "bic"]


@dataclass(frozen=True, slots=True)
class Row:
    """Bank details as people read them; `iban` is masked, `whole` as it stands on documents."""

    pk: str
    holder: str
    iban: str
    whole: str
    bic: str
    state: str
    announced_at: datetime
    holds_from: datetime
    ended_at: datetime | None
    asked_by: str
    agreed_by: str


class BankAccountForm(Form):
    """Where customers are to pay."""

    holder = forms.CharField(
        label="Account holder",
        max_length=epc.LONGEST_NAME,
        help_text="As the bank spells it: customers’ banks compare the name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    iban = forms.CharField(
        label="IBAN",
        max_length=50,
        help_text="Type it from the bank’s own paper, never from a mail.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}
        ),
    )
    bic = forms.CharField(
        label="BIC",
        required=False,
        max_length=15,
        help_text="Only needed by banks outside the euro area.",
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}
        ),
    )
    reason = forms.CharField(
        label="Why does it change?",
        required=False,
        max_length=500,
        help_text="Read by whoever has to agree. Kept encrypted.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@access(get=Permission.ORGANIZATION_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show the details that hold, a change under way and the history."""
    at = clock.now()
    history = queries.history(at)
    names = people.names_of(
        {who for row in history for who in (row.asked_by, row.agreed_by) if who is not None}
    )
    rows = [_row(row, names) for row in history]
    recording.read(request, events.BANK_ACCOUNT_READ, subjects=[row.id for row in history], fields=_DETAILS)
    waiting = _waiting(at)
    context = {
        "current": next((row for row in rows if row.state == "current"), None),
        "announced": next((row for row in rows if row.state == "announced"), None),
        "rows": rows,
        "waiting": ids.encode("approval", waiting.pk) if waiting is not None else "",
        "sees_approvals": Permission.APPROVAL_READ in request.permissions,
        "may_change": Permission.BANK_ACCOUNT_MANAGE in request.permissions,
        "check_url": queries.check_url(),
        "now": at,
    }
    return render(request, "billing/bank_account.html", context)


@access(get=Permission.BANK_ACCOUNT_MANAGE, post=Permission.BANK_ACCOUNT_MANAGE)
def change(request: Request, slug: str) -> HttpResponse:
    """Ask for new details."""
    at = clock.now()
    form = BankAccountForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            proposed = services.propose(**form.cleaned_data, actor=request.actor, at=at)
        if not form.errors:
            messages.success(request, _said(proposed))
            return redirect("billing:bank_account", slug)
    now = queries.current(at)
    recording.read(
        request, events.BANK_ACCOUNT_READ, subjects=[now.id] if now is not None else [], fields=_DETAILS
    )
    context = {
        "current": None if now is None else _row(now, {}),
        "others": people.deciders_beside(request.actor.id, at=at),
        "crumbs": _crumbs(slug),
        "back_url": reverse("billing:bank_account", args=[slug]),
    }
    return answer(request, "billing/bank_account_change.html", context, form=form)


@access(get=Permission.BANK_ACCOUNT_MANAGE, post=Permission.BANK_ACCOUNT_MANAGE)
def cancel(request: Request, slug: str) -> HttpResponse:
    """Stop an announced change."""
    at = clock.now()
    announced = queries.announced(at)
    if announced is None:
        messages.info(request, "No change is announced.")
        return redirect("billing:bank_account", slug)
    form = Form(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with attempting(request, form):
            services.cancel(actor=request.actor, at=at)
        if not form.errors:
            messages.success(request, "The change is stopped. Everybody who was told of it is told so.")
            return redirect("billing:bank_account", slug)
    recording.read(request, events.BANK_ACCOUNT_READ, subject=("bank_account", announced.id), fields=_DETAILS)
    context = {"announced": _row(announced, {}), "crumbs": _crumbs(slug)}
    return answer(request, "billing/bank_account_cancel.html", context, form=form)


def effect(asked: ApprovalRequest) -> Effect:
    """Describe a change that waits for a second person: the whole account, so that it can be compared."""
    now = queries.current(clock.now())
    payload = asked.payload
    return Effect(
        noun="change of bank details",
        sentence="Change where customers pay" if now is not None else "Set where customers pay",
        changes=[
            Change("Account holder", now.holder if now else "None", payload["holder"]),
            Change("IBAN", rules.grouped(now.iban) if now else "None", rules.grouped(payload["iban"])),
            Change("BIC", (now.bic if now else "") or "None", payload["bic"] or "None"),
        ],
    )


def _said(proposed: services.Proposed) -> str:
    if proposed.account is None:
        return "Somebody else has to agree now. Nothing has changed yet."
    if proposed.account.state == "current":
        return "Saved. Documents name this account from now on."
    return "Announced. Documents name the new account in 72 hours."


def _waiting(at: datetime) -> ApprovalRequest | None:
    pending = people.approvals(state=ApprovalRequest.State.PENDING)
    return pending.filter(kind=services.KIND, expires_at__gt=at).first()


def _row(row: BankAccountRow, names: Mapping[UUID, str]) -> Row:
    unknown = "Somebody who has left"
    return Row(
        pk=ids.encode("bank_account", row.id),
        holder=row.holder,
        iban=rules.masked(row.iban),
        whole=rules.grouped(row.iban),
        bic=row.bic,
        state=row.state,
        announced_at=row.announced_at,
        holds_from=row.holds_from,
        ended_at=row.ended_at,
        asked_by=names.get(row.asked_by, unknown),
        agreed_by="" if row.agreed_by is None else names.get(row.agreed_by, unknown),
    )


def _crumbs(slug: str) -> list[Crumb]:
    return [Crumb("Bank account", reverse("billing:bank_account", args=[slug]))]
