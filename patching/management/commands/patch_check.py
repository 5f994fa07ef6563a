"""`manage.py patch_check`: what runs here, held against what is known. The daily task does the same."""

from typing import Any

from core import clock
from patching import queries, services
from patching.models import Finding
from patching.rules import State
from tenancy.commands import StrongboxCommand
from tenancy.context import Scope, scope


class Command(StrongboxCommand):
    """Fails unless everything is known to be clean: silence is no all-clear."""

    help = "Look at every component for known weaknesses; fails when one is open, or when nobody can say."

    def run(self, **options: Any) -> dict[str, Any]:
        """Look, keep what was seen, and return it."""
        row = services.check(actor=self.actor, now=clock.now)
        with scope(Scope(queries.operator_id())):
            found = list(queries.findings().exclude(status=Finding.Status.FIXED))
        return {
            "state": row.state,
            "source": row.source,
            "source_at": row.source_at,
            "reasons": row.reasons,
            "components": row.components,
            "unknown": row.unknown,
            "findings": [
                {
                    "component": one.component.name,
                    "kind": one.component.kind,
                    "version": one.version,
                    "id": one.advisory,
                    "aliases": one.aliases,
                    "severity": one.severity,
                    "known_exploited": one.known_exploited,
                    "status": one.status,
                    "due_on": one.due_on.isoformat(),
                    "fixed_in": one.safe_version,
                }
                for one in found
            ],
            "end_of_life": row.series,
            "failed": row.state != State.CLEAN,
        }

    def show(self, result: dict[str, Any]) -> None:
        """Print a line a finding."""
        self.stdout.write(
            f"{result['components']} components: {result['state']} (source: {result['source']})"
        )
        for why in result["reasons"]:
            self.stdout.write(f"  not known because: {why}")
        for one in result["findings"]:
            mended = f", mended in {one['fixed_in']}" if one["fixed_in"] else ", not mended yet"
            self.stdout.write(
                f"  {one['id']} {one['severity']} in {one['component']} {one['version']}{mended}: "
                f"{one['status']}, due {one['due_on']}"
            )
