"""`manage.py card_scan`: looks for card numbers in everything that is stored."""

from typing import Any

from django.core.management.base import CommandParser

from core import clock
from payments.cards import scan
from tenancy.commands import StrongboxCommand
from tenancy.models import Tenant

_SHOWN = 100


class Command(StrongboxCommand):
    """Fails when anything that is stored looks like a card number."""

    help = "Looks for card numbers in rows, files, cache and queue; fails when one is found."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--organization`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", metavar="SLUG", help="one organization; all of them without it")

    def run(self, **options: Any) -> dict[str, Any]:
        """Return what was looked at and where something was found; sealed organizations are named apart."""
        total = scan.Scan()
        sealed: list[str] = []
        for tenant in self.organizations(options["organization"]):
            if tenant.state == Tenant.State.SEALED:
                sealed.append(tenant.slug)
                continue
            found = scan.run(tenant_id=tenant.pk, actor=self.actor, now=clock.now)
            total.tables, total.shared = max(total.tables, found.tables), max(total.shared, found.shared)
            for name in ("values", "files", "unread"):
                setattr(total, name, getattr(total, name) + getattr(found, name))
            total.found += found.found
        return {
            "tables": total.tables,
            "values": total.values,
            "files": total.files,
            "unread": total.unread,
            "shared": total.shared,
            "sealed": sealed,
            "errors": [{"place": each.place, "row": str(each.row or "")} for each in total.found[:_SHOWN]],
        }
