"""The page of webhooks: a secret shown once, a log that tells what came back, and ways to mend what failed."""

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import playwright
import pytest
from django.test import Client
from playwright.sync_api import Browser, expect
from standardwebhooks import Webhook

from audit.models import Event
from core import clock, ids
from core.actor import Actor
from outbound.models import WebhookDelivery, WebhookEndpoint
from outbound.webhooks import delivery, signing
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, scope
from tests.browser.live import Live, Someone, expected_status, judge, visit
from tests.services.outbound.webhooks.receiver import Receiver, receiving

NODE = Path(playwright.__file__).parent / "driver" / "node"
MODULES = Path(__file__).parents[2] / "data" / "standardwebhooks" / "modules"
ACTOR = Actor.system("tests")


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    with receiving() as made:
        settings.OUTBOUND_PRIVATE_ORIGINS = [made.origin]
        yield made


def client(live: Live, who: Someone) -> Client:
    made = Client(raise_request_exception=False)
    cookie = live.cookie(who)
    made.cookies[cookie["name"]] = cookie["value"]
    return made


def deliver(live: Live) -> int:
    return delivery.deliver_due(tenant_id=live.tenant, actor=ACTOR, now=clock.now)


def endpoint(live: Live, url: str, **values: object) -> webhooks.Made:
    with scope(Scope(live.tenant)):
        return webhooks.create(url=url, actor=ACTOR, at=clock.now(), **values)


def trail(live: Live, code: str) -> list[Event]:
    with scope(Scope(live.tenant)):
        return list(Event.objects.filter(event=code).order_by("at", "id"))


def test_from_the_first_webhook_to_an_event_that_is_sent_again(
    browser: Browser, live: Live, receiver: Receiver
) -> None:
    developer = live.person("developer", name="Li Wei")
    with visit(browser, live.cookie(developer)) as (page, watch):
        page.goto(live.staff("developers/webhooks"))
        expect(page.get_by_text("No webhook yet")).to_be_visible()
        page.get_by_role("link", name="New webhook").first.click()
        page.get_by_label("Web address").fill("https://127.0.0.1/hook")
        page.get_by_label("Only what is ticked below").check()
        page.get_by_role("button", name="Add the webhook").click()
        expect(page.locator(".error-summary")).to_contain_text("Tick at least one event")
        page.get_by_label(re.compile(r"invoice\.paid")).check()
        page.get_by_role("button", name="Add the webhook").click()
        expect(page.locator(".error-summary")).to_contain_text("must be https and lead to a public host")
        expect(page.get_by_label(re.compile(r"invoice\.paid"))).to_be_checked()
        page.get_by_label("Web address").fill(receiver.origin + "/hook")
        page.get_by_role("button", name="Add the webhook").click()
        secret = page.locator(".secret-value code").inner_text()
        assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
        page.get_by_role("link", name="I have kept it").click()
        expect(page.get_by_text("Nothing was told yet")).to_be_visible()
        assert secret not in page.content()
        receiver.answer, receiver.body = 500, b"<h1>no room</h1>"
        page.get_by_role("button", name="Send a ping").click()
        expect(page.get_by_text("A ping is on its way.")).to_be_visible()
        deliver(live)
        page.reload()
        expect(page.get_by_text("It takes nothing")).to_be_visible()
        expect(page.get_by_role("row", name=re.compile("ping.*It answered 500.*Retrying"))).to_be_visible()
        page.get_by_role("link", name="ping").click()
        page.get_by_text("Show what it said").click()
        expect(page.get_by_text("<h1>no room</h1>")).to_be_visible()
        receiver.answer = 200
        page.get_by_role("button", name="Send again").click()
        expect(page.get_by_text("It is on its way again, under the id it had.")).to_be_visible()
        assert deliver(live) == 1
        page.reload()
        expect(page.get_by_text("It was taken")).to_be_visible()
        page.get_by_role("link", name="Webhooks").last.click()
        expect(page.get_by_role("row", name=re.compile(r"100.*1 of 1.*Enabled"))).to_be_visible()
        assert expected_status(watch, 422) == []
    first, second = receiver.told
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert Webhook(secret).verify(second.body, second.headers)["type"] == "ping"
    assert [event.actor_id for event in trail(live, "webhook.created")] == [developer.user.pk]


def test_the_secret_is_replaced_with_an_overlap(browser: Browser, live: Live, receiver: Receiver) -> None:
    owner, made = live.person(), endpoint(live, receiver.origin + "/hook")
    path = f"developers/webhooks/{ids.encode('webhook_endpoint', made.endpoint.pk)}"
    with visit(browser, live.cookie(owner)) as (page, watch):
        page.goto(live.staff(path))
        page.get_by_text("More").click()
        page.get_by_role("link", name="Replace the secret").click()
        page.get_by_label("After one hour").check()
        page.get_by_role("button", name="Make the new secret").click()
        secret = page.locator(".secret-value code").inner_text()
        expect(page.get_by_text("Old secret signs until")).to_be_visible()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        webhooks.ping(endpoint_id=made.endpoint.pk, actor=ACTOR)
    deliver(live)
    (told,) = receiver.told
    for each in (made.secret, secret):
        assert Webhook(each).verify(told.body, told.headers)["type"] == "ping"


