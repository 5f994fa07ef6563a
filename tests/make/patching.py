"""Components, advisories and bundles for tests of what runs here."""

import functools
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from accounts.models import ApprovalRequest, User
from core import clock, primitives
from core.actor import Actor
from outbound import files
from patching import accepting, inventory, looking, matching, sbom, services
from patching.advisories import bundle
from patching.advisories.answer import Answer
from patching.inventory import Component, Kind
from patching.models import Finding
from tenancy import context
from tests.make import accounts

PRIVATE, PUBLIC = primitives.ed25519_generate()


def component(name: str = "left-pad", version: str = "1.0.0", **more: Any) -> Component:
    """Make a component of Python, unless told otherwise."""
    said: dict[str, Any] = {
        "kind": Kind.PYTHON,
        "ecosystem": "PyPI",
        "advisory_name": name,
        "advisory_version": version,
        "licence": "MIT",
        "sha256": "ab" * 32,
        "purl": f"pkg:pypi/{name}@{version}",
    }
    return Component(name=name, version=version, **{**said, **more})


def advisory(
    name: str = "left-pad",
    *,
    fixed: str = "1.2.0",
    introduced: str = "0",
    osv: str = "TEST-2026-0001",
    ecosystem: str = "PyPI",
    severity: str = "HIGH",
    **more: Any,
) -> dict[str, Any]:
    """Make an advisory in the OSV format."""
    events = [{"introduced": introduced}, *([{"fixed": fixed}] if fixed else [])]
    return {
        "schema_version": "1.7.0",
        "id": osv,
        "modified": "2026-11-01T00:00:00Z",
        "summary": f"{name} trusts what it should not",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [{"type": "ECOSYSTEM", "events": events}],
            }
        ],
        "database_specific": {"severity": severity},
        **more,
    }


def bundle_bytes(
    advisories: Iterable[Mapping[str, Any]] = (),
    *,
    at: datetime | None = None,
    fetched_at: datetime | None = None,
    key: bytes = PRIVATE,
    exploited: Sequence[str] = (),
    endings: Sequence[Mapping[str, str]] = (),
    ecosystems: Iterable[str] = (),
) -> bytes:
    """Make a signed bundle that covers every ecosystem in use here, each with one advisory about nothing at least."""
    at = at or clock.now()
    held: dict[str, list[Mapping[str, Any]]] = {}
    for name in ecosystems or in_use():
        held[name] = [advisory("nothing-that-runs-here", osv=f"TEST-NONE-{len(held)}", ecosystem=name)]
    for one in advisories:
        held.setdefault(one["affected"][0]["package"]["ecosystem"], []).append(one)
    sink = io.BytesIO()
    bundle.make(
        ecosystems={name: (fetched_at or at - timedelta(hours=1), found) for name, found in held.items()},
        exploited=exploited,
        endings=endings,
        made_at=at,
        key=key,
        sink=sink,
    )
    return sink.getvalue()


@functools.cache
def in_use() -> list[str]:
    """Return the ecosystems of what runs here."""
    return sorted({one.ecosystem for one in inventory.collect()})


def bundle_file(folder: Path, *args: Any, **named: Any) -> Path:
    """Write such a bundle into a folder."""
    path = folder / "advisories.zip"
    path.write_bytes(bundle_bytes(*args, **named))
    return path


def weak(at: datetime | None = None, **more: Any) -> list[Finding]:
    """Note a look, in the operator's scope, that found a weakness in each of three components; worst first."""
    at = at or clock.now()
    names = ("left-pad", "right-pad", "middle-pad")
    found = [
        matching.read(advisory(name, osv=f"TEST-2026-000{number}", severity=severity, **more))
        for number, (name, severity) in enumerate(zip(names, ("CRITICAL", "HIGH", "LOW"), strict=True))
    ]
    answer = Answer(
        source="bundle",
        advisories=tuple(one for one in found if one is not None),
        covered={"PyPI": at - timedelta(hours=1)},
        exploited=frozenset({"TEST-2026-0000"}),
    )
    components = [component(name) for name in names] + [
        component("unseen", "", ecosystem="Bitnami", kind=Kind.ENGINE)
    ]
    looked = looking.judge(components, answer, at=at)
    bill = files.prepare(
        tenant_id=context.current_tenant(),
        media_type=sbom.MEDIA_TYPE,
        chunks=[json.dumps(sbom.build(components, at=at, version="1")).encode()],
    )
    services.keep(looked=looked, digest=sbom.digest(components), bill=bill, actor=Actor.system("tests"))
    return list(Finding.objects.order_by("due_on", "id"))


def asked(
    finding: Finding, who: User, *, reason: str = "Nothing here calls it", days: int = 30
) -> ApprovalRequest:
    """Let somebody ask to live with a weakness."""
    at = clock.now()
    return accepting.ask(
        finding_id=finding.pk,
        until=at.date() + timedelta(days=days),
        reason=reason,
        actor=accounts.actor(who),
        at=at,
    )
