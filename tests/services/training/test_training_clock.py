"""What training does by the clock and at the terminal: over every organization, in its own morning, once."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from audit.models import Event
from core import clock
from core.actor import Actor
from outbound.models import OutboxMessage
from tenancy.context import Scope, scope
from tests.make import accounts
from tests.make import training as make
from training import tasks
from training.models import Assignment
from training.services import duties, reminding

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("tests")
MORNING = datetime(2026, 11, 25, 9, tzinfo=UTC)


def mails(tenant, template="training_due"):
    with scope(Scope(tenant)):
        return [message.body for message in OutboxMessage.objects.filter(template=template).order_by("id")]


def remind(tenant, at):
    return reminding.remind(tenant_id=tenant, actor=SYSTEM, now=lambda: at)


def test_each_step_is_one_mail_and_managers_hear_numbers(tenant_a):
    with scope(Scope(tenant_a)):
        clerk, officer = accounts.member("billing_clerk"), accounts.member("security_officer")
        day = MORNING.date()
        for course in ("phishing", "passwords"):
            duties.assign(
                member_ids=[clerk.pk], course=course, why="by_hand", due_on=day + timedelta(days=14),
                actor=SYSTEM, at=MORNING, today=day,
            )  # fmt: skip
    assert remind(tenant_a, MORNING.replace(hour=3)) == 0, "nobody is reminded in the night"
    assert remind(tenant_a, MORNING) == 1
    assert remind(tenant_a, MORNING + timedelta(hours=2)) == 0
    subjects = []
    for days in (0, 7, 13, 15, 21, 28, 36):
        remind(tenant_a, MORNING + timedelta(days=days))
        subjects.append(mails(tenant_a)[-1]["subject"])
    assert subjects == [
        "You have new training to take",
        "Your training is due soon",
        "Your training is due soon",
        *["Your training is overdue"] * 3,
        "Rights of yours wait for overdue training",
    ]
    assert len(mails(tenant_a)) == 7
    text = mails(tenant_a)[0]["text"]
    assert "Phishing in a billing inbox" in text and "/o/a/training/mine" in text
    assert {body["to"] for body in mails(tenant_a)} == {clerk.user.email}
    told = mails(tenant_a, "training_late")
    assert officer.user.email in {body["to"] for body in told}
    assert all("One more person" in body["text"] and clerk.user.name not in body["text"] for body in told)
    with scope(Scope(tenant_a)):
        assert Event.objects.filter(event="training.reminded").count() == 7


def test_the_turn_walks_over_every_organization(tenant_a, tenant_b):
    for tenant in (tenant_a, tenant_b):
        with scope(Scope(tenant)):
            accounts.member("billing_clerk")
    assert tasks.keep_duties.apply().get() >= 3
    for tenant in (tenant_a, tenant_b):
        with scope(Scope(tenant)):
            assert Assignment.objects.exists()


def test_the_command_says_who_is_due(tenant_a):
    at = clock.now()
    with scope(Scope(tenant_a)):
        late, done = accounts.member("billing_clerk"), accounts.member("developer")
        make.assigned(late, days=-2)
        make.assigned(done)
        make.take(done, at=at)
        duties.settle(member_ids=[late.pk], actor=SYSTEM, today=at.date())
    out = StringIO()
    call_command("training_status", "--organization", "a", "--json", stdout=out)
    said = json.loads(out.getvalue().splitlines()[-1])
    assert (said["overdue"], said["complete"], said["withheld"]) == (1, 1, 0)
    assert said["members"] >= 2
    assert len(said["people"]) == 1
    out = StringIO()
    call_command("training_status", "--organization", "a", stdout=out)
    assert "1 are overdue" in out.getvalue()


def test_a_withheld_right_is_refused_on_the_next_request_and_open_on_the_one_after_finishing(
    client, tenant_a
):
    """The refusal, the unchanged row and the event; and the way back."""
    from django.conf import settings

    at = clock.now()
    with scope(Scope(tenant_a)):
        manager = accounts.member("billing_manager")
        client.cookies[settings.SESSION_COOKIE_NAME] = accounts.session(manager.user).raw_key
    assert client.get("/o/a/exports").status_code == 200
    with scope(Scope(tenant_a)):
        make.assigned(manager, days=-40)
    refused = client.get("/o/a/exports")
    assert refused.status_code == 403
    said = refused.content.decode()
    assert "waits until your overdue training" in said and "/o/a/training/mine" in said
    with scope(Scope(tenant_a)):
        (event,) = Event.objects.filter(event="access.refused", actor_id=manager.user_id)
        assert event.reason == "withheld"
    assert client.get("/o/a/invoices").status_code == 200, "everyday work goes on"
    page = client.get("/o/a/training/mine").content.decode()
    assert "Some of your rights wait" in page
    with scope(Scope(tenant_a)):
        make.take(manager, at=at)
        assert Event.objects.filter(event="training.returned", subject_id=manager.pk).count() == 1
    assert client.get("/o/a/exports").status_code == 200


def test_anybody_can_check_a_certificate_and_a_wrong_code_leaves_an_event(client, tenant_a):
    from training import certificates

    with scope(Scope(tenant_a)):
        clerk = accounts.member("billing_clerk", user=accounts.person(name="Dev Patel"))
        found = certificates.get(make.record(clerk))
    assert client.get("/certificates").status_code == 200
    answer = client.post("/certificates", {"certificate": certificates.printed(found.code)})
    assert answer.status_code == 302
    said = client.get(answer.headers["Location"]).content.decode()
    assert "Genuine" in said and "Dev Patel" in said
    wrong = found.code[:-4] + "abcd"
    for code in (wrong, "0", "x" * 58):
        assert client.get(f"/certificates/{code}").status_code == 404
    with scope(Scope(tenant_a)):
        assert Event.objects.filter(event="training.certificate_verified").count() == 1
        assert Event.objects.filter(event="training.certificate_refused").count() == 1


def test_the_pages_leave_what_was_read_in_the_trail(client, tenant_a):
    from django.conf import settings

    with scope(Scope(tenant_a)):
        owner, clerk = accounts.member("owner"), accounts.member("billing_clerk")
        made = make.furnish(owner, clerk)
        client.cookies[settings.SESSION_COOKIE_NAME] = accounts.session(owner.user).raw_key
    for path in ("training", f"messages/{made['message_report']}", f"certificates/{made['certificate']}"):
        address = "/o/a/training" if path == "training" else f"/o/a/training/{path}"
        assert client.get(address).status_code == 200
    paper = client.get(f"/o/a/training/certificates/{made['certificate']}/certificate.pdf")
    assert paper.content.startswith(b"%PDF")
    with scope(Scope(tenant_a)):
        seen = set(Event.objects.filter(actor_id=owner.user_id).values_list("event", flat=True))
    assert {"training.read", "training.message_read", "training.certificate_opened"} <= seen
