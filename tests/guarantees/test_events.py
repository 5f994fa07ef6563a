"""Every kind of audit event is fired by some test, and every sentence can be filled by what is recorded.

The collecting is done over the whole suite (tests/fired.py): a whole run fails when a registered kind was not
fired, and an event without what its sentence says fails the test that recorded it. Here it is shown to bite.
"""

import ast
from pathlib import Path

import pytest

from audit import events
from audit import services as audit
from audit.events import REGISTRY, EventType
from core.actor import Actor
from core.cardnumbers import contains_card_number
from tests import fired
from tests.make import billing

HOME = Path(__file__).resolve().parents[2]
ROOMS = (
    "audit", "crypto", "outbound", "accounts", "billing", "payments", "training", "patching", "backups", "alerts",
    "compliance", "edge", "web", "api", "config",
)  # fmt: skip


def constants() -> dict[str, str]:
    """Names of the module-level constants under which events are registered, with their codes."""
    found = {}
    for room in ROOMS:
        path = HOME / room / "events.py"
        for node in ast.parse(path.read_text()).body if path.exists() else []:
            if (
                isinstance(node, ast.Assign)
                and getattr(getattr(node.value, "func", None), "id", "") == "register"
            ):
                found[f"{room}.{node.targets[0].id}"] = node.value.args[0].value
    return found


def test_every_kind_is_a_constant_of_its_apps_events() -> None:
    assert sorted(constants().values()) == sorted(REGISTRY)


def test_every_kind_is_used_by_the_program() -> None:
    """What no code names cannot be fired."""
    sources = [
        path.read_text()
        for room in ROOMS
        for path in (HOME / room).rglob("*.py")
        if "migrations" not in path.parts
    ]
    unused = [name for name in constants() if sum(text.count(name.partition(".")[2]) for text in sources) < 2]
    assert unused == []


@pytest.mark.parametrize("event", REGISTRY.values(), ids=lambda event: event.code)
def test_a_sentence_is_plain_words_and_says_who(event: EventType) -> None:
    words = dict.fromkeys(event.placeholders, "x")
    sentence = event.sentence.format(**words)
    assert sentence[0].isupper() or sentence.startswith("x ")
    assert "{" not in sentence
    assert not sentence.endswith(".")
    assert not contains_card_number(sentence)


def test_what_is_recorded_is_seen(in_a: object) -> None:
    before = set(fired.seen)
    fired.seen.clear()
    try:
        billing.customer()
        assert fired.seen == {"customer.created"}
        # A test that records by itself does not count as the product doing so.
        audit.record(events.AUDIT_READ, actor=Actor.system("tests"))
        assert fired.seen == {"customer.created"}
    finally:
        fired.seen.update(before)


def test_what_was_never_fired_is_named() -> None:
    assert fired.never_fired({"a.b", "c.d", "e.f"}, {"c.d", "x.y"}) == ["a.b", "e.f"]


def test_a_sentence_without_its_words_is_noticed() -> None:
    event = EventType("thing.done", "{actor} did {subject} for {role}", "sensitive_update")
    assert fired.missing_words(event, None, None) == {"subject", "role"}
    assert fired.missing_words(event, ("thing", None), {"role": "owner"}) == set()
