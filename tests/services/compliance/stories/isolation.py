"""How the walls between organizations are broken."""

from billing.customers.models import Customer
from tests import databases
from tests.services.compliance.stories.told import Told, World, owner, story


@story("isolation.row_level_security")
class RowLevelSecurity(Told):
    def harm(self, world: World) -> None:
        owner("ALTER TABLE billing_invoice NO FORCE ROW LEVEL SECURITY")


@story("isolation.role_powers")
class RolePowers(Told):
    def harm(self, world: World) -> None:
        owner("GRANT TRUNCATE ON billing_invoice TO strongbox_app")


@story("isolation.context")
class ContextSealed(Told):
    def harm(self, world: World) -> None:
        databases.as_superuser("GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO PUBLIC")


@story("isolation.references")
class References(Told):
    def harm(self, world: World) -> None:
        owner("ALTER TABLE billing_invoice ADD CONSTRAINT id_alone UNIQUE (id)")
        owner(
            "ALTER TABLE billing_invoiceline ADD CONSTRAINT loose FOREIGN KEY (invoice_id) "
            "REFERENCES billing_invoice (id) NOT VALID"
        )


@story("isolation.classified")
class Classified(Told):
    commits = False

    def harm(self, world: World) -> None:
        """A column is in the table and in no policy."""
        from dataclasses import replace

        policy = Customer.data_policy
        fields = {name: kind for name, kind in policy.fields.items() if name != "email"}
        world.monkeypatch.setattr(Customer, "data_policy", replace(policy, fields=fields))
