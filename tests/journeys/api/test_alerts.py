"""Alerts over the API: read, taken, closed; never another organization's."""

import pytest

from accounts.permissions import Permission
from alerts.models import Alert
from audit.models import Event
from core import ids
from tenancy.context import Scope, scope
from tests.make import accounts, alerts
from tests.make.api import key_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_alert_is_listed_taken_and_closed_once():
    speaker = key_of("a")
    with scope(Scope(speaker.tenant)):
        person = accounts.member("billing_clerk").user.pk
        found = alerts.alert("DATA-02", person=person, events=3)
        alerts.alert("AUTH-09", person=person, events=1)
    pk = ids.encode("alert", found.pk)
    listed = speaker.get("alerts?state=open&rule=DATA-02").json()["data"]
    assert [(one["id"], one["severity"], one["count"]) for one in listed] == [(pk, "medium", 3)]
    assert len(speaker.get("alerts").json()["data"]) == 2
    assert speaker.get("alerts?rule=nonsense").status_code in (400, 422)
    row = speaker.get(f"alerts/{pk}").json()
    assert (row["object"], row["person"]) == ("alert", ids.encode("user", person))
    assert str(person) not in speaker.get(f"alerts/{pk}").content.decode()
    taken = speaker.post(f"alerts/{pk}/acknowledge", {})
    assert (taken.status_code, taken.json()["state"]) == (200, "acknowledged")
    assert speaker.post(f"alerts/{pk}/acknowledge", {}).json()["code"] == "alert_moved_on"
    unsaid = speaker.post(f"alerts/{pk}/close", {"reason": "true"})
    assert (unsaid.status_code, unsaid.json()["errors"][0]["pointer"]) == (422, "/words")
    closed = speaker.post(f"alerts/{pk}/close", {"reason": "true", "words": "a stolen session"})
    assert (closed.status_code, closed.json()["close_reason"]) == (200, "true")
    with scope(Scope(speaker.tenant)):
        assert Alert.objects.get(pk=found.pk).state == "closed"
        assert Event.objects.filter(event="alert.closed", subject_id=found.pk).count() == 1


def test_a_foreign_alert_is_not_there_and_a_key_without_the_scope_is_refused():
    ours, theirs = key_of("a"), key_of("b")
    blind = key_of("a", frozenset({Permission.CUSTOMER_READ}))
    with scope(Scope(ours.tenant)):
        pk = ids.encode("alert", alerts.alert("DATA-02").pk)
    assert theirs.get(f"alerts/{pk}").status_code == 404
    assert theirs.post(f"alerts/{pk}/close", {"reason": "test"}).status_code == 404
    assert theirs.get("alerts").json()["data"] == []
    assert blind.get("alerts").status_code == 403
    with scope(Scope(ours.tenant)):
        assert Alert.objects.get().state == "open"
