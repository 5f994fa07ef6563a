"""A client that speaks as a program does, with a key of one organization."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.cache import caches
from django.test import Client

from accounts.permissions import API_KEY_SCOPES, Permission
from audit.models import Event
from billing.issuer import services as issuers
from core import clock
from core.actor import Actor
from edge import network
from tenancy.context import Scope, scope
from tests.make import accounts, installation


@dataclass
class Api:
    """One key's way in."""

    key: str
    tenant: UUID
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Send a request; a body that is not bytes goes as JSON."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        sent |= {name.replace("_", "-"): text for name, text in headers.items()}
        content_type = sent.pop("Content-Type", "application/json")
        return self.client.generic(method, f"/api/v1/{path}", data, content_type=content_type, headers=sent)

    def get(self, path: str, **headers: str) -> Any:
        """Read."""
        return self.send("GET", path, **headers)

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        """Create, or move to another state."""
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: object = None, **headers: str) -> Any:
        """Change."""
        return self.send("PATCH", path, body, **headers)


def key_of(slug: str, scopes: frozenset[Permission] = API_KEY_SCOPES) -> Api:
    """Let an owner of an organization make a key."""
    tenant = installation.tenant(slug)
    with scope(Scope(tenant)):
        made = accounts.api_key(accounts.member("owner"), scopes=sorted(scopes))
    return Api(made.raw, tenant)


def set_issuer(tenant: UUID) -> None:
    """Say who bills."""
    with scope(Scope(tenant)):
        issuers.set_issuer(
            name="Strongbox Tests GmbH",
            address={"line1": "Ringstraße 1", "city": "Wien", "postal_code": "1010", "country": "AT"},
            tax_id="ATU12345675",
            currency="EUR",
            actor=Actor.system("tests"),
            at=clock.now(),
        )


def ready(slug: str) -> Api:
    """Return a key with every scope of an organization that bills in its own name; strangers start anew."""
    caches["default"].delete(f"limit:api-stranger:{network.pseudonym('127.0.0.1')}")
    set_issuer(installation.tenant(slug))
    return key_of(slug)


def events_of(tenant: UUID, code: str) -> list[Mapping[str, Any]]:
    """Return what the trail holds of one kind of event, oldest first."""
    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=code).order_by("at", "id").values())
