"""Telling: signed so that everybody's packages verify it, tried again for three days, and never in anybody's way."""

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import playwright
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from audit.models import Event
from core import clock, ids
from outbound import tasks
from outbound.models import OutboxMessage, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from outbound.webhooks import delivery, publishing, rules, signing
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, scope
from tests import databases
from tests.make import accounts
from tests.services.outbound.test_http import certificate
from tests.services.outbound.webhooks.conftest import ACTOR, Story
from tests.services.outbound.webhooks.receiver import receiving

NODE = Path(playwright.__file__).parent / "driver" / "node"
NPM = Path(__file__).parents[3] / "data" / "standardwebhooks"
AT = datetime(2100, 1, 1, tzinfo=UTC)


def by_node(secret, told):
    """Verify with the npm package; return what it says."""
    given = {"secret": secret, "headers": told.headers, "body": told.body.decode()}
    done = subprocess.run(
        [NODE, NPM / "verify.js"],
        input=json.dumps(given),
        env={"NODE_PATH": str(NPM / "modules")},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def events(tenant, code):
    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=code).order_by("at", "id"))


def mails(tenant):
    with scope(Scope(tenant)):
        found = OutboxMessage.objects.filter(template="webhook_disabled").order_by("id")
        return [(mail.body["to"], mail.body["text"]) for mail in found]


