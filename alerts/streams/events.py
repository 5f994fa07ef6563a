"""What is recorded about streams. Sending a batch is no event: it would be sent, and so never end."""

from audit.events import register

CREATED = register(
    "audit_stream.created",
    "{actor} had the audit trail sent to {subject}",
    owasp="sys_monitor_enabled",
    pci="10.2.1.6",
)
UPDATED = register(
    "audit_stream.updated", "{actor} changed the stream {subject}", owasp="sensitive_update", pci="10.2.1.6"
)
REMOVED = register(
    "audit_stream.removed",
    "{actor} removed the stream {subject}",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
PAUSED = register(
    "audit_stream.paused", "{actor} paused the stream {subject}", owasp="sys_monitor_disabled", pci="10.2.1.6"
)
RESUMED = register(
    "audit_stream.resumed",
    "{actor} resumed the stream {subject}",
    owasp="sys_monitor_enabled",
    pci="10.2.1.6",
)
TESTED = register("audit_stream.tested", "{actor} had the stream {subject} tested", owasp="sensitive_read")
READ = register(
    "audit_stream.read", "{actor} read where the audit trail is sent", owasp="sensitive_read", pci="10.2.1.1"
)
SENT = register(
    "audit_stream.sent",
    "{actor} sent {events} events of the audit trail to {subject} in a day",
    owasp="sensitive_read",
    pci="10.2.1.3",
)
LATE = register(
    "audit_stream.late", "{actor} found the stream {subject} late", owasp="sys_crash", pci="10.2.1.6"
)
RECOVERED = register(
    "audit_stream.recovered",
    "{actor} found the stream {subject} up to date again",
    owasp="sys_monitor_enabled",
    pci="10.2.1.6",
)
