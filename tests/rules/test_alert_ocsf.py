"""The trail in OCSF: every kind of event has a class, and each class what it must have."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import pytest

from alerts import ocsf
from alerts.ocsf import Finding
from audit.events import REGISTRY
from core import ids
from outbound import syslog

# OCSF 1.1: what events of a class must have, beside what all must have, and the activities that the class knows.
EVERY = {
    "activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid",
}  # fmt: skip
CLASSES = {
    3001: ({"user"}, {*range(1, 10), 99}),
    3002: ({"user", "service"}, {*range(1, 6), 99}),
    6002: ({"app"}, {*range(1, 5), 99}),
    6003: ({"actor", "api", "src_endpoint"}, {*range(1, 5), 99}),
    2004: ({"finding_info"}, {1, 2, 3, 99}),
}
AT = datetime(2026, 3, 1, 2, 14, 0, 250_000, tzinfo=UTC)


def event(code: str, **given) -> SimpleNamespace:
    values = {
        "id": ids.uuid7(), "tenant_id": ids.uuid7(), "event": code, "result": "success", "actor_kind": "user",
        "actor_id": ids.uuid7(), "actor_label": "", "on_behalf_of": None, "via": "web", "session_id": None,
        "key_id": None, "request_id": ids.uuid7(), "network": "", "subject_kind": "", "subject_id": None,
        "subject_ids": [], "fields": [], "facts": {}, "reason": "", "at": AT, "xid": "771", "epoch": 1,
    }  # fmt: skip
    return SimpleNamespace(**{**values, **given})


def check(found: dict) -> None:
    needed, activities = CLASSES[found["class_uid"]]
    assert EVERY | needed <= found.keys()
    assert found["activity_id"] in activities
    assert found["type_uid"] == found["class_uid"] * 100 + found["activity_id"]
    assert found["category_uid"] == found["class_uid"] // 1_000
    assert found["severity_id"] in range(1, 6)
    assert isinstance(found["time"], int)
    assert {"version", "product"} <= found["metadata"].keys()
    if found["activity_id"] == 99:
        assert found["activity_name"]
    json.dumps(found)


@pytest.mark.parametrize("code", sorted(REGISTRY))
def test_each_kind_of_event_has_a_class_and_a_sentence(code):
    found = ocsf.of_event(event(code))
    check(found)
    assert "{" not in found["message"]
    assert found["metadata"]["event_code"] == code


def test_a_refusal_says_who_from_where_and_why():
    session, subject = ids.uuid7(), ids.uuid7()
    row = event(
        "access.refused", result="refused", reason="forbidden", session_id=session, network="net_1",
        subject_kind="invoice", subject_id=subject, facts={"route": "billing:invoice"}, fields=["total"],
    )  # fmt: skip
    found = ocsf.of_event(row)
    check(found)
    assert (found["status_id"], found["status_code"], found["status_detail"]) == (2, "refused", "forbidden")
    assert found["actor"]["user"]["uid"] == str(row.actor_id)
    assert found["actor"]["session"] == {"uid": str(session)}
    assert found["src_endpoint"] == {"uid": "net_1"}
    assert found["resources"] == [{"type": "invoice", "uid": str(subject)}]
    assert found["unmapped"]["facts"] == {"route": "billing:invoice"}
    assert found["time"] == 1_772_331_240_250
    assert found["message"] == f"user {row.actor_id} was refused access to billing:invoice"


def test_a_long_read_fits_a_syslog_message_and_says_how_many_there_were():
    row = event("audit.read", subject_ids=[ids.uuid7() for _ in range(1_000)], subject_kind="customer")
    text = json.dumps(ocsf.of_event(row, most_subjects=80), separators=(",", ":"))
    line = syslog.message(severity=syslog.Severity.NOTICE, at=AT, host="a", id="audit", text=text)
    assert len(line) < 8_192
    assert json.loads(text)["unmapped"]["subjects"] == 1_000
    assert len(ocsf.of_event(row)["resources"]) == 1_001


@pytest.mark.parametrize("severity", ["info", "low", "medium", "high", "critical"])
def test_an_alert_is_a_detection_finding(severity):
    finding = Finding(
        id=UUID(int=1), tenant_id=UUID(int=2), rule="AUTH-02", title="Failed sign-ins", severity=severity,
        count=7, first_at=AT, last_at=AT, url="https://billing.example/o/a/alerts/x",
    )  # fmt: skip
    found = ocsf.of_alert(finding, at=AT)
    check(found)
    assert {"uid", "title"} <= found["finding_info"].keys()


def test_a_message_is_framed_by_its_length_and_is_one_line():
    one = syslog.message(
        severity=syslog.Severity.CRITICAL, at=AT, host="a", id="alert.opened", text="two\nlinés"
    )
    assert one == "<82>1 2026-03-01T02:14:00.250000Z a strongbox - alert.opened - two linés".encode()
    assert syslog.frame([one, b"x"]) == b"%d %s" % (len(one), one) + b"1 x"
    with pytest.raises(ValueError, match="printable"):
        syslog.message(severity=syslog.Severity.ERROR, at=AT, host="a b", id="x", text="")
