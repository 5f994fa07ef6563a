"""Every adapter with what a test needs to play the other side: a payer, a bank, a provider that behaves badly."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

from django.conf import settings

from core import clock
from core.money import Money
from payments.gateways.banktransfer import BankTransferGateway
from payments.gateways.base import (
    Can,
    ChargeAsk,
    Checkout,
    CheckoutAsk,
    Gateway,
    Outcome,
    RefundAsk,
    SavedMethod,
    SetupAsk,
)
from payments.gateways.stripe import StripeGateway
from tests.gateway import Gateway as Sandbox
from tests.make import payer

RETURN, CANCEL = "http://localhost:8000/paid", "http://localhost:8000/left"
EUR = Money(19_99, "EUR")
REFERENCE = "RF182026K7QZ0042"
_F = TypeVar("_F", bound=Callable[..., Any])


def needs(*can: Can) -> Callable[[_F], _F]:
    """Run a test with the adapters that can do this; the others have to refuse, see test_refusals."""

    def mark(function: _F) -> _F:
        function.needs = frozenset(can)  # type: ignore[attr-defined]  # read by conftest
        return function

    return mark


@dataclass
class Bench:
    """One adapter and the other side."""

    gateway: Gateway
    sandbox: Sandbox
    customers: list[str] = field(default_factory=list)

    def ask(self, amount: Money = EUR, **more: Any) -> CheckoutAsk:
        """Return an ask for a page."""
        given: dict[str, Any] = {
            "key": uuid4().hex,
            "amount": amount,
            "attempt": f"att_{uuid4().hex}",
            "description": "Invoice 2026-0042",
            "return_url": RETURN,
            "cancel_url": CANCEL,
            "expires_at": clock.now() + timedelta(hours=1),
            "creditor_reference": REFERENCE,
        }
        return CheckoutAsk(**(given | more))

    def paid(self, card: str = payer.SUCCESS, amount: Money = EUR, **more: Any) -> Outcome:
        """Open a page, pay on it, and look up what came of it."""
        how = {name: more.pop(name) for name in ("iban", "authenticate") if name in more}
        page = self.gateway.open_checkout(self.ask(amount, **more))
        payer.pay(page.url, card, **how)
        return self.gateway.look_up(page.reference)

    def page(self, **more: Any) -> Checkout:
        """Open a page."""
        return self.gateway.open_checkout(self.ask(**more))

    def customer(self) -> str:
        """Make a customer known to the provider."""
        return self.gateway.create_customer(key=uuid4().hex, customer=f"cus_{uuid4().hex}")

    def saved(self, card: str = payer.SUCCESS, **how: Any) -> SavedMethod:
        """Save a method on a page."""
        page = self.gateway.open_setup(self.setup(self.customer()))
        payer.pay(page.url, card, **how)
        found = self.gateway.setup_result(page.reference)
        assert found is not None
        return found

    def setup(self, customer: str) -> SetupAsk:
        """Return an ask for a page on which a method is saved."""
        return SetupAsk(
            key=uuid4().hex, setup=f"att_{uuid4().hex}", customer=customer, return_url=RETURN,
            cancel_url=CANCEL, currency="EUR",
        )  # fmt: skip

    def charge_of(self, method: SavedMethod, amount: Money = EUR, **more: Any) -> ChargeAsk:
        """Return an ask to charge a saved method."""
        given: dict[str, Any] = {
            "key": uuid4().hex,
            "amount": amount,
            "attempt": f"att_{uuid4().hex}",
            "customer": method.customer,
            "method": method.reference,
            "kind": method.kind,
            "description": "Invoice 2026-0042",
        }
        return ChargeAsk(**(given | more))

    def refund_of(self, payment: str, amount_minor: int, **more: Any) -> RefundAsk:
        """Return an ask to refund a payment."""
        given: dict[str, Any] = {
            "key": uuid4().hex,
            "payment": payment,
            "amount": Money(amount_minor, "EUR"),
            "refund": f"rfn_{uuid4().hex}",
        }
        return RefundAsk(**(given | more))

    def impatient(self) -> Gateway:
        """Return the same account behind a client that waits a second only."""
        return StripeGateway(secret_key=self.sandbox.key, address=self.sandbox.address, timeout_seconds=1)


def stripe(sandbox: Sandbox) -> Bench:
    """Stripe's adapter, speaking to the sandbox."""
    gateway = StripeGateway(secret_key=sandbox.key, address=settings.GATEWAY_ADDRESS, timeout_seconds=15)
    return Bench(gateway, sandbox)


def bank_transfer(sandbox: Sandbox) -> Bench:
    """The adapter of bank transfers; nobody is behind it."""
    return Bench(
        BankTransferGateway(holder="Blue Mill Bakery", iban="DE89370400440532013000", bic="COBADEFFXXX"),
        sandbox,
    )


# A further adapter is added here and has to pass what it says it can.
BENCHES: dict[str, tuple[Callable[[Sandbox], Bench], frozenset[Can]]] = {
    "stripe": (stripe, StripeGateway.can),
    "bank_transfer": (bank_transfer, BankTransferGateway.can),
}
