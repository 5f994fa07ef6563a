"""Every event of people, keys and roles: sentence, class in the OWASP vocabulary, PCI DSS clause."""

from audit.events import register

SIGNIN_SUCCEEDED = register(
    "signin.succeeded", "{actor} signed in", owasp="authn_login_success", pci="10.2.1.4"
)
SIGNIN_FAILED = register(
    "signin.failed", "Somebody failed to sign in", owasp="authn_login_fail", pci="10.2.1.4"
)
PASSWORD_CHANGED = register(
    "password.changed", "{actor} changed their password", owasp="authn_password_change", pci="10.2.1.5"
)
PASSWORD_CHANGE_REFUSED = register(
    "password.change_refused",
    "{actor} did not know the current password of {subject}",
    owasp="authn_password_change_fail",
    pci="10.2.1.4",
)
RECOVERY_REQUESTED = register(
    "recovery.requested", "A recovery link was sent to {subject}", owasp="authn_token_created", pci="10.2.1.5"
)
RECOVERY_COMPLETED = register(
    "recovery.completed",
    "{subject} set a new password by mail",
    owasp="authn_password_change",
    pci="10.2.1.5",
)
RECOVERY_FAILED = register(
    "recovery.failed", "A recovery link was refused", owasp="authn_password_change_fail", pci="10.2.1.4"
)

MFA_FAILED = register(
    "mfa.failed", "{actor} failed the second factor", owasp="authn_login_fail", pci="10.2.1.4"
)
MFA_REPLAYED = register(
    "mfa.replayed", "A code of {actor} was used a second time", owasp="authn_token_reuse", pci="10.2.1.4"
)
MFA_ENROLLED = register("mfa.enrolled", "{actor} added a factor", owasp="authn_token_created", pci="10.2.1.5")
MFA_REMOVED = register("mfa.removed", "{actor} removed a factor", owasp="authn_token_delete", pci="10.2.1.5")
RECOVERY_CODES_MADE = register(
    "mfa.recovery_codes_made", "{actor} made new recovery codes", owasp="authn_token_created", pci="10.2.1.5"
)
RECOVERY_CODE_USED = register(
    "mfa.recovery_code_used",
    "{actor} used a recovery code",
    owasp="authn_login_successafterfail",
    pci="10.2.1.5",
)
STEPPED_UP = register(
    "session.stepped_up", "{actor} confirmed it is them", owasp="session_renewed", pci="10.2.1.5"
)

SESSION_SWITCHED = register(
    "session.switched", "{actor} opened this organization", owasp="session_renewed", pci="10.2.1.5"
)
SESSION_ENDED = register("session.ended", "{actor} signed out", owasp="session_logout", pci="10.2.1.5")
SESSION_REVOKED = register(
    "session.revoked", "{actor} ended sessions of {subject}", owasp="session_expired", pci="10.2.1.5"
)

ORGANIZATION_CREATED = register(
    "organization.created", "{actor} created organization {subject}", owasp="user_created", pci="10.2.1.5"
)
# What the operator has done; that it was done stands in the organization's own trail as well.
FOUNDING_ASKED = register(
    "operator.founding_asked",
    "{actor} had organization {slug} founded",
    owasp="authz_admin",
    pci="10.2.1.2",
)
SEALING_ASKED = register(
    "operator.sealing_asked", "{actor} had {subject} sealed: {why}", owasp="authz_admin", pci="10.2.1.2"
)
UNSEALING_ASKED = register(
    "operator.unsealing_asked", "{actor} had {subject} unsealed: {why}", owasp="authz_admin", pci="10.2.1.2"
)
SUSPENSION_ASKED = register(
    "operator.suspension_asked", "{actor} had {subject} suspended: {why}", owasp="authz_admin", pci="10.2.1.2"
)
RESUMPTION_ASKED = register(
    "operator.resumption_asked",
    "{actor} had {subject} work again: {why}",
    owasp="authz_admin",
    pci="10.2.1.2",
)
ORGANIZATION_SUSPENDED = register(
    "organization.suspended",
    "{actor} suspended the organization: {why}",
    owasp="authz_admin",
    pci="10.2.1.2",
)
ORGANIZATION_RESUMED = register(
    "organization.resumed",
    "{actor} let the organization work again: {why}",
    owasp="authz_admin",
    pci="10.2.1.2",
)
ORGANIZATIONS_READ = register(
    "operator.organizations_read", "{actor} looked at the organizations", owasp="sensitive_read"
)
MEMBER_INVITED = register(
    "member.invited", "{actor} invited a person as {role}", owasp="user_created", pci="10.2.1.5"
)
INVITATION_WITHDRAWN = register(
    "member.invitation_withdrawn", "{actor} withdrew an invitation", owasp="user_deleted", pci="10.2.1.5"
)
INVITATION_REFUSED = register(
    "member.invitation_refused", "An invitation was refused", owasp="authz_fail", pci="10.2.1.4"
)
MEMBER_JOINED = register("member.joined", "{actor} joined as {role}", owasp="user_created", pci="10.2.1.5")
MEMBER_ROLE_CHANGED = register(
    "member.role_changed",
    "{actor} gave {subject} the role {role}",
    owasp="privilege_permissions_changed",
    pci="10.2.1.5",
)
MEMBER_SUSPENDED = register(
    "member.suspended", "{actor} suspended {subject}", owasp="user_updated", pci="10.2.1.5"
)
MEMBER_REINSTATED = register(
    "member.reinstated", "{actor} let {subject} back in", owasp="user_updated", pci="10.2.1.5"
)
MEMBER_REMINDED = register(
    "member.reminded",
    "{actor} reminded {subject} to set up a second factor",
    owasp="user_updated",
    pci="10.2.1.5",
)
MEMBER_REMOVED = register("member.removed", "{actor} removed {subject}", owasp="user_deleted", pci="10.2.1.5")
MEMBER_ENDS = register(
    "member.ends",
    "{actor} lets the membership of {subject} end on {on}",
    owasp="user_updated",
    pci="10.2.1.5",
)
MEMBER_ENDED = register(
    "member.ended", "The membership of {subject} ended by itself", owasp="user_deleted", pci="10.2.1.5"
)
PORTAL_OPENED = register(
    "portal.access_given",
    "{actor} opened the portal of {subject} to a person",
    owasp="authz_change",
    pci="10.2.1.5",
)
PORTAL_CLOSED = register(
    "portal.access_ended",
    "{actor} closed the portal of {subject} to a person",
    owasp="authz_change",
    pci="10.2.1.5",
)

