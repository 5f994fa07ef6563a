"""A search that finds nothing proves nothing until it has been seen to find: what was planted is found."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.guarantees import canaries, searched, typed
from tests.guarantees.typed import Evidence

pytestmark = pytest.mark.xdist_group("canaries")


@pytest.fixture(scope="module")
def evidence(django_db_setup: None, django_db_blocker: Any) -> Evidence:
    with django_db_blocker.unblock():
        return typed.collect()


@pytest.mark.parametrize(
    ("store", "spelling"),
    [
        ("database", "hexadecimal"),
        ("cache and queue", "text"),
        ("logs", "text"),
        ("files", "base64 at 1"),
        ("provider", "text"),
    ],
)
def test_what_is_planted_is_found(evidence: Evidence, store: str, spelling: str) -> None:
    assert canaries.search(evidence.marker, evidence.stores[store]) == []
    assert canaries.search(evidence.marker, evidence.planted[store]) == [spelling]


def test_every_store_is_planted_in() -> None:
    assert set(searched.STORES) == {"database", "cache and queue", "logs", "files", "provider"}


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd"])
def test_base64_is_seen_through_at_every_offset(before: str) -> None:
    marker = canaries.stem()
    hidden = base64.b64encode(f"{before}{marker} and more".encode())
    assert len(canaries.search(marker, b'{"body": "' + hidden + b'"}')) == 1
    assert canaries.search(canaries.stem(), hidden) == []


@pytest.mark.parametrize(
    "write",
    [str.upper, str.title, lambda text: text.encode().hex(), lambda text: text.encode().hex().upper()],
)
def test_case_and_hexadecimal_hide_nothing(write: Callable[[str], str]) -> None:
    marker = canaries.stem()
    assert canaries.search(marker, f"\\x01{write(marker)}ff".encode()) != []


def test_a_drawn_card_number_is_one() -> None:
    from core.cardnumbers import contains_card_number

    for _ in range(50):
        number = canaries.card_number()
        assert contains_card_number(number)
        last = (int(number[-1]) + 1) % 10
        assert not contains_card_number(f"{number[:-1]}{last}")
