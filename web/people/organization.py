"""What every page about people asks of the request, once it has passed the gate."""

from accounts import permissions as authority
from accounts import queries
from accounts.models import Membership, Role
from accounts.permissions import Permission
from edge.request import Request
from tenancy.models import Tenant


def tenant_of(request: Request) -> Tenant:
    """Return the organization whose page this is."""
    assert request.tenant is not None  # noqa: S101  the doorway named it before the gate opened
    return request.tenant


def me(request: Request) -> Membership:
    """Return the membership of whoever asks."""
    assert request.member is not None  # noqa: S101  as above
    return request.member


def of_operator(request: Request) -> bool:
    """Say whether this is the operator's own organization."""
    return tenant_of(request).kind == Tenant.Kind.OPERATOR


def is_fresh(request: Request, permission: Permission) -> bool:
    """Say whether a right that needs a fresh factor is open at this moment."""
    return permission in authority.usable(request.actor.method, request.permissions)


def grantable_roles(request: Request) -> list[Role]:
    """List the roles that whoever asks could give: no right and no limit beyond their own."""
    ceilings = me(request).role.ceilings
    operator = of_operator(request)
    return [
        role
        for role in queries.roles()
        if role.permissions(of_operator=operator) <= request.permissions
        and all(value <= ceilings.get(limit, 0) for limit, value in role.ceilings.items())
    ]
