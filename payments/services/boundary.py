"""What of cards and of the provider's messages is here, counted."""

from dataclasses import dataclass

from django.db.models import Count

from payments.models import GatewayCustomer, HookReceipt, PaymentMethod


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Counts of the organization in scope. `waiting` are messages that are not applied yet."""

    active: int
    removed: int
    customers: int
    applied: int
    ignored: int
    waiting: int


def held() -> Held:
    """Count tokens, customers known to the provider, and messages by state."""
    methods = dict(PaymentMethod.objects.order_by().values_list("state").annotate(Count("id")))
    states = dict(HookReceipt.objects.order_by().values_list("state").annotate(Count("id")))
    return Held(
        active=methods.get(PaymentMethod.State.ACTIVE, 0),
        removed=methods.get(PaymentMethod.State.REMOVED, 0),
        customers=GatewayCustomer.objects.count(),
        applied=states.get(HookReceipt.State.APPLIED, 0),
        ignored=states.get(HookReceipt.State.IGNORED, 0),
        waiting=states.get(HookReceipt.State.RECEIVED, 0) + states.get(HookReceipt.State.FAILED, 0),
    )
