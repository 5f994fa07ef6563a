"""Disabling an endpoint, and telling whoever looks after it.

Who that is, is known above this layer: accounts names a function that answers with addresses.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from audit import services as audit
from core import ids
from core.actor import Actor
from outbound import events, mail
from outbound.webhooks.models import WebhookDelivery, WebhookEndpoint
from tenancy import context
from tenancy.models import Tenant

_keepers: list[Callable[[datetime], Sequence[str]]] = []


def kept_by(addresses: Callable[[datetime], Sequence[str]]) -> None:
    """Name the function that answers, inside an organization's scope, with the addresses to write to."""
    _keepers[:] = [addresses]


def end(endpoint: WebhookEndpoint, *, reason: str, actor: Actor, at: datetime) -> None:
    """Disable a locked endpoint, drop what waits for it, and say so by mail where nobody did it themselves."""
    endpoint.state, endpoint.disabled_reason, endpoint.disabled_at = (
        WebhookEndpoint.State.DISABLED,
        reason,
        at,
    )
    endpoint.updated_at = at
    endpoint.save(update_fields=["state", "disabled_reason", "disabled_at", "updated_at"])
    waiting = WebhookDelivery.objects.filter(endpoint=endpoint, state=WebhookDelivery.State.PENDING)
    dropped = waiting.update(
        state=WebhookDelivery.State.DROPPED, next_attempt_at=None, claimed_until=None, finished_at=at
    )
    audit.record(
        events.WEBHOOK_DISABLED,
        actor=actor,
        subject=("webhook_endpoint", endpoint.pk),
        facts={"dropped": dropped},
        reason=reason,
    )
    if reason != WebhookEndpoint.Reason.BY_MEMBER:
        _write_to_keepers(endpoint, reason, at)


def _write_to_keepers(endpoint: WebhookEndpoint, reason: str, at: datetime) -> None:
    slug = Tenant.objects.values_list("slug", flat=True).get(pk=context.current_tenant())
    text = {
        "gone": reason == WebhookEndpoint.Reason.GONE,
        "path": f"/o/{slug}/developers/webhooks/{ids.encode('webhook_endpoint', endpoint.pk)}",
    }
    for addresses in _keepers:
        for address in addresses(at):
            mail.send(template="webhook_disabled", to=address, context=text)
