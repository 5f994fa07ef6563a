"""What an integrator does: the first call by the page alone, the guides' own programs, and finding a fault."""

import html
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from datetime import timedelta
from http.cookiejar import CookieJar
from pathlib import Path

from django.test import Client
from playwright.sync_api import Browser, expect

from accounts.models import ApiKey
from accounts.permissions import RoleCode
from audit.models import Event
from core import clock, ids
from edge import requestlog
from outbound.models import WebhookDelivery
from outbound.webhooks import services as webhooks
from tenancy.context import Scope, scope
from tests import databases
from tests.browser.live import Live, Someone, visit
from tests.journeys.staff.test_webhooks import ACTOR, client
from tests.make.api import key_of, set_issuer

NAMES = re.compile(r"<[^>]+>")


class Stranger:
    """Somebody with a web client and a terminal, who does what a page says and knows nothing else."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.jar = CookieJar()
        self.web = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.page = ""

    def open(self, path: str) -> str:
        with self.web.open(self.live.at(path), timeout=60) as answer:
            self.where, self.page = answer.url, answer.read().decode()
        return self.page

    def press(self, button: str, **typed: str) -> str:
        """Fill in the form that has this button, and send it."""
        form = next(form for form in re.findall(r"<form.*?</form>", self.page, re.DOTALL) if button in form)
        fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))
        fields = {name: html.unescape(value) for name, value in fields.items()}
        action = re.search(r'<form[^>]* action="([^"]+)"', form)
        url = urllib.parse.urljoin(self.where, html.unescape(action[1]) if action else self.where)
        data = urllib.parse.urlencode({**fields, **typed}).encode()
        sent = urllib.request.Request(url, data=data, headers={"Referer": self.where})  # noqa: S310  the server's own
        with self.web.open(sent, timeout=60) as answer:
            self.where, self.page = answer.url, answer.read().decode()
        return self.page

    def text_of(self, element: str) -> str:
        """Return what stands in an element, as a person copies it."""
        found = re.search(rf'<code id="{element}">(.*?)</code>', self.page, re.DOTALL)
        assert found is not None, f"nothing to copy in {element}"
        return html.unescape(found[1])


def signed_in(live: Live, who: Someone) -> Stranger:
    stranger = Stranger(live)
    stranger.open("/login")
    stranger.press("Sign in", email=who.email, password=who.password)
    stranger.press("Continue", code=who.code())
    return stranger


def run(program: str, folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run what was copied, with nothing of this suite's own surroundings."""
    shell = ["bash", "-euo", "pipefail", "-c"] if "curl" in program else [sys.executable, "-c"]
    own = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run(
        [*shell, program, *arguments], env=own, cwd=folder, capture_output=True, text=True, check=True
    )


def test_a_stranger_makes_the_first_call_by_the_page_alone(live: Live, tmp_path: Path) -> None:
    for role, answered in ((RoleCode.OWNER, "201"), (RoleCode.DEVELOPER, "200")):
        who = signed_in(live, live.person(role))
        page = who.open(f"/o/{live.slug}/developers")
        assert ("Nothing has arrived yet" if role is RoleCode.OWNER else "have been used already") in page
        page = who.press("Make a sandbox key")
        line = who.text_of("first-call-line")
        asked = re.search(r'hx-get="([^"]+)" hx-trigger="load delay:2s"', page)
        assert asked is not None
        asks_again = html.unescape(asked[1])
        # Asked before the call the page asks again, though not for ever.
        waits = who.open(asks_again)
        assert "Nothing has arrived yet" in waits
        assert "asked=1" in waits
        assert "hx-trigger" not in who.open(asks_again.replace("asked=0", "asked=59"))
        done = run(line, tmp_path)
        assert re.match(rf"HTTP/1\.1 {answered} ", done.stdout), done.stdout
        turned = who.open(asks_again)
        assert "We received your first call" in turned
        assert "hx-trigger" not in turned
        # Without JavaScript the page itself says so; the key is on no page any more.
        again = who.open(f"/o/{live.slug}/developers?{urllib.parse.urlsplit(asks_again).query}")
        secret = re.search(r"sbk_test_\w+", line)
        assert secret is not None
        assert "We received your first call" in again
        assert secret[0] not in again
    with scope(Scope(live.tenant)):
        keys = list(ApiKey.objects.order_by("created_at"))
        assert Event.objects.filter(event="apikey.created").count() == 2
        # No more than whoever makes it may do, nothing that sends or gives money away, and for a week.
        assert set(keys[1].scopes) < set(keys[0].scopes)
        assert not {"refund:write", "invoice:send", "webhook:manage"} & set(keys[0].scopes)
        assert keys[0].expires_at - keys[0].created_at == timedelta(days=7)


