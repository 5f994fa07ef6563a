"""Saving a payment method without paying: the payer agrees to words, types at the provider, and comes back.

Promise kept: what comes back is asked of the provider and believed only when it belongs to this customer there. The
words that stood on the page are kept with the method; between the two the cache holds their hash and names nobody.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import throttle, tokens
from core import ids, primitives
from core.actor import Actor
from core.errors import NotFound
from payments.gateways.base import SetupAsk
from payments.models import GatewayAccount, PaymentMethod
from payments.services import accounts, mandates, methods, payers
from tenancy.context import Scope, scope

_LIFE_SECONDS = 2 * 3600


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the payer goes."""

    url: str


def begin(
    *,
    tenant_id: UUID,
    customer_id: UUID,
    account_id: UUID,
    kind: str,
    words: str,
    currency: str,
    return_url: str,
    cancel_url: str,
    at: datetime,
) -> Begun:
    """Ask the provider for a page on which a method is saved; call it outside any transaction.

    `words` are what the payer has agreed to; `{}` in `return_url` takes the name by which `finish` knows them again.

    Raises:
        NotFound: there is no such account.
        GatewayRefused, GatewayAway, GatewayUnsure: nothing is saved; asking again is harmless.
    """
    with scope(Scope(tenant_id)):
        account = GatewayAccount.objects.filter(pk=account_id).first()
    if account is None:
        raise NotFound
    gateway = accounts.for_account(account)
    payer = payers.known(
        tenant_id=tenant_id, account=account, gateway=gateway, customer_id=customer_id, at=at
    )
    name = tokens.new_secret()
    setup = ids.encode("payment_method", ids.uuid7())
    page = gateway.open_setup(
        SetupAsk(
            key=setup,
            setup=setup,
            customer=payer,
            return_url=return_url.replace("{}", name),
            cancel_url=cancel_url,
            currency=currency,
            method=kind,
        )
    )
    kept = [str(tenant_id), str(customer_id), str(account_id), payer, page.reference, kind, _mark(words)]
    throttle.remember_once(_key(name), kept, seconds=_LIFE_SECONDS)
    return Begun(page.url)


def finish(
    *, tenant_id: UUID, customer_id: UUID, name: str, actor: Actor, at: datetime
) -> PaymentMethod | None:
    """Ask the provider what was saved and keep it; None when nothing was, or when the words are others by now.

    Call it outside any transaction.

    Raises:
        NotFound: nobody began this here, or it has been finished.
        GatewayRefused, GatewayAway, GatewayUnsure: nothing is known.
    """
    kept = throttle.take_once(_key(name))
    if not isinstance(kept, list) or kept[:2] != [str(tenant_id), str(customer_id)]:
        raise NotFound
    account_id, payer, reference, kind, mark = UUID(kept[2]), *kept[3:]
    with scope(Scope(tenant_id)):
        account = GatewayAccount.objects.get(pk=account_id)
        words = mandates.saving(kind=kind)
    if _mark(words) != mark:
        return None
    saved = accounts.for_account(account).setup_result(reference)
    if saved is None or saved.customer != payer:
        return None
    with scope(Scope(tenant_id)):
        return methods.save(
            customer_id=customer_id,
            account_id=account_id,
            method=saved,
            mandate_text=words,
            actor=actor,
            at=at,
        )


def _mark(words: str) -> str:
    return primitives.sha256(words.encode()).hex()


def _key(name: str) -> str:
    return "setup:" + tokens.digest("throttle", name).hex()
