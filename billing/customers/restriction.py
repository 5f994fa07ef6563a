"""A customer whose data is kept and not used (GDPR Article 18): nothing is billed, reminded or taken out."""

from datetime import datetime
from uuid import UUID

from audit import services as audit
from billing import events
from billing.customers.models import Customer
from billing.customers.services import CustomerErased
from core.actor import Actor
from core.errors import Conflict, NotFound
from tenancy.context import use_case


class CustomerRestricted(Conflict):
    """The data of this customer is restricted: it is kept, and not used until that is lifted."""

    code = "customer_restricted"


@use_case
def restrict(*, customer_id: UUID, actor: Actor, at: datetime) -> Customer:
    """Keep a customer's data and use it no more; without effect on one who is restricted.

    Raises:
        NotFound: there is no such customer.
    """
    row = _locked(customer_id)
    if row.restricted_at is None:
        row.restricted_at, row.updated_at = at, at
        row.save(update_fields=["restricted_at", "updated_at"])
        audit.record(events.CUSTOMER_RESTRICTED, actor=actor, subject=("customer", row.pk))
    return row


@use_case
def lift(*, customer_id: UUID, actor: Actor, at: datetime) -> Customer:
    """Use a customer's data again; the person is told before (Article 18(3)).

    Raises:
        NotFound: there is no such customer.
        CustomerErased: what is kept of an erased person stays restricted.
    """
    row = _locked(customer_id)
    if row.subject_key is None:
        raise CustomerErased
    if row.restricted_at is not None:
        row.restricted_at, row.updated_at = None, at
        row.save(update_fields=["restricted_at", "updated_at"])
        audit.record(events.CUSTOMER_RESTRICTION_LIFTED, actor=actor, subject=("customer", row.pk))
    return row


def _locked(customer_id: UUID) -> Customer:
    row: Customer | None = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if row is None:
        raise NotFound
    return row
