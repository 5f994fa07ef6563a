"""The demo's alerts: what filling it has left in the trail, found as it would be anywhere."""

from datetime import datetime

from alerts import engine, feed, services
from alerts.feed import Place
from alerts.models import Alert
from core.actor import Actor
from payments.services import holds
from tenancy.context import Scope, scope, system_scope
from tenancy.models import Tenant

# Before any transaction that has left an event.
_FIRST = Place(1, "3")
_LEFT_OPEN = 3


def fill(tenant: Tenant, officer: Actor, at: datetime) -> None:
    """Judge the organization's whole trail; the older alerts are closed, one of the rest is being looked into."""
    with system_scope(reason="how far the trail goes is the same for everybody"):
        upto = feed.edge()
    engine.judge(
        tenant.pk,
        since=_FIRST,
        upto=upto,
        forwarded=engine.Forwarded(),
        actor=Actor.system("demo_seed"),
        at=at,
    )
    with scope(Scope(tenant.pk)):
        found = list(Alert.objects.order_by("id"))
        for alert in found[:-_LEFT_OPEN]:
            services.acknowledge(alert_id=alert.pk, actor=officer, at=at)
            words = "The organization was set up; this belongs to it."
            services.close(alert_id=alert.pk, reason="benign", words=words, actor=officer, at=at)
        for alert in found[-1:]:
            services.acknowledge(alert_id=alert.pk, actor=officer, at=at)
        if holds.are_held():
            holds.release(reason="The demo is ready to be used.", actor=officer, at=at)
