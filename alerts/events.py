"""What alerts leaves in the audit trail."""

from audit.events import register

ALERT_OPENED = register(
    "alert.opened", "Rule {rule} opened alert {subject}: {severity}", owasp="sensitive_create", pci="10.2.1.2"
)
ALERT_RAISED = register(
    "alert.raised", "Rule {rule} found more for alert {subject}: {severity}", owasp="sensitive_update"
)
ALERT_ACKNOWLEDGED = register(
    "alert.acknowledged", "{actor} looks into alert {subject}", owasp="sensitive_update"
)
ALERT_ASSIGNED = register(
    "alert.assigned", "{actor} gave alert {subject} to a person", owasp="sensitive_update"
)
ALERT_NOTED = register("alert.noted", "{actor} wrote a note on alert {subject}", owasp="sensitive_update")
ALERT_CLOSED = register(
    "alert.closed", "{actor} closed alert {subject}: {how}", owasp="sensitive_update", pci="10.2.1.2"
)
ALERT_REOPENED = register("alert.reopened", "{actor} opened alert {subject} again", owasp="sensitive_update")
ALERT_CONTAINED = register(
    "alert.contained", "{actor} contained alert {subject}: {how}", owasp="authz_admin", pci="10.2.1.2"
)
ALERT_MUTED = register(
    "alert.muted", "{actor} muted rule {rule} for what alert {subject} is about", owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)  # fmt: skip
ALERT_UNMUTED = register(
    "alert.unmuted", "{actor} let rule {rule} speak again", owasp="sys_monitor_enabled", pci="10.2.1.6"
)
ALERT_LISTED = register("alert.listed", "{actor} read the list of alerts", owasp="sensitive_read")
ALERT_READ = register("alert.read", "{actor} read alert {subject}", owasp="sensitive_read", pci="10.2.1.1")
RULE_CHANGED = register(
    "alert_rule.changed",
    "{actor} changed alert rule {rule} to version {version}",
    owasp="privilege_permissions_changed",
    pci="10.2.1.2",
)
RULE_TRIED = register(
    "alert_rule.tried", "{actor} tried alert rule {rule} on the trail of the past", owasp="sensitive_read",
    pci="10.2.1.3",
)  # fmt: skip
RULE_READ = register("alert_rule.read", "{actor} read alert rules", owasp="sensitive_read")
