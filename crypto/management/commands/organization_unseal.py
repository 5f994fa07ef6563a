"""`manage.py organization_unseal SLUG`: lets its keys be used again."""

from typing import Any

from django.core.management.base import CommandParser

from crypto import services
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Unseals an organization: its keys may be used again."""

    help = "Unseals an organization."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the organization's slug."""
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG")

    def run(self, **options: Any) -> dict[str, Any]:
        """Unseal it and return its state."""
        (tenant,) = self.organizations(options["slug"])
        services.unseal_organization(tenant_id=tenant.pk, actor=self.actor)
        return {"organization": tenant.slug, "state": "active"}
