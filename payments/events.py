"""What payments leave in the audit trail."""

from audit.events import register  # noqa: F401
