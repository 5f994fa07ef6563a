"""Whether it was them: asked by mail, answered once by a button, and a no stops everything."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import Session
from accounts.permissions import RoleCode
from alerts import asking, services
from alerts.models import Alert, AlertQuestion
from audit.models import Event
from core import clock, ids
from outbound.models import OutboxMessage
from tenancy.context import Scope, attempt, scope
from tests.guarantees import world
from tests.make import accounts, alerts

pytestmark = pytest.mark.django_db(transaction=True)


def link_of_mail() -> str:
    message = OutboxMessage.objects.filter(template="was_this_you").order_by("-created_at")[0]
    found = re.search(r"(/was-this-you/\S+)", message.body["text"])
    assert found is not None
    return found[1]


def codes() -> set[str]:
    return set(Event.objects.values_list("event", flat=True))


def test_a_no_ends_their_sessions_and_is_told(tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)):
        officer, ben = accounts.member(RoleCode.SECURITY_OFFICER), accounts.member("developer")
        page = world.browser(accounts.session(officer.user).raw_key)
        thief = accounts.session(ben.user)
        found = alerts.alert("AUTH-09", person=ben.user_id)
    url = f"/o/a/alerts/{ids.encode('alert', found.pk)}"
    assert b"Ask them by mail" in page.get(url).content
    assert page.post(f"{url}/ask").status_code == 302
    assert page.post(f"{url}/ask").status_code == 302, "asking again while it waits changes nothing"
    with scope(Scope(tenant_a)):
        assert AlertQuestion.objects.count() == 1
        link = link_of_mail()
    somebody = Client(raise_request_exception=False)
    shown = somebody.get(link)
    assert shown.status_code == 200
    assert b"Signed in at a new place" in shown.content
    assert somebody.post(link, {"answer": "maybe"}).status_code == 200
    assert page.get(link).status_code == 200, "whoever is signed in, and as whom, makes no difference"
    with scope(Scope(tenant_a)):
        assert AlertQuestion.objects.get().answer == "", "being opened answers nothing"
        services.close(alert_id=found.pk, reason="false", actor=accounts.actor(officer.user), at=clock.now())
    assert b"It is stopped" in somebody.post(link, {"answer": "no"}).content
    assert somebody.post(link, {"answer": "yes"}).status_code == 410
    assert somebody.get(link[:-1] + ("b" if link.endswith("a") else "a")).status_code == 404
    assert somebody.get("/was-this-you/nothing").status_code == 404
    with scope(Scope(tenant_a)):
        alert = Alert.objects.get()
        assert (alert.state, alert.severity, alert.contained) == ("open", "critical", "end_sessions")
        assert AlertQuestion.objects.get().answer == "no"
        kinds = list(alert.steps.order_by("id").values_list("kind", flat=True))
        assert kinds == ["opened", "asked", "closed", "answered", "reopened", "contained", "raised"]
        assert {"alert.asked", "alert.answered", "alert.question_read", "alert.question_refused"} <= codes()
    with scope(Scope(user=ben.user_id)):
        assert Session.objects.get(pk=thief.session.pk).ended_at is not None
    assert b"it was not them" in page.get(url).content


def test_whoever_signs_in_is_asked_in_their_language(tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)):
        officer, ben = accounts.member(RoleCode.SECURITY_OFFICER), accounts.member("developer")
        accounts.change(ben.user, language="de")
        found = alerts.alert("AUTH-09", person=ben.user_id)
        asking.ask(alert_id=found.pk, actor=accounts.actor(officer.user), at=clock.now())
        mailed = OutboxMessage.objects.get(template="was_this_you").body
        mine, theirs = (accounts.session(each.user).raw_key for each in (ben, officer))
    assert mailed["subject"] == "Waren Sie das?"
    assert "Anmeldung an einem neuen Ort" in mailed["text"]
    page, other = world.browser(mine), world.browser(theirs)
    opened = page.post("/select", {"organization": "a"})
    assert opened["Location"] == "/was-this-you/?next=%2Fo%2Fa%2F"
    assert other.post("/select", {"organization": "a"})["Location"] == "/o/a/"
    assert other.get("/was-this-you/")["Location"] == "/select"
    assert other.post("/was-this-you/", {"answer": "yes"}).status_code == 410, "nobody asked the officer"
    assert Client().get("/was-this-you/")["Location"].startswith("/login")
    shown = page.get(opened["Location"])
    assert "Anmeldung an einem neuen Ort" in shown.content.decode()
    assert 'href="/o/a/"' in shown.content.decode()
    with scope(Scope(tenant_a)):
        assert AlertQuestion.objects.get().answer == ""
    assert "Danke" in page.post("/was-this-you/", {"answer": "yes", "next": "/o/a/"}).content.decode()
    with scope(Scope(tenant_a)):
        assert AlertQuestion.objects.get().answer == "yes"
    assert page.get("/was-this-you/?next=/o/a/")["Location"] == "/o/a/"


def test_a_yes_stands_on_the_alert_and_changes_nothing(tenant_a: UUID, monkeypatch: Any) -> None:
    with scope(Scope(tenant_a)):
        officer, ben = accounts.member(RoleCode.SECURITY_OFFICER), accounts.member("developer")
        actor, at = accounts.actor(officer.user), clock.now()
        own = alerts.alert("AUTH-09", person=officer.user_id)
        accounts.member("admin")
        with pytest.raises(services.AboutYourself), attempt():
            asking.ask(alert_id=own.pk, actor=actor, at=at)
        nobodys = alerts.alert("AUTH-03")
        with pytest.raises(asking.NobodyToAsk), attempt():
            asking.ask(alert_id=nobodys.pk, actor=actor, at=at)
        found = alerts.alert("AUTH-10", person=ben.user_id)
        asking.ask(alert_id=found.pk, actor=actor, at=at)
        first = link_of_mail().rpartition("/")[2]
        session = accounts.session(ben.user)
        asked = asking.answer(raw=first, was_me=True, actor=accounts.stranger(), at=at)
        assert asked.alert.state == "open"
        assert Session.objects.get(pk=session.session.pk).ended_at is None
        asking.ask(alert_id=found.pk, actor=actor, at=at)
        second = link_of_mail().rpartition("/")[2]
        with pytest.raises(asking.QuestionClosed), attempt():
            asking.answer(raw=second, was_me=False, actor=accounts.stranger(), at=at + timedelta(hours=24))
        assert AlertQuestion.objects.filter(answer="yes").count() == 1
        assert Alert.objects.get(pk=found.pk).contained == ""
