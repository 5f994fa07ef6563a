"""Every page of the entrance, of a person and of people: readable by all, still under the policy, narrow enough."""

from playwright.sync_api import Browser

from tests.browser import harness, pages
from tests.browser.live import Live, expected_status
from tests.make.people import house


def judge(
    browser: Browser, live: Live, paths: list[str], cookies: list[dict[str, str]]
) -> dict[str, list[str]]:
    """Return what is wrong with each page: wide in light, narrow in dark."""
    found: dict[str, list[str]] = {}
    for path in paths:
        faults: list[str] = []
        for size, dark in ((harness.DESK, False), (harness.NARROW, True)):
            with harness.opened(browser, live.at(path), size=size, dark=dark, cookies=cookies) as (
                page,
                watch,
            ):
                faults += harness.axe(page) + harness.small_targets(page) + harness.overflowing(page)
                faults += [] if page.locator("h1").count() == 1 else ["there is not one heading"]
            faults += expected_status(watch, 404)
        if faults:
            found[path] = faults
    return found


def test_nothing_is_wrong_with_the_entrance(browser: Browser, live: Live) -> None:
    assert judge(browser, live, pages.entrance(), []) == {}


def test_nothing_is_wrong_with_a_persons_own_pages(browser: Browser, live: Live) -> None:
    who = live.person()
    house(live.tenant, who.member)
    assert judge(browser, live, pages.own(), [live.cookie(who)]) == {}


def test_nothing_is_wrong_with_the_pages_about_people(browser: Browser, live: Live) -> None:
    who = live.person()
    made = house(live.tenant, who.member)
    assert judge(browser, live, pages.people(live, who, made), [live.cookie(who)]) == {}
