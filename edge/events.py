"""What the doorway itself records."""

from audit.events import register

REQUEST_REPEATED = register(
    "request.repeated", "{actor} asked again and got the same answer", owasp="sensitive_read", pci="10.2.1.1"
)
RECORDS_SEARCHED = register(
    "record.searched", "{actor} searched the records", owasp="sensitive_read", pci="10.2.1.1"
)
PAGE_VIEWED = register("page.viewed", "{actor} opened {route}", owasp="sensitive_read", pci="10.2.1.1")