APPROVAL_REFUSED = register(
    "approval.refused",
    "{actor} could not carry out {subject}: the role gives more now than was asked for",
    owasp="authz_fail",
    pci="10.2.1.4",
)
ROLE_CREATED = register(
    "role.created", "{actor} created role {subject}", owasp="privilege_permissions_changed", pci="10.2.1.5"
)
ROLE_CHANGED = register(
    "role.changed", "{actor} changed role {subject}", owasp="privilege_permissions_changed", pci="10.2.1.5"
)
ROLE_REMOVED = register(
    "role.removed", "{actor} removed role {subject}", owasp="privilege_permissions_changed", pci="10.2.1.5"
)
OBJECT_GRANTED = register(
    "grant.given", "{actor} opened {subject} to a member", owasp="authz_change", pci="10.2.1.5"
)
OBJECT_GRANT_ENDED = register(
    "grant.ended", "{actor} closed {subject} to a member", owasp="authz_change", pci="10.2.1.5"
)

APIKEY_CREATED = register(
    "apikey.created", "{actor} created an API key", owasp="authn_token_created", pci="10.2.1.5"
)
APIKEY_ROTATED = register(
    "apikey.rotated", "{actor} rotated an API key", owasp="authn_token_created", pci="10.2.1.5"
)
APIKEY_REVOKED = register(
    "apikey.revoked", "{actor} revoked an API key", owasp="authn_token_revoked", pci="10.2.1.5"
)

APPROVAL_REQUESTED = register(
    "approval.requested", "{actor} asked for an approval: {kind}", owasp="authz_admin", pci="10.2.1.2"
)
APPROVAL_APPROVED = register(
    "approval.approved", "{actor} approved: {kind}", owasp="authz_admin", pci="10.2.1.2"
)
APPROVAL_DECLINED = register(
    "approval.declined", "{actor} declined: {kind}", owasp="authz_admin", pci="10.2.1.2"
)
APPROVAL_WITHDRAWN = register(
    "approval.withdrawn", "{actor} withdrew a request: {kind}", owasp="authz_admin", pci="10.2.1.2"
)
APPROVAL_EXPIRED = register(
    "approval.expired", "Nobody decided in time: {kind}", owasp="authz_admin", pci="10.2.1.2"
)

MEMBERS_READ = register("member.read", "{actor} read members", owasp="sensitive_read", pci="10.2.1.1")
SESSIONS_READ = register(
    "session.read", "{actor} read who is signed in", owasp="sensitive_read", pci="10.2.1.1"
)
APPROVALS_READ = register(
    "approval.read", "{actor} read requests for approval", owasp="sensitive_read", pci="10.2.1.1"
)
APIKEYS_READ = register("apikey.read", "{actor} read API keys", owasp="sensitive_read", pci="10.2.1.1")
OWN_ACTIVITY_READ = register(
    "activity.read", "{actor} read their own activity", owasp="sensitive_read", pci="10.2.1.3"
)
PROFILE_CHANGED = register("profile.changed", "{actor} changed their profile", owasp="user_updated")
RETENTION_ENDED = register(
    "signin.retention_ended",
    "{actor} removed sign-in records whose retention has ended",
    owasp="sensitive_delete",
    pci="10.2.1.7",
)

VIEW_SAVED = register(
    "view.saved", "{actor} saved a view of a list", owasp="sensitive_create", pci="10.2.1.7"
)
VIEW_CHANGED = register(
    "view.changed", "{actor} changed a view of a list", owasp="sensitive_update", pci="10.2.1.7"
)
VIEW_DELETED = register(
    "view.deleted", "{actor} deleted a view of a list", owasp="sensitive_delete", pci="10.2.1.7"
)
COLUMNS_CHOSEN = register(
    "list.columns_chosen", "{actor} arranged the columns of a list", owasp="sensitive_update", pci="10.2.1.7"
)
ROWS_CHOSEN = register(
    "list.rows_chosen", "{actor} chose {count} rows of a list: {act}", owasp="sensitive_read", pci="10.2.1.1"
)
