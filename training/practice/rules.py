"""When practice mails leave, who is left out, what counts as a person, and which numbers may be shown. Pure."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from zoneinfo import ZoneInfo

# Nobody is counted in a group so small that a number names somebody.
SMALLEST_GROUP = 5
# Newcomers learn first, and nobody gets practice more often than once a month.
SETTLED_IN = timedelta(days=14)
REST = timedelta(days=30)
# What happens later counts no more.
COUNTED_FOR = timedelta(days=7)
# So long after its end somebody may say that they had reported it by another way.
APPEALED_FOR = timedelta(days=30)
# Results of people go then; the numbers of a campaign stay.
KEPT = timedelta(days=365)
LONGEST_WINDOW = timedelta(days=28)
LATEST_START = timedelta(days=90)
# A mail is read by programs on its way within seconds, by a person not.
TOO_QUICK = timedelta(seconds=5)
# While a real attack goes on nobody is to wonder whether it is practice.
HOLD = timedelta(hours=48)
_FROM, _TO = time(9), time(17)
_SATURDAY = 5
_PROGRAM = re.compile(
    r"bot\b|crawl|spider|preview|scan|headless|curl|wget|python|java/|go-http|libwww|okhttp|proofpoint|mimecast"
    r"|barracuda|safelinks|microsoft office|slack|whatsapp|facebookexternalhit|urlcheck",
    re.IGNORECASE,
)

# How far it went with one person. It only ever moves forward, and whoever reported is noted apart.
QUEUED, SENT, CLICKED, TYPED = STAGES = ("queued", "sent", "clicked", "typed")


def is_forward(now: str, to: str) -> bool:
    """Say whether a step leads on from where it stands."""
    return now in STAGES and STAGES.index(to) > STAGES.index(now)


def is_program(*, agent: str, since_sent: timedelta) -> bool:
    """Say whether what calls itself so, so soon after the mail, is no person. Who says nothing of itself is none."""
    return not agent or since_sent < TOO_QUICK or _PROGRAM.search(agent) is not None


def _share(seed: bytes, name: str) -> float:
    """Return a number from 0 to below 1 that the seed decides and nobody can foresee without it."""
    return int.from_bytes(hashlib.sha256(seed + name.encode()).digest()[:6]) / 2**48


def working_hours(
    *, opens_on: date, closes_on: date, zone: ZoneInfo, after: datetime
) -> list[tuple[datetime, datetime]]:
    """Return the working hours of a window that are still to come."""
    spans, day = [], opens_on
    while day <= closes_on:
        begins = max(datetime.combine(day, _FROM, zone), after)
        ends = datetime.combine(day, _TO, zone)
        if day.weekday() < _SATURDAY and begins < ends:
            spans.append((begins, ends))
        day += timedelta(days=1)
    return spans


def spread(
    seed: bytes, names: Sequence[str], spans: Sequence[tuple[datetime, datetime]]
) -> dict[str, datetime]:
    """Give each name a moment within the spans, evenly, in an order that nobody can foresee.

    Whoever sees a neighbour's mail cannot tell when their own comes.
    """
    whole = sum(((ends - begins) for begins, ends in spans), timedelta())
    order = sorted(names, key=lambda name: _share(seed, name))
    moments = {}
    for place, name in enumerate(order):
        left = whole * ((place + _share(seed, f"{name}/at")) / len(order))
        for begins, ends in spans:
            if left < ends - begins:
                moments[name] = begins + left
                break
            left -= ends - begins
    return moments


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of one person's mail."""

    role: str
    stage: str
    sent_at: datetime | None
    reported_at: datetime | None = None
    robots: int = 0
    undelivered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A role, or several together, in numbers of people."""

    roles: tuple[str, ...]
    sent: int
    clicked: int
    typed: int
    reported: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What came of a campaign, in numbers of people: each stage counts those who went further as well."""

    people: int = 0
    sent: int = 0
    undelivered: int = 0
    clicked: int = 0
    typed: int = 0
    reported: int = 0
    robots: int = 0
    # From the first mail to the first report: how long an attacker would have been alone.
    first_report_seconds: int | None = None
    median_report_seconds: int | None = None
    teams: tuple[Team, ...] = ()
    # Granted after the end: a counter-entry beside the numbers, which stay as they were.
    appealed: int = 0

    @property
    def told(self) -> int:
        """Return how many reported it, by whichever way."""
        return self.reported + self.appealed

    @property
    def is_shown(self) -> bool:
        """Say whether so many got it that a number names nobody."""
        return self.sent >= SMALLEST_GROUP

    @property
    def report_percent(self) -> int:
        """Return how many of a hundred reported it."""
        return percent(self.told, self.sent)

    @property
    def click_percent(self) -> int:
        """Return how many of a hundred opened its link."""
        return percent(self.clicked, self.sent)


def percent(part: int, whole: int) -> int:
    """Return a share in whole hundredths, rounded to the nearest."""
    return (200 * part + whole) // (2 * whole) if whole else 0


def _team(roles: Iterable[str], rows: Collection[Seen]) -> Team:
    return Team(
        roles=tuple(sorted(roles)),
        sent=len(rows),
        clicked=sum(row.stage in (CLICKED, TYPED) for row in rows),
        typed=sum(row.stage == TYPED for row in rows),
        reported=sum(row.reported_at is not None for row in rows),
    )


def teams(rows: Iterable[Seen]) -> tuple[Team, ...]:
    """Return the numbers by role. Roles of fewer than five are counted together, and with the next larger one until
    they are five: what is left over from the sum must name nobody either."""
    grouped: dict[str, list[Seen]] = defaultdict(list)
    for row in rows:
        grouped[row.role].append(row)
    by_size = sorted(grouped, key=lambda role: (len(grouped[role]), role))
    together: list[str] = []
    while by_size and (
        len(grouped[by_size[0]]) < SMALLEST_GROUP
        or (together and sum(len(grouped[role]) for role in together) < SMALLEST_GROUP)
    ):
        together.append(by_size.pop(0))
    found = [_team([role], grouped[role]) for role in sorted(by_size, key=lambda role: -len(grouped[role]))]
    rest = [row for role in together for row in grouped[role]]
    if len(rest) >= SMALLEST_GROUP:
        found.append(_team(together, rest))
    # One group that is everybody says nothing that the whole does not.
    return tuple(found) if len(found) > 1 else ()


def totals(rows: Collection[Seen]) -> Totals:
    """Count a campaign."""
    sent = [row for row in rows if row.stage != QUEUED and row.sent_at is not None]
    reached = [row for row in sent if not row.undelivered]
    began = min((row.sent_at for row in sent if row.sent_at), default=None)
    told = sorted(row.reported_at for row in reached if row.reported_at)
    took = [
        (row.reported_at - row.sent_at).total_seconds() for row in reached if row.reported_at and row.sent_at
    ]
    whole = _team([], reached)
    return Totals(
        people=len(rows),
        sent=whole.sent,
        undelivered=len(sent) - len(reached),
        clicked=whole.clicked,
        typed=whole.typed,
        reported=whole.reported,
        robots=sum(row.robots for row in rows),
        first_report_seconds=round((told[0] - began).total_seconds()) if told and began else None,
        median_report_seconds=round(median(took)) if took else None,
        teams=teams(reached),
    )
