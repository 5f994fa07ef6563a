"""`manage.py keys_status`: the keys, their states, and how many values stand under each."""

from typing import Any

from django.core.management.base import CommandParser

from crypto import inspection
from crypto.models import DataKey, KeyState
from tenancy import context
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Shows every data key with its version, state, count of encryptions and of stored values."""

    help = "Shows the encryption keys and how many values stand under each."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--organization`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", metavar="SLUG", help="one organization; all of them without it")

    def run(self, **options: Any) -> dict[str, Any]:
        """Return the keys of every organization asked for."""
        versions: list[dict[str, Any]] = []
        per_version: dict[str, dict[str, int]] = {}
        pending = 0
        for tenant in self.organizations(options["organization"]):
            with context.scope(context.Scope(tenant.pk)):
                rows, counts = inspection.data_keys(), inspection.values_per_key()
            for row in rows:
                versions.append(_describe(tenant.slug, row))
                place = per_version.setdefault(f"{tenant.slug}/{row.purpose}", {})
                place[str(row.version)] = counts[row.pk]
                pending += counts[row.pk] if row.state != KeyState.PRIMARY else 0
        return {"versions": versions, "records_per_version": per_version, "pending": pending}

    def show(self, result: dict[str, Any]) -> None:
        """Print one line a key."""
        for key in result["versions"]:
            values = result["records_per_version"][f"{key['organization']}/{key['purpose']}"][
                str(key["version"])
            ]
            self.stdout.write(
                f"{key['organization']:20} {key['purpose']:12} version {key['version']:<3} {key['state']:10} "
                f"{values:>10} values  {key['encryptions']:>12} encryptions"
            )
        self.stdout.write(f"{result['pending']} values wait for a rotation to finish.")


def _describe(slug: str, row: DataKey) -> dict[str, Any]:
    return {
        "organization": slug,
        "purpose": row.purpose,
        "version": row.version,
        "state": row.state,
        "encryptions": row.encryptions,
        "created_at": row.created_at.isoformat(),
        "retired_at": row.retired_at.isoformat() if row.retired_at else None,
    }
