"""What compliance leaves in the audit trail."""

from audit.events import register

# --- Controls ---------------------------------------------------------------------------------------

CONTROL_RAN = register("control.ran", "{actor} ran {controls} controls", owasp="sys_monitor_enabled")
CONTROL_REGRESSED = register(
    "control.regressed", "Control {control} was passing and is {state}", owasp="sys_monitor_disabled"
)
CONTROL_RECOVERED = register(
    "control.recovered", "Control {control} is {state} again", owasp="sys_monitor_enabled"
)
CONTROL_STALE = register(
    "control.stale", "Control {control} has not been checked in time", owasp="sys_monitor_disabled"
)
CONTROLS_READ = register("control.read", "{actor} looked at controls", owasp="sensitive_read")
RUN_ASKED = register("control.run_asked", "{actor} had controls run", owasp="sensitive_update")
EXCEPTION_ASKED = register(
    "exception.asked", "{actor} asked to except control {control}", owasp="sensitive_create"
)
EXCEPTION_GRANTED = register(
    "exception.granted", "{actor} excepted control {control} until {until}", owasp="sensitive_create"
)
EXCEPTION_DECLINED = register(
    "exception.declined", "Nobody agreed to except control {control}", owasp="sensitive_update"
)
EXCEPTION_ENDED = register(
    "exception.ended", "The exception of control {control} ended: {why}", owasp="sensitive_update"
)

# --- Evidence and packs -----------------------------------------------------------------------------

EVIDENCE_ADDED = register(
    "evidence.added", "{actor} added evidence {subject} for {control}", owasp="sensitive_create"
)
EVIDENCE_WITHDRAWN = register(
    "evidence.withdrawn", "{actor} withdrew evidence {subject}", owasp="sensitive_delete"
)
EVIDENCE_READ = register("evidence.read", "{actor} looked at evidence", owasp="sensitive_read")
EVIDENCE_EXPIRED = register(
    "evidence.expired", "Evidence {subject} for {control} is out of date", owasp="sensitive_update"
)
PACK_MADE = register(
    "pack.made", "{actor} made evidence pack {subject} of {framework}", owasp="sensitive_create"
)
PACK_READ = register("pack.read", "{actor} took evidence pack {subject} out", owasp="sensitive_read")

# --- Auditors ---------------------------------------------------------------------------------------

AUDITOR_INVITED = register(
    "auditor.invited",
    "{actor} invited an auditor for {frameworks} frameworks until {until}",
    owasp="user_created",
    pci="10.2.1.5",
)
AUDITOR_ENDED = register(
    "auditor.ended", "{actor} ended the visit of an auditor", owasp="user_archived", pci="10.2.1.5"
)

# --- Reviews of access ------------------------------------------------------------------------------

REVIEW_BEGUN = register(
    "access_review.begun",
    "{actor} began to review {lines} accesses, due on {due_on}",
    owasp="sensitive_create",
    pci="10.2.1.2",
)
REVIEW_DECIDED = register(
    "access_review.decided", "{actor} decided on {subject}: {decision}", owasp="authz_admin", pci="10.2.1.5"
)
REVIEW_REFUSED = register(
    "access_review.refused",
    "{actor} could not decide on {subject}: {why}",
    owasp="authz_fail",
    pci="10.2.1.4",
)
REVIEW_SIGNED = register(
    "access_review.signed",
    "{actor} signed the review of access: {kept} kept, {withdrawn} withdrawn",
    owasp="sensitive_update",
    pci="10.2.1.2",
)
REVIEW_REMINDED = register(
    "access_review.reminded", "{people} people were reminded of {subject}: {stage}", owasp="sensitive_update"
)
REVIEW_READ = register("access_review.read", "{actor} looked at reviews of access", owasp="sensitive_read")

# --- People's own data ------------------------------------------------------------------------------

