"""How encryption and its keys are put in order, and broken."""

from core import ids
from crypto.models import DataKey
from tenancy.context import Scope, scope
from tests.make import billing
from tests.services.compliance.stories.told import Told, World, old, owner, story


@story("encryption.stored_values")
class StoredValues(Told):
    def mend(self, world: World) -> None:
        with scope(Scope(world.tenant)):
            billing.customer("Ada Lovelace")
            billing.customer("Grace Hopper")

    def harm(self, world: World) -> None:
        """Somebody puts one customer's encrypted name in another's place."""
        first, second = [row[0] for row in owner("SELECT id FROM billing_customer ORDER BY id")]
        owner(
            "UPDATE billing_customer SET name = (SELECT name FROM billing_customer WHERE id = %s) WHERE id = %s",
            [first, second],
        )


@story("keys.age")
class KeyAge(Told):
    def harm(self, world: World) -> None:
        old("crypto_datakey", "created_at", 400, "purpose = 'fields'")


@story("keys.wear")
class KeyWear(Told):
    def harm(self, world: World) -> None:
        owner("UPDATE crypto_datakey SET encryptions = 300000000 WHERE purpose = 'documents'")


@story("keys.rotations")
class Rotations(Told):
    def harm(self, world: World) -> None:
        """A rotation made its new key primary and died two days ago."""
        with scope(Scope(world.tenant)):
            key = DataKey.objects.get(purpose="fields")
        owner("UPDATE crypto_datakey SET state = 'active' WHERE id = %s", [key.pk])
        owner(
            "INSERT INTO crypto_datakey (id, tenant_id, version, state, wrapped, shared, created_at, tenant_key_id, "
            "purpose, encryptions) SELECT %s, tenant_id, 2, 'primary', wrapped, shared, now() - interval '2 days', "
            "tenant_key_id, purpose, 0 FROM crypto_datakey WHERE id = %s",
            [ids.uuid7(), key.pk],
        )


@story("keys.hierarchy")
class Hierarchy(Told):
    def harm(self, world: World) -> None:
        owner("UPDATE crypto_datakey SET state = 'disabled' WHERE purpose = 'files'")
