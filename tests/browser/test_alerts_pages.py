"""Every page of alerts: readable by all, in both themes, under the policy, narrow enough."""

from dataclasses import replace
from datetime import timedelta

from playwright.sync_api import Browser

from alerts import asking, services, tuning
from alerts.models import Watch
from alerts.rules import BY_CODE
from core import clock, ids
from outbound.models import OutboxMessage
from payments.services import holds
from tenancy.context import Scope, scope
from tests.browser.live import Live, Someone, judge
from tests.make import accounts as make
from tests.make import alerts


def pages(live: Live, who: Someone) -> list[str]:
    """Leave alerts of every kind: new, late, looked into, contained, closed, muted; and a rule that was set."""
    at = clock.now()
    actor = make.actor(who.user)
    with scope(Scope(live.tenant)):
        Watch.objects.update_or_create(
            defaults={"epoch": 1, "judged_to": "3", "judged_at": at, "looked_at": at - timedelta(seconds=20)}
        )
        one, two = (
            make.member("billing_clerk", user=make.person(name=name)) for name in ("Ben Moss", "Ida Falk")
        )
        late = alerts.alert("DATA-01", person=one.user_id, events=4, at=at - timedelta(hours=3))
        found = alerts.alert("DATA-02", person=two.user_id, events=12)
        alerts.alert("AUTH-09", person=two.user_id, events=1, at=at - timedelta(minutes=40))
        old = alerts.alert("RBAC-04", person=one.user_id, events=15, at=at - timedelta(days=2))
        again = alerts.alert("RBAC-04", events=15)
        services.acknowledge(alert_id=found.pk, actor=actor, at=at)
        services.contain(alert_id=found.pk, how="hold_payouts", words="until we know", actor=actor, at=at)
        services.note(alert_id=found.pk, words="She says a customer asked for copies.", actor=actor, at=at)
        services.close(alert_id=old.pk, reason="benign", words="A new browser extension", actor=actor, at=at)
        tuning.mute(alert_id=old.pk, days=7, reason="until the extension is gone", actor=actor, at=at)
        settings = BY_CODE["RBAC-04"].settings
        wanted = replace(settings, threshold=20)
        tuning.set_rule(code="RBAC-04", wanted=wanted, reason="clerks click a lot", actor=actor, at=at)
        assert holds.are_held()
        asking.ask(alert_id=late.pk, actor=actor, at=at)
        asked = OutboxMessage.objects.filter(template=asking.TEMPLATE)[0].body["text"]
        link = next(word for word in asked.split() if "/was-this-you/" in word)
        asking.ask(alert_id=alerts.alert("AUTH-09", person=who.user.pk).pk, actor=make.actor(one.user), at=at)
    keys = [ids.encode("alert", row.pk) for row in (late, found, old, again)]
    paths = ["", "?view=closed", "?severity=critical", *(f"/{pk}" for pk in keys)]
    paths += [f"/{keys[0]}/{what}" for what in ("close", "assign", "note", "contain/end_sessions")]
    paths += [f"/{keys[0]}/contain/hold_payouts", f"/{keys[2]}/mute", "/payouts"]
    paths += ["/rules", "/rules/RBAC-04", "/rules/INT-04", "/rules/RBAC-04/change"]
    asked_of_us = "/was-this-you/?next=%2Fo%2Fa%2Falerts"
    return [
        f"/was-this-you/{link.rpartition('/')[2]}",
        asked_of_us,
        *(f"/o/{live.slug}/alerts{path}" for path in paths),
    ]


def test_nothing_is_wrong_with_the_pages_of_alerts(browser: Browser, live: Live) -> None:
    who = live.person()
    paths, cookie = pages(live, who), live.cookie(who)
    assert judge(browser, live, paths[2:], [cookie]) == {}
    # What a person is asked speaks their language.
    assert judge(browser, live, paths[:2], [cookie], in_german=True) == {}
