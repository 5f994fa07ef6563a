"""The outbox: nothing is said before the commit, nothing is lost when a process dies, nothing twice by intent."""

import smtplib
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend

from audit.models import Event
from core import clock
from core.actor import Actor
from outbound import delivery, mail, tasks
from outbound.models import OutboxMessage
from tenancy import context
from tests import databases
from tests.make import installation

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("tests")
TO = "jane@customer.example"
LATER = datetime(2100, 1, 1, tzinfo=UTC)


class Refusing(BaseEmailBackend):
    """A mail server that is away."""

    def send_messages(self, email_messages):
        raise smtplib.SMTPServerDisconnected("away")


@pytest.fixture(autouse=True)
def server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.CELERY_TASK_ALWAYS_EAGER = False
    django_mail.outbox = []


def write(tenant, dedupe_key=""):
    with context.scope(context.Scope(tenant)):
        return mail.send(
            template="invitation", to=TO, context={"url": "https://x.example/i"}, dedupe_key=dedupe_key
        )


def deliver(tenant, at=LATER):
    return delivery.deliver_due(tenant_id=tenant, actor=ACTOR, at=at)


def states(tenant):
    with context.scope(context.Scope(tenant)):
        return list(OutboxMessage.objects.order_by("created_at").values_list("state", "attempts"))


@pytest.fixture
def tenant(tenant_a):
    databases.as_owner("DELETE FROM outbound_outboxmessage")
    return tenant_a


def test_it_is_sent_after_the_commit_and_the_text_is_forgotten(tenant, settings):
    settings.DEMO = False
    with context.scope(context.Scope(tenant)):
        mail.send(template="invitation", to=TO, context={"url": "https://x.example/i"})
        assert django_mail.outbox == []
    assert deliver(tenant) == 1
    (sent,) = django_mail.outbox
    assert (sent.to, "https://x.example/i" in sent.body) == ([TO], True)
    assert states(tenant) == [("sent", 1)]
    with context.scope(context.Scope(tenant)):
        assert OutboxMessage.objects.get().body is None
        row = Event.objects.get(event="mail.sent")
        assert (row.result, row.facts) == ("success", {"template": "invitation", "attempts": 1})
    assert deliver(tenant) == 0


def test_a_rollback_says_nothing(tenant):
    with pytest.raises(ZeroDivisionError), context.scope(context.Scope(tenant)):
        mail.send(template="invitation", to=TO, context={"url": "u"})
        raise ZeroDivisionError
    assert (deliver(tenant), django_mail.outbox, states(tenant)) == (0, [], [])


def test_the_text_is_unreadable_in_the_database(tenant):
    write(tenant)
    ((stored,),) = databases.as_owner("SELECT body FROM outbound_outboxmessage")
    assert TO.encode() not in bytes(stored) and b"x.example" not in bytes(stored)


def test_the_same_is_said_once(tenant, tenant_b):
    write(tenant, "reminder:1")
    write(tenant, "reminder:1")
    write(tenant, "reminder:2")
    write(tenant)
    write(tenant)
    assert states(tenant) == [("queued", 0)] * 4
    write(tenant_b, "reminder:1")
    assert len(states(tenant_b)) == 1


def test_a_server_that_is_away_is_tried_again_later_and_less_often(tenant, settings):
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    write(tenant)
    at, waits = LATER, []
    for attempt in range(1, 13):
        assert deliver(tenant, at) == 0
        with context.scope(context.Scope(tenant)):
            row = OutboxMessage.objects.get()
        assert row.attempts == attempt
        waits.append((row.next_attempt_at - at).total_seconds())
        at = row.next_attempt_at
    assert waits[:4] == [2.0, 4.0, 8.0, 16.0] and max(waits[:11]) <= 6 * 3600
    assert states(tenant) == [("failed", 12)]
    with context.scope(context.Scope(tenant)):
        failures = Event.objects.filter(event="mail.failed")
        assert {(row.result, row.reason) for row in failures} == {("failed", "SMTPServerDisconnected")}
        assert failures.count() == 12
    assert deliver(tenant, at + timedelta(days=9)) == 0


def test_what_a_killed_worker_had_claimed_is_sent_by_another(tenant):
    write(tenant)
    with context.scope(context.Scope(tenant)):
        assert len(delivery.claim(at=LATER)) == 1  # and then the process is gone
    assert deliver(tenant, LATER) == 0
    assert deliver(tenant, LATER + delivery.LEASE) == 1
    assert states(tenant) == [("sent", 2)]


def test_mail_of_no_organization_lies_in_the_operators_outbox(tenant):
    operator = installation.tenant("operator")
    with context.scope(context.Scope()):
        mail.send(template="recovery", to=TO, context={"url": "u"}, dedupe_key="recovery:1")
    with context.scope(context.Scope()):
        mail.send(template="recovery", to=TO, context={"url": "u"}, dedupe_key="recovery:1")
    assert states(operator) == [("queued", 0)]
    assert states(tenant) == []
    assert deliver(operator) == 1


def test_without_a_broker_the_change_stands_and_the_sweep_delivers(tenant, monkeypatch):
    from kombu.exceptions import OperationalError

    from outbound import tasks

    def away(*args, **kwargs):
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.deliver, "apply_async", away)
    write(tenant)
    assert states(tenant) == [("queued", 0)]
    assert tasks.sweep() >= 1
    assert states(tenant) == [("sent", 1)]


def test_what_left_long_ago_goes_and_what_waits_stays(tenant_a):
    ids = [write(tenant_a) for _ in range(4)]
    now = clock.now()
    old, recent = now - timedelta(days=91), now - timedelta(days=89)
    for key, state, created_at in zip(
        ids, ("sent", "failed", "sent", "queued"), (old, old, recent, old), strict=True
    ):
        with context.scope(context.Scope(tenant_a)):
            OutboxMessage.objects.filter(pk=key).update(state=state, created_at=created_at)
    assert tasks.end_retention() == 2
    with context.scope(context.Scope(tenant_a)):
        assert set(OutboxMessage.objects.values_list("pk", flat=True)) == set(ids[2:])
        (event,) = Event.objects.filter(event="outbound.retention_ended")
        assert (event.actor_label, event.facts) == (
            "task:outbound.end_retention",
            {"messages": 2, "files": 0},
        )
