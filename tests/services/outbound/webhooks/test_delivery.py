"""Telling: signed so that everybody's packages verify it, tried again for three days, and never in anybody's way."""

import hashlib
import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import playwright
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from audit.models import Event
from core import clock, ids
from outbound.models import OutboxMessage, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from outbound.webhooks import rules, signing
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, scope
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
