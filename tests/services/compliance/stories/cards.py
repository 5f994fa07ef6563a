"""How card data is kept out, and let in."""

from billing.customers.models import Customer
from core import cardnumbers, clock
from payments.cards import scan
from tenancy.context import Scope, scope
from tests.make import billing, payments
from tests.services.compliance.stories.told import ACTOR, Told, World, owner, story


@story("cards.none_stored")
class NoneStored(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            billing.customer("Ada Lovelace")
        scan.run(tenant_id=world.tenant, actor=ACTOR, now=clock.now)

    def harm(self, world: World) -> None:
        """Somebody writes a number past every filter, and the next search comes by."""
        with scope(Scope(world.tenant)):
            row = Customer.objects.get()
            row.notes = "card 4242 4242 4242 4242"
            row.save(update_fields=["notes"])
        scan.run(tenant_id=world.tenant, actor=ACTOR, now=clock.now)


@story("cards.refused")
class CardsRefused(Told):
    commits = False

    def harm(self, world: World) -> None:
        world.monkeypatch.setattr(cardnumbers, "_LENGTHS", {"3400": (15,)})


@story("cards.provider_mode")
class ProviderMode(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            payments.account()

    def harm(self, world: World) -> None:
        owner("UPDATE payments_gatewayaccount SET livemode = NOT livemode")
