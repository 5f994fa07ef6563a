"""What backups leaves in the audit trail."""

from audit.events import EventType, register


def _read(code: str, sentence: str) -> EventType:
    return register(code, sentence, owasp="sensitive_read", pci="10.2.1.2")


def _change(code: str, sentence: str) -> EventType:
    return register(code, sentence, owasp="sensitive_update", pci="10.2.1.2")


def _failure(code: str, sentence: str) -> EventType:
    return register(code, sentence, owasp="sys_monitor_disabled")


BACKUP_ASKED = _change("backup.requested", "{actor} asked for a {kind} backup")
BACKUP_COMPLETED = register(
    "backup.completed",
    "{actor} completed {kind} backup {generation}: {bytes} bytes stored",
    owasp="sensitive_create",
    pci="10.2.1.2",
)
BACKUP_FAILED = _failure("backup.failed", "The {kind} backup {generation} failed: {code}")
BACKUP_OVERDUE = _failure("backup.overdue", "No backup has succeeded for {hours} hours")
STREAM_BEHIND = _failure("backup.stream_behind", "The stream of changes is {seconds} seconds behind")
BACKUP_VERIFIED = _read("backup.verified", "{actor} verified backup {generation}: {copies} copies are sound")
BACKUP_VERIFY_FAILED = _failure("backup.verify_failed", "Backup {generation} is not sound: {code}")
BACKUP_PRUNED = register(
    "backup.pruned",
    "{actor} removed backup {generation}, whose retention had ended: {objects} objects",
    owasp="sensitive_delete",
    pci="10.2.1.2",
)
BACKUP_HELD = _change("backup.held", "{actor} changed the hold of backup {generation}: held {held}")
RETENTION_CHANGED = _change(
    "backup.retention_changed",
    "{actor} changed the plan of backups: kept {keep_days} days, drill every {drill_days}",
)
DRILL_ASKED = _change("drill.requested", "{actor} asked for a restore drill")
DRILL_PASSED = register(
    "drill.passed",
    "{actor} restored backup {generation} into a scratch server: {checks} checks passed",
    owasp="sys_monitor_enabled",
)
DRILL_FAILED = _failure("drill.failed", "The restore drill failed: {code}")
DRILL_OVERDUE = _failure("drill.overdue", "No restore drill has passed for {days} days")
RESTORE_REQUESTED = _change("restore.requested", "{actor} asked for a restore of the {kind}")
RESTORE_APPROVED = _change("restore.approved", "{actor} agreed to a restore of the {kind}")
RESTORE_COMPLETED = _change("restore.completed", "{actor} restored the {kind}")
BACKUPS_READ = _read("backup.read", "{actor} looked at the state of the backups")
