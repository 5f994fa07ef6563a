"""Where alerts go: by mail, signed to a program, into a real rsyslogd; to whom, when, and what if it cannot."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from uuid import UUID

import pytest
from django.core import mail as django_mail
from standardwebhooks import Webhook

from alerts.channels import delivery, queries, rules
from alerts.channels import services as channels
from alerts.models import Alert, AlertChannel, AlertDelivery
from alerts.rules import BY_CODE
from audit.models import Event
from core import clock, ids
from core.actor import Actor
from core.errors import Invalid, NotFound
from outbound import delivery as post_office
from outbound import http
from outbound.models import OutboxMessage
from tenancy.context import Scope, attempt, scope
from tests.make import accounts
from tests.services.alerts.collectors import rsyslog
from tests.services.outbound.test_http import certificate
from tests.services.outbound.webhooks.receiver import Receiver, receiving

ACTOR = Actor.system("tests")
ALL = ["critical", "high", "medium", "low", "info"]


def watcher(tenant: UUID) -> str:
    """Let somebody work on alerts here, and return their address."""
    with scope(Scope(tenant)):
        return str(accounts.member("security_officer").user.email)


def alert(severity: str) -> UUID:
    """Open an alert in the organization in scope without telling of it."""
    at = datetime(2026, 3, 1, 2, 20, tzinfo=UTC)
    row = Alert(
        rule="PAY-04",
        rule_version=0,
        severity=severity,
        group="organization",
        key=str(ids.uuid7()),
        count=2,
        first_seen_at=datetime(2026, 3, 1, 2, 14, tzinfo=UTC),
        last_seen_at=at,
        opened_at=at,
        announced_at=at,
        due_at=at,
        updated_at=at,
    )
    row.save(force_insert=True)
    return UUID(str(row.pk))


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    with receiving() as made:
        settings.OUTBOUND_PRIVATE_ORIGINS = [made.origin]
        yield made


def create(tenant: UUID, at: datetime | None = None, **given) -> channels.Made:
    given = {"severities": ALL, **given}
    with scope(Scope(tenant)):
        return channels.create(actor=ACTOR, at=at or clock.now(), **given)


def announce(tenant: UUID, severity: str, at: datetime | None = None) -> UUID:
    with scope(Scope(tenant)):
        made = alert(severity)
        channels.announce(alert_id=made, at=at or clock.now())
    return made


def deliver(tenant: UUID, at: datetime | None = None) -> int:
    return delivery.deliver_due(tenant_id=tenant, actor=ACTOR, now=clock.now if at is None else lambda: at)


def post(tenant: UUID) -> None:
    post_office.deliver_due(tenant_id=tenant, actor=ACTOR, at=clock.now())


def stored(tenant: UUID, made: channels.Made) -> AlertChannel:
    with scope(Scope(tenant)):
        return AlertChannel.objects.get(pk=made.channel.pk)


def states(tenant: UUID) -> list[str]:
    with scope(Scope(tenant)):
        return list(AlertDelivery.objects.order_by("id").values_list("state", flat=True))


def recorded(tenant: UUID, code: str) -> list[Event]:
    with scope(Scope(tenant)):
        return list(Event.objects.filter(event=f"alert_channel.{code}").order_by("at"))


def mails(tenant: UUID, template: str) -> list[OutboxMessage]:
    with scope(Scope(tenant)):
        return list(OutboxMessage.objects.filter(template=template).order_by("id"))


@pytest.mark.django_db(transaction=True)
def test_a_webhook_is_signed_so_that_everybodys_package_verifies_it(tenant_a, receiver):
    made = create(tenant_a, kind="webhook", address=receiver.origin + "/alerts")
    assert deliver(tenant_a) == 1
    first = Webhook(made.secret).verify(receiver.told[0].body, receiver.told[0].headers)
    assert first["type"] == "alert.test"
    found = announce(tenant_a, "critical")
    assert deliver(tenant_a) == 1
    told = Webhook(made.secret).verify(receiver.told[1].body, receiver.told[1].headers)
    assert told["type"] == "alert.opened"
    assert told["data"] == {
        "object": "alert",
        "id": ids.encode("alert", found),
        "rule": "PAY-04",
        "title": BY_CODE["PAY-04"].title,
        "severity": "critical",
        "count": 2,
        "first_at": "2026-03-01T02:14:00Z",
        "last_at": "2026-03-01T02:20:00Z",
        "url": f"http://localhost:8000/o/a/alerts/{ids.encode('alert', found)}",
    }
    assert queries.works(stored(tenant_a, made))
    assert [event.facts.get("alert") for event in recorded(tenant_a, "told")] == [None, str(found)]


@pytest.mark.django_db(transaction=True)
def test_rsyslog_gets_a_detection_finding(tenant_a, tmp_path, settings):
    with rsyslog(tmp_path, certificate(tmp_path, "localhost")) as logs:
        settings.OUTBOUND_PRIVATE_ORIGINS = [logs.address]
        create(tenant_a, kind="syslog", address=logs.address, ca=logs.ca)
        found = announce(tenant_a, "critical")
        assert deliver(tenant_a) == 2
        lines = logs.lines(2)
    by_kind = {line[3]: line for line in lines}
    severity, host, app, _, text = by_kind["alert.opened"]
    assert (severity, host, app) == ("crit", "a", "strongbox")
    said = json.loads(text)
    assert (said["class_uid"], said["type_uid"], said["severity_id"]) == (2004, 200401, 5)
    assert said["finding_info"]["uid"] == str(found)
    assert by_kind["alert.test"][0] == "info"


@pytest.mark.django_db(transaction=True)
def test_mail_goes_to_whoever_works_on_alerts_or_to_one_address(tenant_a, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    watching = watcher(tenant_a)
    with scope(Scope(tenant_a)):
        blind = accounts.member("accountant").user.email
    create(tenant_a, kind="mail")
    one = create(tenant_a, kind="mail", address="desk@example.com", severities=["critical"])
    announce(tenant_a, "high")
    deliver(tenant_a)
    assert set(states(tenant_a)) == {"handed_over"}
    post(tenant_a)
    assert deliver(tenant_a, clock.now() + timedelta(seconds=11)) == 3
    assert set(states(tenant_a)) == {"succeeded"}
    assert queries.works(stored(tenant_a, one))
    alerts = [mail for mail in django_mail.outbox if mail.subject.startswith("HIGH")]
    told = {address for mail in alerts for address in mail.to}
    assert watching in told
    assert blind not in told
    assert "desk@example.com" not in told
    assert "Seen: 2 times, first 1 Mar 2026 02:14:00 UTC" in alerts[0].body
    assert "/o/a/alerts/alr_" in alerts[0].body


@pytest.mark.django_db(transaction=True)
def test_each_severity_goes_where_it_is_wanted_and_is_told_once(tenant_a, receiver):
    create(tenant_a, kind="webhook", address=receiver.origin + "/loud", severities=["critical", "high"])
    create(tenant_a, kind="webhook", address=receiver.origin + "/all")
    deliver(tenant_a)
    receiver.told.clear()
    at = clock.now()
    low = announce(tenant_a, "low", at)
    with scope(Scope(tenant_a)):
        channels.announce(alert_id=low, at=at)
    deliver(tenant_a)
    assert [told.path for told in receiver.told] == ["/all"]
    announce(tenant_a, "high")
    deliver(tenant_a)
    assert sorted(told.path for told in receiver.told[1:]) == ["/all", "/loud"]


@pytest.mark.django_db(transaction=True)
def test_quiet_hours_hold_back_all_but_what_is_critical(tenant_a, receiver):
    night = datetime(2026, 1, 10, 23, 30, tzinfo=UTC)
    quiet = rules.Quiet(begin=time(22), end=time(7), zone="Europe/Berlin")
    create(tenant_a, night, kind="webhook", address=receiver.origin + "/", quiet=quiet)
    deliver(tenant_a, night)
    receiver.told.clear()
    announce(tenant_a, "high", night)
    announce(tenant_a, "critical", night)
    deliver(tenant_a, night)
    assert [told.event["data"]["severity"] for told in receiver.told] == ["critical"]
    deliver(tenant_a, datetime(2026, 1, 11, 5, 59, tzinfo=UTC))
    assert len(receiver.told) == 1
    deliver(tenant_a, datetime(2026, 1, 11, 6, 0, tzinfo=UTC))
    assert [told.event["data"]["severity"] for told in receiver.told] == ["critical", "high"]


@pytest.mark.django_db(transaction=True)
def test_a_channel_that_fails_is_tried_again_and_people_are_written_to(tenant_a, receiver):
    watcher(tenant_a)
    made = create(tenant_a, kind="webhook", address=receiver.origin + "/")
    deliver(tenant_a)
    receiver.answer = 500
    at = clock.now()
    announce(tenant_a, "high", at)
    for seconds in (0, 6, 40):
        assert deliver(tenant_a, at + timedelta(seconds=seconds)) == 0
    assert [event.reason for event in recorded(tenant_a, "failed")] == ["http_500"]
    assert not queries.works(stored(tenant_a, made))
    with scope(Scope(tenant_a)):
        assert queries.unheard(queries.channels())[0] == "critical"
        people = queries.watchers(at=at)
    written = mails(tenant_a, "alert")
    assert len(written) == len(people) > 0
    receiver.answer = 200
    assert deliver(tenant_a, at + timedelta(minutes=5)) == 1
    assert len(recorded(tenant_a, "recovered")) == 1
    with scope(Scope(tenant_a)):
        (rate,) = queries.rates(at=at).values()
        assert (rate.told, rate.failed, rate.waiting) == (2, 0, 0)
        assert [row.state for row in queries.deliveries(made.channel.pk, limit=1).rows] == ["succeeded"]
    assert queries.works(stored(tenant_a, made))


@pytest.mark.django_db(transaction=True)
def test_one_that_is_never_reached_is_given_up_after_a_day(tenant_a, receiver):
    watcher(tenant_a)
    create(tenant_a, kind="webhook", address=receiver.origin + "/")
    deliver(tenant_a)
    receiver.answer = 503
    at = clock.now()
    announce(tenant_a, "low", at)
    for wait in rules.WAITS:
        deliver(tenant_a, at)
        at += wait
    assert states(tenant_a)[-1] == "pending"
    deliver(tenant_a, at)
    assert states(tenant_a)[-1] == "failed"
    assert not mails(tenant_a, "alert")  # what is low wakes nobody


@pytest.mark.django_db
@pytest.mark.parametrize(("severity", "written"), [("critical", True), ("high", True), ("medium", False)])
def test_without_any_channel_people_are_written_to(in_a, severity, written):
    watcher(in_a)
    channels.announce(alert_id=alert(severity), at=clock.now())
    people = queries.watchers(at=clock.now())
    assert people
    assert OutboxMessage.objects.filter(template="alert").count() == (len(people) if written else 0)


@pytest.mark.django_db
def test_what_people_do_with_a_channel_is_recorded(in_a):
    at = clock.now()
    made = channels.create(
        kind="webhook", address="https://93.184.216.34/a", severities=["critical"], actor=ACTOR, at=at
    )
    pk = made.channel.pk
    almost_always = rules.Quiet(begin=time(0, 1), end=time(0, 0), zone="UTC")
    channels.update(
        channel_id=pk, changes={"severities": ["low"], "quiet": almost_always}, actor=ACTOR, at=at
    )
    again = channels.rotate(channel_id=pk, actor=ACTOR, at=at)
    assert again.secret != made.secret
    channels.test(channel_id=pk, actor=ACTOR, at=at)
    channels.disable(channel_id=pk, actor=ACTOR, at=at)
    with pytest.raises(channels.ChannelDisabled), attempt():
        channels.test(channel_id=pk, actor=ACTOR, at=at)
    channels.enable(channel_id=pk, actor=ACTOR, at=at)
    channels.remove(channel_id=pk, actor=ACTOR)
    found = {
        event.event: event
        for event in Event.objects.filter(event__startswith="alert_channel.", subject_id=pk).order_by("at")
    }
    wanted = ["created", "updated", "rotated", "tested", "disabled", "enabled", "removed"]
    assert set(found) == {f"alert_channel.{word}" for word in wanted}
    assert found["alert_channel.updated"].facts == {"lost": "critical", "quieter": True}
    assert found["alert_channel.created"].facts == {"kind": "webhook"}
    assert found["alert_channel.removed"].facts == {"critical_unheard": True}
    assert not AlertDelivery.objects.exists()
    born_mute = channels.create(
        kind="webhook", address="https://93.184.216.34/b", severities=["low"], quiet=almost_always,
        actor=ACTOR, at=at,
    )  # fmt: skip
    born = Event.objects.get(event="alert_channel.created", subject_id=born_mute.channel.pk)
    assert born.facts == {"kind": "webhook", "quieter": True}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("given", "pointer", "code"),
    [
        ({"kind": "horn"}, "/kind", "unknown_choice"),
        ({"severities": []}, "/severities", "unknown_choice"),
        ({"severities": ["dire"]}, "/severities", "unknown_choice"),
        ({"address": ""}, "/address", "required"),
        ({"kind": "mail", "address": "nobody"}, "/address", "not_an_address"),
        ({"kind": "mail", "address": "a@b.example\nBcc: c@d.example"}, "/address", "not_an_address"),
        ({"description": "4242 4242 4242 4242"}, "/description", "card_number"),
        ({"ca": "-----BEGIN CERTIFICATE-----"}, "/ca", "no_certificate"),
        ({"ca": "-----BEGIN RSA PRIVATE KEY-----"}, "/ca", "private_key"),
        ({"quiet": rules.Quiet(begin=time(7), end=time(7), zone="UTC")}, "/quiet_until", "empty_span"),
        ({"quiet": rules.Quiet(begin=time(7), end=time(8), zone="Mars/Base")}, "/zone", "unknown_choice"),
    ],
)
def test_what_cannot_be_a_channel_is_refused_field_by_field(in_a, given, pointer, code):
    wanted = {"kind": "webhook", "address": "https://93.184.216.34/", "severities": ["high"], **given}
    with pytest.raises(Invalid) as refused, attempt():
        channels.create(**wanted, actor=ACTOR, at=clock.now())
    assert (pointer, code) in {(error.pointer, error.code) for error in refused.value.errors}
    assert not AlertChannel.objects.exists()
    assert not Event.objects.filter(event="alert_channel.created").exists()


@pytest.mark.django_db
def test_addresses_that_lead_inside_and_too_many_channels_are_refused(in_a):
    for kind, address in (("webhook", "https://127.0.0.1/"), ("syslog", "syslog+tls://192.168.1.9:6514")):
        with pytest.raises(http.AddressRefused), attempt():
            channels.create(kind=kind, address=address, severities=["high"], actor=ACTOR, at=clock.now())
    for _ in range(rules.MOST_CHANNELS):
        channels.create(kind="mail", severities=["high"], actor=ACTOR, at=clock.now())
    with pytest.raises(channels.TooManyChannels), attempt():
        channels.create(kind="mail", severities=["high"], actor=ACTOR, at=clock.now())
    mail = AlertChannel.objects.first()
    with pytest.raises(channels.NoSecret), attempt():
        channels.rotate(channel_id=mail.pk, actor=ACTOR, at=clock.now())


@pytest.mark.django_db
def test_another_organizations_channel_is_not_found(tenant_a, tenant_b):
    made = create(tenant_a, kind="mail")
    with pytest.raises(NotFound), scope(Scope(tenant_b)):
        channels.disable(channel_id=made.channel.pk, actor=ACTOR, at=clock.now())
    assert stored(tenant_a, made).state == "enabled"
    assert not recorded(tenant_b, "disabled")
