"""Checkpoints: the latest seal of every organization, written where the database cannot reach.

Promise kept: whoever cuts off the end of the trail, or puts an old copy of the database in its place,
contradicts a signed line that lies elsewhere. One file a day, each of which begins with the latest seal of
every organization, so that the newest file alone is enough; in production the folder is shipped off the host
as it grows.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connections

from audit import keys, rules
from core import canonical, primitives

_HEADS = (
    "SELECT tenant.id, head.n, head.hash FROM tenancy_tenant AS tenant CROSS JOIN LATERAL "
    "(SELECT n, hash FROM audit_seal WHERE tenant_id = tenant.id ORDER BY n DESC LIMIT 1) AS head"
)


class ForgedCheckpoint(Exception):
    """A checkpoint is not signed by a trusted key."""


class Writer:
    """Appends to the checkpoints of one sealer process."""

    def __init__(self, key: keys.SigningKey, *, using: str) -> None:
        self._key = key
        self._using = using
        self._folder: Path | None = settings.AUDIT_CHECKPOINT_DIR
        # After a start or a failed write some seals may stand in no checkpoint: the next one names every
        # head.
        self._complete_up_to: str = ""

    def note(self, seals: Sequence[rules.SealRecord], *, at: datetime, resumed: int | None = None) -> None:
        """Append what a round has sealed; after a restore (`resumed` is the new epoch) restate every head."""
        if self._folder is None:
            return
        day = at.strftime("%Y-%m-%d")
        if self._complete_up_to != day or resumed is not None:
            heads = self._heads()
        elif seals:
            heads = [(seal.tenant_id, seal.n, seal.hash) for seal in seals]
        else:
            return
        self._complete_up_to = ""
        self._append(self._folder / f"{day}.jsonl", heads, at, resumed)
        self._complete_up_to = day

    def _heads(self) -> list[tuple[UUID, int, bytes]]:
        with connections[self._using].cursor() as cursor:
            cursor.execute(_HEADS)
            return [(tenant, n, bytes(hash_)) for tenant, n, hash_ in cursor.fetchall()]

    def _append(
        self, path: Path, heads: Iterable[tuple[UUID, int, bytes]], at: datetime, resumed: int | None
    ) -> None:
        body: dict[str, canonical.Value] = {
            "at": rules.moment(at),
            "key": self._key.key_id.hex(),
            "resumed": resumed,
            "seals": {str(tenant): [n, hash_.hex()] for tenant, n, hash_ in heads},
        }
        signature = self._key.sign(rules.CHECKPOINT_DOMAIN, canonical.dumps(body))
        line = canonical.dumps({"checkpoint": body, "signature": signature.hex()}) + b"\n"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A line cut short by a crash is closed first, or the next one would be unreadable with it.
        with path.open("ab+") as file:
            if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
                file.write(b"\n")
            file.write(line)
            file.flush()
            os.fsync(file.fileno())


def latest(tenant: UUID, trusted: Mapping[bytes, bytes]) -> tuple[int, bytes] | None:
    """Return number and hash of the organization's latest seal according to the newest checkpoints, or None.

    Raises:
        ForgedCheckpoint: the line that names it is not signed by a trusted key.
    """
    folder: Path | None = settings.AUDIT_CHECKPOINT_DIR
    files = (
        sorted(folder.glob("????-??-??.jsonl"), reverse=True)
        if folder is not None and folder.is_dir()
        else []
    )
    for path in files:
        for line in reversed(path.read_bytes().splitlines()):
            if str(tenant).encode() in line:
                n, hash_ = _open(line, trusted)["seals"][str(tenant)]
                return int(n), bytes.fromhex(hash_)
    return None


def _open(line: bytes, trusted: Mapping[bytes, bytes]) -> Mapping[str, Mapping[str, tuple[int, str]]]:
    try:
        document = json.loads(line)
        body = document["checkpoint"]
        public = trusted[bytes.fromhex(body["key"])]
        message = rules.CHECKPOINT_DOMAIN + canonical.dumps(body)
        primitives.ed25519_verify(public, bytes.fromhex(document["signature"]), message)
    except (ValueError, KeyError, TypeError, primitives.InvalidSignature) as error:
        raise ForgedCheckpoint from error
    return dict(body)
