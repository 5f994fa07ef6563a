"""What people do with endpoints: the address checked, the secret shown once, what was missed sent again."""

import base64
from datetime import timedelta

import pytest

from audit.models import Event
from core import clock, ids
from core.errors import Invalid, NotFound
from outbound import http, tasks
from outbound.models import OutboxMessage, WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookEvent
from outbound.webhooks import delivery, queries, rules, signing
from outbound.webhooks import services as webhooks
from tenancy import context
from tenancy.context import Scope, scope
from tests import databases
from tests.services.outbound.webhooks.conftest import ACTOR, Story

HOOK = "https://93.184.216.34/hook"


def made(url=HOOK, **values):
    return webhooks.create(url=url, actor=ACTOR, at=clock.now(), **values)


def recorded(code):
    return list(Event.objects.filter(event=code).order_by("at", "id"))


def test_an_endpoint_is_kept_with_a_secret_of_256_bits_and_recorded(in_a):
    found = made(description=" Warehouse ", types=["invoice.paid", "customer.created", "invoice.paid"])
    row = WebhookEndpoint.objects.get()
    assert (row.url, row.description, row.types) == (HOOK, "Warehouse", ["customer.created", "invoice.paid"])
    assert (row.state, row.secret) == ("enabled", found.secret)
    assert found.secret.startswith("whsec_")
    assert len(base64.b64decode(found.secret.removeprefix("whsec_"))) == 32
    (event,) = recorded("webhook.created")
    assert (event.subject_kind, event.subject_id, event.facts) == ("webhook_endpoint", row.pk, {"types": 2})


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/hook",
        "https://127.0.0.1/hook",
        "https://localhost/hook",
        "https://10.1.2.3/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://[fd00:ec2::254]/",
        "https://2130706433/",
        "https://93.184.216.34:22/",
        "https://user:password@93.184.216.34/",
        "ftp://93.184.216.34/",
        "hook",
        "",
    ],
)
def test_an_address_that_is_not_public_is_refused_when_it_is_given(in_a, url):
    with pytest.raises((http.AddressRefused, http.HostUnknown)) as refused, context.attempt():
        made(url)
    assert refused.value.field == "url"
    kept = made()
    with pytest.raises((http.AddressRefused, http.HostUnknown)), context.attempt():
        webhooks.update(endpoint_id=kept.endpoint.pk, changes={"url": url}, actor=ACTOR, at=clock.now())
    assert [row.url for row in WebhookEndpoint.objects.all()] == [HOOK]
    assert [event.event for event in Event.objects.filter(event__startswith="webhook.")] == [
        "webhook.created"
    ]


def test_a_name_that_nobody_answers_for_is_refused_within_seconds(in_a, monkeypatch):
    import threading

    release = threading.Event()

    def hang(host, port):
        release.wait(60)
        return ["93.184.216.34"]

    monkeypatch.setattr(http, "resolve", hang)
    monkeypatch.setattr(http, "_SECONDS_FOR_A_NAME", 0.05)
    with pytest.raises(http.HostUnknown), context.attempt():
        made("https://hook.example/")
    release.set()


