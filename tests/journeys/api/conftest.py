"""A client that speaks as a program does, with a key of organization a or b."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import caches
from django.test import Client

from accounts.models import Membership, Role, User
from accounts.permissions import API_KEY_SCOPES, Permission
from accounts.services import apikeys
from billing.issuer import services as issuers
from core import clock, ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from tenancy.context import Scope, scope
from tests.make import installation


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
        return self.send("GET", path, **headers)

    def post(self, path: str, body: object = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: object = None, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)


def found_key(slug: str, *, scopes: frozenset[Permission] = API_KEY_SCOPES, role: str = "owner") -> Api:
    """Make a member of an organization and let them make a key."""
    tenant, at = installation.tenant(slug), clock.now()
    with scope(Scope(tenant)):
        name = ids.base32(ids.uuid7())
        user = User(email=f"{name}@{slug}.example", name=name, password="!", created_at=at)
        user.save(force_insert=True)
        Membership.objects.create(user=user, role=Role.objects.get(code=role), joined_at=at)
        actor = Actor(
            kind=ActorKind.USER,
            id=user.pk,
            via=Via.WEB,
            request_id=ids.uuid7(),
            method=SignInMethod.SESSION_FRESH,
        )
        made = apikeys.create(
            name="tests",
            scopes={permission.value for permission in scopes},
            limits={},
            expires_at=at + timedelta(days=30),
            actor=actor,
            at=at,
        )
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


@pytest.fixture
def api(transactional_db: None) -> Api:
    """Return a key of organization a with every scope; a bills in its own name."""
    caches["default"].clear()
    tenant = installation.tenant("a")
    set_issuer(tenant)
    return found_key("a")


@pytest.fixture
def other(transactional_db: None) -> Api:
    """Return a key of organization b with every scope."""
    set_issuer(installation.tenant("b"))
    return found_key("b")


@pytest.fixture
def key_with(transactional_db: None) -> Callable[..., Api]:
    """Return a maker of keys of organization a with chosen scopes."""

    def make(*scopes: Permission) -> Api:
        return found_key("a", scopes=frozenset(scopes))

    return make


def events_of(tenant: UUID, code: str) -> list[Mapping[str, Any]]:
    """Return what the trail holds of one kind of event, oldest first."""
    from audit.models import Event

    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=code).order_by("at", "id").values())
