"""Alerts, page by page: triage, contain, close, tune; each by those who may, and by nobody else."""

import re
from datetime import timedelta
from html import unescape
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import Membership, Session
from accounts.permissions import RoleCode
from accounts.services import apikeys
from alerts import services
from alerts.models import Alert, AlertRule, AlertStep, Mute
from audit.models import Event
from billing.exports import services as exports
from core import clock, ids
from core.actor import Actor, ActorKind, Via
from payments.services import holds
from tenancy.context import Scope, attempt, scope
from tests.journeys.staff.office import member
from tests.make import accounts, alerts, installation

pytestmark = pytest.mark.django_db(transaction=True)


def text(response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


@pytest.fixture
def thief(tenant: UUID):
    """A member whose account does what it should not, with a session that is open."""
    with scope(Scope(tenant)):
        user = accounts.member("billing_clerk").user
    with scope(Scope(user=user.pk)):
        accounts.session(user)
    return user


def test_an_alert_is_found_contained_closed_and_muted(tenant: UUID, thief) -> None:
    with scope(Scope(tenant)):
        alert = alerts.alert("DATA-02", person=thief.pk, events=5)
    officer, pk = member(tenant, RoleCode.SECURITY_OFFICER), ids.encode("alert", alert.pk)
    page = officer.get("/o/a/alerts")
    assert (page.status_code, "Many records read by one person" in text(page)) == (200, True)
    url = f"/o/a/alerts/{pk}"
    shown = text(officer.get(url))
    assert "End their sessions" in shown and "Why it matters" in shown and "Opened, medium" in shown
    assert officer.post(f"{url}/acknowledge").status_code == 302
    assert "They are signed out everywhere" in text(officer.get(f"{url}/contain/end_sessions"))
    assert officer.post(f"{url}/contain/end_sessions", {"words": "reads too much"}).status_code == 302
    with scope(Scope()):
        assert not Session.objects.filter(user=thief, ended_at__isnull=True).exists()
    assert officer.post(f"{url}/note", {"words": "asked by telephone"}).status_code == 302
    empty = officer.post(f"{url}/close", {"reason": "true"})
    assert (empty.status_code, "Say it in a few words." in text(empty)) == (422, True)
    assert officer.post(f"{url}/close", {"reason": "benign", "words": "an audit"}).status_code == 302
    assert officer.post(f"{url}/mute", {"days": "30", "reason": "the audit goes on"}).status_code == 302
    rules = text(officer.get("/o/a/alerts/rules"))
    assert "Muted at present" in rules and "the audit goes on" in rules
    with scope(Scope(tenant)):
        kinds = list(AlertStep.objects.filter(alert=alert).order_by("id").values_list("kind", flat=True))
        assert kinds == ["opened", "acknowledged", "contained", "noted", "closed", "muted"]
        muted = Mute.objects.get()
        assert Alert.objects.get().contained == "end_sessions"
    assert officer.post(f"/o/a/alerts/mutes/{ids.encode('alert_mute', muted.pk)}/end").status_code == 302
    with scope(Scope(tenant)):
        codes = set(Event.objects.filter(event__startswith="alert").values_list("event", flat=True))
    assert codes >= {
        "alert.opened", "alert.listed", "alert.read", "alert.acknowledged", "alert.contained", "alert.noted",
        "alert.closed", "alert.muted", "alert.unmuted", "alert_rule.read",
    }  # fmt: skip


def test_nobody_judges_an_alert_about_themselves_and_the_watch_is_never_muted(tenant: UUID) -> None:
    officer = member(tenant, RoleCode.SECURITY_OFFICER)
    with scope(Scope(tenant)):
        me = Membership.objects.get(role__code=RoleCode.SECURITY_OFFICER)
        mine = alerts.alert("DATA-02", person=me.user_id)
        made = apikeys.create(
            name="siem", scopes=["alert:write"], limits={}, expires_at=clock.now() + timedelta(days=1),
            actor=accounts.actor(me.user), at=clock.now(),
        )  # fmt: skip
        machine = Actor(
            kind=ActorKind.API_KEY, via=Via.API, request_id=ids.uuid7(), id=made.key.pk, key_id=made.key.pk
        )
    url, wanted = (
        f"/o/a/alerts/{ids.encode('alert', mine.pk)}",
        {"reason": "false", "words": "it was nothing"},
    )
    # As long as nobody else can: somebody has to.
    assert officer.get(f"{url}/close").status_code == 200
    with scope(Scope(tenant)):
        colleague = accounts.actor(accounts.member("security_officer").user)
    refused = officer.post(f"{url}/close", wanted)
    assert (refused.status_code, "somebody else has to judge it" in text(refused)) == (422, True)
    many = {"act": "close", "selected": [ids.encode("alert", mine.pk)], "sure": "1", **wanted}
    assert officer.post("/o/a/alerts/many", many).status_code == 302
    with scope(Scope(tenant)):
        with pytest.raises(services.AboutYourself), attempt():
            services.close(alert_id=mine.pk, reason="false", actor=machine, at=clock.now())
        assert Alert.objects.get(pk=mine.pk).state == Alert.State.OPEN
        assert Event.objects.filter(event="access.refused", reason="own_alert").count() == 1
        services.close(alert_id=mine.pk, reason="benign", actor=colleague, at=clock.now())
        broken = alerts.alert("INT-01")
        services.close(alert_id=broken.pk, reason="benign", actor=colleague, at=clock.now())
    refused = officer.post(f"{url}/mute", {"days": "30", "reason": "I know"})
    assert (refused.status_code, "somebody else has to judge it" in text(refused)) == (422, True)
    silent = officer.post(
        f"/o/a/alerts/{ids.encode('alert', broken.pk)}/mute", {"days": "30", "reason": "noise"}
    )
    assert (silent.status_code, "cannot be changed or muted" in text(silent)) == (422, True)
    with scope(Scope(tenant)):
        assert not Mute.objects.exists()


def test_many_alerts_are_taken_given_away_and_closed_at_once(tenant: UUID, thief) -> None:
    with scope(Scope(tenant)):
        found = [alerts.alert(code, person=thief.pk) for code in ("DATA-02", "PAY-02", "AUTH-09")]
        colleague = accounts.member("security_officer").user
    officer, clerk = member(tenant, RoleCode.SECURITY_OFFICER), member(tenant, RoleCode.BILLING_CLERK)
    keys = [ids.encode("alert", one.pk) for one in found]
    assert officer.get("/o/a/alerts").content.decode().count('name="selected"') == 3

    def act(what: str, chosen: list[str], client: Client = officer, **more: str):
        return client.post("/o/a/alerts/many", {"act": what, "selected": chosen, **more})

    def states() -> list[str]:
        with scope(Scope(tenant)):
            rows = dict(Alert.objects.values_list("pk", "state"))
        return [rows[one.pk] for one in found]

    # Whoever may not work on alerts, and an alert that is not there, change nothing.
    assert act("acknowledge", keys, clerk).status_code in (403, 404)
    with scope(Scope(installation.tenant("b"))):
        foreign = ids.encode("alert", alerts.alert("DATA-02").pk)
    assert act("acknowledge", [keys[0], foreign]).status_code == 404
    assert act("rob", keys).status_code == 404
    assert act("acknowledge", []).status_code == 302
    assert states() == ["open"] * 3
    assert act("acknowledge", [keys[0], keys[0]]).status_code == 302
    # The first was taken already: it is left alone, the others are taken.
    assert act("acknowledge", keys).status_code == 302
    said = text(officer.get("/o/a/alerts"))
    assert "2 alerts taken." in said and "1 alert left alone" in said
    assert states() == ["acknowledged"] * 3
    assert "Give away: 2 alerts" in text(act("assign", keys[:2]))
    assert act("assign", keys[:2], sure="1", to=str(colleague.pk)).status_code == 302
    assert act("assign", keys[:2], sure="1", to=str(thief.pk)).status_code == 422
    unsaid = act("close", keys, sure="1", reason="true", words="")
    assert (unsaid.status_code, states()) == (422, ["acknowledged"] * 3)
    assert unsaid.content.decode().count('name="selected"') == 3
    assert act("close", keys, sure="1", reason="benign", words="<script>an audit</script>").status_code == 302
    assert states() == ["closed"] * 3
    with scope(Scope(tenant)):
        owners = list(Alert.objects.order_by("id").values_list("assigned_to", flat=True))
        assert owners[:2] == [colleague.pk] * 2
        assert Event.objects.filter(event="alert.closed").count() == 3
    shown = officer.get(f"/o/a/alerts/{keys[0]}").content.decode()
    assert "&lt;script&gt;an audit" in shown and "<script>an audit" not in shown


def test_exports_and_payouts_stop_from_an_alert_and_go_again_from_their_own_places(
    tenant: UUID, thief
) -> None:
    with scope(Scope(tenant)):
        alert = alerts.alert("PAY-02", person=thief.pk)
    officer, url = member(tenant, RoleCode.SECURITY_OFFICER), f"/o/a/alerts/{ids.encode('alert', alert.pk)}"
    for how in ("freeze_exports", "hold_payouts"):
        assert officer.post(f"{url}/contain/{how}", {"words": ""}).status_code == 302
    with scope(Scope(tenant)):
        assert exports.is_frozen() and holds.are_held()
    assert "Payouts are held" in text(officer.get("/o/a/alerts/payouts"))
    empty = officer.post("/o/a/alerts/payouts", {"turn": "release", "reason": ""})
    assert empty.status_code == 422
    assert officer.post("/o/a/alerts/payouts", {"turn": "release", "reason": "it was us"}).status_code == 302
    with scope(Scope(tenant)):
        assert not holds.are_held()
        assert Event.objects.filter(event="payouts.released").count() == 1
    assert officer.get(f"{url}/assign").status_code == 200
    assert officer.post(f"{url}/assign", {"to": ""}).status_code == 302
    assert officer.post(f"{url}/assign", {"to": str(thief.pk)}).status_code == 422


def test_a_rule_is_tried_then_set_and_loosening_is_noted(tenant: UUID) -> None:
    officer = member(tenant, RoleCode.SECURITY_OFFICER)
    for _ in range(3):
        officer.get("/o/a/alerts/alr_nothing")
    url = "/o/a/alerts/rules/RBAC-04"
    body = {"enabled": "on", "severity": "medium", "threshold": "2", "minutes": "10", "group": "actor",
            "quiet": "240", "automatic": "none"}  # fmt: skip
    tried = officer.post(f"{url}/change", {**body, "action": "try"})
    assert tried.status_code == 200 and "It would have opened 1 alert" in text(tried)
    assert "As it is set now 0 alerts" in text(tried)
    unsaid = officer.post(f"{url}/change", {**body, "action": "save"})
    assert (unsaid.status_code, "Say it in a few words." in text(unsaid)) == (422, True)
    assert officer.post(f"{url}/change", {**body, "action": "save", "reason": "stricter"}).status_code == 302
    off = {**body, "action": "save", "reason": "noise"}
    del off["enabled"]
    assert officer.post(f"{url}/change", off).status_code == 302
    assert "Not everything is watched" in text(officer.get("/o/a/alerts/rules"))
    assert "noise" in text(officer.get(url))
    with scope(Scope(tenant)):
        found = list(AlertRule.objects.order_by("version").values_list("version", "threshold", "enabled"))
        looser = [
            one.facts["looser"] for one in Event.objects.filter(event="alert_rule.changed").order_by("at")
        ]
    assert (found, looser) == ([(1, 2, True), (2, 2, False)], [False, True])
    fixed = officer.post("/o/a/alerts/rules/INT-04/change", {**body, "action": "save", "reason": "x"})
    assert fixed.status_code == 422
    assert "This rule stays as it is" in text(officer.get("/o/a/alerts/rules/INT-04"))
    assert officer.get("/o/a/alerts/rules/NOPE-1").status_code == 404


def test_who_may_not_is_refused_and_nothing_changes(tenant: UUID, thief) -> None:
    with scope(Scope(tenant)):
        alert = alerts.alert("DATA-02", person=thief.pk)
    url = f"/o/a/alerts/{ids.encode('alert', alert.pk)}"
    clerk, auditor = member(tenant, RoleCode.BILLING_CLERK), member(tenant, RoleCode.AUDITOR)
    assert clerk.get("/o/a/alerts").status_code == 403
    assert auditor.get(url).status_code == 200
    assert auditor.post(f"{url}/acknowledge").status_code == 403
    assert auditor.post(f"{url}/contain/hold_payouts", {}).status_code == 403
    stranger = Client(raise_request_exception=False)
    assert stranger.get(url).status_code in (302, 401, 404)
    with scope(Scope(tenant)):
        assert Alert.objects.get().state == "open" and not holds.are_held()
        assert Event.objects.filter(event="access.refused").count() >= 3


def test_a_key_that_reads_too_much_is_revoked_from_its_alert(tenant: UUID) -> None:
    with scope(Scope(tenant)):
        key = accounts.api_key(accounts.member("owner")).key
        alert = alerts.alert("DATA-08", person=key.pk, actor_kind="api_key")
    officer, url = member(tenant, RoleCode.OWNER), f"/o/a/alerts/{ids.encode('alert', alert.pk)}"
    shown = text(officer.get(url))
    assert "Revoke the API key" in shown and "They are signed out everywhere" not in shown
    assert officer.post(f"{url}/contain/end_sessions", {"words": ""}).status_code == 422
    assert officer.post(f"{url}/contain/revoke_key", {"words": "leaked"}).status_code == 302
    with scope(Scope(tenant)):
        key.refresh_from_db()
        assert key.revoked_at is not None
        assert Event.objects.filter(event="apikey.revoked", subject_id=key.pk).count() == 1
