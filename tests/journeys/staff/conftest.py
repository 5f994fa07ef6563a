"""The browser and the running product, as the browser tests have them; and an organization's books."""

from uuid import UUID

import pytest

from tests.browser.conftest import browser, live
from tests.make import finance, installation
from tests.make.finance import Books

__all__ = ["browser", "live"]


@pytest.fixture
def tenant(transactional_db: None) -> UUID:
    return installation.tenant("a")


@pytest.fixture
def made(tenant: UUID) -> Books:
    return finance.books(tenant)
