"""What training leaves in the audit trail."""

from audit.events import register

ASSIGNED = register("training.assigned", "{subject} was assigned: {course}, {why}", owasp="sensitive_create")
STARTED = register("training.started", "{actor} began {course} ({subject})", owasp="sensitive_update")
FAILED = register(
    "training.failed",
    "{actor} did not pass {course} ({subject}): {right} of {asked}",
    owasp="sensitive_update",
)
COMPLETED = register(
    "training.completed", "{actor} passed {course} ({subject}): {right} of {asked}", owasp="sensitive_create"
)
OVERDUE = register("training.overdue", "{subject} is overdue: {course}", owasp="sensitive_update")
WITHHELD = register(
    "training.withheld",
    "Rights of {subject} wait for overdue training: {rights}",
    owasp="privilege_permissions_changed",
    pci="10.2.1.5",
)
RETURNED = register(
    "training.returned",
    "Rights of {subject} that waited for training came back: {rights}",
    owasp="privilege_permissions_changed",
    pci="10.2.1.5",
)
DROPPED = register("training.dropped", "{subject} is no duty any more: {course}", owasp="sensitive_update")
EXTENDED = register(
    "training.extended", "{actor} gave more time for {subject}: {days} days", owasp="sensitive_update"
)
TRIES_GIVEN = register(
    "training.tries_given", "{actor} gave more tries for {subject}", owasp="sensitive_update"
)
EXCUSED = register("training.excused", "{actor} excused {subject} from {course}", owasp="sensitive_update")
REMINDED = register(
    "training.reminded", "{subject} was reminded of training: {stage}", owasp="sensitive_read"
)
POLICY_CHANGED = register(
    "training.policy_changed", "{actor} changed how training is asked for", owasp="sensitive_update"
)
DUTY_CHANGED = register(
    "training.duty_changed", "{actor} changed whose duty {course} is", owasp="authz_change", pci="10.2.1.5"
)
MODULE_WRITTEN = register(
    "training.module_written", "{actor} wrote module {subject}", owasp="sensitive_update"
)
MODULE_PUBLISHED = register(
    "training.module_published",
    "{actor} published module {subject}, version {version}",
    owasp="sensitive_update",
)
MODULE_RETIRED = register(
    "training.module_retired", "{actor} retired module {subject}", owasp="sensitive_update"
)
READ = register("training.read", "{actor} looked at how training stands", owasp="sensitive_read")
CERTIFICATE_OPENED = register(
    "training.certificate_opened", "{actor} opened certificate {subject}", owasp="sensitive_read"
)
CERTIFICATE_VERIFIED = register(
    "training.certificate_verified", "Certificate {subject} was checked by its code", owasp="sensitive_read"
)
CERTIFICATE_REFUSED = register(
    "training.certificate_refused", "A code was checked that is on no certificate", owasp="authz_fail"
)
MESSAGE_REPORTED = register(
    "training.message_reported", "{actor} reported a suspicious message: {subject}", owasp="sensitive_create"
)
MESSAGE_READ = register(
    "training.message_read", "{actor} read a reported message: {subject}", owasp="sensitive_read"
)
MESSAGE_HANDLED = register(
    "training.message_handled", "{actor} decided about message {subject}: {verdict}", owasp="sensitive_update"
)
PRACTICE_PLANNED = register(
    "training.practice_planned", "{actor} planned phishing practice {subject}", owasp="sensitive_create"
)
PRACTICE_RELEASED = register(
    "training.practice_released",
    "{actor} released phishing practice {subject}: {people} people",
    owasp="sensitive_update",
)
PRACTICE_DROPPED = register(
    "training.practice_dropped", "Phishing practice {subject} was not released", owasp="sensitive_update"
)
PRACTICE_STOPPED = register(
    "training.practice_stopped", "{actor} stopped phishing practice {subject}", owasp="sensitive_update"
)
PRACTICE_ENDED = register(
    "training.practice_ended", "Phishing practice {subject} ended", owasp="sensitive_update"
)
PRACTICE_SENT = register(
    "training.practice_sent", "Practice mail {subject} was sent", owasp="sensitive_create"
)
PRACTICE_SPARED = register(
    "training.practice_spared", "Practice mail {subject} was not sent: {why}", owasp="sensitive_update"
)
PRACTICE_FETCHED = register(
    "training.practice_fetched", "The link of practice mail {subject} was fetched", owasp="sensitive_read"
)
PRACTICE_CLICKED = register(
    "training.practice_clicked", "The link of practice mail {subject} was opened", owasp="sensitive_update"
)
PRACTICE_TYPED = register(
    "training.practice_typed",
    "Something was typed on the page of practice mail {subject}; it never left that page",
    owasp="sensitive_update",
)
PRACTICE_REPORTED = register(
    "training.practice_reported",
    "{actor} saw through a mail of phishing practice {subject}",
    owasp="sensitive_update",
)
PRACTICE_CREDITED = register(
    "training.practice_credited",
    "{actor} noted that a mail of phishing practice {subject} was reported",
    owasp="sensitive_update",
)
PRACTICE_LEARNED = register(
    "training.practice_learned", "A lesson of phishing practice {subject} was read", owasp="sensitive_update"
)
PRACTICE_READ = register(
    "training.practice_read", "{actor} looked at phishing practice {subject}", owasp="sensitive_read"
)
PRACTICE_PEOPLE_READ = register(
    "training.practice_people_read",
    "{actor} looked at who did what in phishing practice {subject}",
    owasp="sensitive_read",
)
PRACTICE_REFUSED = register(
    "training.practice_refused", "The link of a practice mail was refused", owasp="authz_fail"
)
