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
def ours(signed_in: tuple[Organization, Organization], db: None) -> Organization:
    return signed_in[0]


@pytest.fixture
def theirs(signed_in: tuple[Organization, Organization], db: None) -> Organization:
    return signed_in[1]


@pytest.fixture
def signed_in(
    stored: tuple[Organization, Organization], django_db_blocker: Any
) -> tuple[Organization, Organization]:
    """Both organizations, whose people signed in a short time ago."""
    with django_db_blocker.unblock():
        for made in stored:
            world.just_signed_in(made)
    return stored
