"""What people type about weaknesses: why one can be lived with, and what a second person says to it."""

from accounts.services import approvals
from core import clock
from tenancy.context import Scope, scope
from tests.make import accounts, installation, patching


def by_the_operator(marker: str) -> None:
    """Ask to live with a weakness, and agree."""
    with scope(Scope(installation.tenant("operator"))):
        finding = patching.weak()[0]
        asked = patching.asked(finding, accounts.member("owner").user, reason=f"{marker} reason")
        second = accounts.actor(accounts.member("owner").user)
        approvals.approve(request_id=asked.pk, actor=second, at=clock.now(), note=f"{marker} note")
