"""Whether somebody may open an address, by what its own view declares: the search offers nothing else."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.urls import resolve, reverse

from accounts.permissions import Permission
from core.errors import Refusal, StepUpRequired
from edge import gate
from edge.access import Granted, Needs, Own, rules_of
from edge.request import Request


@dataclass(frozen=True, slots=True)
class Reach:
    """What somebody may read: all, or only what belongs to these customers."""

    within: Collection[UUID] | None = None

    def opens(self, customer_id: UUID | None) -> bool:
        """Tell whether a record of a customer, or of none, may be read."""
        return self.within is None or customer_id in self.within


def of_permission(request: Request, permission: Permission, *, granted: bool = False) -> Reach | None:
    """Return how far a permission reaches, by role or by grants; None where it opens nothing."""
    return _of(request, Granted(permission) if granted else Needs(permission))


def of_address(request: Request, url: str) -> Reach | None:
    """Return how far the rule of the view behind an address reaches; None where it refuses."""
    rules = rules_of(resolve(url.partition("?")[0]).func) or {}
    rule = rules.get("GET")
    return None if rule is None else _of(request, rule)


def address(route: str, slug: str, *args: str) -> str:
    """Return the address of a page; the installation's own stand under no organization."""
    return reverse(route, args=args if route.startswith(("ops_", "me:")) else (slug, *args))


def _of(request: Request, rule: object) -> Reach | None:
    assert isinstance(rule, Needs | Granted | Own)  # noqa: S101  what staff pages declare
    try:
        gate.decide(request, rule)
    except StepUpRequired:
        # Whoever opens it confirms on the way that it is they.
        return Reach()
    except Refusal:
        return None
    limited = isinstance(rule, Granted) and rule.permission not in request.permissions
    return Reach(request.granted_customers if limited else None)
