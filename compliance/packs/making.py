"""Making evidence packs: read in one transaction, set and signed outside of any, kept encrypted.

Promise kept: a pack holds what was found and nothing of another organization; every byte of every file in it is
covered by one Ed25519 signature, which compliance/verifier.py checks with no database and nothing of ours.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from accounts import queries as people
from audit import services as audit
from billing.documents import pdf
from compliance import events, frameworks
from compliance.packs import contents
from compliance.packs.models import EvidencePack, PackKey
from core import canonical, ids, primitives
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound
from outbound import files
from tenancy import jobs
from tenancy.context import Scope, scope, use_case

JOB = "compliance.pack"
FORMAT = "strongbox.compliance.pack.v1"
DOMAIN = b"strongbox.compliance.pack.v1\0"
DATA, REPORT, MANIFEST = "evidence.json", "report.pdf", "manifest.json"
LONGEST_PERIOD = timedelta(days=366)
_KIND = "evidence_pack"
_MOST_BYTES = 256 * 1024 * 1024


class PackNotReady(Conflict):
    """The pack is not there: it is being made, or could not be."""

    code = "pack_not_ready"


@dataclass(frozen=True, slots=True)
class Signer:
    """The pair that signs an organization's packs."""

    private: bytes
    public: bytes

    def __repr__(self) -> str:
        return f"<Signer {self.public.hex()[:16]}>"


@use_case
def signer(*, at: datetime) -> Signer:
    """Return the key pair of the organization in scope; the first pack makes it."""
    row: PackKey | None = PackKey.objects.first()
    if row is None:
        private, public = primitives.ed25519_generate()
        PackKey(public=public, secret=private.hex(), created_at=at).save(force_insert=True)
        return Signer(private, public)
    return Signer(bytes.fromhex(row.secret), bytes(row.public))


def public_key() -> str:
    """Return the public half in hexadecimal, for auditors to compare; empty before the first pack."""
    row = PackKey.objects.first()
    return bytes(row.public).hex() if row else ""


@use_case
def ask(*, framework: str, since: date, until: date, actor: Actor, at: datetime) -> EvidencePack:
    """Ask for a pack of a framework over a span of days; a worker makes it after the commit.

    Raises:
        NotFound: there is no such framework.
        Invalid: the span is empty, too long or in the future.
    """
    from compliance import tasks  # noqa: PLC0415  the tasks import this module

    row = _begin(framework, since, until, actor, at)
    job = jobs.start(kind=JOB, at=at, total=3, created_by=actor.id)
    row.job_id = job.pk
    row.save(update_fields=["job_id"])
    sent = [str(job.tenant_id), str(row.pk)]
    jobs.hand_over(job, lambda: tasks.make_pack.delay(*sent))
    return row


def make_now(
    *, tenant_id: UUID, framework: str, since: date, until: date, actor: Actor, now: Callable[[], datetime]
) -> tuple[UUID, bytes]:
    """Make a pack and return its id and bytes; call it outside any scope."""
    with scope(Scope(tenant_id)):
        row = _begin(framework, since, until, actor, now())
    return row.pk, make(tenant_id=tenant_id, pack_id=row.pk, actor=actor, now=now)


def make(*, tenant_id: UUID, pack_id: UUID, actor: Actor, now: Callable[[], datetime]) -> bytes:
    """Make the file of a pack and return its bytes; call it outside any scope. A failure is noted on the pack."""
    inside = Scope(tenant_id)
    try:
        with scope(inside):
            row = _found(pack_id)
            if row.state != EvidencePack.State.QUEUED:
                raise PackNotReady
            at = now()
            read = contents.read(framework=row.framework, since=row.since, until=row.until, at=at)
            slug = people.current_organization().slug
            key = signer(at=at)
        made = assemble(read, slug=slug, key=key, at=at)
        kept = files.prepare(
            tenant_id=tenant_id, media_type="application/zip", chunks=[made], most_bytes=_MOST_BYTES
        )
        with scope(inside):
            _keep(pack_id, kept, made, read, actor=actor, at=now())
    except Exception:
        with scope(inside):
            EvidencePack.objects.filter(pk=pack_id, state=EvidencePack.State.QUEUED).update(
                state=EvidencePack.State.FAILED
            )
            if (found := EvidencePack.objects.filter(pk=pack_id).first()) and found.job_id:
                jobs.fail(job_id=found.job_id, at=now(), code="failed")
        raise
    return made


