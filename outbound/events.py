"""What outbound records."""

from audit.events import register

MAIL_SENT = register("mail.sent", "{actor} sent the mail {template}", owasp="sensitive_create")
MAIL_FAILED = register("mail.failed", "{actor} could not send the mail {template}", owasp="sys_crash")
