"""Doors whose key is in the address: a pay link, a gateway's hook. The secret names its organization in clear."""

from uuid import UUID

from core.errors import NotFound
from edge import doorway, suspension
from edge.request import Request
from tenancy import context
from tenancy.context import Scope
from tenancy.models import Tenant


def enter(request: Request, tenant_id: UUID) -> Tenant:
    """Narrow a request's scope to the organization its secret names; naming it proves nothing yet.

    The caller looks the secret's row up in that scope, and answers nothing without it. A person who is signed in
    stays named in the scope.

    Raises:
        NotFound: there is no such organization.
        Sealed: its keys are not in memory.
        Suspended: and this door is none of those that go on.
    """
    tenant = Tenant.objects.filter(pk=tenant_id).first()
    if tenant is None:
        raise NotFound
    around = context.current()
    context.narrow(Scope(tenant=tenant.pk, user=around.user if around else None))
    request.tenant = tenant
    doorway.observe(tenant)
    suspension.refuse(request)
    return tenant
