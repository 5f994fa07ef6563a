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
ALERT_CONTAINED = register(
    "alert.contained", "{actor} contained alert {subject}: {how}", owasp="authz_admin", pci="10.2.1.2"
)
ALERT_ASKED = register(
    "alert.asked", "{actor} asked the person of alert {subject} whether it was them", owasp="sensitive_update"
)
ALERT_ANSWERED = register(
    "alert.answered",
    "Whoever got the mail about alert {subject} said whether it was them: {answer}",
    owasp="sensitive_update",
    pci="10.2.1.2",
)
QUESTION_READ = register(
    "alert.question_read", "Somebody opened the link that asks about alert {subject}", owasp="sensitive_read"
)
QUESTION_REFUSED = register(
    "alert.question_refused", "A link that asks about an alert was refused", owasp="authz_fail"
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

CHANNEL_CREATED = register(
    "alert_channel.created",
    "{actor} added the alert channel {subject}",
    owasp="sensitive_create",
    pci="10.2.1.2",
)
CHANNEL_UPDATED = register(
    "alert_channel.updated",
    "{actor} changed the alert channel {subject}",
    owasp="sensitive_update",
    pci="10.2.1.2",
)
CHANNEL_REMOVED = register(
    "alert_channel.removed",
    "{actor} removed the alert channel {subject}",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
CHANNEL_DISABLED = register(
    "alert_channel.disabled",
    "{actor} disabled the alert channel {subject}",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
CHANNEL_ENABLED = register(
    "alert_channel.enabled",
    "{actor} enabled the alert channel {subject}",
    owasp="sys_monitor_enabled",
    pci="10.2.1.6",
)
CHANNEL_TESTED = register(
    "alert_channel.tested", "{actor} had the alert channel {subject} tested", owasp="sensitive_read"
)
CHANNEL_ROTATED = register(
    "alert_channel.rotated",
    "{actor} replaced the secret of the alert channel {subject}",
    owasp="authn_token_created",
    pci="10.2.1.5",
)
CHANNEL_READ = register(
    "alert_channel.read", "{actor} read where alerts go", owasp="sensitive_read", pci="10.2.1.1"
)
CHANNEL_TOLD = register(
    "alert_channel.told", "{actor} told the alert channel {subject}", owasp="sensitive_create"
)
CHANNEL_FAILED = register(
    "alert_channel.failed", "{actor} could not reach the alert channel {subject}", owasp="sys_crash"
)
CHANNEL_RECOVERED = register(
    "alert_channel.recovered",
    "{actor} reaches the alert channel {subject} again",
    owasp="sys_monitor_enabled",
)

# Sending a batch is no event: it would be sent, and so never end.
STREAM_CREATED = register(
    "audit_stream.created",
    "{actor} had the audit trail sent to {subject}",
    owasp="sys_monitor_enabled",
    pci="10.2.1.6",
)
STREAM_UPDATED = register(
    "audit_stream.updated", "{actor} changed the stream {subject}", owasp="sensitive_update", pci="10.2.1.6"
)
STREAM_REMOVED = register(
    "audit_stream.removed",
    "{actor} removed the stream {subject}",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
STREAM_PAUSED = register(
    "audit_stream.paused", "{actor} paused the stream {subject}", owasp="sys_monitor_disabled", pci="10.2.1.6"
)
STREAM_RESUMED = register(
    "audit_stream.resumed",
    "{actor} resumed the stream {subject}",
    owasp="sys_monitor_enabled",
    pci="10.2.1.6",
)
STREAM_TESTED = register(
    "audit_stream.tested", "{actor} had the stream {subject} tested", owasp="sensitive_read"
)
STREAM_READ = register(
    "audit_stream.read", "{actor} read where the audit trail is sent", owasp="sensitive_read", pci="10.2.1.1"
)
STREAM_SENT = register(
    "audit_stream.sent",
    "{actor} sent {events} events of the audit trail to {subject} in a day",
    owasp="sensitive_read",
    pci="10.2.1.3",
)
STREAM_LATE = register(
    "audit_stream.late", "{actor} found the stream {subject} late", owasp="sys_crash", pci="10.2.1.6"
)
STREAM_SET_ASIDE = register(
    "audit_stream.set_aside",
    "{actor} set aside an event that {subject} refused {tries} times: {code}",
    owasp="sys_crash",
    pci="10.2.1.6",
)
STREAM_TRIED_AGAIN = register(
    "audit_stream.tried_again",
    "{actor} had {events} events that were set aside sent to {subject} again",
    owasp="sensitive_update",
    pci="10.2.1.6",
)
STREAM_RECOVERED = register(
    "audit_stream.recovered",
    "{actor} found the stream {subject} up to date again",
    owasp="sys_monitor_enabled",
    pci="10.2.1.6",
)
