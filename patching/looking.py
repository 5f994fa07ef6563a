"""One look at everything: what runs here held against what is known. No transaction waits for it."""

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings

from core.errors import Refusal
from outbound import files
from patching import inventory, lifecycle, matching, queries, rules, versions
from patching.advisories.answer import Answer, merged
from patching.advisories.bundle import Bundle
from patching.advisories.online import Online
from patching.inventory import Component
from patching.matching import Advisory, Match
from patching.rules import Series, State, Why
from tenancy.context import Scope, scope

_IN_MEMORY = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A component, how it stands, and why that is not known."""

    component: Component
    state: State
    why: str
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The whole look."""

    at: datetime
    source: str
    source_at: datetime | None
    reasons: tuple[str, ...]
    seen: tuple[Seen, ...]
    series: tuple[Series, ...]


def trusted_keys() -> list[bytes]:
    """Return the keys whose bundles are taken in."""
    return [bytes.fromhex(key) for key in settings.ADVISORY_KEYS]


def look(
    *, tenant_id: UUID, now: Callable[[], datetime], components: Sequence[Component] | None = None
) -> Looked:
    """Look at everything that runs; `components` stands for the inventory where it was made already."""
    found = inventory.collect() if components is None else list(components)
    answers = [answer for answer in (_bundle(tenant_id, found, now()), _online(found, now)) if answer]
    answer = merged(answers) if answers else Answer(source="none", reasons=(Why.NO_SOURCE.value,))
    return judge(found, answer, at=now())


def judge(components: Sequence[Component], answer: Answer, *, at: datetime) -> Looked:
    """Hold components against an answer. Pure but for the table of how long series are mended."""
    by_package: dict[tuple[str, str], list[Advisory]] = {}
    for advisory in answer.advisories:
        for key in {(one.ecosystem, one.name) for one in advisory.affected}:
            by_package.setdefault(key, []).append(advisory)
    stale = {name for name, fetched_at in answer.covered.items() if not rules.is_fresh(fetched_at, at)}
    reasons = list(answer.reasons)
    if stale:
        reasons.append(Why.STALE.value)
    series = lifecycle.in_use(components, answer.endings)
    ended = {(one.product, one.version) for one in series if one.support(at.date()) is rules.Support.ENDED}
    seen = tuple(_see(one, by_package, answer, stale, ended) for one in components)
    return Looked(
        at=at,
        source=answer.source,
        source_at=min(answer.covered.values(), default=None),
        reasons=tuple(dict.fromkeys(reasons)),
        seen=seen,
        series=tuple(series),
    )


def _see(
    component: Component,
    advisories: Mapping[tuple[str, str], list[Advisory]],
    answer: Answer,
    stale: Iterable[str],
    ended: set[tuple[str, str]],
) -> Seen:
    ecosystem, version = component.ecosystem, component.advisory_version
    if not version:
        return Seen(component=component, state=State.UNKNOWN, why=Why.UNSEEN.value, matches=())
    name = matching.normal_name(ecosystem, component.advisory_name)
    found = matching.look(
        ecosystem=ecosystem,
        name=name,
        version=version,
        advisories=advisories.get((ecosystem, name), ()),
        exploited=answer.exploited,
    )
    why = ""
    covering = next((one for one in (ecosystem, versions.family(ecosystem)) if one in answer.covered), None)
    if covering is None:
        why = Why.NOT_COVERED.value
    elif covering in stale:
        why = Why.STALE.value
    elif not _compares(ecosystem, version):
        why = Why.VERSION.value
    elif found.undecided:
        why = Why.UNDECIDED.value
    elif (component.name, component.version) in ended:
        # Nobody writes advisories for what its makers have given up.
        why = Why.END_OF_LIFE.value
    state = State.VULNERABLE if found.matches else State.UNKNOWN if why else State.CLEAN
    return Seen(component=component, state=state, why=why, matches=found.matches)


def _compares(ecosystem: str, version: str) -> bool:
    try:
        versions.compare(ecosystem, version, version)
    except versions.Incomparable:
        return False
    return True


def _bundle(tenant_id: UUID, components: Sequence[Component], at: datetime) -> Answer | None:
    """Ask the newest bundle; a damaged or no longer trusted one is a source that cannot be read."""
    names = frozenset(
        (one.ecosystem, matching.normal_name(one.ecosystem, one.advisory_name)) for one in components
    )
    try:
        with scope(Scope(tenant_id)):
            row = queries.newest_bundle()
            if row is None:
                return None
            pieces = files.plaintext(files.find(row.file_id, at=at))
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as kept:
            for piece in pieces:
                kept.write(piece)
            kept.seek(0)
            return Bundle(kept, trusted=trusted_keys(), at=at).answer(names)
    except (Refusal, OSError):
        return Answer(source="bundle", reasons=(Why.UNREADABLE.value,))


def _online(components: Sequence[Component], now: Callable[[], datetime]) -> Answer | None:
    address = settings.ADVISORY_SOURCE
    return Online(address).answer(components, now) if address else None
