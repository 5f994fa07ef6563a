"""The marker in where alerts go and where the trail is sent, each by its own service."""

import functools
import tempfile
from pathlib import Path
from uuid import UUID

from django.test import override_settings

from alerts.channels import delivery
from alerts.channels import services as channels
from alerts.streams import sending
from alerts.streams import services as streams
from core import clock
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.services.outbound.test_http import certificate
from tests.services.outbound.webhooks.receiver import receiving

ALL = ["critical", "high", "medium", "low", "info"]


@functools.cache
def _authority() -> str:
    """Return a certificate as PEM."""
    with tempfile.TemporaryDirectory() as folder:
        text = certificate(Path(folder), "localhost").read_text()
    return str(text[text.index("-----BEGIN CERTIFICATE") :])


def over_the_services(marker: str, tenant_id: UUID) -> None:
    """Add a channel and a stream that carry it, and send what is due to somebody else's server."""
    actor = Actor.system("tests")
    # What stands before a certificate is a remark.
    ca = f"{marker} authority\n{_authority()}"
    with receiving() as receiver, override_settings(OUTBOUND_PRIVATE_ORIGINS=[receiver.origin]):
        receiver.body = f"{marker} answer".encode()
        with scope(Scope(tenant_id)):
            channels.create(
                kind="webhook", address=f"{receiver.origin}/{marker}", description=f"{marker} channel", ca=ca,
                severities=ALL, actor=actor, at=clock.now(),
            )  # fmt: skip
            made = streams.create(
                kind="http", address=f"{receiver.origin}/{marker}", description=f"{marker} stream", ca=ca,
                secret=f"Bearer {marker}", actor=actor, at=clock.now(),
            )  # fmt: skip
        delivery.deliver_due(tenant_id=tenant_id, actor=actor, now=clock.now)
        sending.deliver_due(tenant_id=tenant_id, actor=actor, now=clock.now)
        with scope(Scope(tenant_id)):
            streams.pause(stream_id=made.pk, actor=actor, at=clock.now())
