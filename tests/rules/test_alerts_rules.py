"""Each rule fires in its story and stays silent in its counter-story."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from alerts.rules import ALL, BY_CODE, Automatic, Group, Seen, Severity
from alerts.rules.base import Hit
from core import ids

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ADA, BEN, EVE = (UUID(int=number) for number in (1, 2, 3))
HOME, AWAY = "h0me", "away"
Story = Sequence[Seen]


def e(event: str, minutes: float = 0, **told) -> Seen:
    """Make an event so many minutes after noon."""
    told.setdefault("actor_id", ADA)
    told.setdefault("network", HOME)
    if told["actor_id"] is None:
        told.setdefault("actor_kind", "stranger")
    return Seen(id=ids.uuid7(), event=event, at=NOON + timedelta(minutes=minutes), **told)


def signed_in(minutes: float, network: str, *, new: bool, **told) -> Seen:
    return e(
        "signin.succeeded", minutes, network=network, facts={"new_place": new, "factor": "totp"},
        session_id=ids.uuid7(), **told,
    )  # fmt: skip


def failed(minutes: float, account: UUID | None = BEN, network: str = AWAY) -> Seen:
    return e(
        "signin.failed", minutes, actor_id=None, network=network, result="failed",
        subject_kind="user" if account else "", subject_id=account,
    )  # fmt: skip


def refused(minutes: float, status: int = 403, reason: str = "forbidden", **told) -> Seen:
    facts = {"status": status, **told.pop("facts", {})}
    return e("access.refused", minutes, result="refused", reason=reason, facts=facts, **told)


def refund(
    minutes: float, amount: int = 1_000, customer: int = 10, card: str = "card.visa.4242", **told
) -> Seen:
    more = {
        "amount_minor": amount,
        "currency": "EUR",
        "customer": str(UUID(int=customer)),
        "instrument": card,
    }
    return e("refund.requested", minutes, subject_kind="refund", subject_id=ids.uuid7(), more=more, **told)


def export(minutes: float, rows: int, personal: bool = True, **told) -> Seen:
    return e("export.asked", minutes, facts={"rows": rows, "personal": personal, "kind": "customers"}, **told)


def of_customer(event: str, minutes: float, customer: int, **told) -> Seen:
    return e(event, minutes, more={"customer": str(UUID(int=customer))}, **told)


def opened(rule: str, minutes: float, person: UUID = EVE) -> Seen:
    return e("alert.opened", minutes, actor_kind="system", actor_id=None,
             facts={"rule": rule, "person": str(person), "severity": "low"})  # fmt: skip


DAY, HOUR = 1_440, 60
_ROLE = {"subject_kind": "member", "subject_id": BEN}
_REFUNDS_OF_A_MONTH = [refund(day * DAY - 30 * DAY, 2_000, day) for day in range(1, 29)]

# rule: (the story, what happens; the counter-story, what looks like it and is not)
STORIES: dict[str, tuple[Story, Story]] = {
    "AUTH-01": (
        # Ada is at work; somebody else signs in as her from a place she has never been at.
        [e("session.stepped_up", 0, session_id=BEN), signed_in(40, AWAY, new=True)],
        # A new laptop at the desk; her own telephone on the way; a new place the next day; somebody else's new place.
        [
            e("session.stepped_up", 0, session_id=BEN),
            signed_in(5, HOME, new=True),
            e("session.stepped_up", 500, session_id=BEN),
            signed_in(510, AWAY, new=False),
            signed_in(DAY, "hotel", new=True),
            signed_in(DAY + 5, HOME, new=False, actor_id=BEN),
        ],
    ),
    "AUTH-02": ([failed(n / 2) for n in range(10)], [*(failed(n / 2) for n in range(9)), failed(30)]),
    "AUTH-03": (
        [failed(n / 2, UUID(int=100 + n % 6)) for n in range(18)],
        # One person who has forgotten their password, and a few typing errors of colleagues in the same office.
        [*(failed(n / 2) for n in range(14)), *(failed(8 + n, UUID(int=100 + n)) for n in range(3))],
    ),
    "AUTH-04": (
        [failed(n / 4, UUID(int=100 + n)) for n in range(25)],
        [failed(n * 2, UUID(int=100 + n)) for n in range(25)],
    ),
    "AUTH-05": (
        [*(failed(n) for n in range(10)), e("signin.succeeded", 12, actor_id=BEN, network=AWAY)],
        [*(failed(n) for n in range(3)), e("signin.succeeded", 4, actor_id=BEN, network=HOME)],
    ),
    "AUTH-06": (
        [e("mfa.failed", n, subject_kind="user", subject_id=BEN) for n in range(5)],
        [e("mfa.failed", n * 4, subject_kind="user", subject_id=BEN) for n in range(4)],
    ),
    "AUTH-07": ([e("mfa.removed", subject_kind="user", subject_id=BEN)], [e("mfa.enrolled")]),
    "AUTH-09": (
        [e("signin.succeeded", facts={"new_place": True, "factor": "totp"})],
        [e("signin.succeeded", facts={"new_place": False, "factor": "totp"})],
    ),
    "AUTH-10": (
        [e("mfa.recovery_code_used", subject_kind="user", subject_id=BEN)],
        [e("mfa.recovery_codes_made", subject_kind="user", subject_id=BEN)],
    ),
    "AUTH-11": (
        [e("pay_link.refused", n / 2, actor_id=None, network=AWAY) for n in range(10)],
        [e("pay_link.refused", n / 2, actor_id=None, network=f"net{n}") for n in range(10)],
    ),
    "RBAC-01": (
        [e("member.role_changed", facts={"role": "admin"}, more={"powerful": True}, **_ROLE)],
        [e("member.role_changed", facts={"role": "clerk"}, more={"powerful": False}, **_ROLE)],
    ),
    "RBAC-04": (
        [refused(n / 2) for n in range(15)],
        # Asked for a second factor again and again, and refused now and then over a day.
        [
            *(refused(n / 9, reason="step_up_required") for n in range(30)),
            *(refused(n * HOUR) for n in range(20)),
        ],
    ),
    "RBAC-08": (
        [e("grant.given", n, subject_id=UUID(int=n)) for n in range(10)],
        [e("grant.given", n * 30, subject_id=UUID(int=n)) for n in range(10)],
    ),
    "DATA-01": ([export(0, 700), export(20, 400)], [export(0, 700), export(90, 400)]),
    "DATA-02": (
        [e("customer.read", n / 2, subject_id=UUID(int=1_000 + n)) for n in range(100)],
        # The same few records all day long, and a busy day that is spread.
        [e("customer.read", n / 2, subject_id=UUID(int=1_000 + n % 40)) for n in range(400)],
    ),
    "DATA-05": ([export(0, 5)], [e("export.downloaded", facts={"rows": 5})]),
    "DATA-06": (
        [refused(n, 404, "not_found", facts={"object": f"inv_{n}"}) for n in range(3)],
        # An address that was typed wrong, and one dead link that is tried again.
        [
            refused(n, 404, "not_found", facts={"object": o})
            for n, o in enumerate(("malformed", "inv_1", "inv_1"))
        ],
    ),
    "DATA-07": ([e("cards.found", facts={"place": "invoices"})], [e("cards.scanned")]),
    "DATA-08": (
        [
            e("customer.listed", n, subject_ids=tuple(UUID(int=n * 100 + i) for i in range(100)))
            for n in range(20)
        ],
        [e("customer.listed", n, subject_ids=tuple(UUID(int=i) for i in range(100))) for n in range(50)],
    ),
    "DATA-09": ([e("audit.exported")], [e("audit.read")]),
    "PAY-01": (
        [refund(n * 30) for n in range(6)],
        [*_REFUNDS_OF_A_MONTH, *(refund(n * 30) for n in range(5))],
    ),
    "PAY-02": (
        [refund(n * DAY, customer=n) for n in range(3)],
        # One customer whose three invoices were wrong, and three customers with cards of their own.
        [
            *(refund(n * DAY, customer=7) for n in range(3)),
            *(refund(n, customer=n, card=f"c{n}") for n in range(3)),
        ],
    ),
    "PAY-04": (
        [e("bank_account.announced", 0, actor_id=EVE, on_behalf_of=BEN), refund(HOUR, actor_id=BEN)],
        [
            e("bank_account.announced", 0, actor_id=BEN),
            refund(4 * DAY, actor_id=BEN),
            refund(9, actor_id=EVE),
        ],
    ),
    "PAY-05": (
        [of_customer("customer.updated", 0, 10, fields=("email",)), refund(HOUR, customer=10)],
        [
            of_customer("customer.updated", 0, 10, fields=("notes",)),
            refund(HOUR, customer=10),
            of_customer("customer.updated", 0, 11, fields=("email",)),
            refund(HOUR, customer=12),
        ],
    ),
    "PAY-06": (
        [of_customer("payment.declined", n, 10) for n in range(5)],
        [of_customer("payment.declined", n, n) for n in range(12)],
    ),
    "PAY-09": (
        [e("dispute.created", n * DAY) for n in range(3)],
        [e("dispute.created", n * 5 * DAY) for n in range(6)],
    ),
    "PAY-10": (
        [e("hook.refused", n, actor_id=None) for n in range(3)],
        [e("hook.refused", n * 30, actor_id=None) for n in range(3)],
    ),
    "API-02": ([e("apikey.created", subject_id=UUID(int=5))], [e("apikey.revoked", subject_id=UUID(int=5))]),
    "API-03": (
        [refused(n / 20, 403, actor_kind="api_key") for n in range(50)],
        [refused(n / 20, 422, "invalid", actor_kind="api_key") for n in range(80)],
    ),
    "API-05": (
        [e("webhook.updated", subject_id=UUID(int=5), fields=("url",))],
        [e("webhook.updated", subject_id=UUID(int=5), fields=("description",))],
    ),
    "INT-01": ([e("audit.broken", facts={"event_changed": 1})], [e("audit.verified")]),
    "INT-02": ([e("audit.check_late")], [e("audit.verified")]),
    "INT-03": ([e("audit.sealing_late")], [e("audit.sealing_stopped"), e("audit.sealing_started", 1)]),
    "INT-04": (
        [e("alert_rule.changed", facts={"rule": "DATA-01", "version": 1, "looser": True})],
        [e("alert_rule.changed", facts={"rule": "DATA-01", "version": 1, "looser": False})],
    ),
    "INT-06": (
        [e("audit_stream.late", subject_id=BEN, facts={"waiting": 9, "paused": False})],
        [
            e("audit_stream.late", subject_id=BEN, facts={"waiting": 9, "paused": True}),
            e("audit_stream.recovered", 1, subject_id=BEN),
        ],
    ),
    "KEY-01": ([e("keys.rotation_overdue", subject_id=UUID(int=5))], [e("keys.rotation_finished")]),
    "ORG-01": ([e("organization.suspended")], [e("organization.sealed")]),
    "KEY-02": ([e("organization.sealed")], [e("keys.created")]),
    "KEY-03": (
        [e("crypto.decrypt_failed", n) for n in range(3)],
        [e("crypto.decrypt_failed", n * 6) for n in range(3)],
    ),
    "KEY-04": (
        [e("encryption.scanned", facts={"rows": 10, "findings": 1})],
        [e("encryption.scanned", facts={"rows": 10, "findings": 0})],
    ),
    "OPS-01": ([e("backup.overdue")], [e("backup.completed")]),
    "OPS-02": ([e("backup.verify_failed")], [e("backup.verified")]),
    "OPS-03": ([e("drill.failed")], [e("drill.passed")]),
    "OPS-04": ([e("backup.retention_changed")], [e("backup.pruned"), e("restore.completed")]),
    "PATCH-01": (
        [e("patch.finding_due", subject_id=UUID(int=5))],
        [e("patch.finding_found", subject_id=UUID(int=5))],
    ),
    "PATCH-02": ([e("patch.feed_stale")], [e("patch.checked")]),
    "PATCH-03": ([e("patch.end_of_life_near", subject_id=UUID(int=5))], [e("patch.checked")]),
    "PEOPLE-01": (
        [e("training.overdue", subject_kind="user", subject_id=BEN)],
        [e("training.assigned", subject_kind="user", subject_id=BEN)],
    ),
    "PEOPLE-02": ([e("training.message_reported")], [e("training.completed")]),
    "PRIV-01": (
        [e("privacy_request.due_soon", subject_id=UUID(int=5))],
        [e("privacy_request.opened", subject_id=UUID(int=5))],
    ),
    "COMP-01": (
        [e("control.regressed", subject_id=UUID(int=5))],
        [e("control.recovered", subject_id=UUID(int=5))],
    ),
    "META-01": (
        [opened(rule, n * 30) for n, rule in enumerate(("AUTH-09", "DATA-05", "DATA-02"))],
        [*(opened("AUTH-09", n * 30) for n in range(5)), opened("DATA-02", 9, BEN), opened("DATA-05", 9)],
    ),
}


def judged(code: str, story: Story) -> list[Hit]:
    rule = BY_CODE[code]
    seen = sorted((one for one in story if one.event in rule.codes), key=lambda one: (one.at, one.id))
    return list(rule.judge(seen, rule.settings))


def test_every_rule_has_a_story_and_a_counter_story():
    assert set(STORIES) == set(BY_CODE)
    assert len(BY_CODE) == len(ALL) >= 20


@pytest.mark.parametrize("code", sorted(STORIES))
def test_it_fires_in_its_story(code):
    found = judged(code, STORIES[code][0])
    assert found, code
    assert all(hit.key and hit.evidence for hit in found)
    words = {"count": "1", "window": "1", **dict.fromkeys(found[-1].facts, "1")}
    assert "{" not in BY_CODE[code].sentence.format(**words)


@pytest.mark.parametrize("code", sorted(STORIES))
def test_it_stays_silent_in_its_counter_story(code):
    assert judged(code, STORIES[code][1]) == []


@pytest.mark.parametrize("code", sorted(code for code, rule in BY_CODE.items() if rule.is_counted))
def test_one_less_than_the_threshold_is_silent(code):
    """The story cut short by its last event says nothing, where the rule counts single events."""
    story = sorted(STORIES[code][0], key=lambda one: one.at)
    rule = BY_CODE[code]
    if len(story) == rule.threshold:
        assert judged(code, story[:-1]) == []


@pytest.mark.parametrize(
    "event",
    [
        e("alert_channel.updated", fields=("quiet_from", "quiet_until"), facts={"quieter": True}),
        e("alert_channel.created", facts={"kind": "mail", "quieter": True}),
        e("alert_channel.updated", fields=("ca",)),
        e("audit_stream.updated", fields=("ca",)),
        e("audit_stream.updated", fields=("secret",)),
    ],
)
def test_whatever_keeps_alerts_or_the_trail_from_arriving_is_told(event):
    rule = BY_CODE["INT-04"]
    assert list(rule.judge([event], rule.settings))
    assert not list(rule.judge([e("alert_channel.updated", fields=("quiet_from",))], rule.settings))
    assert not list(rule.judge([e("alert_channel.created", facts={"kind": "mail"})], rule.settings))


def test_severity_rises_with_what_is_at_stake():
    assert judged("DATA-01", [export(0, 10_001)])[0].severity is Severity.CRITICAL
    assert judged("DATA-01", [export(0, 10_001, personal=False)])[0].severity is Severity.HIGH
    many = [e("customer.read", n / 30, subject_id=UUID(int=1_000 + n)) for n in range(1_000)]
    assert judged("DATA-02", many)[-1].severity is Severity.CRITICAL
    own = e("member.role_changed", facts={"role": "admin"}, more={"powerful": True, "own": True}, **_ROLE)
    assert judged("RBAC-01", [own])[0].severity is Severity.CRITICAL
    assert judged("OPS-03", [e("drill.overdue")])[0].severity is Severity.MEDIUM
    assert judged("PRIV-01", [e("breach.due_soon", subject_id=BEN)])[0].severity is Severity.CRITICAL


def test_three_exports_in_an_hour_and_far_more_than_usual_are_found():
    assert judged("DATA-01", [export(n, 5) for n in range(3)])
    usual = [export(day * DAY - 20 * DAY, 40) for day in range(10)]
    assert [hit.facts["unusual"] for hit in judged("DATA-01", [*usual, export(0, 300)])] == [True]
    assert judged("DATA-01", [*usual, export(0, 110)]) == []


def test_a_spike_of_money_is_found_where_the_number_is_small():
    spike = [refund(0, 90_000, 50, actor_id=BEN), refund(60, 90_000, 51, actor_id=EVE)]
    assert [hit.facts["by"] for hit in judged("PAY-01", [*_REFUNDS_OF_A_MONTH, *spike])] == ["amount"]
    assert judged("PAY-01", spike) == []


def test_an_attack_on_one_account_from_everywhere_is_one_group():
    story = [failed(n / 2, BEN, f"net{n}") for n in range(12)]
    assert {hit.key for hit in judged("AUTH-02", story)} == {str(BEN)}
    assert judged("AUTH-03", story) == []


def test_what_an_organization_may_not_set_is_not_offered():
    for rule in ALL:
        assert rule.automatic in rule.allowed and rule.allowed[0] is Automatic.NONE
        assert rule.groups and all(isinstance(group, Group) for group in rule.groups)
        assert rule.settings.is_looser_than(rule.settings) is False


def test_whoever_was_there_first_is_found_when_the_other_acts_again():
    story = [signed_in(0, AWAY, new=True), e("session.switched", 20, session_id=BEN)]
    assert [hit.facts["minutes"] for hit in judged("AUTH-01", story)] == [20]
    assert judged("AUTH-01", [story[0], e("session.switched", 61, session_id=BEN)]) == []


def test_only_the_first_export_in_a_long_time_is_told():
    again = [export(0, 5), export(10 * DAY, 5), export(60 * DAY, 5), export(200 * DAY, 5)]
    assert [hit.event for hit in judged("DATA-05", again)] == [again[0], again[3]]


def test_what_names_no_record_person_or_network_is_found_as_well():
    """A command on the host has neither an id nor a network: what it does must not be silent for that."""
    for code, event in (("OPS-04", "restore.requested"), ("PATCH-01", "patch.finding_due"),
                        ("PATCH-03", "patch.end_of_life_near"), ("PEOPLE-01", "training.overdue"),
                        ("COMP-01", "control.stale"), ("KEY-01", "keys.rotation_overdue"),
                        ("DATA-09", "audit.exported"), ("INT-06", "audit_stream.late"),
                        ("INT-06", "audit_stream.set_aside")):  # fmt: skip
        assert judged(code, [e(event, actor_id=None, actor_kind="system", network="")]), code


def test_connecting_the_first_provider_is_no_change_of_trust():
    assert judged("PAY-04", [e("gateway.connected"), refund(60)]) == []
    assert judged("PAY-04", [e("gateway.disconnected"), e("gateway.connected", 1), refund(60)])
