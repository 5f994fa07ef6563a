"""What is said of checks and faults of backups."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CHECKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "archive": (
            "Archives",
            "Signed by our key, whole, the ones asked for; decrypted with the drill’s key",
        ),
        "manifest": (
            "PostgreSQL’s manifest",
            "Every file of every part is there, with the checksum it was copied with",
        ),
        "recovery": ("Changes replayed", "A scratch server came up and replayed the stream of changes"),
        "amcheck": ("Tables and indexes", "Every page of every table and every index entry was checked"),
        "rows": ("Rows", "Tables that only grow hold at least the rows they had when the backup was made"),
        "ledger": ("Books", "Every transaction balances, every finalized invoice is posted"),
        "seals": ("Audit trail", "Every event against its seal, every seal against the one before"),
        "decrypt": ("Encryption", "A sample of every encrypted column was decrypted"),
        "files": ("Files", "The newest stored files of every organization were decrypted"),
        "sign_in": (
            "Signing in",
            "Somebody signed in with a password and the second factor that was restored",
        ),
    }
)
CODES: Mapping[str, str] = MappingProxyType(
    {
        "backup_no_target": "no target took it",
        "backup_program_failed": "a program of PostgreSQL failed; the worker’s log says why",
        "backups_not_configured": "the worker was not told where backups go",
        "nothing_stored": "no backup was found from which this moment can be reached",
        "archive_signature_wrong": "an archive is not what was signed",
        "archive_damaged": "an archive is damaged",
        "archive_signer_unknown": "an archive was signed by an unknown key",
        "archive_missing": "an archive is missing",
        "rows_are_missing": "rows are missing",
        "archive_older_than_known": "the targets hold only backups that are older than the newest known one",
        "another_archive": "another archive lies in the place of the newest known one",
        "another_cluster": "the backup is of another database cluster",
        "target_unusable": "a target does not answer as it should",
        "backup_scratch_failed": "the restored server did not start",
        "segment_broken": "a segment of changes could not be handed to the restored server",
        "changes_withheld": "changes that were stored lie at no target any more",
        "newest_note_broken": "the note of the newest backup is not what was signed",
        "restored": "the cluster was restored while it ran",
        "abandoned": "the worker stopped while it was made",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure."""

    label: str
    figure: str
    hint: str
    tint: str = ""
