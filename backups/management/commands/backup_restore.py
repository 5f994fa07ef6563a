"""`manage.py backup_restore`: the whole cluster into a new data folder, or one organization beside the others.

backup_restore --into FOLDER [--at TIME] [--key-file FILE]           the stack is stopped; see the runbook
backup_restore --organization SLUG --request ID [--key-file FILE]    the stack runs

What is older than the newest backup that is known is refused (backups.newest), unless --accept-older names it.
"""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError
from django.utils.dateparse import parse_datetime

from backups import clusters, lost, organizations, places, queries, services
from backups.models import RestoreRequest
from backups.newest import Newest, demanded
from core import clock, ids
from core.errors import FieldError, Invalid
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Restores."""

    help = "Restore the cluster into a new data folder, or one organization beside the others."

    def add_arguments(self, parser: Any) -> None:
        """Add what and to when."""
        super().add_arguments(parser)
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--into", type=Path, metavar="FOLDER", help="a data folder that does not exist yet")
        what.add_argument("--organization", metavar="SLUG", help="one organization, beside the others")
        parser.add_argument(
            "--at", metavar="TIME", help="a moment, such as 2026-03-01T12:00:00Z; else the latest"
        )
        parser.add_argument("--request", metavar="ID", help="the restore that two people agreed to")
        parser.add_argument(
            "--key-file",
            type=Path,
            metavar="FILE",
            help="the recovery key; else the drill's, where it is known",
        )
        parser.add_argument(
            "--files-into",
            type=Path,
            metavar="FOLDER",
            help="where encrypted files go; else the configured folder",
        )
        parser.add_argument(
            "--newest-known",
            type=int,
            metavar="GENERATION",
            help="the newest generation you know of, from a drill's result or the trail; an older one is refused",
        )
        parser.add_argument(
            "--accept-older",
            type=int,
            metavar="GENERATION",
            help="restore this generation although a newer one is known, and say so in the trail",
        )

    def run(self, **options: Any) -> dict[str, Any]:
        """Check that it was agreed to, and restore.

        Raises:
            RestoreNotAgreed: nobody did.
        """
        wanted = parse_datetime(options["at"]) if options["at"] else None
        if options["at"] and (wanted is None or wanted.tzinfo is None):
            raise Invalid([FieldError("/at", "invalid", "Write a time with its zone: 2026-03-01T12:00:00Z.")])
        newest = demanded(told=options["newest_known"], accepted=options["accept_older"])
        if options["accept_older"] is not None:
            self.say("An older backup is accepted. What was done since is lost, and the trail will say so.")
        key = places.key_in(options["key_file"]) if options["key_file"] else places.drill_key()
        if options["organization"]:
            return self._organization(options, wanted, key, newest)
        return self._cluster(options, wanted, key, newest)

    def _organization(
        self, options: dict[str, Any], wanted: datetime | None, key: bytes, newest: Newest
    ) -> dict[str, Any]:
        if not options["request"]:
            raise services.RestoreNotAgreed
        request_id = ids.decode("restore", options["request"])
        with queries.of_operator():
            tenant_id = queries.organization_ids([options["organization"]]).get(options["organization"])
            asked = services.agreed_restore(
                request_id=request_id,
                kind=RestoreRequest.Kind.ORGANIZATION,
                organization_id=tenant_id,
                wanted_at=wanted,
                at=clock.now(),
            )
            wanted = asked.wanted_at
        if asked.organization_id is None:
            raise services.RestoreNotAgreed
        tenant_id = asked.organization_id
        counts = organizations.put_back(
            tenant_id=tenant_id, wanted=wanted, key=key, newest=newest, actor=self.actor, say=self.say
        )
        self._note(RestoreRequest.Kind.ORGANIZATION, request_id, counts, tenant_id)
        return {"organization": options["organization"], "at": wanted, **counts}

    def _cluster(
        self, options: dict[str, Any], wanted: datetime | None, key: bytes, newest: Newest
    ) -> dict[str, Any]:
        # Past links: PostgreSQL's own user cannot go through our state folder.
        into: Path = options["into"].parent.resolve() / options["into"].name
        if into.exists():
            raise CommandError(f"{into} exists already. Name a folder that does not.")
        asked = self._agreed(options, wanted)
        request_id, wanted = (asked.pk, asked.wanted_at) if asked is not None else (None, wanted)
        result = clusters.restore_into(into, wanted=wanted, key=key, newest=newest, say=self.say)
        files = 0
        if result.files is not None:
            organizations.merge_journal(result.files)
            files = organizations.merge_files(result.files, options["files_into"] or settings.FILES_DIR)
        clusters.clean_up(result)
        # The restored database does not know yet that it was restored: the next look writes it into its trail.
        descriptor = os.open(lost.marker(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            counts = {"files": files, "segments": result.segments, "generation": result.generation}
            accepted = {"accepted_older": 1} if options["accept_older"] is not None else {}
            told = {"request": str(request_id or ""), "at": clock.now().isoformat()}
            json.dump({**told, **counts, **accepted}, file)
        self.say(f"The restored cluster is in {into}. Put it in the place of the old one, and start.")
        return {
            "into": str(into),
            "chain": result.names,
            "generation": result.generation,
            "reached_at": result.reached_at,
            "segments": result.segments,
            "files": files,
            "rto_seconds": round(result.milliseconds / 1000, 3),
        }

    def _agreed(self, options: dict[str, Any], wanted: datetime | None) -> RestoreRequest | None:
        """Ask the database whether two people agreed, where there still is one to ask."""
        try:
            with queries.of_operator():
                if not options["request"]:
                    raise services.RestoreNotAgreed(
                        "The database answers, so this is no emergency: name the restore that two people agreed to "
                        "with --request, or stop the stack first if it is lost."
                    )
                return services.agreed_restore(
                    request_id=ids.decode("restore", options["request"]),
                    kind=RestoreRequest.Kind.CLUSTER,
                    organization_id=None,
                    wanted_at=wanted,
                    at=clock.now(),
                )
        except OperationalError:
            self.say("The database does not answer: restoring in an emergency, which the trail will say.")
            return None

    def _note(self, kind: str, request_id: UUID, counts: dict[str, int], tenant_id: UUID) -> None:
        with queries.of_operator():
            services.note_restored(
                kind=kind, request_id=request_id, counts=counts, actor=self.actor, at=clock.now()
            )
        services.note_restored_to(tenant_id=tenant_id, counts=counts, actor=self.actor)
