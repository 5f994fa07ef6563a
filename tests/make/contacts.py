"""Builders of contacts, inside the scope that is open."""

from billing.contacts import services
from billing.contacts.models import Contact
from billing.customers.models import Customer
from tests.make import billing


def contact(of: Customer, name: str = "Joan Clarke", *, roles=("billing",), **values) -> Contact:
    """Add a contact with an address of their own."""
    values.setdefault("email", f"{name.partition(' ')[0].lower()}@ada.example")
    return services.add(
        customer_id=of.pk, name=name, roles=roles, actor=billing.ACTOR, at=billing.AT, **values
    )
