"""One organization with an invoice and an account at the sandbox, and how it asks the provider."""

from core import clock
from payments.models import Attempt
from payments.services import collect
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.make import billing as bill
from tests.make import payer
from tests.make import payments as make

ACTOR = make.ACTOR

BACK = "http://localhost:8000/back"


class House:
    """One organization with an invoice and an account at the sandbox; every call opens its own scope."""

    def __init__(self, tenant, gateway: Gateway) -> None:
        self.tenant, self.gateway = tenant, gateway
        self.at = clock.now()
        with self.scope():
            make.account(secret_key=gateway.key)
            self.invoice = bill.finalized()

    def scope(self):
        return scope(Scope(self.tenant))

    def start(self, *items, **more) -> Attempt:
        with self.scope():
            return make.started(*(items or [self.invoice]), at=self.at, **more)

    def open(self, attempt, *, at=None) -> str:
        return collect.open_page(
            tenant_id=self.tenant, attempt_id=attempt.pk, return_url=BACK, cancel_url=BACK, at=at or self.at
        )

    def ask(self, attempt, *, at=None) -> Attempt:
        collect.ask(tenant_id=self.tenant, attempt_id=attempt.pk, at=at or self.at)
        return self.now(attempt)

    def now(self, row):
        with self.scope():
            return make.fresh(row)

    def pay(self, card=payer.SUCCESS, **more) -> Attempt:
        attempt = self.start()
        payer.pay(self.open(attempt), card, **more)
        return self.ask(attempt)

    def paid(self) -> tuple[str, int, int]:
        invoice = self.now(self.invoice)
        return invoice.payment_status, invoice.amount_paid_minor, invoice.attempts_open

    def events(self, subject) -> list[str]:
        with self.scope():
            return make.events_of(subject)

    def charges(self) -> list[dict]:
        """What the payer's bank would show."""
        return [one for one in self.gateway.truth()["payments"] if one["status"] == "succeeded"]
