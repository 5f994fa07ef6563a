"""`manage.py backup_list`: what can be restored."""

from typing import Any

from backups import queries
from core import ids
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Lists backups, newest first."""

    help = "List the backups, newest first, with their copies."

    def add_arguments(self, parser: Any) -> None:
        """Add `--limit`."""
        super().add_arguments(parser)
        parser.add_argument("--limit", type=int, default=50)

    def run(self, **options: Any) -> dict[str, Any]:
        """Read them."""
        with queries.of_operator():
            found = queries.backups(limit=options["limit"])
            plan = queries.plan()
            rows = [
                {
                    "id": ids.encode("backup", one.pk),
                    "generation": one.generation,
                    "kind": one.kind,
                    "state": one.state,
                    "consistent_at": one.consistent_at,
                    "bytes": one.bytes_stored,
                    "seconds": round(one.milliseconds / 1000, 3),
                    "sound": one.is_sound,
                    "held": one.is_held,
                    "keep_until": one.keep_until,
                    "copies": [
                        {"part": copy.part, "target": copy.target, "name": copy.name, "state": copy.state}
                        for copy in queries.copies(one.pk)
                    ],
                }
                for one in found
            ]
        return {"backups": rows, "stream_covers_at": plan.stream_covers_at if plan else None}

    def show(self, result: dict[str, Any]) -> None:
        """Print a line a backup."""
        for row in result["backups"]:
            sound = {True: "sound", False: "NOT SOUND", None: "not verified"}[row["sound"]]
            self.stdout.write(
                f"{row['id']}  {row['generation']:>6}  {row['kind']:<11}  {row['state']:<8}  "
                f"{row['consistent_at'] or '-'}  {row['bytes']:>14,} bytes  {sound}"
            )
        self.stdout.write(f"Changes are stored up to {result['stream_covers_at'] or 'nowhere'}.")
