"""What these tests share: a door that records refusals as edge does, and a look into the trail."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from accounts.refusals import Recorded, record_apart
from audit.models import Event
from core import clock
from core.actor import Actor
from tenancy import context
from tenancy.context import Scope
from tenancy.models import Tenant
from tests.make import accounts as make


class Doors:
    """Opens scopes as edge does: a refusal rolls back, and its event is recorded apart."""

    @contextmanager
    def open(self, inside: Scope | None = None, *, actor: Actor | None = None) -> Iterator[None]:
        """Open one request."""
        try:
            with context.scope(inside or Scope()):
                yield
        except Recorded as refusal:
            record_apart(refusal, actor=actor or make.stranger())
            raise

    def events(self, code: str, *, tenant: UUID | None = None) -> list[Event]:
        """List the events of a code, oldest first: of an organization, or of the operator's log."""
        with context.system_scope(reason="tests look up the operator"):
            owner = tenant or Tenant.objects.get(kind=Tenant.Kind.OPERATOR).pk
        with context.scope(Scope(owner)):
            return list(Event.objects.filter(event=code).order_by("at", "id"))


@pytest.fixture
def doors(db: None) -> Doors:
    """Return the doors."""
    return Doors()


@pytest.fixture
def now() -> datetime:
    """Return a moment in the middle of an authenticator's step, so that no test falls between two."""
    at = clock.now()
    return at.replace(microsecond=0) - timedelta(seconds=int(at.timestamp()) % 30 - 15)
