"""`manage.py controls_run`: runs the live controls now, and says which do not pass."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from compliance.controls import queries, registry, running
from compliance.controls.rules import Standing
from core import clock
from tenancy import context
from tenancy.commands import StrongboxCommand

_BAD = (Standing.FAILING, Standing.UNKNOWN, Standing.STALE)


class Command(StrongboxCommand):
    """Runs the controls of one organization and prints each with its answer."""

    help = "Runs the live controls of an organization now; fails with --strict when one does not pass."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--organization`, `--control` and `--strict`."""
        super().add_arguments(parser)
        parser.add_argument("--organization", required=True, metavar="SLUG", help="the organization's slug")
        parser.add_argument(
            "--control", metavar="CODE", default="", help="one control; all live ones without it"
        )
        parser.add_argument("--strict", action="store_true", help="exit with 1 when a control does not pass")

    def run(self, **options: Any) -> dict[str, Any]:
        """Run, and return what each control answered."""
        tenant = self.organizations(options["organization"])[0]
        code = options["control"]
        control = registry.of(code) if code else None
        if code and (control is None or not control.is_live):
            raise CommandError(f"There is no live control '{code}'.")
        counts = running.run(
            tenant_id=tenant.pk, actor=self.actor, now=clock.now, codes=[code] if code else ()
        )
        with context.scope(context.Scope(tenant.pk)):
            rows = queries.rows(at=clock.now(), codes=[code] if code else None)
        shown = [row for row in rows if row.control.is_live]
        bad = [row for row in shown if row.standing in _BAD]
        for row in shown:
            self.say(f"{row.standing.value:15} {row.control.code:34} {row.summary}")
        return {
            "controls": len(shown),
            **counts,
            "not_passing": [
                {"control": row.control.code, "state": row.standing.value, "summary": row.summary}
                for row in bad
            ],
            "failed": bool(options["strict"] and bad),
        }
