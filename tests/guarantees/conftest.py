"""Two organizations with everything in them, as the walks of this folder find them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.guarantees import world
from tests.guarantees.world import Organization


@pytest.fixture(scope="module")
def stored(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Organization, Organization]]:
    """Fill both organizations once for all walks of a worker: whatever a walk does is taken back."""
    with world.kept(django_db_blocker, lambda: world.two(a=world.STAFF)) as made:
        yield made


@pytest.fixture
def ours(stored: tuple[Organization, Organization], db: None) -> Organization:
    world.just_signed_in(stored[0])
    return stored[0]


@pytest.fixture
def theirs(stored: tuple[Organization, Organization], db: None) -> Organization:
    world.just_signed_in(stored[1])
    return stored[1]
