"""Which advisories speak of a version that runs here, and the smallest version of which none does. Pure.

Advisories are read in the OSV format (schema 1.x). What cannot be decided is said to be undecided: a range of
another kind, a version that does not compare.
"""

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from patching import severity, versions
from patching.rules import Severity

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{2,63}")
_LONGEST_SUMMARY = 300
_MOST_ALIASES = 30


class MalformedAdvisory(ValueError):
    """This is no advisory in the OSV format."""


class Verdict(StrEnum):
    """What an advisory says of a version."""

    AFFECTED = "affected"
    SAFE = "safe"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """What an advisory says of one package: ranges of (kind of event, version), and versions named one by one."""

    ecosystem: str
    name: str
    ranges: tuple[tuple[tuple[str, str], ...], ...]
    versions: frozenset[str]
    has_other_ranges: bool
    severity: Severity

    def says_of(self, version: str) -> Verdict:
        """Say whether a version is affected."""
        try:
            if any(self._is_same(version, named) for named in self.versions):
                return Verdict.AFFECTED
            if any(self._is_inside(version, events) for events in self.ranges):
                return Verdict.AFFECTED
        except versions.Incomparable:
            return Verdict.UNDECIDED
        if self.has_other_ranges and not self.ranges and not self.versions:
            return Verdict.UNDECIDED
        if not self.ranges and not self.versions:
            # It names the package and no version: some do where nothing is mended yet.
            return Verdict.UNDECIDED
        return Verdict.SAFE

    @property
    def fixed(self) -> tuple[str, ...]:
        """Return the versions in which it was mended."""
        return tuple(version for events in self.ranges for kind, version in events if kind == "fixed")

    def _is_same(self, version: str, named: str) -> bool:
        if version == named:
            return True
        try:
            return versions.compare(self.ecosystem, version, named) == 0
        except versions.Incomparable:
            # One odd name in a long list says nothing about the others.
            versions.compare(self.ecosystem, version, version)
            return False

    def _is_inside(self, version: str, events: Sequence[tuple[str, str]]) -> bool:
        inside = False
        for kind, bound in events:
            if kind == "introduced":
                if bound == versions.BEGINNING or versions.compare(self.ecosystem, version, bound) >= 0:
                    inside = True
            elif kind == "fixed":
                if versions.compare(self.ecosystem, version, bound) >= 0:
                    inside = False
            elif versions.compare(self.ecosystem, version, bound) > 0:
                inside = False
        return inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Advisory:
    """One advisory as far as it is used here."""

    id: str
    aliases: tuple[str, ...]
    # What it passes on, such as the several weaknesses that one advisory of a distribution mends.
    upstream: tuple[str, ...] = ()
    summary: str
    affected: tuple[Affected, ...]

    @property
    def names(self) -> frozenset[str]:
        """Return its id and every other name of the same weakness."""
        return frozenset({self.id, *self.aliases})


def normal_name(ecosystem: str, name: str) -> str:
    """Return a package's name as its ecosystem compares names."""
    if versions.family(ecosystem) == "PyPI":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name