def test_the_page_turns_by_itself(browser: Browser, live: Live, tmp_path: Path) -> None:
    with visit(browser, live.cookie(live.person())) as (page, watch):
        page.goto(live.staff("developers"))
        page.get_by_role("button", name="Make a sandbox key").click()
        expect(page.get_by_text("This turns by itself.")).to_be_visible()
        run(page.locator("#first-call-line").inner_text(), tmp_path)
        expect(page.get_by_text("We received your first call")).to_be_visible()
        page.get_by_role("link", name="See the request").click()
        expect(page.get_by_role("heading", name="POST /api/v1/customers")).to_be_visible()
        assert watch.faults() == []


def test_in_a_live_organization_no_key_is_made_in_passing(live: Live) -> None:
    who = client(live, live.person())
    databases.as_owner("UPDATE tenancy_tenant SET mode = 'live' WHERE id = %s", [live.tenant])
    assert "This organization is live" in who.get("/o/a/developers").content.decode()
    assert "This organization is live" in who.get("/o/a/developers/sandbox").content.decode()
    assert who.get("/o/a/developers/first-key").headers["Location"] == "/o/a/developers"
    assert who.post("/o/a/developers/first-key").status_code == 422
    with scope(Scope(live.tenant)):
        assert not ApiKey.objects.exists()


def test_the_programs_of_the_guides_work(live: Live, tmp_path: Path) -> None:
    set_issuer(live.tenant)
    api, second, who = key_of("a"), key_of("a"), client(live, live.person("developer"))
    given = {"STRONGBOX_URL": live.url, "STRONGBOX_KEY": api.key}

    def program(name: str) -> str:
        page = who.get(f"/o/a/developers/guides/{name}")
        assert page.status_code == 200, name
        found = re.search(r'<code id="program">(.*?)</code>', page.content.decode(), re.DOTALL)
        assert found is not None
        return html.unescape(found[1])

    made = [run(program("first-invoice"), tmp_path, **given).stdout for _ in range(2)]
    assert re.match(r'"number": *"INV-', made[0])
    assert made[0] == made[1]
    assert (tmp_path / "invoice.pdf").read_bytes().startswith(b"%PDF-")
    assert len(api.get("invoices").json()["data"]) == 1
    once, again = run(program("retry-safely"), tmp_path, **given).stdout.split()
    assert once == again
    assert once.startswith("cus_")
    (bill,) = api.get("invoices").json()["data"]
    for number, amount in enumerate((10_000, 20_000)):
        paid = api.post(
            "payments",
            {"invoice": bill["id"], "amount_minor": amount, "method": "bank_transfer",
             "received_on": "2026-03-05", "reference": "RF"},
            Idempotency_Key=f"p{number}",
        )  # fmt: skip
        assert paid.status_code == 201, paid.json()
    came = run(program("reconcile-a-day"), tmp_path, "2026-03-05", **given).stdout
    assert came == "EUR bank_transfer 30000 not on an invoice: 6000\n"
    assert run(program("reconcile-a-day"), tmp_path, "2026-03-06", **given).stdout == ""
    both = run(program("rotate-a-key"), tmp_path, STRONGBOX_URL=live.url, OLD_KEY=api.key, NEW_KEY=second.key)
    assert both.stdout == "200\n200\n"
    assert "webhook" in NAMES.sub("", who.get("/o/a/developers/guides/trust-a-webhook").content.decode())
    assert who.get("/o/a/developers/guides/nothing").status_code == 404


