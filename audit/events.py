"""Every kind of audit event, declared once as data.

Promise kept: an event that is not in the registry cannot be recorded, and two apps can never give one code
two meanings. Each app declares its own in `<app>/events.py`; docs/reference/audit-events.md is made from this
registry and a test keeps it equal (ASVS 16.1.1, PCI DSS 10.2.1).
"""

import re
import string
from dataclasses import dataclass

# OWASP Logging Vocabulary: other tools know what an event is by these words.
OWASP_CLASSES = frozenset(
    {
        "authn_login_success", "authn_login_successafterfail", "authn_login_fail", "authn_login_fail_max",
        "authn_login_lock", "authn_password_change", "authn_password_change_fail",
        "authn_impossible_travel", "authn_token_created", "authn_token_revoked", "authn_token_reuse",
        "authn_token_delete", "authz_fail", "authz_change", "authz_admin", "crypt_decrypt_fail",
        "crypt_encrypt_fail", "excess_rate_limit_exceeded", "excess_sessions_exceeded", "upload_complete",
        "upload_stored", "upload_validation", "upload_delete", "input_validation_fail",
        "input_validation_discrete_fail", "malicious_excess_", "malicious_extraneous",
        "malicious_attack_tool", "malicious_sqli", "malicious_cors", "malicious_direct_reference",
        "malicious_csrf", "malicious_csp_violation", "privilege_permissions_changed", "sensitive_create",
        "sensitive_read", "sensitive_update", "sensitive_delete", "sequence_fail", "session_created",
        "session_renewed", "session_expired", "session_logout", "session_use_after_expire", "sys_startup",
        "sys_shutdown", "sys_restart", "sys_crash", "sys_monitor_disabled", "sys_monitor_enabled",
        "user_created", "user_updated", "user_archived", "user_deleted",
    }
)  # fmt: skip
# PCI DSS 4.0.1, 10.2.1.1 to 10.2.1.7: what must be logged.
PCI_REQUIREMENTS = frozenset({"", *(f"10.2.1.{number}" for number in range(1, 8))})

_CODE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_CODE_LENGTH = 64
_OPERATIONS = (
    ("authn_", "authentication"),
    ("session_", "authentication"),
    ("authz_", "authorization"),
    ("privilege_", "authorization"),
    ("sensitive_create", "create"),
    ("sensitive_read", "access"),
    ("sensitive_update", "modify"),
    ("sensitive_delete", "remove"),
    ("user_created", "create"),
    ("user_updated", "modify"),
    ("user_", "remove"),
    ("upload_delete", "remove"),
    ("upload_", "create"),
    ("crypt_", "cryptography"),
    ("sys_", "system"),
)


class DuplicateEvent(ValueError):
    """Two event types have the same code."""


class MalformedEvent(ValueError):
    """An event type is declared with a word nobody knows."""


class UnknownEvent(ValueError):
    """An event must be declared before it can be recorded."""


@dataclass(frozen=True, slots=True)
class EventType:
    """One kind of event: its stable code, its sentence for people, its class in two vocabularies."""

    code: str
    sentence: str
    owasp: str
    pci: str = ""

    @property
    def operation(self) -> str:
        """Return the broad kind of act an investigator filters by, such as `access` or `modify`."""
        return next((name for prefix, name in _OPERATIONS if self.owasp.startswith(prefix)), "attack")

    @property
    def placeholders(self) -> frozenset[str]:
        """Return the names the sentence is filled with: `actor`, `subject`, or a fact's key."""
        return frozenset(name for _, name, _, _ in string.Formatter().parse(self.sentence) if name)


REGISTRY: dict[str, EventType] = {}


def register(code: str, sentence: str, *, owasp: str, pci: str = "") -> EventType:
    """Declare an event type and return it.

    Raises:
        DuplicateEvent: the code is taken.
        MalformedEvent: the code is not `noun.verb`, or a class is not of its vocabulary.
    """
    if not _CODE.fullmatch(code) or len(code) > _CODE_LENGTH:
        raise MalformedEvent(f"'{code}' is not of the form noun.verb")
    if owasp not in OWASP_CLASSES:
        raise MalformedEvent(f"{code}: '{owasp}' is not in the OWASP logging vocabulary")
    if pci not in PCI_REQUIREMENTS:
        raise MalformedEvent(f"{code}: '{pci}' is none of PCI DSS 10.2.1.1 to 10.2.1.7")
    if code in REGISTRY:
        raise DuplicateEvent(code)
    event = EventType(code, sentence, owasp, pci)
    if not all(name.isidentifier() for name in event.placeholders):
        raise MalformedEvent(f"{code}: a placeholder is a plain name")
    REGISTRY[code] = event
    return event


def of(code: str) -> EventType:
    """Return the event type of a stored code; an old code whose type is gone keeps its code as sentence."""
    return REGISTRY.get(code) or EventType(code, "{actor}: " + code, "sensitive_update")


ACCESS_REFUSED = register(
    "access.refused", "{actor} was refused access to {route}", owasp="authz_fail", pci="10.2.1.4"
)
AUDIT_READ = register("audit.read", "{actor} read the audit trail", owasp="sensitive_read", pci="10.2.1.3")
AUDIT_EXPORTED = register(
    "audit.exported", "{actor} exported the audit trail", owasp="sensitive_read", pci="10.2.1.3"
)
AUDIT_VERIFIED = register(
    "audit.verified", "{actor} verified the audit trail", owasp="sensitive_read", pci="10.2.1.3"
)
AUDIT_BROKEN = register(
    "audit.broken",
    "{actor} found the audit trail tampered with",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
SEALING_STARTED = register(
    "audit.sealing_started", "{actor} started sealing", owasp="sys_monitor_enabled", pci="10.2.1.6"
)
SEALING_STOPPED = register(
    "audit.sealing_stopped", "{actor} stopped sealing", owasp="sys_monitor_disabled", pci="10.2.1.6"
)
SEALING_LATE = register(
    "audit.sealing_late",
    "Nothing has been sealed for {seconds} seconds",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
CHECK_LATE = register(
    "audit.check_late",
    "The audit trail has not been checked for more than a day",
    owasp="sys_monitor_disabled",
    pci="10.2.1.6",
)
SEALING_FAILED = register("audit.sealing_failed", "{actor} could not seal", owasp="sys_crash", pci="10.2.1.6")
EPOCH_OPENED = register(
    "audit.epoch_opened", "{actor} opened a new epoch after a restore", owasp="sys_restart", pci="10.2.1.6"
)
