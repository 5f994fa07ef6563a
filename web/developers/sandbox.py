"""The sandbox: which day it is there, what its cards do, and what an event looks like before one has happened."""

import json
from datetime import datetime
from uuid import UUID

from django import forms
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from accounts.permissions import Permission
from billing.subscriptions import clock as days
from core import clock, ids
from edge.access import access
from edge.request import Request
from outbound.webhooks import queries, rules, signing
from web.kit.forms import Form

# The last four digits of the test cards and what they do: their numbers stand on the gateway's own page, since none
# stands on ours, not even one that is nobody's.
_CARDS = (
    ("4242", "Pays"),
    ("3155", "Asks for a confirmation once, then pays"),
    ("3184", "Asks for a confirmation each time"),
    ("0002", "Is declined"),
    ("9995", "Has not enough money"),
    ("0069", "Has expired"),
    ("0259", "Pays, and its bank takes the payment back"),
)


class TypeForm(Form):
    """Which event is looked at."""

    type = forms.ChoiceField(
        label="Event", required=False, choices=[(code, code) for code in sorted(rules.TYPES)]
    )


@access(get=Permission.EVENT_READ)
def index(request: Request, slug: str) -> HttpResponse:
    """Show what there is to try things out with."""
    asked = request.GET.get("type", "")
    wanted = asked if asked in rules.TYPES else "invoice.paid"
    at, live = clock.now(), queries.livemode()
    context = {
        "is_test": not live,
        "today": days.today(at),
        "is_moved": days.is_moved(),
        "may_move": Permission.BILLING_RUN in request.permissions,
        "cards": _CARDS,
        "cards_url": f"{settings.GATEWAY_ADDRESS}/cards" if settings.GATEWAY_ADDRESS else "",
        "has_mailbox": settings.DEMO,
        "form": TypeForm({"type": wanted}, auto_id="sample_%s"),
        "type": wanted,
        "sentence": rules.TYPES[wanted],
        "sample": sample(wanted, livemode=live, at=at),
        "endpoints": queries.endpoints() if Permission.WEBHOOK_MANAGE in request.permissions else [],
    }
    return render(request, "developers/sandbox.html", context)


def sample(type: str, *, livemode: bool, at: datetime) -> str:
    """Write an event as it would be told, about a record that does not exist."""
    nobody = UUID(int=0)
    noun = type.partition(".")[0]
    kind = noun if noun in ids.PREFIXES else "webhook_endpoint"
    body = signing.body(
        event_id=ids.encode("webhook_event", nobody),
        type=type,
        created_at=rules.moment(at),
        livemode=livemode,
        api_version=rules.API_VERSION,
        data={"object": kind, "id": ids.encode(kind, nobody)},
    )
    return json.dumps(json.loads(body), indent=2)
