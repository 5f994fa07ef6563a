"""Who a customer is at the provider: made known by our id alone, once, when a method is to be saved."""

from datetime import datetime
from uuid import UUID

from core import ids
from payments.gateways.base import Gateway
from payments.models import GatewayAccount, GatewayCustomer, Payment, PaymentMethod
from tenancy.context import Scope, scope
from tenancy.models import only


def known(
    *, tenant_id: UUID, account: GatewayAccount, gateway: Gateway, customer_id: UUID, at: datetime
) -> str:
    """Return the provider's name of a customer, making them known first; call it outside any transaction.

    Raises:
        GatewayRefused, GatewayAway, GatewayUnsure: asking again is harmless (one key a customer and account).
    """
    found = _found(tenant_id, account.pk, customer_id)
    if found:
        return found
    outside = ids.encode("customer", customer_id)
    reference = gateway.create_customer(
        key=f"{outside}.{ids.encode('gateway_account', account.pk)}", customer=outside
    )
    with scope(Scope(tenant_id)):
        row = GatewayCustomer(
            account_id=account.pk, customer_id=customer_id, reference=reference, created_at=at
        )
        GatewayCustomer.objects.bulk_create([row], ignore_conflicts=True)
    return _found(tenant_id, account.pk, customer_id)


def may_keep(*, source: str, account_id: UUID, customer_id: UUID) -> bool:
    """Say whether what is paid with may be kept: a page that keeps it also offers whatever was kept before.

    Only the portal knows who sits before the page. From anywhere else, as from a pay link that may have been
    forwarded, a method is kept where there is none yet.
    """
    return source == Payment.Source.PORTAL or not returning(account_id=account_id, customer_id=customer_id)


def returning(*, account_id: UUID, customer_id: UUID) -> str:
    """Return the provider's name of a customer who has kept a method there; nothing for anybody else."""
    kept = PaymentMethod.objects.filter(
        account_id=account_id, customer_id=customer_id, state=PaymentMethod.State.ACTIVE
    )
    if not kept.exists():
        return ""
    row = only(GatewayCustomer.objects.filter(account_id=account_id, customer_id=customer_id))
    return "" if row is None else row.reference


def _found(tenant_id: UUID, account_id: UUID, customer_id: UUID) -> str:
    with scope(Scope(tenant_id)):
        row = only(GatewayCustomer.objects.filter(account_id=account_id, customer_id=customer_id))
        return "" if row is None else row.reference
