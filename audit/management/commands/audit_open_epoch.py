"""After a restore: begin a new epoch of the trail, so that transaction ids may start anew."""

from typing import Any

from django.db import connections

from audit import events, services
from tenancy import context
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Run it after restoring a backup, before the app starts; it needs the owner's password."""

    help = "Open a new epoch of the audit trail after a restore, before the app starts."

    def run(self, **options: Any) -> dict[str, Any]:
        """Open the epoch and record it in the operator's log."""
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT audit_open_epoch()")
            epoch = int(cursor.fetchone()[0])
        with context.system_scope(reason="a new epoch concerns every organization"):
            services.record(events.EPOCH_OPENED, actor=self.actor, facts={"epoch": epoch})
        return {"epoch": epoch}