def assemble(read: contents.Contents, *, slug: str, key: Signer, at: datetime) -> bytes:
    """Set the report, name every file with its hash, sign, and pack."""
    held: dict[str, bytes] = {
        DATA: canonical.dumps(read.data) + b"\n",
        REPORT: pdf.report(read.document(at=at)),
        **read.files,
        **{name: pdf.report(document) for name, document in read.papers.items()},
    }
    manifest: dict[str, canonical.Value] = {
        "files": {
            name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in held.items()
        },
        "format": FORMAT,
        "framework": read.framework.code,
        "key": key.public.hex(),
        "made_at": at.astimezone(UTC).isoformat(),
        "organization": slug,
        "since": read.since.isoformat(),
        "until": read.until.isoformat(),
    }
    signature = primitives.ed25519_sign(key.private, DOMAIN + canonical.dumps(manifest))
    held[MANIFEST] = canonical.dumps({"manifest": manifest, "signature": signature.hex()}) + b"\n"
    return _zip(held, at)


def _zip(held: Mapping[str, bytes], at: datetime) -> bytes:
    out = io.BytesIO()
    moment = at.astimezone(UTC).timetuple()[:6]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(held.items()):
            entry = zipfile.ZipInfo(name, moment)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, content)
    return out.getvalue()


@use_case
def _begin(framework: str, since: date, until: date, actor: Actor, at: datetime) -> EvidencePack:
    if frameworks.of(framework) is None:
        raise NotFound
    if until > at.date():
        raise Invalid([FieldError("/until", "out_of_range", "Choose a last day that is not in the future.")])
    if not since <= until <= since + LONGEST_PERIOD:
        raise Invalid([FieldError("/since", "out_of_range", "A pack covers up to a year.")])
    row = EvidencePack(
        id=ids.uuid7(), framework=framework, since=since, until=until, asked_by=actor.id, asked_at=at
    )
    row.save(force_insert=True)
    return row


@use_case
def _keep(
    pack_id: UUID,
    kept: files.Prepared,
    made: bytes,
    read: contents.Contents,
    *,
    actor: Actor,
    at: datetime,
) -> None:
    row = _found(pack_id)
    if row.state != EvidencePack.State.QUEUED:
        raise PackNotReady
    name = f"evidence-{row.framework}-{row.until.isoformat()}.zip"
    row.file = files.keep_prepared(kept, kind=_KIND, name=name, actor=actor, at=at)
    row.digest, row.state, row.ready_at = hashlib.sha256(made).digest(), EvidencePack.State.READY, at
    row.controls, row.passing, row.failing, row.manual = (
        read.controls,
        read.passing,
        read.failing,
        read.manual,
    )
    row.save()
    audit.record(
        events.PACK_MADE,
        actor=actor,
        subject=("evidence_pack", row.pk),
        facts={"framework": row.framework, "controls": row.controls, "passing": row.passing},
    )
    if row.job_id is not None:
        jobs.finish(
            job_id=row.job_id,
            at=at,
            counts={"controls": row.controls, "passing": row.passing, "bytes": len(made)},
        )


@use_case
def download(*, pack_id: UUID, actor: Actor) -> tuple[EvidencePack, Iterator[bytes]]:
    """Hand a pack out: its row, and its bytes piece by piece.

    Raises:
        NotFound, PackNotReady.
    """
    row = _found(pack_id)
    if row.state != EvidencePack.State.READY or row.file is None:
        raise PackNotReady
    row.downloads += 1
    row.save(update_fields=["downloads"])
    audit.record(
        events.PACK_READ,
        actor=actor,
        subject=("evidence_pack", row.pk),
        facts={"framework": row.framework},
    )
    return row, files.read(file=row.file, actor=actor)


def _found(pack_id: UUID) -> EvidencePack:
    rows = EvidencePack.objects.select_for_update(of=("self",)).select_related("file")
    row: EvidencePack | None = rows.filter(pk=pack_id).first()
    if row is None:
        raise NotFound
    return row
