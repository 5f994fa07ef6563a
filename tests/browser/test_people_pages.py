"""Every page of the entrance, of a person and of people: readable by all, still under the policy, narrow enough."""

from playwright.sync_api import Browser

from tests.browser import pages
from tests.browser.live import Live, judge
from tests.make.people import house


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
