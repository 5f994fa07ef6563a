"""What backups leaves in the audit trail."""

from audit.events import register

BACKUP_ASKED = register(
    "backup.requested", "{actor} asked for a {kind} backup", owasp="sensitive_update", pci="10.2.1.2"
)
BACKUP_COMPLETED = register(
    "backup.completed",
    "{actor} completed {kind} backup {generation}: {bytes} bytes stored",
    owasp="sensitive_create",
    pci="10.2.1.2",
)
BACKUP_FAILED = register(
    "backup.failed", "The {kind} backup {generation} failed: {code}", owasp="sys_monitor_disabled"
)
COPY_MISSED = register(
    "backup.copy_missed", "{target} did not take {part} {number}: {code}", owasp="sys_monitor_disabled"
)
CAUGHT_UP = register(
    "backup.caught_up",
    "{target} has the changes that it had missed: {number} were sent again",
    owasp="sys_monitor_enabled",
)
BACKUP_OVERDUE = register(
    "backup.overdue", "No backup has succeeded for {hours} hours", owasp="sys_monitor_disabled"
)
STREAM_BEHIND = register(
    "backup.stream_behind", "The stream of changes is {seconds} seconds behind", owasp="sys_monitor_disabled"
)
BACKUP_VERIFIED = register(
    "backup.verified",
    "{actor} verified backup {generation}: {copies} copies are sound",
    owasp="sensitive_read",
    pci="10.2.1.2",
)
BACKUP_VERIFY_FAILED = register(
    "backup.verify_failed", "Backup {generation} is not sound: {code}", owasp="sys_monitor_disabled"
)
BACKUP_PRUNED = register(
    "backup.pruned",
    "{actor} removed backup {generation}, whose retention had ended: {objects} objects",
    owasp="sensitive_delete",
    pci="10.2.1.2",
)
BACKUP_HELD = register(
    "backup.held",
    "{actor} changed the hold of backup {generation}: held {held}",
    owasp="sensitive_update",
    pci="10.2.1.2",
)
RETENTION_CHANGED = register(
    "backup.retention_changed",
    "{actor} changed the plan of backups: kept {keep_days} days, drill every {drill_days}",
    owasp="sensitive_update",
    pci="10.2.1.2",
)
PLACES_CHANGED = register(
    "backup.places_changed",
    "Backups go to {targets} targets: {immutable} refuse to delete early, {offsite} are elsewhere",
    owasp="sys_monitor_enabled",
    pci="10.2.1.2",
)
DRILL_ASKED = register(
    "drill.requested", "{actor} asked for a restore drill", owasp="sensitive_update", pci="10.2.1.2"
)
DRILL_PASSED = register(
    "drill.passed",
    "{actor} restored backup {generation} into a scratch server: {checks} checks passed",
    owasp="sys_monitor_enabled",
)
DRILL_FAILED = register("drill.failed", "The restore drill failed: {code}", owasp="sys_monitor_disabled")
DRILL_SIGNED = register(
    "drill.signed",
    "{actor} signed for the restore drill of backup {generation}",
    owasp="sensitive_update",
    pci="10.2.1.2",
)
DRILL_OVERDUE = register(
    "drill.overdue", "No restore drill has passed for {days} days", owasp="sys_monitor_disabled"
)
RESTORE_REQUESTED = register(
    "restore.requested", "{actor} asked for a restore of the {kind}", owasp="sensitive_update", pci="10.2.1.2"
)
RESTORE_APPROVED = register(
    "restore.approved", "{actor} agreed to a restore of the {kind}", owasp="sensitive_update", pci="10.2.1.2"
)
RESTORE_COMPLETED = register(
    "restore.completed", "{actor} restored the {kind}", owasp="sensitive_update", pci="10.2.1.2"
)
BACKUPS_READ = register(
    "backup.read", "{actor} looked at the state of the backups", owasp="sensitive_read", pci="10.2.1.2"
)
