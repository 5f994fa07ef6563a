"""The browser, the running product and the sandbox gateway's account of its organization."""

from uuid import UUID

import pytest

from core import clock
from core.actor import Actor
from payments.services import accounts
from tests.browser.conftest import browser, live
from tests.browser.live import Live
from tests.gateway import Gateway
from tests.make import paying

__all__ = ["browser", "live"]


@pytest.fixture
def selling(live: Live, gateway: Gateway) -> UUID:
    """Let the organization bill, take transfers, and take cards through an account of its own at the sandbox."""
    paying.organization(live.tenant)
    return accounts.connect(
        tenant_id=live.tenant, secret_key=gateway.key, actor=Actor.system("tests"), at=clock.now()
    )
