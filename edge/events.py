"""What the doorway itself records."""

from audit.events import register

PAGE_VIEWED = register("page.viewed", "{actor} opened {route}", owasp="sensitive_read", pci="10.2.1.1")
