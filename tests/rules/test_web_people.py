"""Words for rights, devices and networks, the picture of a key, and where a link may lead."""

import re

import pytest
import segno
from django.test import RequestFactory

from accounts.models import User
from accounts.permissions import Limit, Permission
from core import clock, qr
from web.kit import words
from web.mailbox.views import Mail
from web.signin import arrival, origins


def test_every_right_noun_and_limit_has_words() -> None:
    assert set(words.RIGHTS) == set(Permission)
    assert set(words.LIMITS) == set(Limit)
    assert set(words.NOUNS) == {permission.value.partition(":")[0] for permission in Permission}


def test_limits_are_written_as_people_read_them() -> None:
    assert words.limit(Limit.REFUND_MINOR, 125_005) == "1,250.05"
    assert words.limit(Limit.REFUND_MINOR, 7) == "0.07"
    assert words.limit(Limit.EXPORT_ROWS, 10_000) == "10,000"


def test_a_network_has_one_name_and_it_is_not_its_address() -> None:
    first, second = (
        origins.network_words("00a1b2c3d4e5f60718293a4b"),
        origins.network_words("ffeeddccbbaa998877665544"),
    )
    assert first == origins.network_words("00a1b2c3d4e5f60718293a4b")
    assert first != second
    assert re.fullmatch(r"[a-z]+ [a-z]+ \d\d", first)
    assert origins.network_words("") == "a network we did not see"


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.0", "A device that does not say what it is"),
        (None, "A device that does not say what it is"),
    ],
)
def test_a_device_is_named_by_browser_and_system(agent: str | None, shown: str) -> None:
    assert origins.device_words(agent) == shown


def test_the_picture_of_a_key_holds_every_dark_module() -> None:
    text = "otpauth://totp/Strongbox:ana%40a.example?secret=ABCDEFGHIJKLMNOP"
    drawn = qr.draw(text)
    dark = {
        (x, int(y))
        for left, y, width in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\d+z", drawn.path)
        for x in range(int(left), int(left) + int(width))
    }
    made = segno.make(text, error="m", micro=False, boost_error=False)
    rows = list(made.matrix_iter(border=4))
    assert dark == {(x, y) for y, row in enumerate(rows) for x, module in enumerate(row) if module}
    assert drawn.side == len(rows)


@pytest.mark.parametrize(
    ("asked", "followed"),
    [
        ("/o/a/settings/members", "/o/a/settings/members"),
        ("/o/a/approvals?view=decided", "/o/a/approvals?view=decided"),
        ("/me/security", "/me/security"),
        ("https://evil.example/", ""),
        ("//evil.example/", ""),
        ("/\\evil.example/", ""),
        ("/\t/evil.example/", ""),
        ("javascript:alert(1)", ""),
        ("o/a/settings/members", ""),
        ("/nowhere", ""),
        ("/logout", ""),  # takes a form's answer and nothing else
        ("/o/a/approvals?" + "x" * 2_000, ""),
        ("", ""),
    ],
)
def test_only_a_page_of_ours_is_gone_to(asked: str, followed: str) -> None:
    assert arrival.wanted_next(RequestFactory().get("/login", {"next": asked})) == followed


def test_the_demo_s_mailbox_offers_a_link_into_an_organization_to_whoever_got_the_mail() -> None:
    def opens(link: str, person: User | None) -> bool:
        at = clock.now()
        return Mail("ada@a.example", "Subject", "Text", link, at, "sent").opens_for(person)

    ada, ben = User(email="ada@a.example"), User(email="ben@a.example")
    for link in ("/o/a/alerts/1", "/p/a/quotes/1", "/ops/backups"):
        # Nobody yet: the sign-in stands before it.
        assert (opens(link, None), opens(link, ada), opens(link, ben)) == (True, True, False)
    assert opens("/invite/1", ben)
    assert not opens("", ada)
