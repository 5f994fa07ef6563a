"""Every page of privacy, retention and breaches, and a customer's own: readable by all, in both themes."""

from playwright.sync_api import Browser

from compliance.breaches import services as breaches
from compliance.requests import making
from compliance.requests import services as privacy
from compliance.retention import services as retention
from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import accounts, api
from tests.make import billing as make


def pages(live: Live) -> tuple[list[str], list[str], object]:
    """Let people ask, hold one customer, enter a breach, and name every page: of staff, and of a customer."""
    api.set_issuer(live.tenant)
    at = clock.now()
    with scope(Scope(live.tenant)):
        ada, grace = make.customer("Ada Lovelace", email="ada@ada.example"), make.customer("Grace Hopper")
        make.finalized(of=ada)
        make.customer("Charles Babbage", notes="Pays for Ms Lovelace")
        wants = [
            privacy.open_request(
                asked=privacy.Asked(kind=kind, customer_id=ada.pk, words="Please"),
                actor=make.ACTOR,
                at=at,
                by_portal=by_portal,
            ).pk
            for kind, by_portal in (("erasure", True), ("access", True), ("rectification", False))
        ]
        hold = retention.place_hold(customer_id=grace.pk, reason="A suit", actor=make.ACTOR, at=at)
        breach = breaches.open_breach(
            found=breaches.Found(
                title="A lost laptop", kind="confidentiality", facts="Its disk was encrypted.", aware_at=at
            ),
            actor=make.ACTOR,
            at=at,
        ).pk
        portal = accounts.portal_access(ada.pk)
    making.search(tenant_id=live.tenant, request_id=wants[0], actor=make.ACTOR, now=clock.now)
    retention.run(tenant_id=live.tenant, actor=make.ACTOR, now=clock.now)
    erasure, access, rectification = (ids.encode("privacy_request", key) for key in wants)
    customer, lost = ids.encode("customer", ada.pk), ids.encode("breach", breach)
    staff = [
        "privacy/requests",
        "privacy/requests?view=refused",
        "privacy/requests/new?q=Ada",
        f"privacy/requests/new?customer={customer}",
        f"privacy/requests/{access}",
        f"privacy/requests/{rectification}/identity",
        f"privacy/requests/{erasure}/extend",
        f"privacy/requests/{erasure}",
        f"privacy/requests/{erasure}/words",
        f"privacy/requests/{erasure}/answer",
        f"privacy/requests/{erasure}/refuse",
        f"customers/{customer}/privacy",
        f"customers/{customer}/privacy/restrict",
        "compliance/retention",
        f"compliance/retention/hold?customer={customer}",
        f"compliance/retention/holds/{ids.encode('legal_hold', hold.pk)}",
        "compliance/processing",
        "compliance/breaches",
        "compliance/breaches/new",
        f"compliance/breaches/{lost}",
        f"compliance/breaches/{lost}/note",
        f"compliance/breaches/{lost}/touched",
    ]
    own = [f"/p/{live.slug}/privacy", f"/p/{live.slug}/privacy/ask"]
    return [f"/o/{live.slug}/{path}" for path in staff], own, portal


def test_nothing_is_wrong_with_the_pages_of_privacy(browser: Browser, live: Live) -> None:
    who = live.person()
    staff, own, portal = pages(live)
    assert judge(browser, live, staff, [live.cookie(who)]) == {}
    assert judge(browser, live, own, [live.cookie(portal)]) == {}
