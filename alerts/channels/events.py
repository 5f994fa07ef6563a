"""What is recorded about channels."""

from audit.events import register

CREATED = register(
    "alert_channel.created",
    "{actor} added the alert channel {subject}",
    owasp="sensitive_create",
    pci="10.2.1.2",
)
UPDATED = register(
    "alert_channel.updated",
    "{actor} changed the alert channel {subject}",
    owasp="sensitive_update",
    pci="10.2.1.2",
)
REMOVED = register(
    "alert_channel.removed",
    "{actor} removed the alert channel {subject}",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
DISABLED = register(
    "alert_channel.disabled",
    "{actor} disabled the alert channel {subject}",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
ENABLED = register(
    "alert_channel.enabled",
    "{actor} enabled the alert channel {subject}",
    owasp="sys_monitor_enabled",
    pci="10.2.1.6",
)
TESTED = register(
    "alert_channel.tested", "{actor} had the alert channel {subject} tested", owasp="sensitive_read"
)
ROTATED = register(
    "alert_channel.rotated",
    "{actor} replaced the secret of the alert channel {subject}",
    owasp="authn_token_created",
    pci="10.2.1.5",
)
READ = register("alert_channel.read", "{actor} read where alerts go", owasp="sensitive_read", pci="10.2.1.1")
TOLD = register("alert_channel.told", "{actor} told the alert channel {subject}", owasp="sensitive_create")
FAILED = register(
    "alert_channel.failed", "{actor} could not reach the alert channel {subject}", owasp="sys_crash"
)
RECOVERED = register(
    "alert_channel.recovered",
    "{actor} reaches the alert channel {subject} again",
    owasp="sys_monitor_enabled",
)
