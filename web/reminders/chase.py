"""Reminding by hand: choose what is late, see who gets what and what is left out and why, then send."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts.permissions import Permission
from core import clock, ids
from edge import recording
from edge.access import access
from edge.request import Request
from outbound import mail
from payments import events
from payments.reminders import queries, sending
from payments.reminders.sending import Letter
from web.kit import formats
from web.reminders.index import concerned, crumbs, invoice_url, today


@access(get=Permission.INVOICE_SEND, post=Permission.INVOICE_SEND)
def index(request: Request, slug: str) -> HttpResponse:
    """Choose, look, send."""
    on = today()
    if request.method != "POST":
        return _choose(request, slug)
    wanted = [ids.decode("invoice", text) for text in request.POST.getlist("invoice")[: sending.MOST_BY_HAND]]
    if not wanted:
        messages.warning(request, "Tick the invoices to remind of.")
        return redirect("reminders:remind", slug)
    if request.POST.get("action") != "send":
        return _look(request, slug, wanted)
    done = sending.remind(invoice_ids=wanted, on=on, actor=request.actor, at=clock.now())
    left = sum(done.held.values())
    if done.mails:
        messages.success(
            request,
            f"{formats.count(done.mails, 'reminder')} sent, about {formats.count(done.reminders, 'invoice')}.",
        )
    if left:
        messages.warning(request, f"{formats.count(left, 'invoice')} left out.")
    return redirect("reminders:reminders", slug)


def _choose(request: Request, slug: str) -> HttpResponse:
    on = today()
    rows = queries.late(on=on)
    recording.read(
        request,
        events.REMINDER_LISTED,
        subjects=list(dict.fromkeys(row.customer_id for row in rows)),
        fields=["name"],
    )
    ticked = set(request.GET.getlist("invoice"))
    listed = []
    for row in rows:
        pk = ids.encode("invoice", row.invoice_id)
        listed.append(
            {
                "pk": pk,
                "url": invoice_url(slug, row.invoice_id),
                "promise_url": reverse("reminders:promise", args=[slug, pk]),
                "ticked": pk in ticked or not ticked,
                "row": row,
            }
        )
    context = {"rows": listed, "on": on, "crumbs": crumbs(slug), "most": queries.MOST_LATE}
    return render(request, "reminders/remind.html", context)


def _look(request: Request, slug: str, wanted: list[UUID]) -> HttpResponse:
    found = sending.preview_by_hand(invoice_ids=wanted, on=today())
    recording.read(
        request,
        events.REMINDER_LISTED,
        subjects=concerned(found),
        fields=["name", "email"],
    )
    going = [item.debt.invoice_id for letter in found.letters for item in letter.items]
    context: dict[str, Any] = {
        "letters": found.letters,
        "held": found.held,
        "going": [ids.encode("invoice", key) for key in going],
        "sample": _sample(found.letters[0]) if found.letters else None,
        "label": f"Send to {formats.count(len(found.letters), 'customer')}",
        "crumbs": crumbs(slug),
    }
    return render(request, "reminders/review.html", context)


def _sample(letter: Letter) -> mail.Written:
    """Return the first mail as it will read, with a word in place of each link."""
    return sending.written(letter, urls={item.debt.invoice_id: "[the payment link]" for item in letter.items})
