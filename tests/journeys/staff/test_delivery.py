"""The pages of channels and streams: a secret shown once, red until something arrived, and nothing without rights."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect
from standardwebhooks import Webhook

from alerts.channels import delivery
from alerts.models import AlertChannel, AlertDelivery, AuditStream
from alerts.streams import sending
from audit.models import Event
from core import clock, ids
from core.actor import Actor
from tenancy.context import Scope, scope
from tests import databases
from tests.browser.live import Live, Someone, visit
from tests.make import delivery as make
from tests.services.outbound.webhooks.receiver import Receiver, receiving

ACTOR = Actor.system("tests")


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    with receiving() as made:
        settings.OUTBOUND_PRIVATE_ORIGINS = [made.origin]
        yield made


def client(live: Live, who: Someone, *, fresh: bool = True) -> Client:
    made = Client(raise_request_exception=False)
    cookie = live.cookie(who, fresh=fresh)
    made.cookies[cookie["name"]] = cookie["value"]
    return made


def tell(live: Live) -> None:
    delivery.deliver_due(tenant_id=live.tenant, actor=ACTOR, now=clock.now)


def trail(live: Live, code: str) -> list[Event]:
    with scope(Scope(live.tenant)):
        return list(Event.objects.filter(event=code).order_by("at"))


def test_from_red_to_a_channel_that_works(browser: Browser, live: Live, receiver: Receiver) -> None:
    officer = live.person("security_officer", name="Li Wei")
    with visit(browser, live.cookie(officer)) as (page, watch):
        page.goto(live.staff("alerts/channels"))
        expect(page.get_by_text("Nobody would hear of something critical")).to_be_visible()
        page.get_by_role("link", name="New channel").first.click()
        page.get_by_role("link", name="Webhook").click()
        page.get_by_label("Web address").fill(receiver.origin + "/pager")
        page.get_by_label("What it is for").fill("The pager")
        page.get_by_label("Quiet from").fill("22:00")
        page.get_by_role("button", name="Add the channel").click()
        expect(page.get_by_text("Quiet hours have both").first).to_be_visible()
        page.get_by_label("Quiet until").fill("07:00")
        page.get_by_role("button", name="Add the channel").click()
        expect(page.get_by_role("heading", name="The secret of your channel")).to_be_visible()
        secret = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.content())[0]
        tell(live)
        Webhook(secret).verify(receiver.told[0].body, receiver.told[0].headers)
        page.get_by_role("link", name="I have kept it").click()
        expect(page.get_by_text("Works", exact=True)).to_be_visible()
        assert secret not in page.content()
        page.goto(live.staff("alerts/channels"))
        expect(page.get_by_text("Nobody would hear")).to_have_count(0)
        assert [fault for fault in watch.faults() if "422" not in fault] == []


@pytest.mark.django_db(transaction=True)
def test_each_act_is_recorded_and_removal_says_what_is_lost(live: Live, receiver: Receiver) -> None:
    officer = live.person("security_officer")
    web = client(live, officer)
    base = f"/o/{live.slug}/alerts/channels"
    wanted = {"address": "", "severities": ["critical"], "description": "", "zone": "UTC"}
    made = web.post(base + "/new?kind=mail", {**wanted, "description": "4242 4242 4242 4242"})
    assert made.status_code == 422
    assert web.post(base + "/new?kind=mail", wanted).status_code == 302
    with scope(Scope(live.tenant)):
        channel = AlertChannel.objects.get()
        AlertChannel.objects.update(last_ok_at=clock.now())
    page = f"{base}/{ids.encode('alert_channel', channel.pk)}"
    assert web.post(page + "/test").status_code == 302
    assert b"No working channel tells of this any more" in web.get(page + "/remove").content
    assert web.post(page + "/change", {**wanted, "severities": ["low"]}).status_code == 302
    assert web.post(page + "/disable").status_code == 302
    assert web.post(page + "/enable").status_code == 302
    assert web.post(page + "/rotate").status_code == 422
    assert web.post(page + "/remove").status_code == 302
    for code in ("created", "tested", "updated", "disabled", "enabled", "removed", "read"):
        found = trail(live, f"alert_channel.{code}")
        assert found, code
        assert {event.actor_id for event in found} == {officer.user.pk}


@pytest.mark.django_db(transaction=True)
def test_a_stream_is_added_tried_paused_and_removed(live: Live, receiver: Receiver) -> None:
    officer = live.person("security_officer")
    web = client(live, officer)
    base = f"/o/{live.slug}/audit/streams"
    wanted = {"address": receiver.origin + "/in", "secret": "Bearer s3cret-of-the-siem", "begin": "now"}
    card = {**wanted, "secret": "Bearer 4111 1111 1111 1111"}
    refused = web.post(base + "/new?kind=http", card)
    assert refused.status_code == 422
    assert b"looks like a card number" in refused.content and b"1111" not in refused.content
    assert web.post(base + "/new?kind=http", wanted).status_code == 302
    with scope(Scope(live.tenant)):
        stream = AuditStream.objects.get()
    page = f"{base}/{ids.encode('audit_stream', stream.pk)}"
    databases.let_settle()
    sending.deliver_due(tenant_id=live.tenant, actor=ACTOR, now=clock.now)
    assert receiver.told[0].headers["authorization"] == "Bearer s3cret-of-the-siem"
    for path in (page, page + "/change", base):
        answer = web.get(path)
        assert answer.status_code == 200
        assert b"s3cret-of-the-siem" not in answer.content
    # An empty secret leaves the one that is kept.
    changes = {"address": receiver.origin + "/other", "secret": "", "description": "The SIEM"}
    assert web.post(page + "/change", changes).status_code == 302
    assert web.post(page + "/test").status_code == 302
    databases.let_settle()
    sending.deliver_due(tenant_id=live.tenant, actor=ACTOR, now=clock.now)
    assert receiver.told[-1].path == "/other"
    assert receiver.told[-1].headers["authorization"] == "Bearer s3cret-of-the-siem"
    assert b"audit_stream.tested" in b"".join(told.body for told in receiver.told)
    for act in ("pause", "resume", "remove"):
        assert web.post(f"{page}/{act}").status_code == 302
    with scope(Scope(live.tenant)):
        assert not AuditStream.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_alert_says_whom_it_was_told_to_without_an_address(live: Live) -> None:
    web = client(live, live.person("security_officer"))
    with scope(Scope(live.tenant)):
        make.everything()
        told = AlertDelivery.objects.filter(severity="critical", channel__kind="webhook").get()
    answer = web.get(f"/o/{live.slug}/alerts/{ids.encode('alert', told.alert_id)}")
    assert answer.status_code == 200
    text = answer.content.decode()
    assert "Whom it was told to" in text
    assert "It answered 503." in text
    assert f"/alerts/channels/{ids.encode('alert_channel', told.channel_id)}" in text
    assert "93.184.216.34" not in text


@pytest.mark.django_db(transaction=True)
def test_without_the_right_or_a_fresh_factor_nothing_changes(live: Live) -> None:
    with scope(Scope(live.tenant)):
        channel, stream = make.channel(), make.stream()
    acts = [
        f"alerts/channels/{ids.encode('alert_channel', channel.pk)}/{act}" for act in ("disable", "remove")
    ]
    acts += [f"audit/streams/{ids.encode('audit_stream', stream.pk)}/{act}" for act in ("pause", "remove")]
    auditor = client(live, live.person("auditor"))
    stale = client(live, live.person("security_officer"), fresh=False)
    for act in acts:
        assert auditor.post(f"/o/{live.slug}/{act}").status_code == 403
        answer = stale.post(f"/o/{live.slug}/{act}")
        assert answer.status_code in (302, 303, 403)
        assert answer.status_code == 403 or "step-up" in answer.headers["Location"]
    with scope(Scope(live.tenant)):
        assert AlertChannel.objects.get().state == "enabled"
        assert AuditStream.objects.get().state == "active"
    refused = [
        event for event in trail(live, "access.refused") if event.at > clock.now() - timedelta(minutes=5)
    ]
    assert len(refused) >= len(acts)
