"""The trail and the alerts in the words of the Open Cybersecurity Schema Framework (OCSF 1.1), for log collectors.

Promise kept: what leaves is what the trail holds: ids, codes, counts and times, never a name, an address or an amount.
Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from audit import events as registry
from audit.models import Event

VERSION = "1.1.0"
_PRODUCT = {"name": "Strongbox", "vendor_name": "Strongbox"}
ACCOUNT_CHANGE, AUTHENTICATION = 3001, 3002
APPLICATION_LIFECYCLE, API_ACTIVITY = 6002, 6003
DETECTION_FINDING = 2004
_OTHER = 99
# Of the OWASP word: the class and the activity. What is not named here is an act upon a record.
_BY_WORD: Mapping[str, tuple[int, int]] = {
    "authn_login_success": (AUTHENTICATION, 1),
    "authn_login_successafterfail": (AUTHENTICATION, 1),
    "authn_login_fail": (AUTHENTICATION, 1),
    "authn_login_fail_max": (AUTHENTICATION, 1),
    "authn_impossible_travel": (AUTHENTICATION, 1),
    "authn_login_lock": (ACCOUNT_CHANGE, 9),
    "authn_password_change": (ACCOUNT_CHANGE, 3),
    "authn_password_change_fail": (ACCOUNT_CHANGE, 3),
    "session_created": (AUTHENTICATION, 1),
    "session_expired": (AUTHENTICATION, 2),
    "session_logout": (AUTHENTICATION, 2),
    "session_renewed": (AUTHENTICATION, _OTHER),
    "session_use_after_expire": (AUTHENTICATION, _OTHER),
    "user_created": (ACCOUNT_CHANGE, 1),
    "user_updated": (ACCOUNT_CHANGE, _OTHER),
    "user_archived": (ACCOUNT_CHANGE, 5),
    "user_deleted": (ACCOUNT_CHANGE, 6),
    "sys_startup": (APPLICATION_LIFECYCLE, 3),
    "sys_shutdown": (APPLICATION_LIFECYCLE, 4),
    "sys_restart": (APPLICATION_LIFECYCLE, _OTHER),
    "sys_crash": (APPLICATION_LIFECYCLE, _OTHER),
    "sys_monitor_disabled": (APPLICATION_LIFECYCLE, _OTHER),
    "sys_monitor_enabled": (APPLICATION_LIFECYCLE, _OTHER),
}
_BY_OPERATION = {"create": 1, "access": 2, "modify": 3, "remove": 4}
_INFORMATIONAL, _LOW, _MEDIUM, _HIGH = 1, 2, 3, 4
_GRAVE = ("malicious_", "sys_monitor_disabled", "crypt_", "authn_token_reuse", "authn_impossible_travel")
_USER_TYPES = {"user": 1, "customer": 1, "system": 3}
_SEVERITIES = {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An alert as it is told: never who it is about, which stands behind its link."""

    id: UUID
    tenant_id: UUID
    rule: str
    title: str
    severity: str
    count: int
    first_at: datetime
    last_at: datetime
    url: str


def of_event(row: Event, *, most_subjects: int = 1_000) -> dict[str, Any]:
    """Write one event of the trail. A list read names at most `most_subjects` records, and how many there were."""
    kind = registry.of(row.event)
    class_uid, activity = _BY_WORD.get(kind.owasp) or (
        API_ACTIVITY,
        _BY_OPERATION.get(kind.operation, _OTHER),
    )
    found: dict[str, Any] = {
        **_head(class_uid, activity, row.event, row.at, _severity(kind.owasp, row.result)),
        "metadata": {
            "version": VERSION,
            "product": _PRODUCT,
            "uid": str(row.id),
            "tenant_uid": str(row.tenant_id),
            "correlation_uid": str(row.request_id),
            "event_code": row.event,
            "log_name": "audit",
        },
        "message": sentence(row),
        "status_id": 1 if row.result == Event.Result.SUCCESS else 2,
        "status_code": row.result,
        "actor": _actor(row),
        "src_endpoint": {"uid": row.network} if row.network else {"name": "strongbox"},
        "unmapped": _unmapped(row),
    }
    if row.reason:
        found["status_detail"] = row.reason
    if class_uid in (AUTHENTICATION, ACCOUNT_CHANGE):
        found["user"] = _target(row)
        if class_uid == AUTHENTICATION:
            found["service"] = {"name": "Strongbox"}
    elif class_uid == APPLICATION_LIFECYCLE:
        found["app"] = _PRODUCT
    else:
        found["api"] = {"operation": row.event, "service": {"name": "Strongbox"}}
    shown = row.subject_ids[:most_subjects]
    resources = [{"uid": str(one)} for one in shown]
    if row.subject_kind:
        resources.insert(
            0, {"type": row.subject_kind, **({"uid": str(row.subject_id)} if row.subject_id else {})}
        )
    if resources:
        found["resources"] = resources
    if len(shown) < len(row.subject_ids):
        found["unmapped"]["subjects"] = len(row.subject_ids)
    return found


