"""Storage: people and their sign-in (global), roles, keys, approvals and lists (of one organization)."""

from accounts.lists.models import ListColumns, SavedView, Selection
from accounts.models.access import ApiKey, Invitation, Membership, PortalAccess, Role
from accounts.models.approvals import ApprovalRequest
from accounts.models.factors import PasskeyCredential, RecoveryCode, TotpDevice
from accounts.models.fielddiffs import FieldDiff
from accounts.models.people import RecoveryToken, Session, User

__all__ = [
    "ApiKey",
    "ApprovalRequest",
    "FieldDiff",
    "Invitation",
    "ListColumns",
    "Membership",
    "PasskeyCredential",
    "PortalAccess",
    "RecoveryCode",
    "RecoveryToken",
    "Role",
    "SavedView",
    "Selection",
    "Session",
    "TotpDevice",
    "User",
]
