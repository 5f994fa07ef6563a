"""The API authenticates nobody: `edge` has done so before the view, and this hands REST framework the result.

Promise kept: a view is reached only when the gate's own decision says so. It is asked again here, so that a
view routed past the gate's middleware stays shut instead of standing open.
"""

from typing import TYPE_CHECKING, cast

from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey
from core.actor import Actor, ActorKind
from edge import gate
from edge.request import Request as EdgeRequest

if TYPE_CHECKING:  # REST framework's views import this module while they are imported
    from rest_framework.views import APIView


def edge_request(request: Request) -> EdgeRequest:
    """Return the request as the doorway filled it in."""
    return cast(EdgeRequest, request._request)


class EdgeAuthentication(BaseAuthentication):
    """Repeats what the doorway has established; without it there is nobody."""

    def authenticate(self, request: Request) -> tuple[Actor, ApiKey | None] | None:
        """Return the actor and the key, or None for a stranger."""
        inner = edge_request(request)
        actor: Actor | None = getattr(inner, "actor", None)
        if actor is None or actor.kind is ActorKind.STRANGER:
            return None
        return actor, inner.api_key

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme of a 401 (RFC 9110, 11.6.1)."""
        return 'Bearer realm="strongbox"'


class GateHasDecided(BasePermission):
    """Allows what the gate allows, and nothing else."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Ask the gate about this view and method.

        Raises:
            Refusal: whatever the gate says.
        """
        inner = edge_request(request)
        if getattr(inner, "actor", None) is None:
            return False
        gate.decide(inner, gate.rule_for(type(view), request.method or ""))
        return True
