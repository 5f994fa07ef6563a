"""Leaves, trees and seals: one spelling, no collisions, and the same in the standalone program."""

import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import rules, verifier
from core import canonical

BASE = {
    "id": "01a212e6-2348-7cf9-b25c-dba956849505",
    "tenant_id": "01a212e6-2346-7397-ae8c-1ec0cc334438",
    "event": "invoice.finalized",
    "result": "success",
    "actor_kind": "user",
    "actor_id": None,
    "actor_label": "",
    "on_behalf_of": None,
    "via": "web",
    "session_id": None,
    "key_id": None,
    "request_id": "01a212e6-2348-7dba-8f9c-d0c5a609cf0d",
    "network": "",
    "subject_kind": "invoice",
    "subject_id": None,
    "subject_ids": "[]",
    "fields": '["name"]',
    "facts": '{"n": 1, "ok": true}',
    "reason": "",
    "at": "2026-11-25T13:30:01.929545",
    "xid": "777",
    "epoch": 1,
}
TEXT = st.one_of(st.none(), st.text(alphabet=st.characters(exclude_categories=["Cs"])))


def row(**changes):
    values = {**BASE, **changes}
    return [values[name] for name in rules.COLUMNS]


def test_a_leaf_is_the_canonical_json_of_the_event():
    expected = {
        **BASE,
        "subject_ids": [],
        "fields": ["name"],
        "facts": {"n": 1, "ok": True},
    }
    assert rules.leaf(row()) == canonical.dumps(expected)


@given(
    reason=TEXT,
    label=TEXT,
    facts=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers()),
)
def test_the_fast_spelling_is_the_canonical_one(reason, label, facts):
    stored = json.dumps(facts, ensure_ascii=False)
    expected = {
        **BASE,
        "reason": reason,
        "actor_label": label,
        "facts": facts,
        "subject_ids": [],
        "fields": ["name"],
    }
    assert rules.leaf(row(reason=reason, actor_label=label, facts=stored)) == canonical.dumps(expected)


@pytest.mark.parametrize(
    "facts", ['{"a": 1.5}', '{"a": NaN}', '{"a": 1e5}', '{"a": ' + "9" * 5000 + "}", "[" * 9000]
)
def test_what_has_no_single_spelling_stands_as_text(facts):
    assert json.loads(rules.leaf(row(facts=facts)))["facts"] == facts


def test_columns_do_not_run_into_each_other():
    leaves = {
        rules.leaf(row(subject_kind="a", network="b")),
        rules.leaf(row(subject_kind="ab", network="")),
        rules.leaf(row(subject_kind="", network="ab")),
        rules.leaf(row(fields='["a,b"]')),
        rules.leaf(row(fields='["a", "b"]')),
        rules.leaf(row(actor_id="null")),
        rules.leaf(row(actor_id=None)),
        rules.leaf(row(reason='","x":"')),
        rules.leaf(row(facts='{"a": "1"}')),
        rules.leaf(row(facts='{"a": 1}')),
    }
    assert len(leaves) == 10


def test_the_record_names_the_event_and_its_hash():
    record = rules.leaf_record(row())
    assert record[:16] == UUID(BASE["id"]).bytes
    assert record[16:] == hashlib.sha256(b"\0" + rules.leaf(row())).digest()
    assert rules.split(record * 2) == [(record[:16], record[16:])] * 2


def root_by_definition(leaves):
    """RFC 6962 2.1, as it is written there."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(
        b"\1" + root_by_definition(leaves[:split]) + root_by_definition(leaves[split:])
    ).digest()


@pytest.mark.parametrize("count", [*range(1, 20), 64, 100, 257])
def test_the_root_is_that_of_rfc_6962(count):
    leaves = [hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(count)]
    assert rules.merkle_root(leaves) == root_by_definition(leaves) == verifier.merkle_root(list(leaves))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 11, 25, 12, 0, tzinfo=UTC), "2026-11-25T12:00:00"),
        (datetime(2026, 11, 25, 12, 0, 10, 500_000, tzinfo=UTC), "2026-11-25T12:00:10.5"),
        (datetime(2026, 11, 25, 12, 0, 0, 1, tzinfo=UTC), "2026-11-25T12:00:00.000001"),
    ],
)
def test_moments_are_written_as_postgresql_does(db, at, text):
    from django.db import connection

    assert rules.moment(at) == text
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_json(%s::timestamptz AT TIME ZONE 'UTC') #>> '{}'", [at])
        assert cursor.fetchone() == (text,)
