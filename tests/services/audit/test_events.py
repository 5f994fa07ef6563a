"""The registry: one code, one meaning, known classes, and a reference page made from it."""

from pathlib import Path

import pytest

from audit import events, reference

HOME = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def restored():
    before = dict(events.REGISTRY)
    yield
    events.REGISTRY.clear()
    events.REGISTRY.update(before)


def test_a_code_is_taken_once():
    with pytest.raises(events.DuplicateEvent, match=r"audit\.read"):
        events.register("audit.read", "{actor} again", owasp="sensitive_read")


@pytest.mark.parametrize("code", ["read", "Audit.read", "audit read", "audit.", "a" * 40 + "." + "b" * 40])
def test_a_code_is_noun_and_verb(code):
    with pytest.raises(events.MalformedEvent):
        events.register(code, "{actor}", owasp="sensitive_read")


def test_the_vocabularies_are_closed():
    with pytest.raises(events.MalformedEvent, match="OWASP"):
        events.register("thing.done", "{actor}", owasp="something_else")
    with pytest.raises(events.MalformedEvent, match="PCI"):
        events.register("thing.done", "{actor}", owasp="sensitive_read", pci="10.2.1.9")
    with pytest.raises(events.MalformedEvent, match="placeholder"):
        events.register("thing.done", "{actor.name}", owasp="sensitive_read")
    assert "thing.done" not in events.REGISTRY


def test_a_code_whose_type_is_gone_still_has_a_sentence():
    assert events.of("old.thing").sentence == "{actor}: old.thing"
    assert events.of("audit.read") is events.AUDIT_READ


@pytest.mark.parametrize(
    ("owasp", "operation"),
    [
        ("authn_login_fail", "authentication"),
        ("session_created", "authentication"),
        ("authz_fail", "authorization"),
        ("sensitive_read", "access"),
        ("sensitive_update", "modify"),
        ("sensitive_delete", "remove"),
        ("malicious_csrf", "attack"),
        ("crypt_decrypt_fail", "cryptography"),
        ("sys_crash", "system"),
    ],
)
def test_the_operation_follows_from_the_class(owasp, operation):
    assert events.EventType("a.b", "", owasp).operation == operation


def test_the_reference_page_matches_the_registry():
    assert (HOME / "docs/reference/audit-events.md").read_text() == reference.page()