SUBJECT_READ = register(
    "subject.read", "{actor} looked at where {subject} is held", owasp="sensitive_read", pci="10.2.1.1"
)
SUBJECT_EXPORTED = register(
    "subject.exported", "{actor} collected everything about {subject}", owasp="sensitive_read", pci="10.2.1.1"
)
SUBJECT_ERASED = register(
    "subject.erased", "{actor} erased {subject}", owasp="sensitive_delete", pci="10.2.1.7"
)

REQUEST_OPENED = register(
    "privacy_request.opened", "{actor} took in privacy request {subject}: {kind}", owasp="sensitive_create"
)
REQUEST_VERIFIED = register(
    "privacy_request.verified", "{actor} established who asks in {subject}", owasp="sensitive_update"
)
REQUEST_EXTENDED = register(
    "privacy_request.extended", "{actor} took more time for {subject}", owasp="sensitive_update"
)
REQUEST_DUE_SOON = register(
    "privacy_request.due_soon", "{subject} must be answered by {due_on}", owasp="sensitive_update"
)
WORDS_SEARCHED = register(
    "privacy_request.words_searched",
    "{actor} searched typed words for whoever {subject} is about: {found} found",
    owasp="sensitive_read",
    pci="10.2.1.1",
)
WORDS_REDACTED = register(
    "subject.words_redacted", "{actor} took a person out of words in {table}", owasp="sensitive_update"
)
WORDS_KEPT = register(
    "subject.words_kept", "{actor} kept words about a person in {table}: {why}", owasp="sensitive_update"
)
REQUEST_ANSWERED = register(
    "privacy_request.answered", "{actor} answered privacy request {subject}", owasp="sensitive_update"
)
REQUEST_REFUSED = register(
    "privacy_request.refused",
    "{actor} refused privacy request {subject}: {reason}",
    owasp="sensitive_update",
)
REQUEST_WITHDRAWN = register(
    "privacy_request.withdrawn", "{actor} took privacy request {subject} back", owasp="sensitive_update"
)
REQUEST_READ = register(
    "privacy_request.read", "{actor} read privacy requests", owasp="sensitive_read", pci="10.2.1.1"
)

HOLD_PLACED = register("hold.placed", "{actor} placed legal hold {hold}", owasp="sensitive_update")
HOLD_LIFTED = register("hold.lifted", "{actor} lifted legal hold {hold}", owasp="sensitive_update")
RETENTION_RAN = register(
    "retention.ran", "{actor} removed {removed} records whose time was over", owasp="sensitive_delete"
)
RETENTION_READ = register("retention.read", "{actor} looked at retention", owasp="sensitive_read")
PROCESSING_READ = register("processing.read", "{actor} read the record of processing", owasp="sensitive_read")
BREACH_OPENED = register("breach.opened", "{actor} entered breach {subject}", owasp="sensitive_create")
BREACH_NOTED = register("breach.noted", "{actor} added to breach {subject}", owasp="sensitive_update")
BREACH_MEASURED = register(
    "breach.measured", "{actor} looked for whom breach {subject} touched: {customers}", owasp="sensitive_read"
)
BREACH_DUE_SOON = register(
    "breach.due_soon", "The authority must be told of {subject} within a day", owasp="sensitive_update"
)
BREACH_CLOSED = register("breach.closed", "{actor} closed breach {subject}", owasp="sensitive_update")
BREACH_READ = register("breach.read", "{actor} read the register of breaches", owasp="sensitive_read")
BREACH_LIST_TAKEN = register(
    "breach.list_taken",
    "{actor} took the list of whom breach {subject} touched",
    owasp="sensitive_read",
    pci="10.2.1.1",
)
ORGANIZATION_CLOSING = register(
    "organization.closing", "{actor} began to close the organization", owasp="authz_admin", pci="10.2.1.2"
)
ORGANIZATION_REOPENED = register(
    "organization.reopened", "{actor} took the closing back", owasp="authz_admin", pci="10.2.1.2"
)
ORGANIZATION_CLOSED = register(
    "organization.closed",
    "{actor} closed the organization: {keys} keys destroyed",
    owasp="sensitive_delete",
    pci="10.2.1.7",
)
