"""An organization whose controls are asked one by one."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest

from compliance.controls import registry, running
from compliance.controls.rules import Outcome
from core import clock
from tenancy.context import Scope

Ask = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def no_checkpoints(settings):
    """Databases of the suite are cloned anew all the time: a shared witness would call that a rollback."""
    settings.AUDIT_CHECKPOINT_DIR = None


@pytest.fixture
def ask(tenant_a: UUID) -> Ask:
    """Return a function that asks a control of organization a, as the daily run does, and keeps nothing."""

    def answer(code: str, at: datetime | None = None) -> Outcome:
        control = registry.of(code)
        assert control is not None
        return running.answer(control, Scope(tenant_a), at=at or clock.now())

    return answer
