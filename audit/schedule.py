"""Periodic work of the audit trail."""

from typing import Any

BEAT: dict[str, dict[str, Any]] = {
    "audit-prepare-months": {"task": "audit.prepare_months", "schedule": 6 * 3600.0},
    "audit-verify-all": {"task": "audit.verify_all", "schedule": 6 * 3600.0},
}