def test_what_was_missed_is_sent_again_after_enabling(
    browser: Browser, live: Live, receiver: Receiver
) -> None:
    owner, made = live.person(), endpoint(live, receiver.origin + "/hook")
    path = f"developers/webhooks/{ids.encode('webhook_endpoint', made.endpoint.pk)}"
    receiver.answer = 410
    with scope(Scope(live.tenant)):
        webhooks.publish(type="invoice.paid", subject=("invoice", ids.uuid7()), data={})
    deliver(live)
    with scope(Scope(live.tenant)):
        webhooks.publish(type="payment.failed", subject=("payment", ids.uuid7()), data={})
    receiver.answer = 200
    with visit(browser, live.cookie(owner)) as (page, watch):
        page.goto(live.staff(path))
        expect(page.get_by_text("It answered “410 Gone”")).to_be_visible()
        expect(page.get_by_text("It has missed 2 events: enable it")).to_be_visible()
        page.get_by_role("button", name="Enable it").click()
        page.get_by_role("link", name="Send again what it missed").first.click()
        page.get_by_label("The last hour: 2").check()
        page.get_by_role("button", name="Send them again").click()
        expect(page.get_by_text("2 events sent again, each under the id it had.")).to_be_visible()
        assert deliver(live) == 2
        page.goto(live.staff(path + "?state=succeeded"))
        expect(page.get_by_role("row", name=re.compile("invoice.paid"))).to_be_visible()
        page.goto(live.staff(path + "?state=failed"))
        expect(page.get_by_text("Nothing in this state")).to_be_visible()
        page.goto(live.staff(path + "/disable"))
        page.get_by_role("button", name="Disable it").click()
        expect(page.get_by_text("Somebody here disabled it.")).to_be_visible()
        page.goto(live.staff(path + "/delete"))
        page.get_by_role("button", name="Delete the webhook").click()
        expect(page.get_by_text("The webhook is deleted.")).to_be_visible()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        assert (WebhookEndpoint.objects.count(), WebhookDelivery.objects.count()) == (0, 0)


def test_the_tester_says_what_is_wrong(live: Live, receiver: Receiver) -> None:
    made = endpoint(live, receiver.origin + "/hook")
    with scope(Scope(live.tenant)):
        webhooks.ping(endpoint_id=made.endpoint.pk, actor=ACTOR)
    deliver(live)
    (told,) = receiver.told
    asking = client(live, live.person("developer"))
    url = f"/o/a/developers/webhooks/{ids.encode('webhook_endpoint', made.endpoint.pk)}/test"

    def answer(**changes: str) -> str:
        given = {
            "message_id": told.headers["webhook-id"],
            "timestamp": told.headers["webhook-timestamp"],
            "signature": told.headers["webhook-signature"],
            "body": told.body.decode(),
        }
        answered = asking.post(url, given | changes)
        assert answered.status_code == 200
        return answered.content.decode()

    assert "The signature is valid" in answer()
    assert "The body is not the one we sent" in answer(body=json.dumps(json.loads(told.body)))
    assert "The body is the one we sent. So the secret is another" in answer(timestamp="1700000000")
    assert "Neither live secret made it" in answer(message_id="evt_unknown")
    assert "There is no signature" in answer(signature="sha256=abc")
    assert "The time cannot be read" in answer(timestamp="today")
    long_ago = clock.now() - timedelta(hours=1)
    old = signing.headers((made.secret,), message_id="evt_1", at=long_ago, body=b"{}")
    assert "The signature is valid, but old" in answer(
        message_id="evt_1",
        timestamp=old["webhook-timestamp"],
        signature=old["webhook-signature"],
        body="{}",
    )
    assert asking.post(url, {}).status_code == 422
    assert {event.reason for event in trail(live, "webhook.tested")} == {
        "valid", "other", "no_signature", "no_time", "too_old"
    }  # fmt: skip
    assert made.secret not in answer()


