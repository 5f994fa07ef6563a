"""Workers that tell: slow receivers, two at once, killed in between, what is left behind, and nothing secret kept."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from core import clock, ids
from outbound import tasks
from outbound.models import WebhookAttempt, WebhookDelivery
from outbound.webhooks import delivery, publishing, rules
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, scope
from tests import databases
from tests.services.outbound.webhooks.conftest import ACTOR, Story

AT = datetime(2100, 1, 1, tzinfo=UTC)


def test_a_slow_endpoint_holds_a_few_senders_and_nobody_else(story: Story):
    story.endpoint("payment.failed", path="/slow")
    story.endpoint("invoice.paid", path="/quick")
    for _ in range(20):
        story.happen("payment.failed")
    for _ in range(40):
        story.happen("invoice.paid")
    run = story.worker()
    run.start()
    try:
        for _ in range(40 + delivery.SENDERS_OF_ONE):
            assert story.receiver.arrived.acquire(timeout=20)
        paths = [one.path for one in list(story.receiver.told)]
        # All of the quick one's arrived while the slow one had not answered once.
        assert (paths.count("/quick"), paths.count("/slow")) == (40, delivery.SENDERS_OF_ONE)
    finally:
        story.receiver.released.set()
        run.join()
    assert sum(one.path == "/quick" for one in story.receiver.told) == 40


def test_a_run_ends_and_asks_for_another_so_that_other_organizations_come_between(story: Story, monkeypatch):
    asked: list[UUID] = []
    monkeypatch.setattr(publishing, "deliver_soon", lambda tenant, **_: asked.append(tenant))
    monkeypatch.setattr(delivery, "RUN_SECONDS", 0)
    story.endpoint()
    for _ in range(delivery.SENDERS_OF_ONE + 1):
        story.happen()
    asked.clear()
    assert (story.deliver(), asked) == (delivery.SENDERS_OF_ONE, [story.tenant])
    assert story.deliver() == 1


def test_two_workers_send_nothing_twice_and_share_the_senders(story: Story):
    story.endpoint()
    for _ in range(30):
        story.happen()
    runs = [story.worker() for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert story.deliver() == 0
    assert story.states() == ["succeeded"] * 30
    assert len(story.receiver.told) == 30 == len({one.headers["webhook-id"] for one in story.receiver.told})
    assert story.receiver.most_together <= delivery.SENDERS_OF_ONE


def test_what_a_killed_worker_had_sent_is_sent_again_under_the_same_id(story: Story):
    story.endpoint(at=AT)
    story.happen()
    with scope(Scope(story.tenant)):
        (claimed,) = delivery.claim(at=AT, most=1)
    assert delivery.send(claimed, at=AT).delivered
    # And then the process is gone: nothing was noted.
    assert story.deliver(AT + delivery.LEASE - timedelta(seconds=1)) == 0
    assert story.deliver(AT + delivery.LEASE) == 1
    first, second = story.receiver.told
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert story.states() == ["succeeded"]


def test_a_process_that_is_killed_while_it_sends_loses_nothing(story: Story):
    """The real thing: another process claims and sends, and is killed before the answer comes."""
    story.endpoint(path="/slow")
    event = story.happen()
    program = (
        "import os, django; django.setup(); from uuid import UUID\n"
        "from django.conf import settings; settings.OUTBOUND_PRIVATE_ORIGINS = [os.environ['ORIGIN']]\n"
        "from core import clock; from core.actor import Actor; from outbound.webhooks import delivery\n"
        "delivery.deliver_due(tenant_id=UUID(os.environ['TENANT']), actor=Actor.system('tests'), now=clock.now)\n"
    )
    import os

    child = subprocess.Popen(
        [sys.executable, "-c", program],
        env={**os.environ, "ORIGIN": story.receiver.origin, "TENANT": str(story.tenant)},
    )
    try:
        assert story.receiver.arrived.acquire(timeout=60)
    finally:
        child.kill()
        child.wait()
    story.receiver.released.set()
    assert story.states() == ["pending"]
    assert story.deliver(clock.now() + delivery.LEASE) == 1
    assert [one.headers["webhook-id"] for one in story.receiver.told] == [
        ids.encode("webhook_event", event)
    ] * 2


def test_what_was_deleted_or_disabled_while_it_was_sent_stays_so(story: Story):
    made = story.endpoint()
    story.happen()
    with scope(Scope(story.tenant)):
        (claimed,) = delivery.claim(at=clock.now(), most=1)
    with scope(Scope(story.tenant)):
        webhooks.disable(endpoint_id=made.endpoint.pk, actor=ACTOR, at=clock.now())
    outcome = delivery.send(claimed, at=clock.now())
    with scope(Scope(story.tenant)):
        assert (
            delivery.note(delivery_id=claimed.delivery_id, outcome=outcome, actor=ACTOR, at=clock.now())
            is None
        )
    assert story.states() == ["dropped"]
    with scope(Scope(story.tenant)):
        webhooks.delete(endpoint_id=made.endpoint.pk, actor=ACTOR)
        assert (
            delivery.note(delivery_id=claimed.delivery_id, outcome=outcome, actor=ACTOR, at=clock.now())
            is None
        )
        assert (WebhookDelivery.objects.count(), WebhookAttempt.objects.count()) == (0, 0)


def test_an_answer_with_a_card_number_is_not_kept(story: Story):
    story.endpoint()
    story.happen()
    story.receiver.body = b'{"echo": "4242 4242 4242 4242"}'
    assert story.deliver() == 1
    with scope(Scope(story.tenant)):
        assert WebhookAttempt.objects.get().response is None


def test_answers_addresses_and_secrets_are_unreadable_in_the_database(story: Story):
    made = story.endpoint(path="/hook-of-jane")
    story.happen()
    story.receiver.body = b"Jane Doe was here"
    story.deliver()
    ((url, secret),) = databases.as_owner("SELECT url, secret FROM outbound_webhookendpoint")
    ((response,),) = databases.as_owner("SELECT response FROM outbound_webhookattempt")
    assert b"jane" not in bytes(url) and made.secret.encode() not in bytes(secret)
    assert b"Jane" not in bytes(response)


def test_the_sweep_finds_what_a_lost_message_left_behind(story: Story, monkeypatch):
    asked: list[UUID] = []
    monkeypatch.setattr(publishing, "deliver_soon", asked.append)
    assert (tasks.sweep_webhooks(), asked) == (0, [])
    story.endpoint()
    story.happen()
    asked.clear()
    assert (tasks.sweep_webhooks(), asked) == (1, [story.tenant])
    assert tasks.deliver_webhooks(str(story.tenant)) == 1
    asked.clear()
    assert (tasks.sweep_webhooks(), asked) == (0, [])


def test_the_first_retry_is_asked_for_because_the_sweep_is_slower(story: Story, monkeypatch):
    asked: list[timedelta] = []
    monkeypatch.setattr(publishing, "deliver_soon", lambda tenant, *, after=timedelta(): asked.append(after))
    story.endpoint()
    story.happen()
    asked.clear()
    story.receiver.answer = 500
    story.deliver()
    assert [timedelta(seconds=4) <= after <= timedelta(seconds=5) for after in asked] == [True]


def test_without_a_broker_the_change_stands(story: Story, monkeypatch):
    from kombu.exceptions import OperationalError

    def away(*args, **kwargs):
        raise OperationalError("no broker")

    story.endpoint()
    monkeypatch.setattr(tasks.deliver_webhooks, "apply_async", away)
    story.happen()
    assert story.states() == ["pending"]
    assert story.deliver() == 1


def test_a_failed_attempt_waits_longer_each_time():
    waits = [rules.wait(attempts, chance=0) for attempts in range(1, 10)]
    assert all(one < other for one, other in pairwise(waits))
    assert [rules.wait(1, chance=1), rules.wait(10, chance=0)] == [timedelta(seconds=4.5), None]
