"""What came of paying: a page that may be kept as a receipt, and says "paid" although no webhook has come yet."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpResponse, HttpResponseBase, HttpResponseNotModified
from django.shortcuts import render

from core import clock
from edge.access import access
from edge.request import Request
from payments import words
from payments.models import Payment
from payments.payer import Share, Standing
from tenancy.context import scope
from web.pay import door, provider, rows
from web.pay.door import LINK, Opened
from web.pay.page import Dead

# However many tabs wait, the provider is asked about one attempt this often at most.
_ASK_EVERY = timedelta(seconds=3)


@access(get=LINK)
def show(request: Request, token: str) -> HttpResponseBase:
    """Show what came of it; while nobody knows, ask the provider first."""
    try:
        opened = door.enter(request, token)
    except Dead as refusal:
        return door.closed(request, token, refusal)
    door.note(request, opened, fields=())
    if may_ask(opened.standing.live):
        request.afterwards = lambda: render(request, "pay/result.html", asked(opened))
        return HttpResponse(status=200)
    return render(request, "pay/result.html", context_of(opened))


@access(get=LINK)
def state(request: Request, token: str) -> HttpResponseBase:
    """Answer the page's own question whether anything has changed; 304 while nothing has."""
    try:
        opened = door.enter(request, token)
    except Dead as refusal:
        return door.closed(request, token, refusal)
    shown = context_of(opened)
    if request.GET.get("seen") == shown["seen"]:
        request.recorded = True  # what it shows has been recorded before
    else:
        door.note(request, opened, fields=())
    if may_ask(opened.standing.live):
        request.afterwards = lambda: _fragment(request, asked(opened))
        return HttpResponse(status=200)
    return _fragment(request, shown)


def may_ask(attempt_id: UUID | None) -> bool:
    """Tell whether the provider is to be asked about an attempt now."""
    if attempt_id is None:
        return False
    try:
        return bool(cache.add(f"asked:{attempt_id.hex}", 1, timeout=int(_ASK_EVERY.total_seconds())))
    except Exception:
        # Asking once too often is harmless; a payer who is told nothing may pay a second time.
        return True


def asked(opened: Opened) -> dict[str, Any]:
    """Ask the provider about a link's attempt, outside any transaction, and say where the invoice stands now."""
    if opened.standing.live is not None:
        provider.ask(tenant_id=opened.tenant.pk, attempt_id=opened.standing.live, at=clock.now())
    with scope(opened.scope):
        return context_of(door.read(opened.token, opened.link, opened.tenant))


def context_of(opened: Opened) -> dict[str, Any]:
    """Collect what stands on the page; the link's scope is open."""
    standing, bill = opened.standing, rows.bill(opened)
    declined = standing.declined
    return {
        "token": opened.token,
        "bill": bill,
        "paid": [rows.paid(share) for share in standing.paid],
        "arrived": [rows.paid(share) for share in standing.arrived],
        "credit": any(share.credit_minor for share in standing.arrived),
        "waiting": standing.waiting,
        "waiting_method": _paying_with(standing.waiting) if standing.waiting else "",
        "declined": words.declined(declined, transfer=rows.transfer(opened) is not None) if declined else "",
        "again": standing.payable,
        # While a page of the provider is open or its answer is due, this page looks again by itself.
        "looks_again": standing.live is not None and _may_change(standing),
        "seen": _mark(opened),
    }


def _paying_with(share: Share) -> str:
    """Say how a payment on its way is made; nothing until the provider has said it: its page takes more than cards."""
    known = share.brand or share.method != Payment.Method.CARD
    return words.paid_with(share) if known else ""


def _may_change(standing: Standing) -> bool:
    """Tell whether an answer may come within seconds: also where the bank paid while the payer was at the provider."""
    if standing.kind == "paid":
        return standing.waiting is None or standing.waiting.state == Payment.State.UNKNOWN
    return standing.kind in ("unsure", "due", "part")


def _mark(opened: Opened) -> str:
    said = [opened.standing.kind, opened.standing.declined, str(opened.standing.live)]
    said += [
        f"{share.payment_id}{share.state}{share.amount_minor}/{share.credit_minor}{share.method}{share.brand}"
        for share in opened.standing.shares
    ]
    return hashlib.sha256("|".join(said).encode()).hexdigest()[:16]


def _fragment(request: Request, shown: dict[str, Any]) -> HttpResponseBase:
    if request.GET.get("seen") == shown["seen"]:
        return HttpResponseNotModified()
    return render(request, "pay/_result.html", shown)
