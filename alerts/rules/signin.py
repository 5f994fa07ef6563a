"""Rules about signing in and second factors."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from alerts.rules.base import (
    Automatic,
    Group,
    Hit,
    Judge,
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

_ASK = "Ask the person, by telephone and not by mail, whether it was them."
_END = "End their sessions if it was not."
_LOOK = "Look at what was signed in to from this network."
_ENDING = (Automatic.NONE, Automatic.END_SESSIONS)
# One network, many accounts, few tries each: what the numbers mean is the same in every product (Elastic's rules).
SPRAYED_ACCOUNTS, SPRAYED_EACH, SPRAYED_OVER = 5, 8, timedelta(minutes=5)
STUFFED_ACCOUNTS, STUFFED_EACH = 15, 2


def _accounts(window: Sequence[Seen]) -> Counter[str]:
    # An address that has no account is another account each time: nothing says which one was tried.
    return Counter(str(event.subject_id or event.id) for event in window)


def _attack(*, accounts: int, most_each: int, over: timedelta = timedelta(0)) -> Judge:
    def judge(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
        for window in windows(events, settings):
            if len(window) < settings.threshold or window[-1].at - window[0].at < over:
                continue
            tried = _accounts(window)
            if len(tried) >= accounts and max(tried.values()) <= most_each:
                yield hit(window[-1], settings, evidence=window, count=len(window), accounts=len(tried))

    return judge


def _success_after(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    """A sign-in after many wrong passwords for its account, or from a network that had tried many accounts."""
    failures: list[Seen] = []
    for event in events:
        if event.event == "signin.failed":
            failures.append(event)
        elif event.event == "signin.succeeded":
            recent = [one for one in failures if event.at - one.at <= settings.window]
            own = [one for one in recent if one.person is not None and one.person == event.person]
            near = [one for one in recent if event.network and one.network == event.network]
            if len(own) >= settings.threshold:
                yield hit(event, settings, evidence=(*own, event), count=len(own))
            elif len(_accounts(near)) >= SPRAYED_ACCOUNTS and len(near) >= settings.threshold:
                # The other accounts are no business of this person's organization.
                yield hit(event, settings, count=len(near))


def _elsewhere(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    """A sign-in at a new place while the same person was at work from another network in another session."""
    for window in windows((event for event in events if event.network), settings):
        last = window[-1]
        for event in window[:-1]:
            apart = event.network != last.network and _session(event) != _session(last)
            if apart and (_is_new(event) or _is_new(last)):
                minutes = int((last.at - event.at).total_seconds()) // 60
                yield hit(last, settings, evidence=(event, last), count=2, minutes=minutes)
                break


def _is_new(event: Seen) -> bool:
    return event.event == "signin.succeeded" and event.facts.get("new_place") is True


def _session(event: Seen) -> object:
    return event.session_id or event.subject_id or event.id


RULES: tuple[Rule, ...] = (
    Rule(
        code="AUTH-01",
        title="In two places at once",
        sentence="Somebody signed in from a network and a device never seen before, {minutes} minutes apart from what "
        "the same person did from another network.",
        why="Nobody knows how far apart the two networks are: addresses are kept as pseudonyms. One person is seldom "
        "at two of them within the hour, one of which is new.",
        steps=("Ask the person from here whether it was them.", _END),
        codes=frozenset({"signin.succeeded", "session.stepped_up", "session.switched"}),
        severity=Severity.MEDIUM,
        groups=(Group.PERSON,),
        judge=_elsewhere,
        window=timedelta(minutes=60),
        allowed=_ENDING,
        source=Source.PEOPLE,
    ),
    Rule(
        code="AUTH-02",
        title="Many failed sign-ins, one account",
        sentence="{count} failed sign-ins for one account within {window}.",
        why="Somebody guesses the password of one person. Guessing is slowed down; the person is never locked out.",
        steps=(_ASK, "Have them change the password if they use it elsewhere."),
        codes=frozenset({"signin.failed"}),
        severity=Severity.MEDIUM,
        groups=(Group.PERSON,),
        judge=burst(),
        window=timedelta(minutes=10),
        threshold=10,
        unit="failed sign-ins",
        source=Source.PEOPLE,
    ),
    Rule(
        code="AUTH-03",
        title="One network tries many accounts",
        sentence="{count} failed sign-ins to {accounts} accounts from one network within {window}, few for each.",
        why="A few likely passwords are tried on everybody: slow enough for each account to notice nothing.",
        steps=(_LOOK, "Have people whose password was right change it."),
        codes=frozenset({"signin.failed"}),
        severity=Severity.HIGH,
        groups=(Group.NETWORK,),
        judge=_attack(accounts=SPRAYED_ACCOUNTS, most_each=SPRAYED_EACH, over=SPRAYED_OVER),
        window=timedelta(minutes=30),
        threshold=15,
        unit="failed sign-ins",
        of_host=True,
    ),
    Rule(
        code="AUTH-04",
        title="Stolen passwords are tried",
        sentence="{count} failed sign-ins to {accounts} accounts from one network within {window}, one or two each.",
        why="Lists of addresses and passwords stolen elsewhere are tried one after the other.",
        steps=(_LOOK, "Have people whose password was right change it."),
        codes=frozenset({"signin.failed"}),
        severity=Severity.HIGH,
        groups=(Group.NETWORK,),
        judge=_attack(accounts=STUFFED_ACCOUNTS, most_each=STUFFED_EACH),
        window=timedelta(minutes=15),
        threshold=25,
        unit="failed sign-ins",
        of_host=True,
    ),
    Rule(
        code="AUTH-05",
        title="Signed in after an attack",
        sentence="A sign-in succeeded after {count} failed ones within {window}.",
        why="Whoever guessed may have found the password, and got past the second factor as well.",
        steps=("End their sessions now.", _ASK, "Have them set a new password and a new factor."),
        codes=frozenset({"signin.failed", "signin.succeeded"}),
        severity=Severity.CRITICAL,
        groups=(Group.PERSON,),
        related=(Group.NETWORK,),
        judge=_success_after,
        window=timedelta(minutes=180),
        threshold=10,
        unit="failed sign-ins before",
        automatic=Automatic.NONE,
        allowed=_ENDING,
        source=Source.PEOPLE,
    ),
    Rule(
        code="AUTH-06",
        title="Many wrong second factors",
        sentence="{count} wrong codes for one person within {window}.",
        why="The password is already known to whoever tries: only the second factor stands between.",
        steps=(_ASK, "Have them set a new password; theirs is known.", _END),
        codes=frozenset({"mfa.failed", "mfa.replayed"}),
        severity=Severity.HIGH,
        groups=(Group.PERSON,),
        judge=burst(),
        window=timedelta(minutes=10),
        threshold=5,
        unit="wrong codes",
        allowed=_ENDING,
        source=Source.PEOPLE,
    ),
    Rule(
        code="AUTH-07",
        title="Second factor removed",
        sentence="A second factor was removed.",
        why="Whoever takes over an account removes what would let its owner back in.",
        steps=(_ASK, _END),
        codes=frozenset({"mfa.removed"}),
        severity=Severity.HIGH,
        groups=(Group.PERSON,),
        judge=each(),
        allowed=_ENDING,
        source=Source.PEOPLE,
    ),
    Rule(
        code="AUTH-09",
        title="Signed in at a new place",
        sentence="Somebody signed in from a network and a device they were not seen at in 90 days.",
        why="Mostly a new computer. Together with anything else, somebody who is not them.",
        steps=("Look at what they did there.", _ASK),
        codes=frozenset({"signin.succeeded"}),
        severity=Severity.LOW,
        groups=(Group.PERSON,),
        judge=each(lambda event: event.facts.get("new_place") is True),
        source=Source.PEOPLE,
    ),
    Rule(
        code="AUTH-10",
        title="Recovery code used",
        sentence="Somebody signed in with a recovery code.",
        why="A recovery code replaces the second factor: found on paper it is a key to the house.",
        steps=(_ASK, "Offer new codes."),
        codes=frozenset({"mfa.recovery_code_used"}),
        severity=Severity.MEDIUM,
        groups=(Group.PERSON,),
        judge=each(),
        allowed=_ENDING,
        source=Source.PEOPLE,
    ),
    Rule(
        code="AUTH-11",
        title="Many payment links tried",
        sentence="{count} payment links that do not exist were tried from one network within {window}.",
        why="Somebody guesses links to invoices. Links are too long to be guessed; that it is tried is worth knowing.",
        steps=("Look at whether any link was opened from there.",),
        codes=frozenset({"pay_link.refused"}),
        severity=Severity.HIGH,
        groups=(Group.NETWORK,),
        judge=burst(),
        window=timedelta(minutes=10),
        threshold=10,
        unit="links",
    ),
)
