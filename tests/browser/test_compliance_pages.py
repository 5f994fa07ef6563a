"""Every page of compliance: readable by all, in both themes, under the policy, narrow enough."""

from datetime import timedelta

from playwright.sync_api import Browser

from compliance.auditors import services as auditors
from compliance.controls import exceptions, rules, running
from compliance.evidence import services as evidence
from compliance.packs import making
from compliance.reviews import services as reviews
from compliance.reviews.models import AccessLine
from core import clock, ids
from core.actor import Actor
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge
from tests.make import accounts as make
from tests.make import compliance


def test_nothing_is_wrong_with_the_pages_of_compliance(browser: Browser, live: Live) -> None:
    who = live.person()
    actor, at = make.actor(who.user), clock.now()
    running.run(tenant_id=live.tenant, actor=Actor.system("tests"), now=clock.now)
    with scope(Scope(live.tenant)):
        compliance.result("keys.wear")
        compliance.result(
            "keys.wear", rules.failed("Keys that are worn: 1.", ["fields: 300,000,000 encryptions"])
        )
        evidence.add(
            code="organization.penetration_test", title="Report of this year's test", note="All mended.",
            name="report.csv", content=b"finding,severity\nnone,low\n", valid_until=at.date() + timedelta(days=90),
            actor=actor, at=at,
        )  # fmt: skip
        exceptions.ask(
            code="keys.wear", reason="The rotation runs this night.", risk="None that is known.",
            ends_on=at.date() + timedelta(days=3), actor=actor, at=at,
        )  # fmt: skip
        make.member("admin")
        make.api_key(make.member("developer"), scopes=["event:read"])
        review = reviews.begin(due_on=at.date() + timedelta(days=9), actor=actor, at=at)
        reviewed = ids.encode("access_review", review.pk)
        line = AccessLine.objects.filter(review=review, kind="api_key")[0]
        reviews.decide(
            review_id=review.pk, actor=actor, at=at,
            decision=reviews.Decision(line_id=line.pk, keep=False, reason="Nobody uses it any more"),
        )  # fmt: skip
        making.signer(at=at)
        making.ask(framework="gdpr", since=at.date() - timedelta(days=9), until=at.date(), actor=actor, at=at)
        auditors.invite(
            email="anna@auditors.example", wanted=["gdpr", "pci-dss"], ends_at=at + timedelta(days=9), actor=actor,
            at=at,
        )  # fmt: skip
    paths = [
        "compliance",
        "compliance?view=attention",
        "compliance/controls/keys.wear",
        "compliance/controls/organization.penetration_test",
        "compliance/controls/keys.wear/evidence",
        "compliance/controls/configuration.browser/exception",
        "compliance/frameworks/pci-dss",
        "compliance/evidence",
        "compliance/exceptions",
        "compliance/packs",
        "compliance/auditors",
        "compliance/access-reviews",
        f"compliance/access-reviews/{reviewed}",
        f"compliance/access-reviews/{reviewed}/sign",
    ]
    judged = judge(browser, live, [f"/o/{live.slug}/{path}" for path in paths], [live.cookie(who)])
    assert judged == {}
