"""Rules about signing in and second factors."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from alerts.rules.base import (
    Automatic,
    Group,
    Hit,
    Rule,
    Seen,
    Settings,
    Severity,
    Source,
    burst,
    each,
    hit,
    windows,
)

_ASK = "Ask the person by another way than mail whether it was them."
_END = "End their sessions if it was not."
SPRAYED_ACCOUNTS = 5
SPRAYED_EACH = 8
STUFFED_ACCOUNTS = 15
STUFFED_EACH = 2
# So many wrong passwords before a right one are no typing errors.
GUESSES = 5


def _accounts(window: Sequence[Seen]) -> Counter[str]:
    # An address that has no account is another account each time: nothing says which one was tried.
    return Counter(str(event.subject_id or event.id) for event in window)


def _attack(accounts: int, most_each: int, at_least: timedelta = timedelta(0)):  # type: ignore[no-untyped-def]
    def judge(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
        for window in windows(events, settings):
            if len(window) < settings.threshold or window[-1].at - window[0].at < at_least:
                continue
            tried = _accounts(window)
            if len(tried) >= accounts and max(tried.values()) <= most_each:
                yield hit(window[-1], settings, evidence=window, count=len(window), accounts=len(tried))

    return judge


def _success_after(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    """A right password after many wrong ones for the same account, or from a network that tried many accounts."""
    failures: list[Seen] = []
    for event in events:
        if event.event == "signin.failed":
            failures.append(event)
            continue
        if event.event != "signin.succeeded":
            continue
        recent = [one for one in failures if event.at - one.at <= settings.window]
        own = [one for one in recent if one.person is not None and one.person == event.person]
        near = [one for one in recent if event.network and one.network == event.network]
        if len(own) >= settings.threshold:
            yield hit(event, settings, evidence=(*own, event), count=len(own))
        elif len(near) >= SPRAYED_ACCOUNTS and len(_accounts(near)) >= SPRAYED_ACCOUNTS:
            yield hit(event, settings, evidence=(*near, event), count=len(near))


RULES: tuple[Rule, ...] = (
    Rule(
        code="AUTH-02",
        title="Many failed sign-ins, one account",
        sentence="{count} failed sign-ins for one account within {window}.",
        why="Somebody guesses the password of one person. Guessing is slowed down, and the person is never locked out.",
        steps=(_ASK, "Have them change the password if it is used elsewhere."),
        codes=frozenset({"signin.failed"}),
        severity=Severity.MEDIUM,
        groups=(Group.PERSON, Group.NETWORK),
        judge=burst(),
        window=timedelta(minutes=10),
        threshold=10,
        unit="failed sign-ins",
        source=Source.PEOPLE,
    ),
)
_NOT_YET = (Automatic, each)
