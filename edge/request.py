"""What the doorway adds to a request."""

from collections.abc import Callable
from uuid import UUID

from django.http import HttpRequest, HttpResponseBase

from accounts.models import ApiKey, Membership, PortalAccess, Session, User
from accounts.permissions import Permission
from core.actor import Actor
from core.errors import Refusal
from edge.doors import Door
from tenancy.models import Tenant


class Request(HttpRequest):
    """A request that has passed the doorway.

    Never made: Django makes requests, the doorway fills these in. Views name this type.
    """

    request_id: UUID
    door: Door
    actor: Actor
    tenant: Tenant | None
    member: Membership | None
    portal_access: PortalAccess | None
    person: User | None
    session_row: Session | None
    api_key: ApiKey | None
    permissions: frozenset[Permission]
    # What grants open to a member whose role sees less; and the limit this request is under, None without one.
    opened_customers: frozenset[UUID]
    granted_customers: frozenset[UUID] | None
    network: str
    # What the visitor chose at the foot of a page, and what their browser asks for (edge.language); empty for none.
    language_chosen: str
    language_asked: str
    limit_left: int | None
    refusal: Refusal | None
    failure: Exception | None
    recorded: bool
    # What is done once the transaction has committed, outside any: a call to somebody else's system. It opens its
    # own scopes and makes the answer.
    afterwards: Callable[[], HttpResponseBase] | None
