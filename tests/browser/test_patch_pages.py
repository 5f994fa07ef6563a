"""Every page of patches and organizations: readable by all, in both themes, under the policy, narrow enough."""

from playwright.sync_api import Browser

from accounts.services import approvals, installation
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import accounts, patching


def test_nothing_is_wrong_with_the_pages_of_patches(browser: Browser, live: Live) -> None:
    operator = Live(live.url, "operator")
    who = operator.person()
    with scope(Scope(operator.tenant)):
        found = patching.weak()
        asked = patching.asked(found[1], who.user)
        other = accounts.member("owner").user
        approvals.approve(request_id=asked.pk, actor=accounts.actor(other), at=clock.now())
        waiting = patching.asked(found[2], other)
        sealed = {"tenant_id": live.tenant, "sealed": True, "why": "incident"}
        installation.ask_to_turn(**sealed, actor=accounts.actor(other))
    turned = ids.encode("organization", live.tenant)
    finding = [f"/ops/patches/findings/{ids.encode('finding', one.pk)}" for one in found]
    pages = [
        "/ops/patches",
        "/ops/patches?view=accepted",
        "/ops/patches?view=fixed",
        "/ops/patches/components",
        "/ops/patches/components?name=nothing",
        *finding,
        f"{finding[0]}/accept",
        f"/o/operator/approvals/{ids.encode('approval', waiting.pk)}",
        "/o/operator/security/patches",
        "/ops/organizations",
        "/ops/organizations?view=sealed",
        "/ops/organizations/new",
        f"/ops/organizations/{turned}",
        f"/ops/organizations/{turned}/seal",
        f"/ops/organizations/{turned}/suspend",
        "/o/operator/security",
    ]
    assert judge(browser, operator, pages, [operator.cookie(who)]) == {}
