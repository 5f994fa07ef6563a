"""The way to the payment provider's page and back: only its own answer says whether something was paid."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpResponseBase, HttpResponseRedirect
from django.utils import translation

from core.errors import Refusal
from edge import headers
from edge.request import Request
from payments.gateways.base import GatewayAway, GatewayRefused, GatewayUnsure
from payments.services import collect

# Where the provider's pages stand when no stand-in is named in the settings.
_PAGES = "https://checkout.stripe.com"
UNREACHED = (GatewayAway, GatewayRefused, GatewayUnsure, collect.PageClosed)


class SeeOther(HttpResponseRedirect):
    """After a form: go there and read (RFC 9110, 15.4.4)."""

    status_code = 303


def let_forms_lead_on(request: Request, response: HttpResponseBase) -> HttpResponseBase:
    """Allow the forms of one page to end at the provider's, and those of no other."""
    origin = settings.GATEWAY_ADDRESS or _PAGES
    nonce = request.csp_nonce  # type: ignore[attr-defined]  # set by edge.headers
    response.headers["Content-Security-Policy"] = headers.policy(nonce, form_targets=[origin])
    return response


def page_opener(
    *, tenant_id: UUID, attempt_id: UUID, return_url: str, cancel_url: str, instead: str, at: datetime
) -> Callable[[], HttpResponseBase]:
    """Return what sends a payer to the provider once the attempt is committed.

    Where surely nothing was sent they come back to `instead` and may try again; otherwise to where they would return,
    which says what is known: refused, or not known yet.
    """

    def send_on() -> HttpResponseBase:
        try:
            url = collect.open_page(
                tenant_id=tenant_id,
                attempt_id=attempt_id,
                return_url=return_url,
                cancel_url=cancel_url,
                locale=translation.get_language() or "en",
                at=at,
            )
        except GatewayAway:
            return SeeOther(instead)
        except UNREACHED:
            return SeeOther(return_url)
        return SeeOther(url)

    return send_on


def ask(*, tenant_id: UUID, attempt_id: UUID, at: datetime) -> None:
    """Ask the provider how an attempt stands and apply its answer; without one everything stays as it was."""
    try:
        collect.ask(tenant_id=tenant_id, attempt_id=attempt_id, at=at)
    except Refusal:
        # The payer is shown what we know; the periodic work asks again.
        return
