"""Training in a real browser: every page is right, and a module is finished with the keyboard, without a script too."""

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from core import clock, ids
from tenancy.context import Scope, scope
from tests.browser.keys import Keys
from tests.browser.live import FIREFOX, Live, judge, visit
from tests.make import accounts
from tests.make import training as make
from training import catalog
from training.models import Assignment, Attempt, PracticeResult, Record
from training.services import learning


def test_nothing_is_wrong_with_the_pages_of_training(browser: Browser, live: Live) -> None:
    who, other = live.person(), live.person("billing_clerk", name="Dev Patel")
    with scope(Scope(live.tenant)):
        made = make.furnish(who.member, other.member)
        make.take(other.member, "invoice-fraud", wrong=2)
        code = learning.code_of(ids.decode("certificate", made["certificate"]))
        second, now = accounts.member("admin"), clock.now()
        over = make.over(other.member, second, at=now - timedelta(days=60))
        over = ids.encode("practice", make.over(other.member, second, at=now - timedelta(days=20)))
        sent = make.post(PracticeResult.objects.get(member=other.member), at=now)
    paths = [
        "training", "training/mine", "training/learn/phishing", "training/learn/phishing/result", "training/report",
        "training/reported?now=1", "training/messages", f"training/messages/{made['message_report']}",
        "training/assignments", "training/assignments?state=excused", "training/assignments/new",
        f"training/assignments/{made['training_record']}", "training/courses", "training/courses/phishing",
        "training/modules/new", f"training/modules/{made['training_module']}", "training/settings",
        f"training/certificates/{made['certificate']}",
        "training/campaigns", "training/campaigns/new", f"training/campaigns/{over}",
        f"training/campaigns/{over}/people",
        f"training/practice/{made['practice_result']}",
    ]  # fmt: skip
    everything = [f"/o/{live.slug}/{path}" for path in paths]
    everything += [
        "/certificates",
        f"/certificates/{code}",
        "/certificates/0123",
        f"/doc/{sent}",
        f"/doc/{sent}/lesson",
        "/doc/0123",
    ]
    assert judge(browser, live, everything, [live.cookie(who)]) == {}


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without"])
def test_what_is_typed_behind_a_practice_mail_stays_there(
    browser: Browser, live: Live, javascript: bool
) -> None:
    secret, now = "QX-7741-of-dev", clock.now()
    owner, clerk = live.person(), live.person("billing_clerk")
    with scope(Scope(live.tenant)):
        make.practised(owner.member, clerk.member, at=now)
        row = PracticeResult.objects.get(member=clerk.member)
        raw = make.post(row, at=now - timedelta(minutes=9))
    with visit(browser, javascript=javascript) as (page, watch):
        left: list[str] = []
        page.on(
            "request", lambda request: left.append(f"{request.url} {request.headers} {request.post_data}")
        )
        # A headless browser is one of the programs that are no person.
        page.set_extra_http_headers({"User-Agent": FIREFOX})
        page.goto(live.at(f"/doc/{raw}"))
        with scope(Scope(live.tenant)):
            row.refresh_from_db()
            assert (row.state, row.robots) == ("sent", 1), "being fetched is nothing that a person did"
        page.locator("input[type=text]").first.click()
        page.keyboard.type(secret)
        with page.expect_navigation():
            page.get_by_role("button").click()
        expect(page.locator("h1")).to_have_text("That was practice")
        expect(page.locator(".lure mark")).to_have_count(10)
        with page.expect_navigation():
            page.get_by_role("button", name="I have read it").click()
        assert not any("QX-7741" in each for each in left)
        assert any("fact=" in each for each in left)
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        row.refresh_from_db()
        # Without a script nobody can tell whether anything was typed.
        assert (row.state, row.robots) == ("typed" if javascript else "clicked", 0)
        assert row.learned_at is not None


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without"])
def test_a_module_is_finished_with_the_keyboard_only(browser: Browser, live: Live, javascript: bool) -> None:
    who = live.person("billing_clerk", name="Dev Patel")
    with scope(Scope(live.tenant)):
        make.assigned(who.member)
    course = catalog.courses.builtin()["phishing"]
    with visit(browser, live.cookie(who), javascript=javascript) as (page, watch):
        keys = Keys(page)
        page.goto(live.staff("training/mine"))
        keys.go("Phishing in a billing inbox")
        keys.go("Start")
        for number, lesson in enumerate(course.pages, 1):
            expect(page.locator("h1")).to_have_text(lesson.title)
            _do_step(keys, lesson.step)
            keys.go("Check my answer")
            expect(page.locator(".told li")).to_have_count(len(lesson.step.options))
            last = number == len(course.pages)
            keys.go("Go to the questions" if last else "Next page")
        with scope(Scope(live.tenant)):
            attempt = Attempt.objects.get(member=who.member)
        for number, code in enumerate(attempt.asked, 1):
            options = course.question(code).options
            right = next(index for index, option in enumerate(options) if option.right)
            _choose(keys, right)
            keys.go("Answer")
            said = page.locator(".told").inner_text()
            assert all(option.why in said for option in options)
            keys.go("To the end" if number == len(attempt.asked) else "Next question")
        keys.to("acknowledged")
        keys.press("Space")
        keys.go("Finish")
        expect(page.locator("h1")).to_have_text("Passed")
        keys.go("Certificate")
        expect(page.locator(".certificate")).to_contain_text("Phishing in a billing inbox")
        assert watch.faults() + keys.faults == []
    with scope(Scope(live.tenant)):
        kept = Record.objects.get(member=who.member)
        assert (kept.right, kept.asked, kept.pass_percent, kept.acknowledged) == (5, 5, 80, 1)
        assert Assignment.objects.get(member=who.member).state == "done"


def _choose(keys: Keys, index: int) -> None:
    """Go into a group of radio buttons and to one of them by the arrow keys."""
    keys.to("answer=")
    for _ in range(12):
        if keys.at() == f"answer={index}":
            keys.press("Space")
            return
        keys.press("ArrowDown")
    pytest.fail("the arrow keys do not reach the answer")


def _do_step(keys: Keys, step: object) -> None:
    kind, options = step.kind, step.options  # type: ignore[attr-defined]  # a step of a course
    if kind == "choose":
        _choose(keys, next(index for index, option in enumerate(options) if option.right))
    elif kind == "mark":
        for _ in options:
            keys.to("answer=")
            if options[int(keys.at().partition("=")[2])].right:
                keys.press("Space")
    else:
        for _ in options:
            keys.to("place_")
            place = int(keys.at().partition("=")[0].removeprefix("place_")) + 1
            keys.press(str(place))
