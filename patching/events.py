"""What patching leaves in the audit trail: in the operator's own, since the software is everybody's."""

from audit.events import register

PATCH_CHECKED = register(
    "patch.checked", "{actor} looked at what runs here and found it {state}", owasp="sensitive_read"
)
CHECK_ASKED = register(
    "patch.check_asked", "{actor} asked for a look at what runs here", owasp="sensitive_create"
)
FINDING_FOUND = register(
    "patch.finding_found", "{actor} found weakness {advisory}, due {due_on}", owasp="sensitive_create"
)
FINDING_DUE = register(
    "patch.finding_due", "Weakness {advisory} was to be gone by {due_on}", owasp="sequence_fail"
)
FINDING_FIXED = register(
    "patch.finding_fixed", "{actor} found weakness {advisory} gone", owasp="sensitive_update"
)
PATCH_PREPARED = register(
    "patch.prepared",
    "{actor} prepared new requirements that change {changes} packages; tests: {tests}",
    owasp="sensitive_create",
)
PATCH_ACCEPTED = register(
    "patch.accepted", "{actor} agreed to live with {subject} until {until}", owasp="sensitive_update"
)
ACCEPTANCE_ENDED = register(
    "patch.acceptance_ended", "Living with {subject} has come to its end", owasp="sensitive_update"
)
FEED_STALE = register(
    "patch.feed_stale", "Nobody can say what is known of weaknesses: {why}", owasp="sys_monitor_disabled"
)
END_OF_LIFE_NEAR = register(
    "patch.end_of_life_near", "{series} is mended until {ends_on} only", owasp="sequence_fail"
)
BUNDLE_IMPORTED = register(
    "patch.bundle_imported", "{actor} took in {advisories} advisories", owasp="upload_complete"
)
BUNDLE_REFUSED = register(
    "patch.bundle_refused", "{actor} brought advisories that were refused: {code}", owasp="upload_validation"
)
PATCH_READ = register("patch.read", "{actor} read what runs here", owasp="sensitive_read", pci="10.2.1.1")
SBOM_MADE = register("patch.sbom_made", "{actor} took the list of what runs here", owasp="sensitive_read")
EVIDENCE_READ = register(
    "patch.evidence_read", "{actor} read how current the software is kept", owasp="sensitive_read"
)
