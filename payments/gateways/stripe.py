"""Stripe, by redirect to its own page: no card number ever comes near us (PCI DSS SAQ A).

Promises kept: each call that changes something carries our own key, so that asking twice moves money once; each object
made there carries our id in its metadata, so that what is found can be told to be ours; what Stripe says is compared
by whoever asked, not here. Speaks to whatever address it is given: Stripe or the sandbox.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import stripe

from payments.gateways import amounts, signatures, stripevalues, transport
from payments.gateways.base import (
    Can,
    ChargeAsk,
    Checkout,
    CheckoutAsk,
    DisputeFacts,
    Evidence,
    GatewayRefused,
    HookEvent,
    HookRegistration,
    Outcome,
    OutcomeState,
    RefundAsk,
    RefundOutcome,
    SavedMethod,
    SetupAsk,
)

TIMEOUT_SECONDS = 20
# What we ask to be told; the event itself is never believed.
HOOK_EVENTS = (
    "checkout.session.completed", "checkout.session.expired",
    "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed",
    "payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.processing",
    "payment_intent.canceled", "payment_intent.requires_action",
    "refund.created", "refund.updated", "refund.failed",
    "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed",
    "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
)  # fmt: skip
_WORDS = {Evidence.TEXT: "uncategorized_text", Evidence.REFUND_REFUSAL: "refund_refusal_explanation"}
_DISCLOSED = {
    Evidence.REFUND_POLICY: "refund_policy_disclosure",
    Evidence.CANCELLATION_POLICY: "cancellation_policy_disclosure",
}
_REASONS = {"duplicate": "duplicate", "fraudulent": "fraudulent"}


def _nothing() -> None:
    """Note nothing."""


class StripeGateway:
    """One organization's account at Stripe."""

    provider: ClassVar[str] = "stripe"
    can: ClassVar[frozenset[Can]] = frozenset(Can)

    def __init__(
        self,
        *,
        secret_key: str,
        address: str,
        timeout_seconds: int = TIMEOUT_SECONDS,
        before: Callable[[], None] = _nothing,
    ) -> None:
        """Speak with a key to an address (empty: Stripe itself); `before` runs before anything is sent."""
        self._v1 = transport.client(
            secret_key=secret_key, address=address, timeout_seconds=timeout_seconds, before=before
        ).v1

    def open_checkout(self, ask: CheckoutAsk) -> Checkout:
        """Prepare a page of Stripe's for one attempt."""
        named = {"attempt": ask.attempt}
        payment: dict[str, Any] = {"metadata": named, "description": ask.description}
        if ask.save_method:
            payment["setup_future_usage"] = "off_session"
        price = {
            "currency": ask.amount.currency.lower(),
            "unit_amount": amounts.to_stripe(ask.amount),
            "product_data": {"name": ask.description},
        }
        return _checkout(
            transport.ask(
                self._v1.checkout.sessions.create,
                key=ask.key,
                mode="payment",
                line_items=[{"quantity": 1, "price_data": price}],
                payment_intent_data=payment,
                expires_at=int(ask.expires_at.timestamp()),
                client_reference_id=ask.attempt,
                metadata=named,
                **_page(ask),
            )
        )

    def open_setup(self, ask: SetupAsk) -> Checkout:
        """Prepare a page of Stripe's on which a method is saved."""
        named = {"setup": ask.setup}
        return _checkout(
            transport.ask(
                self._v1.checkout.sessions.create,
                key=ask.key,
                mode="setup",
                currency=ask.currency.lower(),
                setup_intent_data={"metadata": named},
                client_reference_id=ask.setup,
                metadata=named,
                **_page(ask),
            )
        )

    def setup_result(self, reference: str) -> SavedMethod | None:
        """Return what was saved on such a page; None while nothing is."""
        found = transport.ask(
            self._v1.checkout.sessions.retrieve, reference, expand=["setup_intent.payment_method"]
        )
        setup = found.get("setup_intent")
        if not isinstance(setup, dict) or setup.get("status") != "succeeded":
            return None
        return stripevalues.method_of(setup.get("payment_method"))

    def close_checkout(self, reference: str) -> None:
        """Let a page take no more payment; harmless when it is done or gone."""
        _harmless(lambda: transport.ask(self._v1.checkout.sessions.expire, reference))

    def charge(self, ask: ChargeAsk) -> Outcome:
        """Charge a saved method without its holder. A decline is an outcome, not an error."""
        try:
            made = transport.ask(
                self._v1.payment_intents.create,
                key=ask.key,
                amount=amounts.to_stripe(ask.amount),
                currency=ask.amount.currency.lower(),
                customer=ask.customer,
                payment_method=ask.method,
                payment_method_types=[ask.kind],
                description=ask.description,
                metadata={"attempt": ask.attempt},
                off_session=True,
                confirm=True,
                expand=["payment_method"],
            )
        except transport.Declined as refused:
            reference = str((refused.payment or {}).get("id") or "")
            return Outcome(
                state=OutcomeState.FAILED,
                reference=reference,
                amount=ask.amount,
                attempt=ask.attempt,
                code=refused.reason,
            )
        return stripevalues.outcome_of_payment(made)

    def look_up(self, reference: str) -> Outcome:
        """Return how an attempt stands, by its page (cs_…) or its money (pi_…)."""
        if reference.startswith("cs_"):
            expand = ["payment_intent.payment_method"]
            return stripevalues.outcome_of_page(
                transport.ask(self._v1.checkout.sessions.retrieve, reference, expand=expand)
            )
        return stripevalues.outcome_of_payment(
            transport.ask(self._v1.payment_intents.retrieve, reference, expand=["payment_method"])
        )

    def refund(self, ask: RefundAsk) -> RefundOutcome:
        """Give money back."""
        made = transport.ask(
            self._v1.refunds.create,
            key=ask.key,
            payment_intent=ask.payment,
            amount=amounts.to_stripe(ask.amount),
            reason=_REASONS.get(ask.reason, "requested_by_customer"),
            metadata={"refund": ask.refund},
        )
        return stripevalues.refund_of(made)

    def look_up_refund(self, reference: str) -> RefundOutcome:
        """Return how a refund stands."""
        return stripevalues.refund_of(transport.ask(self._v1.refunds.retrieve, reference))

    def find_refund(self, *, payment: str, refund: str) -> RefundOutcome | None:
        """Find a refund by our id; None when Stripe surely has none."""
        after: dict[str, str] = {}
        while True:
            page = transport.ask(self._v1.refunds.list, payment_intent=payment, limit=100, **after)
            for found in page["data"]:
                if (found.get("metadata") or {}).get("refund") == refund:
                    return stripevalues.refund_of(found)
            if not page.get("has_more"):
                return None
            after = {"starting_after": page["data"][-1]["id"]}

    def create_customer(self, *, key: str, customer: str) -> str:
        """Make one of our customers known by our id alone; neither name nor address leaves us."""
        return str(transport.ask(self._v1.customers.create, key=key, metadata={"customer": customer})["id"])

    def detach(self, method: str) -> None:
        """Forget a saved method; harmless when it is forgotten."""
        _harmless(lambda: transport.ask(self._v1.payment_methods.detach, method))

    def look_up_dispute(self, reference: str) -> DisputeFacts:
        """Return how a dispute stands."""
        return stripevalues.dispute_of(transport.ask(self._v1.disputes.retrieve, reference))

    def answer_dispute(self, *, key: str, reference: str, evidence: Mapping[Evidence, str]) -> DisputeFacts:
        """Hand in evidence, once and for all."""
        names = _WORDS | _DISCLOSED
        said = {names.get(Evidence(name), Evidence(name).value): text for name, text in evidence.items()}
        found = transport.ask(self._v1.disputes.update, reference, key=key, evidence=said, submit=True)
        return stripevalues.dispute_of(found)

    def accept_dispute(self, *, key: str, reference: str) -> DisputeFacts:
        """Give a dispute up."""
        return stripevalues.dispute_of(transport.ask(self._v1.disputes.close, reference, key=key))

    def read_hook(self, *, body: bytes, signature: str, secrets: Sequence[str], at: datetime) -> HookEvent:
        """Verify a message over its raw bytes and return what it is about."""
        signatures.verify(body=body, signature=signature, secrets=secrets, at=at)
        return signatures.read(body)

    def is_live(self) -> bool:
        """Tell whether the key moves real money."""
        return transport.ask(self._v1.balance.retrieve)["livemode"] is True

    def register_hook(self, *, key: str, url: str) -> HookRegistration:
        """Have events sent to an address from now on."""
        made = transport.ask(
            self._v1.webhook_endpoints.create,
            key=key,
            url=url,
            enabled_events=list(HOOK_EVENTS),
            api_version=stripe.api_version,
        )
        return HookRegistration(reference=str(made["id"]), secret=str(made["secret"]))

    def hook_url(self, reference: str) -> str:
        """Return the address that a registration names; empty when this account does not know it."""
        try:
            return str(transport.ask(self._v1.webhook_endpoints.retrieve, reference)["url"])
        except GatewayRefused as refused:
            if refused.reason != "resource_missing":
                raise
            return ""

    def remove_hook(self, reference: str) -> None:
        """Have no more events sent; harmless when they are not."""
        _harmless(lambda: transport.ask(self._v1.webhook_endpoints.delete, reference))


def _page(wanted: CheckoutAsk | SetupAsk) -> dict[str, Any]:
    page: dict[str, Any] = {
        "success_url": wanted.return_url,
        "cancel_url": wanted.cancel_url,
        "locale": wanted.locale,
    }
    if wanted.customer:
        page["customer"] = wanted.customer
    if wanted.method:
        page["payment_method_types"] = [wanted.method]
    return page


def _checkout(session: Mapping[str, Any]) -> Checkout:
    expires = session.get("expires_at")
    return Checkout(
        reference=str(session["id"]),
        url=str(session.get("url") or ""),
        expires_at=datetime.fromtimestamp(expires, UTC) if expires else None,
    )


def _harmless(call: Callable[[], object]) -> None:
    """Make a call whose purpose may be reached already."""
    reached = ("resource_missing", "checkout_session_unexpected_state", "payment_method_unexpected_state")
    try:
        call()
    except GatewayRefused as refused:
        if refused.reason not in reached:
            raise
