"""A customer who is signed in to the portal, with a second factor."""

from uuid import UUID

from django.conf import settings

from accounts.services.sessions import Origin
from tenancy.context import Scope, scope
from tests.make import accounts as make


def signed_in(tenant: UUID, customer: UUID, *, url: str = "", name: str = "Paula Payer") -> dict[str, str]:
    """Open a customer's portal to somebody and sign them in; returns their cookie."""
    with scope(Scope(tenant)):
        access = make.portal_access(customer, user=make.person(name=name))
    with scope(Scope(user=access.user_id)):
        origin = Origin(network=make.network(), address="192.0.2.11", device="Firefox on Linux")
        opened = make.session(access.user, origin=origin)
        make.change(opened.session, tenant_id=tenant)
    return {"name": settings.SESSION_COOKIE_NAME, "value": opened.raw_key, "url": url}
