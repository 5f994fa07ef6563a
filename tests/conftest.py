"""Fixtures of the whole suite: real engines, the app role, a clone of a migrated database."""

import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import hypothesis
import pytest
from django.conf import settings
from django.db import connections
from django.template.base import Template
from django.test import TransactionTestCase

import config.celery  # noqa: F401  what services send goes to the suite's own broker
from tenancy import context
from tests import databases
from tests.fired import (  # noqa: F401  hooks and a fixture: each kind of audit event is fired by some test
    _watched_events,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.gateway import Gateway
from tests.make import installation

# How fast a machine is says nothing about what is right: no example fails for having taken long.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")

_render = Template._render  # before Django's test environment puts its own there


def pytest_make_parametrize_id(config: Any, val: object, argname: str) -> str | None:
    """Name no test by a whole file: archives hold the moment they were made, and each worker makes its own."""
    return argname if isinstance(val, bytes) and len(val) > 60 else None


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, tmp_path_factory: Any, worker_id: str
) -> Iterator[None]:
    """Clone the template for this worker; the first worker makes the template, the others wait."""
    base = tmp_path_factory.getbasetemp()
    shared: Path = base if worker_id == "master" else base.parent
    with django_db_blocker.unblock():
        with (shared / "template.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / "template.done").exists():
                databases.build_template()
                (shared / "template.done").touch()
        name = f"strongbox_test_{worker_id}"
        databases.clone(name)
    yield
    with django_db_blocker.unblock():
        databases.drop(name)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    """Name the worker, with or without pytest-xdist."""
    return getattr(request.config, "workerinput", {}).get("workerid", "master")


@pytest.fixture(autouse=True, scope="session")
def _fresh_clone_instead_of_truncate() -> Iterator[None]:
    """After a test that commits, a new clone: the app role may not TRUNCATE, and rightly."""
    before = TransactionTestCase._fixture_teardown
    TransactionTestCase._fixture_teardown = lambda self: databases.clone(  # type: ignore[method-assign]
        str(connections["default"].settings_dict["NAME"])
    )
    yield
    TransactionTestCase._fixture_teardown = before  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def _pages_as_they_are(django_test_environment: None) -> None:
    """Make pages as everywhere: to note each part of a page with a copy of its context was a seventh of the work, and
    what a test needs stands on the page.
    """
    Template._render = _render  # type: ignore[method-assign]


@pytest.fixture
def gateway() -> Gateway:
    """Return the sandbox gateway with an account nobody else uses."""
    return Gateway(settings.GATEWAY_ADDRESS, f"sk_test_{uuid4().hex}")


@pytest.fixture
def tenant_a() -> UUID:
    """Return organization a."""
    return installation.tenant("a")


@pytest.fixture
def tenant_b() -> UUID:
    """Return organization b."""
    return installation.tenant("b")


@pytest.fixture
def in_a(db: None, tenant_a: UUID) -> Iterator[UUID]:
    """Run the test inside organization a's scope."""
    with context.scope(context.Scope(tenant_a)):
        yield tenant_a
