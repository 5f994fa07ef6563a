"""How Stripe's library speaks to Stripe: through our one way out, once, and what each way of failing means.

Promises kept: no address in a private network is reached (save the sandbox that the settings name); nothing is sent
twice from here, for whoever asks keeps the key and asks again; a failure says whether anything can have happened; no
text of the provider, which may quote a key or what a payer typed, comes any further than this module.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import stripe

from outbound import http
from payments.gateways.base import GatewayAway, GatewayRefused, GatewayUnsure

STRIPE_ADDRESS = "https://api.stripe.com"
# Of the headers of Stripe's library; it would also tell what machine this is.
_HEADERS = frozenset(
    {"authorization", "content-type", "idempotency-key", "stripe-version", "accept", "user-agent"}
)
_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}\Z", re.ASCII)
stripe.enable_telemetry = False


class Transport(stripe.HTTPClient):
    """Sends one request and gives the answer to Stripe's library."""

    name = "strongbox"

    def __init__(self, client: http.Client, before: Callable[[], None]) -> None:
        super().__init__()
        self._client = client
        self._before = before

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send, once.

        Raises:
            GatewayAway: nothing was sent.
            GatewayUnsure: it was sent, and no answer came that can be read.
        """
        self._before()
        body = post_data.encode() if isinstance(post_data, str) else bytes(post_data or b"")
        sent = {name: value for name, value in (headers or {}).items() if name.lower() in _HEADERS}
        try:
            answer = self._client.send(method.upper(), url, headers=sent, body=body)
        except (http.NotReached, http.HostUnknown, http.AddressRefused) as error:
            raise GatewayAway(error.code) from None
        except (http.NoAnswer, http.AnswerTooLarge) as error:
            raise GatewayUnsure(error.code) from None
        return answer.body.decode("utf-8", "replace"), answer.status, answer.headers

    def close(self) -> None:
        """Nothing is kept open."""


class Declined(GatewayRefused):
    """The card was declined."""

    def __init__(self, code: str, payment: Mapping[str, Any] | None) -> None:
        super().__init__(code)
        # What stands at the provider now.
        self.payment = payment


def client(
    *, secret_key: str, address: str, timeout_seconds: int, before: Callable[[], None]
) -> stripe.StripeClient:
    """Return Stripe's client, which speaks through our way out alone."""
    base = address or STRIPE_ADDRESS
    return stripe.StripeClient(
        secret_key,
        base_addresses={"api": base, "connect": base, "files": base, "meter_events": base},
        max_network_retries=0,
        http_client=Transport(http.Client(timeout_seconds=timeout_seconds), before),
    )


def ask(call: Callable[..., Any], *args: Any, key: str = "", **params: Any) -> dict[str, Any]:
    """Make one call and return the object as plain values.

    Raises:
        Declined: a card or debit was refused; no money moved.
        GatewayRefused: surely nothing happened.
        GatewayAway: nothing was sent, or the provider turned us away unread.
        GatewayUnsure: we do not know.
    """
    options: Any = {"idempotency_key": key} if key else {}
    try:
        found = call(*args, params=params, options=options)
    except stripe.StripeError as error:
        _explain(error)
    plain: dict[str, Any] = found.to_dict()
    return plain


def _explain(error: stripe.StripeError) -> NoReturn:
    status = error.http_status or 0
    code = code_of(error.code)
    if isinstance(error, stripe.CardError):
        facts = error.json_body.get("error", {}) if isinstance(error.json_body, dict) else {}
        payment = facts.get("payment_intent")
        raise Declined(code_of(facts.get("decline_code")) or code or "card_declined", payment) from None
    if isinstance(error, stripe.RateLimitError):
        raise GatewayAway("too_many_requests") from None
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        raise GatewayRefused("key_refused", "The payment provider does not accept the key.") from None
    if isinstance(error, stripe.IdempotencyError):
        # The key was used before with other words: what it did then may well have happened.
        raise GatewayUnsure("key_used_before") from None
    if isinstance(error, stripe.InvalidRequestError) and status in (400, 404):
        raise GatewayRefused(code or "invalid_request") from None
    raise GatewayUnsure(f"status_{status}" if status else "no_answer") from None


def code_of(value: object) -> str:
    """Return a code of the provider, or nothing if it is not one: what is no code may be anything."""
    return value if isinstance(value, str) and _CODE.match(value) else ""