def read(document: Mapping[str, Any]) -> Advisory | None:
    """Read an advisory; None for one that was taken back.

    Raises:
        MalformedAdvisory
    """
    found = document.get("id")
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise MalformedAdvisory("an advisory without an id")
    if document.get("withdrawn"):
        return None
    try:
        summary = str(document.get("summary") or document.get("details") or "")
        return Advisory(
            id=found,
            aliases=_names(document.get("aliases")),
            upstream=_names(document.get("upstream")),
            # Written by somebody else: nothing in it may turn the writing of a page or a terminal.
            summary="".join(filter(str.isprintable, " ".join(summary.split())))[:_LONGEST_SUMMARY],
            affected=tuple(
                _affected(document, entry) for entry in document.get("affected") or () if "package" in entry
            ),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MalformedAdvisory(f"{found} cannot be read") from error


def _names(found: Iterable[object] | None) -> tuple[str, ...]:
    named = [text for text in found or () if isinstance(text, str) and _ID.fullmatch(text)]
    return tuple(dict.fromkeys(named))[:_MOST_ALIASES]


def _affected(document: Mapping[str, Any], entry: Mapping[str, Any]) -> Affected:
    ecosystem, name = entry["package"]["ecosystem"], entry["package"]["name"]
    if not isinstance(ecosystem, str) or not isinstance(name, str) or not name:
        raise ValueError("a package without a name")
    ranges, others = [], False
    for one in entry.get("ranges") or ():
        if one["type"] in ("ECOSYSTEM", "SEMVER"):
            ranges.append(_events(ecosystem, one["events"]))
        else:
            others = True
    return Affected(
        ecosystem=ecosystem,
        name=normal_name(ecosystem, name),
        ranges=tuple(ranges),
        versions=frozenset(str(version) for version in entry.get("versions") or ()),
        has_other_ranges=others,
        severity=severity.of(document, entry),
    )


def _events(ecosystem: str, events: Iterable[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    found = [
        (kind, str(version))
        for event in events
        for kind, version in event.items()
        if kind in ("introduced", "fixed", "last_affected")
    ]
    # As the OSV schema evaluates them: in the order of versions; the beginning is before all.
    order = versions.key(ecosystem)
    begin = [event for event in found if event == ("introduced", versions.BEGINNING)]
    rest = [event for event in found if event != ("introduced", versions.BEGINNING)]
    # What does not compare stays as it stands: says_of meets the same version and answers that it is undecided.
    with contextlib.suppress(versions.Incomparable):
        rest.sort(key=lambda event: order(event[1]))  # type: ignore[arg-type,return-value]  # functools' own key
    return (*begin, *rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An advisory that speaks of a version which runs here."""

    advisory: Advisory
    severity: Severity
    known_exploited: bool
    # The smallest later version of which no advisory speaks; empty where none is known.
    safe_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What all advisories together say of one package in one version."""

    matches: tuple[Match, ...]
    undecided: bool


def look(
    *,
    ecosystem: str,
    name: str,
    version: str,
    advisories: Iterable[Advisory],
    exploited: frozenset[str] = frozenset(),
) -> Finding:
    """Hold one package in one version against the advisories."""
    wanted = normal_name(ecosystem, name)
    speaking = [
        (
            advisory,
            [entry for entry in advisory.affected if (entry.ecosystem, entry.name) == (ecosystem, wanted)],
        )
        for advisory in advisories
    ]
    speaking = [(advisory, entries) for advisory, entries in speaking if entries]
    entries = [entry for _, found in speaking for entry in found]
    safe = smallest_safe(ecosystem=ecosystem, version=version, entries=entries)
    matches, undecided = [], False
    for advisory, found in speaking:
        verdicts = {entry.says_of(version) for entry in found}
        if Verdict.AFFECTED in verdicts:
            matches.append(
                Match(
                    advisory=advisory,
                    severity=_worst(e.severity for e in found if e.says_of(version) is Verdict.AFFECTED),
                    known_exploited=bool({*advisory.names, *advisory.upstream} & exploited),
                    safe_version=safe,
                )
            )
        elif Verdict.UNDECIDED in verdicts:
            undecided = True
    return Finding(matches=tuple(_once(matches)), undecided=undecided)


def smallest_safe(*, ecosystem: str, version: str, entries: Sequence[Affected]) -> str:
    """Return the smallest later version in which something was mended and of which nothing else is said."""
    later = []
    for fixed in {fixed for entry in entries for fixed in entry.fixed}:
        try:
            if versions.compare(ecosystem, fixed, version) > 0:
                later.append(fixed)
        except versions.Incomparable:
            continue
    later.sort(key=versions.key(ecosystem))  # type: ignore[arg-type]  # functools' own key
    for candidate in later:
        if all(entry.says_of(candidate) is Verdict.SAFE for entry in entries):
            return candidate
    return ""


_ORDER = (Severity.CRITICAL, Severity.UNRATED, Severity.HIGH, Severity.MEDIUM, Severity.LOW)


def _worst(found: Iterable[Severity]) -> Severity:
    return min(found, key=_ORDER.index, default=Severity.UNRATED)


def _once(matches: Sequence[Match]) -> list[Match]:
    """Two databases name one weakness twice: keep the first name, which the other lists as an alias."""
    kept: list[Match] = []
    for match in sorted(matches, key=lambda match: match.advisory.id):
        names = match.advisory.names
        twin = next((place for place, other in enumerate(kept) if other.advisory.names & names), None)
        if twin is None:
            kept.append(match)
            continue
        other = kept[twin]
        kept[twin] = Match(
            advisory=Advisory(
                id=other.advisory.id,
                aliases=tuple(sorted((other.advisory.names | names) - {other.advisory.id})),
                upstream=other.advisory.upstream,
                summary=other.advisory.summary or match.advisory.summary,
                affected=other.advisory.affected,
            ),
            severity=_worst((other.severity, match.severity)),
            known_exploited=other.known_exploited or match.known_exploited,
            safe_version=other.safe_version,
        )
    return kept
