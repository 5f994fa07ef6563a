"""The words that narrow the trail: each says one filter, and what says nothing is answered with what would."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from core import ids
from edge import network
from web.console import asking

ANA, BEN, BENTE = UUID(int=1), UUID(int=2), UUID(int=3)
NAMES = {ANA: "Ana Ruiz", BEN: "Ben Okafor", BENTE: "Bente Holm"}


def read(text: str) -> dict[str, object]:
    return asking.read(text, names=NAMES, zone="UTC")


def test_each_word_is_one_filter() -> None:
    record, session = ids.uuid7(), ids.uuid7()
    assert read('actor:"ana ruiz" result:denied') == {"actor": ANA, "result": "refused"}
    assert read("ip:192.0.2.7 via:API") == {"network": network.pseudonym("192.0.2.7"), "via": "api"}
    assert read(f"record:{ids.encode('invoice', record)} session:{session}") == {
        "subject": record,
        "session": session,
    }
    assert read(ids.encode("invoice", record)) == {"subject": record}
    assert read("event:invoice.finalized") == {"event": "invoice.finalized"}
    assert read("invoice") == read("action:invoice.*") == {"event": "invoice."}
    assert read("okafor operation:access") == {"actor": BEN, "operation": "access"}
    day = datetime(2026, 9, 30, tzinfo=UTC)
    assert read("since:2026-09-30 until:2026-09-30") == {"since": day, "until": day.replace(day=1, month=10)}
    assert read("   ") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour:red", "is no word of this search"),
        ("result:maybe", "is one of denied"),
        ("ip:999.1.1.1", "is no network address"),
        ("record:inv_nothing", "takes a whole id"),
        ("since:yesterday", "takes a day"),
        ("event:no.such", "There is no event"),
        ("actor:nobody", "Nobody here is called"),
        ("actor:ben", "fits Ben Okafor, Bente Holm"),
        ('actor:""', "Say what"),
    ],
)
def test_what_says_nothing_is_answered_with_what_would(text: str, says: str) -> None:
    with pytest.raises(asking.NotUnderstood, match=says):
        read(text)
