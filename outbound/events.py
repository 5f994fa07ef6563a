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
