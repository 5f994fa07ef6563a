"""What outbound records."""

from audit.events import register

MAIL_SENT = register("mail.sent", "{actor} sent the mail {template}", owasp="sensitive_create")
MAIL_FAILED = register("mail.failed", "{actor} could not send the mail {template}", owasp="sys_crash")
FILE_STORED = register("file.stored", "{actor} stored the file {subject}", owasp="upload_stored")
FILE_READ = register("file.read", "{actor} read the file {subject}", owasp="sensitive_read", pci="10.2.1.1")
FILE_DELETED = register("file.deleted", "{actor} deleted the file {subject}", owasp="upload_delete")
FILE_DAMAGED = register(
    "file.damaged", "{actor} found the file {subject} damaged", owasp="crypt_decrypt_fail"
)
RETENTION_ENDED = register(
    "outbound.retention_ended",
    "{actor} removed messages and files whose retention has ended",
    owasp="sensitive_delete",
    pci="10.2.1.7",
)

WEBHOOK_CREATED = register(
    "webhook.created", "{actor} added the webhook {subject}", owasp="sensitive_create", pci="10.2.1.2"
)
WEBHOOK_UPDATED = register(
    "webhook.updated", "{actor} changed the webhook {subject}", owasp="sensitive_update", pci="10.2.1.2"
)
WEBHOOK_DELETED = register(
    "webhook.deleted", "{actor} deleted the webhook {subject}", owasp="sensitive_delete", pci="10.2.1.2"
)
WEBHOOK_ENABLED = register(
    "webhook.enabled", "{actor} enabled the webhook {subject}", owasp="sensitive_update", pci="10.2.1.2"
)
WEBHOOK_DISABLED = register(
    "webhook.disabled", "{actor} disabled the webhook {subject}", owasp="sensitive_update", pci="10.2.1.2"
)
WEBHOOK_ROTATED = register(
    "webhook.rotated",
    "{actor} replaced the secret of the webhook {subject}",
    owasp="authn_token_created",
    pci="10.2.1.5",
)
WEBHOOK_RESENT = register(
    "webhook.resent", "{actor} had events sent to the webhook {subject} again", owasp="sensitive_update"
)
WEBHOOK_TESTED = register(
    "webhook.tested", "{actor} had a signature of the webhook {subject} checked", owasp="sensitive_read"
)
WEBHOOK_READ = register(
    "webhook.read", "{actor} read where events are told", owasp="sensitive_read", pci="10.2.1.1"
)
WEBHOOK_SENT = register("webhook.sent", "{actor} told a webhook of an event", owasp="sensitive_create")
WEBHOOK_FAILED = register("webhook.failed", "{actor} could not reach a webhook", owasp="sys_crash")
EVENT_READ = register("event.read", "{actor} read events", owasp="sensitive_read", pci="10.2.1.1")
