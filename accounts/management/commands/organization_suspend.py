"""`manage.py organization_suspend SLUG --why KIND`."""

from typing import Any

from django.core.management.base import CommandParser

from accounts.services import installation
from core import clock
from tenancy.commands import StrongboxCommand
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tenancy.suspension import REASONS


class Command(StrongboxCommand):
    """Suspends an organization: it does no business; what the law demands of it goes on."""

    help = "Suspends an organization: it does no business; what the law demands of it goes on."
    suspended = True

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the organization's slug and the kind of reason."""
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")
        parser.add_argument("--why", required=True, choices=list(REASONS), help="the kind of reason")

    def run(self, **options: Any) -> dict[str, Any]:
        """Ask for it in the operator's trail, do it, and return how the organization stands."""
        (tenant,) = self.organizations(options["slug"])
        (operator,) = [each for each in self.organizations() if each.kind == Tenant.Kind.OPERATOR]
        what: dict[str, Any] = {"tenant_id": tenant.pk, "suspended": self.suspended, "why": options["why"]}
        with scope(Scope(operator.pk)):
            installation.ask_to_suspend(**what, actor=self.actor)
        installation.suspend(**what, actor=self.actor, at=clock.now())
        return {"organization": tenant.slug, "state": "suspended" if self.suspended else "active"}
