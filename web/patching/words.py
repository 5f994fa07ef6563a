"""What states and reasons of patching are called."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

from patching.rules import Severity, State, Why
from web.kit import formats

REASONS: Mapping[str, str] = MappingProxyType(
    {
        Why.NO_SOURCE: "There is no source of advisories yet. Until one is there, nobody can say.",
        Why.STALE: "What is known is older than 48 hours, and says nothing about today.",
        Why.SILENT: "The source did not answer as one that looked would.",
        Why.UNREADABLE: "What the source said cannot be read or is not signed by a trusted key.",
        Why.UNSEEN: "Nobody has looked yet.",
    }
)
# Of a single component.
WHY: Mapping[str, str] = MappingProxyType(
    {
        Why.STALE: "Advisories too old",
        Why.NOT_COVERED: "No advisories of its kind",
        Why.VERSION: "Version cannot be compared",
        Why.UNDECIDED: "Advisory names no versions",
        Why.UNSEEN: "Did not say its version",
        Why.END_OF_LIFE: "No longer maintained",
    }
)
KINDS: Mapping[str, str] = MappingProxyType(
    {"python": "Python", "vendored": "Vendored file", "debian": "System package", "engine": "Engine"}
)
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "none": "None",
        "bundle": "Signed bundle",
        "online": "Online source",
        "bundle+online": "Signed bundle and online source",
    }
)
PRODUCTS: Mapping[str, str] = MappingProxyType(
    {
        "debian": "Debian",
        "django": "Django",
        "postgresql": "PostgreSQL",
        "python": "Python",
        "redis": "Redis",
        "valkey": "Valkey",
    }
)
_TINTS = {State.CLEAN: "ok", State.VULNERABLE: "bad", State.UNKNOWN: "warn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The state of everything in one sentence, and why."""

    tint: str
    title: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """A series in use and how long it is mended."""

    name: str
    version: str
    support: str
    ends_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure."""

    label: str
    figure: str
    hint: str
    url: str = ""
    tint: str = ""


def banner(state: State, reasons: Iterable[str], *, open_findings: int, unknown: int) -> Banner:
    """Say how it stands."""
    why = [REASONS[reason] for reason in reasons if reason in REASONS]
    if state is not State.CLEAN and unknown and not why:
        why.append(f"Of {formats.count(unknown, 'component')} nobody can say whether a weakness is known.")
    titles = {
        State.CLEAN: "No known weakness in anything that runs here",
        State.VULNERABLE: f"{formats.count(open_findings, 'known weakness', 'known weaknesses')} to mend",
        State.UNKNOWN: "It is not known whether what runs here is safe",
    }
    return Banner(tint=_TINTS[state], title=titles[state], reasons=tuple(why))


def source(code: str) -> str:
    """Name the sources of a look."""
    return SOURCES.get(code, code)


def series(found: Iterable[Mapping[str, str]]) -> list[SeriesRow]:
    """Write the series in use as people read them."""
    return [
        SeriesRow(
            name=f"{PRODUCTS.get(one['product'], one['product'].capitalize())} {one['series']}",
            version=one["version"],
            support=one["support"],
            ends_on=date.fromisoformat(one["ends_on"]) if one["ends_on"] else None,
        )
        for one in found
    ]


def severities(by_severity: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return what is open by severity, the worst first."""
    return [(one.value, by_severity.get(one.value, 0)) for one in Severity if by_severity.get(one.value)]


def age(at: datetime | None, now: datetime) -> str:
    """Say how old something is."""
    return formats.relative(at, now) if at is not None else "never"
