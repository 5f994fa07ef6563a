"""The reference page of audit events, made from the registry (ASVS 16.1.1)."""

from audit.events import REGISTRY

_HEAD = """# Audit events

Every kind of event the trail can hold, made from the registry by `./manage.py audit_events --write`; a test
keeps this page equal to it. Sentences are filled with actor, subject and facts of the event; values
never stand in an event. Classes: the OWASP Logging Vocabulary, and requirement 10.2.1 of PCI DSS 4.0.1.

| code | sentence | operation | OWASP class | PCI DSS |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page as Markdown, sorted by code."""
    rows = (
        f"| `{code}` | {event.sentence} | {event.operation} | {event.owasp} | {event.pci} |\n"
        for code, event in sorted(REGISTRY.items())
    )
    return _HEAD + "".join(rows)
