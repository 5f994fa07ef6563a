"""People come in by a link to their address, change roles, and leave.

Promise kept: nobody raises their own rights or gives what they lack; a powerful right needs a second person
as soon as there is one; the last owner stays; whoever is suspended or removed is out from the next request
on, with their sessions in this organization and every key they made.
"""

from accounts.services.members.changes import (
    Changed,
    MembershipOver,
    change_role,
    close_portal,
    end_at,
    end_due,
    reinstate,
    remove,
    set_role,
    suspend,
)
from accounts.services.members.giving import INVITE_KIND, ROLE_KIND, OnlyMembers, RoleGrew
from accounts.services.members.holding import hold_back, locked
from accounts.services.members.invitations import (
    InvitationOfSomebodyElse,
    InvitationOutgrown,
    InvitationRefused,
    Invited,
    Joined,
    MemberAlready,
    MembersHaveNoPortal,
    SignInToAccept,
    accept,
    accept_as,
    invite,
    invite_customer,
    read_invitation,
    send_invitation,
    tenant_of,
    withdraw_invitation,
)

__all__ = [
    "INVITE_KIND",
    "ROLE_KIND",
    "Changed",
    "InvitationOfSomebodyElse",
    "InvitationOutgrown",
    "InvitationRefused",
    "Invited",
    "Joined",
    "MemberAlready",
    "MembersHaveNoPortal",
    "MembershipOver",
    "OnlyMembers",
    "RoleGrew",
    "SignInToAccept",
    "accept",
    "accept_as",
    "change_role",
    "close_portal",
    "end_at",
    "end_due",
    "hold_back",
    "invite",
    "invite_customer",
    "locked",
    "read_invitation",
    "reinstate",
    "remove",
    "send_invitation",
    "set_role",
    "suspend",
    "tenant_of",
    "withdraw_invitation",
]
