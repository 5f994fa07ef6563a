"""How money is put in order, and broken."""

import secrets

from core import clock
from payments.models import HookReceipt, Payment
from tenancy.context import Scope, scope
from tests.make import billing, payments
from tests.services.compliance.stories.told import Told, World, old, owner, story


def _books(world: World) -> None:
    with scope(Scope(world.tenant)):
        for _ in range(3):
            billing.finalized()


@story("money.balanced")
class Balanced(Told):
    def mend(self, world: World) -> None:
        _books(world)

    def harm(self, world: World) -> None:
        owner("ALTER TABLE billing_ledgerentry DISABLE TRIGGER USER")
        owner(
            "UPDATE billing_ledgerentry SET amount_minor = amount_minor + 1 "
            "WHERE id = (SELECT id FROM billing_ledgerentry LIMIT 1)"
        )
        owner("ALTER TABLE billing_ledgerentry ENABLE TRIGGER USER")


@story("money.frozen")
class Frozen(Told):
    def harm(self, world: World) -> None:
        owner("ALTER TABLE billing_invoice DISABLE TRIGGER frozen")


@story("money.gapless")
class Gapless(Told):
    def mend(self, world: World) -> None:
        _books(world)

    def harm(self, world: World) -> None:
        """The second invoice has another number than it was given."""
        for table in ("billing_invoice", "billing_invoiceline", "billing_invoicetax"):
            owner(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        owner("UPDATE billing_invoice SET sequence = sequence + 40 WHERE sequence = 2")


@story("money.no_doubt")
class NoDoubt(Told):
    def mend(self, world: World) -> None:
        """The provider has not said for a moment what became of a payment."""
        with scope(Scope(world.tenant)):
            payments.account()
            payments.started(billing.finalized(), at=clock.now())
        owner("UPDATE payments_payment SET state = 'unknown'")
        with scope(Scope(world.tenant)):
            assert Payment.objects.get().state == Payment.State.UNKNOWN

    def harm(self, world: World) -> None:
        old("payments_payment", "updated_at", 2)


@story("money.messages")
class Messages(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            account = payments.account()
            HookReceipt(
                account=account, event_reference=f"evt_{secrets.token_hex(4)}", object_reference="pi_1",
                event_type="payment_intent.succeeded", next_try_at=clock.now(),
                state=HookReceipt.State.RECEIVED, created_at=clock.now(), received_at=clock.now(),
            ).save(force_insert=True)  # fmt: skip

    def harm(self, world: World) -> None:
        owner("UPDATE payments_hookreceipt SET received_at = now() - interval '3 hours'")
