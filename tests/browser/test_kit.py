"""In a real browser, under the product's own policy: readable, inert to what is planted, calm in a swap."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import harness

HOME = Path(__file__).resolve().parents[2]
STATIC, TEMPLATES = HOME / "static", HOME / "templates"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [harness.PHONE, harness.DESK], ids=["phone", "desk"])
def test_nothing_is_wrong_with_any_component(
    browser: Browser, kit_url: str, size: tuple[int, int], dark: bool
) -> None:
    with harness.opened(browser, kit_url, size=size, dark=dark) as (page, watch):
        assert harness.axe(page) == []
        assert harness.small_targets(page) == []
    assert watch.faults() == []


@pytest.mark.parametrize("width", [320, 768, 1360])
def test_nothing_sticks_out(browser: Browser, kit_url: str, width: int) -> None:
    with harness.opened(browser, kit_url, size=(width, 800)) as (page, _):
        assert harness.overflowing(page) == []


def test_the_judges_judge(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url, size=harness.NARROW) as (page, watch):
        page.evaluate(
            """() => {
              const image = document.createElement("img");
              image.src = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";
              const wide = document.createElement("div");
              wide.className = "wide";
              wide.style.width = "900px";
              wide.style.height = "1px";
              const small = document.createElement("button");
              small.style.width = small.style.height = "10px";
              small.textContent = "x";
              document.body.append(image, wide, small);
            }"""
        )
        # WCAG 1.1.1: an image without words; it stands in no landmark. Trusted Types: text that would become markup.
        assert [fault.split(":")[0] for fault in harness.axe(page)] == ["image-alt", "region"]
        assert harness.overflowing(page) == ["DIV.wide 900"]
        assert harness.small_targets(page) == ["x 10x10"]
        page.evaluate("() => { try { document.body.innerHTML = '<b>x</b>'; } catch { /* refused */ } }")
    assert len(watch.violations) == 1
    assert watch.violations[0].startswith("require-trusted-types-for")


def test_an_element_without_the_nonce_sends_nothing(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url) as (page, _):
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url))
        kept = page.evaluate(
            """async () => {
              const planted = document.createElement("button");
              planted.setAttribute("hx-get", "/kit/rows");
              document.body.append(planted);
              htmx.process(planted);
              planted.click();
              await new Promise((done) => setTimeout(done, 0));
              return planted.hasAttribute("hx-get");
            }"""
        )
        assert kept is False
        assert sent == []


def test_a_filter_swaps_the_rows_keeps_the_focus_and_is_announced(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url) as (page, watch):
        page.get_by_label("Status").first.select_option("overdue")
        expect(page.locator("#rows tbody tr")).to_have_count(1)
        expect(page.locator('[data-behaviour="announce"]')).to_have_text("1 invoice")
        expect(page).to_have_url(re.compile(r"\?q=&status=overdue&due_before=$"))
        # The swapped rows are alive too: the click in a row follows the row's own link.
        page.locator("#rows tbody td.numeric").first.click()
        expect(page).to_have_url(re.compile(r"#rows$"))
    assert watch.faults() == []


def test_filters_work_without_javascript(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url, javascript=False) as (page, _):
        page.get_by_label("Status").first.select_option("paid")
        page.get_by_role("button", name="Apply").click()
        expect(page).to_have_url(re.compile("status=paid"))
        expect(page.locator("tbody tr th").first).to_have_text(re.compile("2026-000414"))


def test_a_form_is_sent_once(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url) as (page, _):
        page.evaluate(
            """() => {
              window.sent = 0;
              document.addEventListener("submit", (event) => { window.sent += 1; event.preventDefault(); });
            }"""
        )
        button = page.get_by_role("button", name="Record €1,250.00")
        width = button.evaluate("(element) => element.offsetWidth")
        button.click()
        busy = page.get_by_role("button", name="Recording…")
        expect(busy).to_have_attribute("aria-busy", "true")
        busy.click()
        busy.press("Enter")
        assert page.evaluate("window.sent") == 1
        assert busy.evaluate("(element) => element.offsetWidth") == width


def test_the_summary_takes_the_focus_and_leads_to_the_field(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url) as (page, _):
        summary = page.locator(".error-summary")
        expect(summary).to_be_focused()
        summary.get_by_role("link").first.click()
        expect(page.locator("#id_name")).to_be_focused()
        expect(page.locator("#id_name")).to_have_attribute("aria-describedby", "id_name_hint id_name_error")
        # What looked like a card number is named, and not sent back.
        expect(page.locator("#id_reason")).to_have_value("")


def test_a_menu_opens_walks_and_closes_by_keyboard(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url) as (page, _):
        summary = page.locator(".page-head summary")
        summary.press("ArrowDown")
        expect(page.get_by_role("link", name="Export as CSV")).to_be_focused()
        page.keyboard.press("ArrowUp")
        expect(page.locator(".page-head .menu-panel a").last).to_be_focused()
        page.keyboard.press("Escape")
        expect(summary).to_be_focused()
        assert page.locator(".page-head details").get_attribute("open") is None


def test_a_dialog_asks_and_gives_the_focus_back(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url) as (page, _):
        page.get_by_role("link", name="Ask first").click()
        expect(page.get_by_role("dialog", name="End every other session?")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        expect(page.locator("dialog")).to_be_hidden()
        expect(page.get_by_role("link", name="Ask first")).to_be_focused()


def test_a_secret_is_copied_whole(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url) as (page, _):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.locator(".secret").get_by_role("button", name="Copy").click()
        expect(page.locator('[data-behaviour="announce"]')).to_have_text("Copied")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == "sbk_test_7h2k9m4p_06f8k2m4p9t1v3x5z7b9d1f3h5j7l9n1"


def test_a_toast_can_be_dismissed(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, f"{kit_url}?toast=1") as (page, _):
        expect(page.get_by_text("was sent to 3 people")).to_be_visible()
        page.get_by_role("button", name="Dismiss").click()
        expect(page.locator(".toast")).to_have_count(0)


def test_the_menu_of_a_phone_opens_without_a_script(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url, size=harness.PHONE, javascript=False) as (page, _):
        expect(page.get_by_role("link", name="Customers")).to_be_hidden()
        page.get_by_role("button", name="Menu").first.click()
        expect(page.get_by_role("link", name="Customers")).to_be_visible()
        page.get_by_role("button", name="Close menu").click()
        expect(page.get_by_role("link", name="Customers")).to_be_hidden()


def test_a_passkey_is_made_and_used(browser: Browser, kit_url: str) -> None:
    with harness.opened(browser, kit_url.replace("127.0.0.1", "localhost")) as (page, watch):
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        session.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                }
            },
        )
        made = page.evaluate(_CEREMONY, {"ceremony": "register"})
        used = page.evaluate(_CEREMONY, {"ceremony": "sign-in"})
    assert made["type"] == used["type"] == "public-key"
    assert made["id"] == made["rawId"] == used["id"] == used["rawId"]
    assert sorted(made["response"]) == ["attestationObject", "clientDataJSON", "transports"]
    assert sorted(used["response"]) == ["authenticatorData", "clientDataJSON", "signature", "userHandle"]
    assert used["response"]["userHandle"] == "dXNlci0x"
    assert watch.violations == []


_CEREMONY = """async ({ceremony}) => {
  const {readable, sendable} = await import("/static/js/app.js");
  const challenge = "AAECAwQFBgcICQoLDA0ODw";
  if (ceremony === "register") {
    const publicKey = readable({challenge, rp: {name: "Strongbox", id: "localhost"},
      user: {id: "dXNlci0x", name: "ana", displayName: "Ana"}, excludeCredentials: [],
      pubKeyCredParams: [{type: "public-key", alg: -7}],
      authenticatorSelection: {residentKey: "required", userVerification: "required"}});
    return JSON.parse(JSON.stringify(sendable(await navigator.credentials.create({publicKey}))));
  }
  const wanted = {challenge, rpId: "localhost", allowCredentials: [], userVerification: "required"};
  const publicKey = readable(wanted);
  return JSON.parse(JSON.stringify(sendable(await navigator.credentials.get({publicKey}))));
}"""


def test_vendored_files_are_the_published_ones() -> None:
    for folder in (STATIC / "vendor", Path(harness.__file__).parent / "vendor"):
        listed = dict(re.findall(r"\| `([^`]+)` \|.*`([0-9a-f]{64})` \|", (folder / "README.md").read_text()))
        held = {path.name for path in folder.iterdir() if path.suffix in (".js", ".woff2")}
        assert set(listed) == held
        for name, digest in listed.items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.parametrize(("kind", "kilobytes"), [("css", 30), ("js", 45)])
def test_the_budget_is_kept(kind: str, kilobytes: int) -> None:
    files = sorted(STATIC.rglob(f"*.{kind}"))
    assert len(gzip.compress(b"".join(path.read_bytes() for path in files))) < kilobytes * 1024


def test_every_behaviour_is_small_and_asked_for() -> None:
    script = (STATIC / "js" / "app.js").read_text()
    listed = re.search(r"^const behaviours = \{(.*?)\};$", script, re.DOTALL | re.MULTILINE)
    assert listed
    names = re.findall(r"(?:\"([\w-]+)\": )?(\w+)(?:,|\s*$)", listed[1])
    templates = "".join(path.read_text() for path in TEMPLATES.rglob("*.html"))
    asking = re.sub(r"{%.*?%}", " ", " ".join(re.findall(r'data-behaviour="([^"]*)"', templates)))
    assert {name or function for name, function in names} == set(asking.split())
    for _, function in names:
        body = re.search(rf"^function {function}\(.*?^\}}$", script, re.DOTALL | re.MULTILINE)
        assert body, function
        assert len(body[0].splitlines()) < 60, function


def test_no_class_is_named_after_a_colour_and_no_length_after_a_side() -> None:
    for path in sorted((STATIC / "css").glob("*.css")):
        source = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert not re.findall(r"\.[\w-]*(?:red|green|blue|amber|yellow|violet|grey|gray)\b", source), (
            path.name
        )
        assert not re.findall(r"(?:margin|padding|border)-(?:left|right|top|bottom)\b", source), path.name
        assert not re.findall(r"(?:^|[\s;{])(?:left|right|top|bottom)\s*:", source), path.name
