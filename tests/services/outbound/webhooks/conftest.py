"""A receiver that may be told, and an endpoint that names it."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import connections

from core import clock, ids
from core.actor import Actor
from outbound.models import WebhookDelivery, WebhookEndpoint
from outbound.webhooks import delivery
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, scope
from tests.services.outbound.webhooks.receiver import Receiver, receiving

ACTOR = Actor.system("tests")


class Story:
    """One organization that tells a receiver what happens, at moments the test chooses."""

    def __init__(self, tenant: UUID, receiver: Receiver) -> None:
        self.tenant, self.receiver = tenant, receiver

    def endpoint(self, *types: str, path: str = "/hook", at: datetime | None = None) -> webhooks.Made:
        with scope(Scope(self.tenant)):
            return webhooks.create(
                url=self.receiver.origin + path, types=types, actor=ACTOR, at=at or clock.now()
            )

    def happen(self, code: str = "invoice.paid", **data: object) -> UUID:
        with scope(Scope(self.tenant)):
            return webhooks.publish(type=code, subject=(code.partition(".")[0], ids.uuid7()), data=data)

    def deliver(self, at: datetime | None = None) -> int:
        return delivery.deliver_due(
            tenant_id=self.tenant, actor=ACTOR, now=clock.now if at is None else lambda: at
        )

    def worker(self) -> threading.Thread:
        """Return another worker's run, with a connection of its own."""

        def run() -> None:
            try:
                self.deliver()
            finally:
                connections.close_all()

        return threading.Thread(target=run)

    def delivery(self) -> WebhookDelivery:
        with scope(Scope(self.tenant)):
            return WebhookDelivery.objects.get()

    def stored(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        with scope(Scope(self.tenant)):
            return WebhookEndpoint.objects.get(pk=endpoint.pk)

    def states(self) -> list[str]:
        with scope(Scope(self.tenant)):
            return list(WebhookDelivery.objects.order_by("id").values_list("state", flat=True))


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    with receiving() as made:
        settings.OUTBOUND_PRIVATE_ORIGINS = [made.origin]
        yield made


@pytest.fixture
def story(transactional_db: None, tenant_a: UUID, receiver: Receiver) -> Story:
    return Story(tenant_a, receiver)


def later(year: int = 2100) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)