def test_the_vendored_files_are_what_the_packages_hold():
    lines = (NPM / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    found = {
        str(path.relative_to(NPM)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (NPM / "modules").rglob("*")
        if path.is_file()
    }
    assert found == listed


def test_what_arrives_verifies_with_the_packages_of_python_and_npm(story: Story):
    made = story.endpoint()
    invoice, customer = ids.uuid7(), ids.uuid7()
    with scope(Scope(story.tenant)):
        event = webhooks.publish(
            type="invoice.paid",
            subject=("invoice", invoice),
            data={"customer": customer, "status": "finalized", "amount_due_minor": 0, "currency": "EUR"},
        )
    assert story.deliver() == 1
    (told,) = story.receiver.told
    assert told.path == "/hook"
    assert Webhook(made.secret).verify(told.body, told.headers) == {
        "id": ids.encode("webhook_event", event),
        "type": "invoice.paid",
        "created_at": told.event["created_at"],
        "livemode": False,
        "api_version": "v1",
        "data": {
            "object": "invoice",
            "id": ids.encode("invoice", invoice),
            "amount_due_minor": 0,
            "currency": "EUR",
            "customer": ids.encode("customer", customer),
            "status": "finalized",
        },
    }
    assert told.headers["webhook-id"] == ids.encode("webhook_event", event)
    assert told.headers["content-type"] == "application/json"
    assert by_node(made.secret, told) == {"type": "invoice.paid"}
    assert abs(datetime.fromisoformat(told.event["created_at"]) - clock.now()) < timedelta(minutes=1)


def test_what_was_touched_verifies_with_neither(story: Story):
    made = story.endpoint()
    story.happen()
    story.deliver()
    (told,) = story.receiver.told
    told.body = told.body.replace(b"invoice.paid", b"invoice.void")
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(made.secret).verify(told.body, told.headers)
    assert by_node(made.secret, told) == {"refused": "No matching signature found"}


def test_two_live_secrets_sign_until_the_overlap_is_over(story: Story):
    old = story.endpoint()
    at = clock.now()
    with scope(Scope(story.tenant)):
        new = webhooks.rotate(endpoint_id=old.endpoint.pk, overlap=timedelta(hours=1), actor=ACTOR, at=at)
    story.happen()
    story.deliver()
    (told,) = story.receiver.told
    assert len(told.headers["webhook-signature"].split(" ")) == 2
    for secret in (old.secret, new.secret):
        assert Webhook(secret).verify(told.body, told.headers)["type"] == "invoice.paid"
        assert by_node(secret, told) == {"type": "invoice.paid"}
    story.happen()
    story.deliver(at + timedelta(hours=1))
    told = story.receiver.told[1]
    (signature,) = told.headers["webhook-signature"].split(" ")
    stamp = {"message_id": told.headers["webhook-id"], "timestamp": int(told.headers["webhook-timestamp"])}
    assert signature == signing.sign(new.secret, body=told.body, **stamp)
    assert signature != signing.sign(old.secret, body=told.body, **stamp)


def test_over_tls_with_a_certificate_of_its_own(story: Story, settings, tmp_path, monkeypatch):
    path = certificate(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with receiving(str(path)) as receiver:
        settings.OUTBOUND_PRIVATE_ORIGINS = [receiver.origin]
        secure = Story(story.tenant, receiver)
        made = secure.endpoint()
        secure.happen()
        assert secure.deliver() == 1
        (told,) = receiver.told
        assert by_node(made.secret, told) == {"type": "invoice.paid"}


def test_it_is_tried_for_about_three_days_under_one_id_and_then_given_up(story: Story):
    made = story.endpoint(at=AT)
    event = story.happen()
    story.receiver.answer, story.receiver.body = 500, b"x" * 5_000
    at, waits = AT, []
    for attempt in range(1, rules.MOST_ATTEMPTS):
        assert story.deliver(at) == 0
        row = story.delivery()
        assert (row.state, row.attempts, row.last_status, row.last_code) == (
            "pending",
            attempt,
            500,
            "http_500",
        )
        waits.append(row.next_attempt_at - at)
        assert story.deliver(row.next_attempt_at - timedelta(seconds=1)) == 0
        at = row.next_attempt_at
    assert [len(story.receiver.told)] == [9]
    for wait, full in zip(waits, rules.WAITS, strict=True):
        assert full * 0.9 <= wait <= full
    assert timedelta(hours=68) <= at - AT <= timedelta(hours=76)
    story.deliver(at)
    row = story.delivery()
    assert (row.state, row.attempts, row.next_attempt_at, row.finished_at) == ("failed", 10, None, at)
    told = story.receiver.told
    assert {one.headers["webhook-id"] for one in told} == {ids.encode("webhook_event", event)}
    assert len({one.body for one in told}) == 1
    stamps = [int(one.headers["webhook-timestamp"]) for one in told]
    assert stamps == sorted(set(stamps)) and stamps[0] == int(AT.timestamp())
    with scope(Scope(story.tenant)):
        log = list(WebhookAttempt.objects.order_by("id"))
        assert [(one.status, one.code, one.response) for one in log] == [(500, "http_500", "x" * 2_048)] * 10
    # A whole round of nothing but failures: the endpoint is given up as well.
    stored = story.stored(made.endpoint)
    assert (stored.state, stored.disabled_reason, stored.disabled_at) == ("disabled", "failing", at)
    assert [(event.result, event.reason) for event in events(story.tenant, "webhook.failed")] == [
        ("failed", "http_500")
    ] * 10


def test_one_event_that_is_never_taken_does_not_end_an_endpoint_that_takes_others(story: Story):
    made = story.endpoint(at=AT)
    poison = ids.encode("webhook_event", story.happen())
    story.receiver.answer = lambda told: 500 if told.headers["webhook-id"] == poison else 200
    at = AT
    for _ in range(rules.MOST_ATTEMPTS):
        story.deliver(at)
        story.happen()
        story.deliver(at)
        with scope(Scope(story.tenant)):
            at = WebhookDelivery.objects.order_by("id")[0].next_attempt_at or at
    assert story.states() == ["failed"] + ["succeeded"] * 10
    assert story.stored(made.endpoint).state == "enabled"


def test_five_days_of_nothing_but_failures_end_an_endpoint(story: Story):
    with scope(Scope(story.tenant)):
        accounts.member("developer", user=accounts.person(email="dev@a.example"))
        accounts.member("billing_clerk", user=accounts.person(email="clerk@a.example"))
    made = story.endpoint(at=AT)
    story.receiver.answer = 503
    for days in range(6):
        assert story.stored(made.endpoint).state == "enabled"
        story.happen()
        with scope(Scope(story.tenant)):
            # Each is sent again by hand, so that none is exhausted.
            WebhookDelivery.objects.update(attempts=0, next_attempt_at=AT + timedelta(days=days))
        story.deliver(AT + timedelta(days=days))
    stored = story.stored(made.endpoint)
    assert (stored.state, stored.disabled_reason) == ("disabled", "failing")
    assert stored.failing_since == AT
    assert set(story.states()) == {"dropped"}
    told = mails(story.tenant)
    assert [to for to, _ in told] == ["dev@a.example"]
    assert "took nothing for days" in told[0][1]
    named = ids.encode("webhook_endpoint", made.endpoint.pk)
    assert f"/o/a/developers/webhooks/{named}" in told[0][1]
    (ended,) = events(story.tenant, "webhook.disabled")
    assert (ended.subject_id, ended.reason, ended.facts["dropped"] > 0) == (made.endpoint.pk, "failing", True)


def test_410_ends_an_endpoint_at_once_and_drops_what_waits(story: Story):
    with scope(Scope(story.tenant)):
        accounts.member("developer", user=accounts.person(email="dev@a.example"))
    made = story.endpoint()
    for _ in range(3):
        story.happen()
    story.receiver.answer = 410
    with scope(Scope(story.tenant)):
        WebhookEndpoint.objects.update(failing_since=clock.now())  # one sender
    assert story.deliver() == 0
    assert len(story.receiver.told) == 1
    stored = story.stored(made.endpoint)
    assert (stored.state, stored.disabled_reason) == ("disabled", "gone")
    assert story.states() == ["dropped"] * 3
    assert [to for to, text in mails(story.tenant) if "410 Gone" in text].count("dev@a.example") == 1
    story.happen()
    assert len(story.states()) == 3
    assert story.deliver() == 0


@pytest.mark.parametrize(
    ("status", "taken"), [(200, 1), (202, 1), (204, 1), (299, 1), (302, 0), (400, 0), (500, 0)]
)
def test_2xx_alone_means_taken_and_a_redirect_is_not_followed(story: Story, status, taken):
    story.endpoint()
    story.happen()
    story.receiver.answer, story.receiver.body = status, b""
    assert story.deliver() == taken
    assert [one.path for one in story.receiver.told] == ["/hook"]
    assert story.states() == ["succeeded" if taken else "pending"]


def test_nobody_there_is_noted_and_tried_again(story: Story, settings):
    settings.OUTBOUND_PRIVATE_ORIGINS = ["http://127.0.0.1:1"]
    with scope(Scope(story.tenant)):
        webhooks.create(url="http://127.0.0.1:1/hook", actor=ACTOR, at=clock.now())
    story.happen()
    assert story.deliver() == 0
    row = story.delivery()
    assert (row.state, row.attempts, row.last_status, row.last_code) == ("pending", 1, None, "no_answer")
    with scope(Scope(story.tenant)):
        assert WebhookAttempt.objects.get().response is None


def test_a_private_address_is_refused_when_it_is_sent_to(story: Story, settings):
    story.endpoint()
    settings.OUTBOUND_PRIVATE_ORIGINS = []
    story.happen()
    assert story.deliver() == 0
    assert story.receiver.told == []
    assert story.delivery().last_code == "address_refused"
    (failed,) = events(story.tenant, "webhook.failed")
    assert (failed.result, failed.reason) == ("failed", "address_refused")


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