def of_alert(finding: Finding, *, at: datetime) -> dict[str, Any]:
    """Write one alert as a detection finding."""
    return {
        **_head(DETECTION_FINDING, 1, "alert", at, _SEVERITIES[finding.severity]),
        "metadata": {
            "version": VERSION,
            "product": _PRODUCT,
            "uid": f"{finding.id}:{finding.severity}",
            "tenant_uid": str(finding.tenant_id),
            "log_name": "alerts",
        },
        "message": finding.title,
        "is_alert": True,
        "finding_info": {
            "uid": str(finding.id),
            "title": finding.title,
            "first_seen_time": _milliseconds(finding.first_at),
            "last_seen_time": _milliseconds(finding.last_at),
            "related_events_count": finding.count,
            "analytic": {"type_id": 1, "uid": finding.rule},
            "src_url": finding.url,
        },
    }


def sentence(row: Event) -> str:
    """Say what happened, in English, with ids in the places of names."""
    kind = registry.of(row.event)
    words: dict[str, object] = dict.fromkeys(kind.placeholders, "-")
    words |= {name: value for name, value in row.facts.items() if name in kind.placeholders}
    words["actor"] = row.actor_label or f"{row.actor_kind} {row.actor_id or 'unknown'}"
    words["subject"] = f"{row.subject_kind} {row.subject_id or ''}".strip() or "-"
    return kind.sentence.format_map(words)


def _head(class_uid: int, activity: int, name: str, at: datetime, severity: int) -> dict[str, Any]:
    found = {
        "category_uid": class_uid // 1_000,
        "class_uid": class_uid,
        "activity_id": activity,
        "type_uid": class_uid * 100 + activity,
        "severity_id": severity,
        "time": _milliseconds(at),
    }
    return found | ({"activity_name": name} if activity == _OTHER else {})


def _severity(word: str, result: str) -> int:
    if word.startswith(_GRAVE):
        return _HIGH
    if result == Event.Result.FAILED:
        return _MEDIUM
    return _LOW if result == Event.Result.REFUSED else _INFORMATIONAL


def _actor(row: Event) -> dict[str, Any]:
    user: dict[str, Any] = {"type": row.actor_kind, "type_id": _USER_TYPES.get(row.actor_kind, _OTHER)}
    if row.actor_id is not None:
        user["uid"] = str(row.actor_id)
    else:
        user["name"] = row.actor_label or row.actor_kind
    if row.key_id is not None:
        user["credential_uid"] = str(row.key_id)
    found: dict[str, Any] = {"user": user, "app_name": row.actor_label or f"strongbox.{row.via}"}
    if row.session_id is not None:
        found["session"] = {"uid": str(row.session_id)}
    return found


def _target(row: Event) -> dict[str, Any]:
    """Return the account that it is about: the subject where one is named, else whoever acts."""
    about = row.subject_id or row.actor_id
    return {"uid": str(about)} if about else {"name": row.actor_label or "unknown"}


def _unmapped(row: Event) -> dict[str, Any]:
    found: dict[str, Any] = {"via": row.via, "epoch": row.epoch, "xid": str(row.xid)}
    if row.on_behalf_of is not None:
        found["on_behalf_of"] = str(row.on_behalf_of)
    if row.fields:
        found["fields"] = list(row.fields)
    if row.facts:
        found["facts"] = row.facts
    return found


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000)
