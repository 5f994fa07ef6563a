"""Keys of two organizations."""

from collections.abc import Callable

import pytest

from accounts.permissions import Permission
from tests.make.api import Api, key_of, ready


@pytest.fixture
def api(transactional_db: None) -> Api:
    """Return a key of organization a with every scope."""
    return ready("a")


@pytest.fixture
def other(transactional_db: None) -> Api:
    """Return a key of organization b with every scope."""
    return ready("b")


@pytest.fixture
def key_with(transactional_db: None) -> Callable[..., Api]:
    """Return a maker of keys of organization a with chosen scopes."""
    return lambda *scopes: key_of("a", frozenset[Permission](scopes))
