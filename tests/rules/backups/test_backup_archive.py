"""The archive format: what is written is read, and nothing else is."""

import io
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from backups import archive
from core import primitives

AT = datetime(2026, 11, 25, 12, 0, 0, 250, tzinfo=UTC)
RECOVERY, DRILL, STRANGER = (primitives.x25519_generate() for _ in range(3))
SIGNER = archive.Signer(primitives.ed25519_generate()[0])
OTHER = archive.Signer(primitives.ed25519_generate()[0])
RECIPIENTS = [archive.Recipient("recovery", RECOVERY[1]), archive.Recipient("drill", DRILL[1])]


def made(content: bytes, *, signer: archive.Signer = SIGNER, **facts: Any) -> bytes:
    sink = io.BytesIO()
    header = archive.Header(**{"kind": archive.Kind.FULL, "generation": 7, "created_at": AT, **facts})
    written = archive.write(
        io.BytesIO(content), sink, header=header, recipients=RECIPIENTS, signer=signer, finished=lambda: True
    )
    stored = sink.getvalue()
    assert (written.bytes_in, written.bytes_out) == (len(content), len(stored))
    assert written.sha256 == primitives.sha256(stored).hex()
    return stored


def opened(stored: bytes, key: bytes = RECOVERY[0], **how: Any) -> tuple[bytes, archive.Header]:
    sink = io.BytesIO()
    header = archive.read(
        io.BytesIO(stored), sink, **{"recipient_key": key, "trusted": {SIGNER.public}, **how}
    )
    return sink.getvalue(), header


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_what_was_written_is_read_by_each_recipient(size: int) -> None:
    content = os.urandom(size)
    stored = made(
        content, parent="p", parent_sha256="ab" * 32, manifest_sha256="cd" * 32, facts={"lsn": "0/1"}
    )
    for key in (RECOVERY[0], DRILL[0]):
        found, header = opened(stored, key)
        assert found == content
    assert (header.kind, header.generation, header.created_at) == (archive.Kind.FULL, 7, AT)
    assert (header.parent, header.parent_sha256, header.facts) == ("p", "ab" * 32, {"lsn": "0/1"})
    assert [recipient.name for recipient in header.recipients] == ["recovery", "drill"]
    assert archive.verify(io.BytesIO(stored), trusted={SIGNER.public}) == header
    with pytest.raises(archive.NotForThisKey):
        opened(stored, STRANGER[0])
    with pytest.raises(archive.SignerUnknown):
        opened(stored, trusted={OTHER.public})