@pytest.mark.parametrize(
    ("values", "pointer", "code"),
    [
        ({"description": "x" * 201}, "/description", "too_long"),
        ({"description": "4242 4242 4242 4242"}, "/description", "card_number"),
        ({"types": ["invoice.eaten"]}, "/types", "unknown_choice"),
        ({"types": ["ping"]}, "/types", "unknown_choice"),
        ({"types": ["Ada Lovelace"]}, "/types", "unknown_choice"),
        ({"url": "https://93.184.216.34/" + "x" * 500}, "/url", "address_refused"),
        ({"url": "https://93.184.216.34/4242424242424242"}, "/url", "address_refused"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(in_a, values, pointer, code):
    with pytest.raises(Invalid) as refused, context.attempt():
        made(**values)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [(pointer, code)]
    assert WebhookEndpoint.objects.count() == 0


def test_there_are_at_most_twenty(in_a):
    for _ in range(rules.MOST_ENDPOINTS):
        made()
    with pytest.raises(webhooks.TooManyEndpoints), context.attempt():
        made()
    assert WebhookEndpoint.objects.count() == 20


def test_changes_are_recorded_by_field_and_nothing_happens_without_one(in_a):
    endpoint = made(description="Old").endpoint
    change = {"description": "New", "types": ["invoice.paid"], "url": HOOK}
    for _ in range(2):
        webhooks.update(endpoint_id=endpoint.pk, changes=change, actor=ACTOR, at=clock.now())
    row = WebhookEndpoint.objects.get()
    assert (row.description, row.types, row.url) == ("New", ["invoice.paid"], HOOK)
    assert [event.fields for event in recorded("webhook.updated")] == [["description", "types"]]


def test_rotating_keeps_at_most_two_secrets(in_a):
    first = made()
    at = clock.now()
    second = webhooks.rotate(endpoint_id=first.endpoint.pk, overlap=timedelta(hours=24), actor=ACTOR, at=at)
    row = second.endpoint
    assert delivery.secrets_of(row, at=at) == (second.secret, first.secret)
    assert delivery.secrets_of(row, at=at + timedelta(hours=24)) == (second.secret,)
    third = webhooks.rotate(endpoint_id=row.pk, overlap=timedelta(hours=1), actor=ACTOR, at=at)
    assert delivery.secrets_of(third.endpoint, at=at) == (third.secret, second.secret)
    fourth = webhooks.rotate(endpoint_id=row.pk, overlap=timedelta(), actor=ACTOR, at=at)
    assert delivery.secrets_of(fourth.endpoint, at=at) == (fourth.secret,)
    assert WebhookEndpoint.objects.get().previous_secret is None
    assert [event.facts for event in recorded("webhook.rotated")] == [
        {"overlap_hours": hours} for hours in (24, 1, 0)
    ]
    with pytest.raises(webhooks.OverlapNotOffered), context.attempt():
        webhooks.rotate(endpoint_id=row.pk, overlap=timedelta(days=30), actor=ACTOR, at=at)
    assert WebhookEndpoint.objects.get().secret == fourth.secret


def test_disabling_and_enabling(story: Story):
    endpoint = story.endpoint().endpoint
    story.happen()
    with scope(Scope(story.tenant)):
        for _ in range(2):
            row = webhooks.disable(endpoint_id=endpoint.pk, actor=ACTOR, at=clock.now())
        assert (row.state, row.disabled_reason) == ("disabled", "by_member")
        assert [event.facts for event in recorded("webhook.disabled")] == [{"dropped": 1}]
        # Whoever did it themselves needs no mail about it.
        assert OutboxMessage.objects.count() == 0
        for refused in (
            lambda: webhooks.ping(endpoint_id=endpoint.pk, actor=ACTOR),
            lambda: webhooks.replay(endpoint_id=endpoint.pk, since=clock.now(), actor=ACTOR, at=clock.now()),
            lambda: webhooks.resend(
                delivery_id=WebhookDelivery.objects.get().pk, actor=ACTOR, at=clock.now()
            ),
        ):
            with pytest.raises(webhooks.EndpointDisabled), context.attempt():
                refused()
        assert story.states() == ["dropped"]
        for _ in range(2):
            row = webhooks.enable(endpoint_id=endpoint.pk, actor=ACTOR, at=clock.now())
        assert (row.state, row.disabled_reason, row.disabled_at) == ("enabled", "", None)
        assert len(recorded("webhook.enabled")) == 1


def test_a_ping_goes_to_one_endpoint_whatever_it_listens_to(story: Story):
    endpoint = story.endpoint("invoice.paid", path="/one").endpoint
    story.endpoint(path="/two")
    with scope(Scope(story.tenant)):
        event = webhooks.ping(endpoint_id=endpoint.pk, actor=ACTOR)
    assert story.deliver() == 1
    (told,) = story.receiver.told
    assert (told.path, told.event["type"]) == ("/one", "ping")
    assert told.event["data"] == {
        "object": "webhook_endpoint", "id": ids.encode("webhook_endpoint", endpoint.pk)
    }  # fmt: skip
    with scope(Scope(story.tenant)):
        assert queries.event(event, at=clock.now()).type == "ping"
        assert [(one.reason, one.facts) for one in recorded("webhook.resent")] == [("ping", {"events": 1})]


def test_one_event_is_sent_again_under_its_id(story: Story):
    story.endpoint()
    story.happen()
    story.deliver()
    for _ in range(2):  # the second time while the first still waits
        with scope(Scope(story.tenant)):
            row = webhooks.resend(delivery_id=story.delivery().pk, actor=ACTOR, at=clock.now())
            assert (row.state, row.attempts) == ("pending", 0)
    assert story.deliver() == 1
    first, second = story.receiver.told
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    with scope(Scope(story.tenant)):
        assert WebhookAttempt.objects.count() == 2
        assert [one.reason for one in recorded("webhook.resent")] == ["one", "one"]


def test_everything_that_was_missed_is_sent_again(story: Story):
    endpoint = story.endpoint("invoice.paid", "payment.failed").endpoint
    other = story.endpoint(path="/other").endpoint
    taken = story.happen()
    story.deliver()
    since = clock.now()
    story.receiver.answer = lambda told: 200 if told.path == "/other" else 410
    failed = story.happen()
    story.deliver()
    while_away = story.happen("payment.failed")
    story.happen("payment.succeeded")  # not asked for
    story.receiver.answer = 200
    story.deliver()
    story.receiver.told.clear()
    with scope(Scope(story.tenant)):
        webhooks.enable(endpoint_id=endpoint.pk, actor=ACTOR, at=clock.now())
        assert queries.missed(WebhookEndpoint.objects.get(pk=endpoint.pk), since=since) == 2
        assert webhooks.replay(endpoint_id=endpoint.pk, since=since, actor=ACTOR, at=clock.now()) == 2
        assert queries.missed(WebhookEndpoint.objects.get(pk=endpoint.pk), since=since) == 0
        assert queries.missed(WebhookEndpoint.objects.get(pk=other.pk), since=since) == 0
    assert story.deliver() == 2
    told = {one.headers["webhook-id"] for one in story.receiver.told}
    assert told == {ids.encode("webhook_event", event) for event in (failed, while_away)}
    assert ids.encode("webhook_event", taken) not in told
    with scope(Scope(story.tenant)):
        assert [(one.reason, one.facts) for one in recorded("webhook.resent")] == [("missed", {"events": 2})]


def test_nothing_from_before_an_endpoint_was_added_is_sent(story: Story):
    story.happen()
    endpoint = story.endpoint().endpoint
    with scope(Scope(story.tenant)):
        long_ago = clock.now() - timedelta(days=20)
        assert webhooks.replay(endpoint_id=endpoint.pk, since=long_ago, actor=ACTOR, at=clock.now()) == 0


def test_the_tester_says_why_a_message_would_not_be_taken(in_a):
    found = made()
    at = clock.now()
    body = b'{"type":"ping"}'

    def verdict(**changes):
        headers = signing.headers((found.secret,), message_id="evt_1", at=at, body=body)
        message = {
            "id": "evt_1",
            "timestamp": headers["webhook-timestamp"],
            "signature": headers["webhook-signature"],
            "body": body,
        }
        return webhooks.check_signature(
            endpoint_id=found.endpoint.pk,
            message=signing.Message(**message | changes),
            actor=ACTOR,
            at=at + changes.pop("later", timedelta()),
        ).value

    assert verdict() == "valid"
    assert verdict(body=body + b" ") == "other"
    assert verdict(id="evt_2") == "other"
    assert verdict(timestamp=str(int(at.timestamp()) + 1)) == "other"
    assert verdict(timestamp="yesterday") == "no_time"
    assert verdict(timestamp="9" * 40) == "no_time"
    assert verdict(signature="") == "no_signature"
    assert verdict(signature="v2,abc") == "no_signature"
    for age, expected in ((301, "too_old"), (-301, "too_new"), (299, "valid"), (-299, "valid")):
        moment = at - timedelta(seconds=age)
        headers = signing.headers((found.secret,), message_id="evt_1", at=moment, body=body)
        given = {"timestamp": headers["webhook-timestamp"], "signature": headers["webhook-signature"]}
        assert verdict(**given) == expected
    assert {one.reason for one in recorded("webhook.tested")} == {
        verdict.value for verdict in signing.Verdict
    }


def test_events_stay_thirty_days(story: Story):
    story.endpoint()
    old, young = story.happen(), story.happen()
    story.deliver()
    databases.as_owner(
        "UPDATE outbound_webhookevent SET created_at = now() - interval '31 days' WHERE id = %s", [old]
    )
    with scope(Scope(story.tenant)), pytest.raises(NotFound):
        queries.event(old, at=clock.now())
    assert tasks.end_retention() == 1
    with scope(Scope(story.tenant)):
        assert list(WebhookEvent.objects.values_list("pk", flat=True)) == [young]
        assert (WebhookDelivery.objects.count(), WebhookAttempt.objects.count()) == (1, 1)
        (event,) = recorded("outbound.retention_ended")
        assert event.facts == {"events": 1}


def test_what_is_another_organizations_is_not_there(story: Story, tenant_b):
    endpoint = story.endpoint().endpoint
    event = story.happen()
    told = story.delivery()
    with scope(Scope(tenant_b)):
        for refused in (
            lambda: queries.endpoint(endpoint.pk),
            lambda: queries.event(event, at=clock.now()),
            lambda: queries.delivery(told.pk),
            lambda: webhooks.update(endpoint_id=endpoint.pk, changes={}, actor=ACTOR, at=clock.now()),
            lambda: webhooks.enable(endpoint_id=endpoint.pk, actor=ACTOR, at=clock.now()),
            lambda: webhooks.disable(endpoint_id=endpoint.pk, actor=ACTOR, at=clock.now()),
            lambda: webhooks.delete(endpoint_id=endpoint.pk, actor=ACTOR),
            lambda: webhooks.ping(endpoint_id=endpoint.pk, actor=ACTOR),
            lambda: webhooks.rotate(
                endpoint_id=endpoint.pk, overlap=timedelta(), actor=ACTOR, at=clock.now()
            ),
            lambda: webhooks.replay(endpoint_id=endpoint.pk, since=clock.now(), actor=ACTOR, at=clock.now()),
            lambda: webhooks.resend(delivery_id=told.pk, actor=ACTOR, at=clock.now()),
            lambda: webhooks.check_signature(
                endpoint_id=endpoint.pk,
                message=signing.Message(id="", timestamp="", signature="", body=b""),
                actor=ACTOR,
                at=clock.now(),
            ),
        ):
            with pytest.raises(NotFound), context.attempt():
                refused()
        assert queries.endpoints() == []
    assert story.stored(endpoint).state == "enabled"


def test_how_an_endpoint_does_counts_one_day(story: Story):
    endpoint = story.endpoint().endpoint
    poison = set()
    for number in range(5):
        event = story.happen()
        if number == 0:
            poison.add(ids.encode("webhook_event", event))
    story.receiver.answer = lambda told: 500 if told.headers["webhook-id"] in poison else 200
    story.deliver()
    story.happen()
    with scope(Scope(story.tenant)):
        rate = queries.rates(at=clock.now())[endpoint.pk]
        assert (rate.taken, rate.settled, rate.waiting) == (4, 5, 2)
        assert queries.rates(at=clock.now() + timedelta(days=2))[endpoint.pk].settled == 1
