"""Organizations with an account at the sandbox: before its pages (`house`), and hearing from it (`shop`).

Books are proved after each test: by these two, and where a test asks for `proven_books`.
"""

from collections.abc import Iterator
from uuid import UUID

import pytest

from billing.ledger import queries as books
from tenancy.context import Scope, scope
from tests.gateway import Gateway
from tests.sandbox.conftest import Receiver
from tests.services.payments.house import House
from tests.services.payments.shop import Shop, shop_of


@pytest.fixture
def proven_books(in_a: UUID) -> Iterator[None]:
    """Prove the books anew after a test."""
    yield
    assert books.check() == []


@pytest.fixture
def house(tenant_a, gateway):
    made = House(tenant_a, gateway)
    yield made
    with made.scope():
        assert books.check() == []


@pytest.fixture
def caught() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def shop(tenant_a: UUID, gateway: Gateway, caught: Receiver, settings) -> Iterator[Shop]:
    settings.PUBLIC_URL = caught.url.removesuffix("/hooks")
    made = shop_of(tenant_a, gateway, caught)
    yield made
    with scope(Scope(tenant_a)):
        assert books.check() == []