def test_a_fault_is_found_by_its_request_and_leads_to_what_it_means(live: Live) -> None:
    api, other, who = key_of("a"), key_of("b"), client(live, live.person("developer"))
    made = api.post("customers", {"name": "Anna Gruber", "currency": "EUR"})
    refused = api.post("customers", {"name": "Anna Gruber", "colour": "red"})
    api.get("invoices/Anna-Gruber")
    other.get("customers")
    page = who.get("/o/a/developers/requests").content.decode()
    assert page.count('<th scope="row" class="wrap">') == 3
    # Nothing of what was sent, nothing that was typed in an id's place, and nothing of another organization.
    assert "Anna" not in page
    assert "red" not in re.findall(r'<div class="results".*', page, re.DOTALL)[0].lower().split()
    assert "GET /api/v1/invoices/…" in page
    failed = who.get("/o/a/developers/requests?view=failed&status=422&method=POST").content.decode()
    (row,) = re.findall(r'<tr><td class="stamp">.*?</tr>', failed, re.DOTALL)
    code, request_id = refused.json()["code"], refused.json()["request_id"]
    assert f"/api/v1/docs#{code}" in row
    assert request_id in row
    assert made.headers["X-Request-Id"] not in failed
    # Whoever manages keys sees them by name, and that is recorded; whoever does not sees which one it was.
    assert "test key" in row
    with scope(Scope(live.tenant)):
        assert Event.objects.filter(event="apikey.read").exists()
    one = who.get(f"/o/a/developers/requests?request={request_id}").content.decode()
    assert re.search(r"<h2[^>]*><code>POST /api/v1/customers</code></h2>", one)
    assert "no longer kept" in who.get("/o/a/developers/requests?request=req_gone").content.decode()
    assert "No request matches" in who.get("/o/a/developers/requests?status=500").content.decode()
    # Where it leads, its own line stands, and no line stands there twice.
    docs = who.get("/api/v1/docs?lang=python").content.decode()
    anchors = re.findall(r'\bid="([^"]+)"', docs)
    assert code in anchors
    assert len(anchors) == len(set(anchors))
    assert "urllib.request.urlopen(request)" in html.unescape(docs)
    shell = "".join(f"<{text}>" for text in re.findall(r"<code>(import .*?)</code></pre>", docs, re.DOTALL))
    programs = [html.unescape(text) for text in re.findall(r"<(import .*?)>(?=<|$)", shell, re.DOTALL)]
    for text in programs:
        compile(text, "sample", "exec")
    assert len(programs) > 50


def test_what_happened_is_told_again_from_its_own_page(live: Live, settings) -> None:
    settings.OUTBOUND_PRIVATE_ORIGINS = ["http://127.0.0.1:9"]
    api, who = key_of("a"), client(live, live.person())
    with scope(Scope(live.tenant)):
        webhooks.create(url="http://127.0.0.1:9/hook", actor=ACTOR, at=clock.now())
    customer = api.post("customers", {"name": "Anna Gruber", "currency": "EUR"}).json()["id"]
    page = who.get("/o/a/developers/events?type=customer.created").content.decode()
    (link,) = set(re.findall(r'data-row-url="([^"]+)"', page))
    assert customer in page
    detail = who.get(link).content.decode()
    assert f"/o/a/customers/{customer}" in detail
    assert "Anna" not in page + detail
    body = re.search(r'aria-label="Body"><code>(.*?)</code>', detail, re.DOTALL)
    assert body is not None
    said = json.loads(html.unescape(body[1]))["data"]
    assert (said["object"], said["id"]) == ("customer", customer)
    (again,) = re.findall(r'action="(/o/a/developers/webhooks/deliveries/[^"]+/resend)"', detail)
    with scope(Scope(live.tenant)):
        before = WebhookDelivery.objects.get(event__type="customer.created")
        WebhookDelivery.objects.filter(pk=before.pk).update(
            state="failed", next_attempt_at=None, finished_at=clock.now()
        )
    assert who.post(again).status_code == 302
    with scope(Scope(live.tenant)):
        assert WebhookDelivery.objects.get(pk=before.pk).state == "pending"
    assert (
        "Nothing of this type happened"
        in who.get("/o/a/developers/events?type=quote.declined").content.decode()
    )
    assert '"type": "quote.declined"' in html.unescape(
        who.get("/o/a/developers/sandbox?type=quote.declined").content.decode()
    )


def test_the_log_of_requests_forgets_and_costs_no_statement(transactional_db: None) -> None:
    # The cache is everybody's: an organization that no other worker of the suite knows.
    tenant, at = ids.uuid7(), clock.now()
    for number in range(requestlog.MOST + 5):
        requestlog.note(
            tenant,
            requestlog.Noted(
                id=ids.encode("request", ids.uuid7()), at=(at - timedelta(days=8 * (number == 3))).isoformat(),
                key_id="key_x", method="GET", path="/api/v1/events", status=404 if number < 4 else 200,
                milliseconds=number,
            ),
        )  # fmt: skip
    since = at - requestlog.KEPT_FOR
    latest = requestlog.latest(tenant, since=since)
    assert (len(latest), latest[0].milliseconds) == (requestlog.MOST, requestlog.MOST + 4)
    # A busy program does not push its faults out of sight; a week does.
    assert [row.milliseconds for row in requestlog.latest(tenant, since=since, failed=True)] == [2, 1, 0]
    assert requestlog.latest(ids.uuid7(), since=since) == []
    # What another edition wrote is passed over.
    pipe = requestlog._client()
    for text in ('{"id": "req_x"}', "[]", "no json", json.dumps({"at": "2026-01-01T00:00:00", "id": 1})):
        pipe.lpush(requestlog._names(tenant)[0], text)
    assert len(requestlog.latest(tenant, since=since)) == requestlog.MOST - 4
    assert Client().get("/api/v1/events").status_code == 401