def test_the_samples_of_the_page_work(live: Live, receiver: Receiver, tmp_path: Path) -> None:
    made = endpoint(live, receiver.origin + "/hook")
    with scope(Scope(live.tenant)):
        webhooks.ping(endpoint_id=made.endpoint.pk, actor=ACTOR)
    deliver(live)
    (told,) = receiver.told
    page = client(live, live.person("developer")).get(
        f"/o/a/developers/webhooks/{ids.encode('webhook_endpoint', made.endpoint.pk)}/test"
    )
    samples = {
        name: html.unescape(text)
        for name, text in re.findall(
            r'<code id="sample-(\w+)">(.*?)</code>', page.content.decode(), re.DOTALL
        )
    }
    environment = {**os.environ, "WEBHOOK_SECRET": made.secret, "NODE_PATH": str(MODULES)}
    given = json.dumps({"headers": told.headers, "body": told.body.decode()})
    python = samples["python"] + (
        "\nimport json, sys\ngiven = json.load(sys.stdin)\n"
        "print(take(given['headers'], given['body'].encode()), take(given['headers'], b'{}'))\n"
    )
    javascript = samples["javascript"] + (
        "\nconst given = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n"
        "console.log(take(given.headers, given.body), take(given.headers, '{}'));\n"
    )
    named = ids.encode("webhook_endpoint", made.endpoint.pk)
    for command, source in (
        ([sys.executable, "-c", python], "python"),
        ([NODE, "-e", javascript], "javascript"),
    ):
        done = subprocess.run(
            command, input=given, env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.split("\n")[:2] == [f"ping {named}", "204 400"], source
    receiver.told.clear()
    shell = samples["curl"].replace("https://example.com/hooks", receiver.origin + "/curl")
    subprocess.run(["bash", "-euc", shell], env=environment, capture_output=True, check=True)
    (told,) = receiver.told
    assert Webhook(made.secret).verify(told.body, told.headers)["type"] == "ping"


def test_another_organizations_pages_are_not_there(live: Live, receiver: Receiver, tenant_b) -> None:
    with scope(Scope(tenant_b)):
        made = webhooks.create(url=receiver.origin + "/hook", actor=ACTOR, at=clock.now())
        webhooks.ping(endpoint_id=made.endpoint.pk, actor=ACTOR)
        told = WebhookDelivery.objects.get()
    asking = client(live, live.person())
    endpoint_id = ids.encode("webhook_endpoint", made.endpoint.pk)
    base = "/o/a/developers/webhooks"
    for path in ("", "/change", "/rotate", "/disable", "/delete", "/replay", "/test"):
        assert asking.get(f"{base}/{endpoint_id}{path}").status_code == 404, path
    for path in ("/enable", "/ping", "/change", "/rotate", "/disable", "/delete", "/replay", "/test"):
        assert asking.post(f"{base}/{endpoint_id}{path}").status_code == 404, path
    delivery_id = ids.encode("webhook_delivery", told.pk)
    assert asking.get(f"{base}/deliveries/{delivery_id}").status_code == 404
    assert asking.post(f"{base}/deliveries/{delivery_id}/resend").status_code == 404
    with scope(Scope(tenant_b)):
        assert WebhookEndpoint.objects.get().state == "enabled"


def test_nothing_is_wrong_with_the_pages(browser: Browser, live: Live, receiver: Receiver) -> None:
    paths = [f"developers/webhooks{path}" for path in fill(live, receiver)]
    cookies = [live.cookie(live.person("developer"))]
    assert judge(browser, live, [f"/o/{live.slug}/{path}" for path in paths], cookies) == {}


def fill(live: Live, receiver: Receiver) -> list[str]:
    """Fill an organization with webhooks in every state and return the addresses of their pages."""
    long = receiver.origin + "/hooks/" + "a-long-path-that-does-not-break" * 4
    made = [
        endpoint(live, receiver.origin + "/orders", description="Web shop"),
        endpoint(
            live, long, description="Accounting, over the old bridge", types=["invoice.paid", "refund.failed"]
        ),
        endpoint(live, receiver.origin + "/gone"),
        endpoint(live, receiver.origin + "/failing", types=["payment.failed"]),
    ]
    answers = {"/gone": 410, "/failing": 503}
    receiver.answer = lambda told: answers.get(told.path, 200)
    receiver.body = b'{"error": "Something on our side is not as it should be. Reference 8f41"}'
    for code in ("invoice.finalized", "invoice.paid", "payment.failed", "customer.created", "refund.failed"):
        with scope(Scope(live.tenant)):
            webhooks.publish(
                type=code,
                subject=(code.partition(".")[0], ids.uuid7()),
                data={
                    "customer": ids.uuid7(),
                    "status": "finalized",
                    "amount_due_minor": 12_500,
                    "currency": "EUR",
                },
            )
        deliver(live)
    with scope(Scope(live.tenant)):
        webhooks.rotate(
            endpoint_id=made[0].endpoint.pk, overlap=timedelta(hours=24), actor=ACTOR, at=clock.now()
        )
        failing = WebhookDelivery.objects.get(endpoint=made[3].endpoint)
        taken = WebhookDelivery.objects.filter(endpoint=made[0].endpoint).order_by("id")[0]
    first, *others = (f"/{ids.encode('webhook_endpoint', one.endpoint.pk)}" for one in made)
    actions = ("", "/change", "/rotate", "/disable", "/delete", "/replay", "/test", "?state=failed")
    told = [f"/deliveries/{ids.encode('webhook_delivery', one.pk)}" for one in (failing, taken)]
    return ["", "/new", *(first + action for action in actions), *others, *told]
