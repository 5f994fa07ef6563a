"""What the trail records about keys."""

from audit.events import register

KEYS_CREATED = register(
    "keys.created",
    "{actor} made the encryption keys of the organization",
    owasp="sensitive_create",
    pci="10.2.1.7",
)
ROTATION_REQUESTED = register(
    "keys.rotation_requested", "{actor} asked for a new {purpose} key", owasp="sensitive_update",
    pci="10.2.1.2",
)  # fmt: skip
ROTATION_STARTED = register(
    "keys.rotation_started", "{actor} started the rotation of the {purpose} key", owasp="sensitive_update",
    pci="10.2.1.2",
)  # fmt: skip
ROTATION_FINISHED = register(
    "keys.rotation_finished", "{actor} finished the rotation of the {purpose} key: {values} values",
    owasp="sensitive_update", pci="10.2.1.2",
)  # fmt: skip
ROTATION_OVERDUE = register(
    "keys.rotation_overdue", "The {purpose} key is {days} days old", owasp="sensitive_update", pci="10.2.1.2"
)
DECRYPT_FAILED = register(
    "crypto.decrypt_failed", "A stored value did not open for {actor} at {route}", owasp="crypt_decrypt_fail"
)
KEYS_DESTROYED = register(
    "keys.destroyed", "{actor} destroyed every encryption key of the organization", owasp="sensitive_delete",
    pci="10.2.1.7",
)  # fmt: skip
ORGANIZATION_SEALED = register(
    "organization.sealed", "{actor} sealed the organization", owasp="authz_admin", pci="10.2.1.2"
)
ORGANIZATION_UNSEALED = register(
    "organization.unsealed", "{actor} unsealed the organization", owasp="authz_admin", pci="10.2.1.2"
)
ENCRYPTION_SCANNED = register(
    "encryption.scanned",
    "{actor} looked at the stored bytes of every protected column",
    owasp="sensitive_read",
    pci="10.2.1.2",
)
