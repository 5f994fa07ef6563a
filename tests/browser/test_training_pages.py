"""Training in a real browser: every page is right, and a module is finished with the keyboard, without a script too."""

import pytest
from playwright.sync_api import Browser, Page

from core import ids
from tenancy.context import Scope, scope
from tests.browser.live import Live, judge, visit
from tests.make import training as make
from training import catalog
from training.models import Assignment, Attempt, Record
from training.services import learning


def test_nothing_is_wrong_with_the_pages_of_training(browser: Browser, live: Live) -> None:
    who, other = live.person(), live.person("billing_clerk", name="Dev Patel")
    with scope(Scope(live.tenant)):
        made = make.furnish(who.member, other.member)
        make.take(other.member, "invoice-fraud", wrong=2)
        code = learning.code_of(ids.decode("certificate", made["certificate"]))
    paths = [
        "training", "training/mine", "training/learn/phishing", "training/learn/phishing/result", "training/report",
        "training/reported?now=1", "training/messages", f"training/messages/{made['message_report']}",
        "training/assignments", "training/assignments?state=excused", "training/assignments/new",
        f"training/assignments/{made['training_record']}", "training/courses", "training/courses/phishing",
        "training/modules/new", f"training/modules/{made['training_module']}", "training/settings",
        f"training/certificates/{made['certificate']}",
    ]  # fmt: skip
    everything = [f"/o/{live.slug}/{path}" for path in paths]
    everything += ["/certificates", f"/certificates/{code}", "/certificates/0123"]
    assert judge(browser, live, everything, [live.cookie(who)]) == {}


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Page) -> str:
    """Return what the keyboard is at: its words, or its name and value."""
    return page.evaluate(
        """() => { const it = document.activeElement;
          return it.matches("input, select") ? `${it.name}=${it.value}` : it.textContent.trim(); }"""
    )


def tab_to(page: Page, wanted: str, *, most: int = 80) -> None:
    """Go on with the Tab key until the keyboard is at something; it fails when it cannot be reached."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page).startswith(wanted):
            return
    pytest.fail(f"the Tab key does not reach {wanted!r}")


def send(page: Page, button: str) -> None:
    tab_to(page, button)
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without"])
def test_a_module_is_finished_with_the_keyboard_only(browser: Browser, live: Live, javascript: bool) -> None:
    who = live.person("billing_clerk", name="Dev Patel")
    with scope(Scope(live.tenant)):
        make.assigned(who.member)
    course = catalog.courses.builtin()["phishing"]
    with visit(browser, live.cookie(who), javascript=javascript) as (page, watch):
        page.mouse.click = None  # type: ignore[assignment]  # whoever reaches for the mouse fails
        page.goto(live.staff("training/mine"))
        tab_to(page, "Phishing in a billing inbox")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        send(page, "Start")
        for number, lesson in enumerate(course.pages, 1):
            assert page.locator("h1").inner_text() == lesson.title
            _do_step(page, lesson.step)
            send(page, "Check my answer")
            assert page.locator(".told li").count() == len(lesson.step.options)
            last = number == len(course.pages)
            send(page, "Go to the questions" if last else "Next page")
        with scope(Scope(live.tenant)):
            attempt = Attempt.objects.get(member=who.member)
        for number, code in enumerate(attempt.asked, 1):
            options = course.question(code).options
            right = next(index for index, option in enumerate(options) if option.right)
            _choose(page, right)
            send(page, "Answer")
            said = page.locator(".told").inner_text()
            assert all(option.why in said for option in options)
            send(page, "To the end" if number == len(attempt.asked) else "Next question")
        tab_to(page, "acknowledged")
        page.keyboard.press("Space")
        send(page, "Finish")
        assert page.locator("h1").inner_text() == "Passed"
        send(page, "Certificate")
        assert "Phishing in a billing inbox" in page.locator(".certificate").inner_text()
        assert watch.faults() == []
    with scope(Scope(live.tenant)):
        kept = Record.objects.get(member=who.member)
        assert (kept.right, kept.asked, kept.pass_percent, kept.acknowledged) == (5, 5, 80, 1)
        assert Assignment.objects.get(member=who.member).state == "done"


def _choose(page: Page, index: int) -> None:
    """Go into a group of radio buttons and to one of them by the arrow keys."""
    tab_to(page, "answer=")
    for _ in range(12):
        if focused(page) == f"answer={index}":
            page.keyboard.press("Space")
            return
        page.keyboard.press("ArrowDown")
    pytest.fail("the arrow keys do not reach the answer")


def _do_step(page: Page, step: object) -> None:
    kind, options = step.kind, step.options  # type: ignore[attr-defined]  # a step of a course
    if kind == "choose":
        _choose(page, next(index for index, option in enumerate(options) if option.right))
    elif kind == "mark":
        for _ in options:
            tab_to(page, "answer=")
            if options[int(focused(page).partition("=")[2])].right:
                page.keyboard.press("Space")
    else:
        for _ in options:
            tab_to(page, "place_")
            place = int(focused(page).partition("=")[0].removeprefix("place_")) + 1
            page.keyboard.press(str(place))
