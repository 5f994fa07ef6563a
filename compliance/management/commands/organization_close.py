"""Closes an organization: export, a month to think again, then its keys are destroyed."""

import os
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import CommandError, CommandParser

from compliance.closing import paper, services
from compliance.closing.models import Closing
from core import clock
from tenancy.commands import StrongboxCommand
from tenancy.context import Scope, scope


class Command(StrongboxCommand):
    """The first call exports and starts the month; after it, a call or the daily task destroys the keys."""

    help = "Close an organization: export now, keys destroyed after 30 days, with a certificate."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add whose, where the export goes, and how to take it back."""
        super().add_arguments(parser)
        parser.add_argument("organization", metavar="SLUG", help="the organization's slug")
        parser.add_argument(
            "--out",
            metavar="FILE",
            help="also write the export here, readable by you alone; once it is closed, its certificate as PDF",
        )
        parser.add_argument("--cancel", action="store_true", help="take the closing back within the month")

    def run(self, **options: Any) -> dict[str, Any]:
        """Begin, take back or finish, whatever is due."""
        tenant = self.organizations(options["organization"])[0]
        at = clock.now()
        if options["cancel"]:
            with scope(Scope(tenant.pk)):
                row = services.cancel(actor=self.actor, at=at)
            return {"state": row.state, "until": None}
        with scope(Scope(tenant.pk)):
            standing = Closing.objects.exclude(state=Closing.State.CANCELED).order_by("-id").first()
            closed = standing is not None and standing.state == Closing.State.CLOSED
            if standing is not None and not closed:
                if at < standing.until:
                    return _told(standing)
                standing = services.close(actor=self.actor, at=at)
        if standing is not None:
            if not closed:
                services.shred_files(tenant.pk)
            if options["out"]:
                with _new(options["out"]) as file:
                    file.write(paper.of(standing))
            return _told(standing)
        return self._begin(tenant.pk, options["out"])

    def _begin(self, tenant_id: Any, out: str | None) -> dict[str, Any]:
        if out is None:
            return _told(services.begin(tenant_id=tenant_id, actor=self.actor, now=clock.now))
        with _new(out) as file:
            return _told(
                services.begin(tenant_id=tenant_id, actor=self.actor, now=clock.now, also=file.write)
            )


def _new(out: str) -> BinaryIO:
    """Open a file that is not there yet, for its owner alone."""
    try:
        target = os.open(Path(out), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CommandError(f"{out}: {error.strerror}.") from error
    return os.fdopen(target, "wb")


def _told(row: Closing) -> dict[str, Any]:
    told: dict[str, Any] = {
        "state": row.state,
        "until": row.until.isoformat(),
        "export_sha256": row.digest,
    }
    if row.certificate:
        told["certificate"] = row.certificate
    return told
