"""Stripe's messages: taken in or refused at once, and applied later.

Promise kept: whoever is not Stripe learns nothing, changes nothing and cannot fill the trail; nothing of a message is
stored here but the names that a verified one holds. There is no session and no form, so no token of a form is asked
for (CSRF): the signature is the proof.
"""

from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.refusals import Recorded
from core import clock
from core.errors import NotFound, Refusal
from edge import links as doors
from edge import throttle
from edge.access import Public, access
from edge.request import Request
from payments import events
from payments.gateways.base import HookRefused
from payments.services import hooks

# How many refused messages a network may leave in an organization's trail: ten at once, then one a minute.
_NOTED = throttle.Limit(size=10, per_second=1 / 60)
_PROVIDER = Public(reason="The provider has no account here; its signature over the message is the proof.")


class MessageRefused(Recorded):
    """This message was not taken."""

    event = events.HOOK_REFUSED
    code = "hook_refused"
    status = 400


class AddressUnknown(Recorded):
    """There is nothing here."""

    event = events.HOOK_REFUSED
    code = "hook_unknown"
    status = 404


@csrf_exempt
@access(post=_PROVIDER)
def receive(request: Request, token: str) -> HttpResponse:
    """Take a message in; 200 for one that is here already, 400 for one that Stripe did not send, 404 elsewhere."""
    try:
        doors.enter(request, hooks.tenant_of(token))
        account = hooks.account_of(token)
        hooks.take(
            account=account,
            body=_body(request),
            signature=request.headers.get("Stripe-Signature", ""),
            actor=request.actor,
            at=clock.now(),
        )
    except NotFound:
        return _refuse(request, AddressUnknown())
    except HookRefused as refusal:
        return _refuse(request, MessageRefused(event_facts={"reason": refusal.reason}))
    return _plain(200)


def _body(request: Request) -> bytes:
    """Read no more than a message may have."""
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        length = hooks.MOST_BYTES + 1
    if length > hooks.MOST_BYTES:
        raise HookRefused("too_large")
    return request.body


def _refuse(request: Request, refusal: Recorded) -> HttpResponse:
    """Answer, and leave it in the trail unless this network has filled its share."""
    try:
        told = request.tenant.pk if request.tenant else ""
        throttle.take(name=f"hook:{request.network}:{told}", limit=_NOTED)
    except Refusal:
        return _plain(refusal.status)
    request.refusal = refusal
    return _plain(refusal.status)


def _plain(status: int) -> HttpResponse:
    return HttpResponse(status=status, content_type="text/plain")
