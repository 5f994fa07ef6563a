"""Rules about money that leaves, payers who are not who they seem, and the provider."""

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
    burst,
    followed,
    hit,
    windows,
)

_HOLDING = (Automatic.NONE, Automatic.HOLD_PAYOUTS, Automatic.END_SESSIONS)
_DAY = timedelta(days=1)
# Below these sums a day is never a spike; and a fortnight has to be known to say what is usual.
LEAST_SPIKE_MINOR, TIMES_USUAL, DAYS_KNOWN = 100_000, 3, 14
# The first connection of a provider changes nothing; whoever puts another in its place disconnects one.
_TRUST = frozenset(
    {"bank_account.announced", "bank_account.took_effect", "gateway.key_replaced", "gateway.disconnected"}
)
_OUT = frozenset({"refund.requested", "export.asked"})
_REACH = frozenset({"email", "phone", "iban"})


def _amount(event: Seen) -> int:
    found = event.more.get("amount_minor", 0)
    return found if isinstance(found, int) else 0


def _refund_spike(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    """Too many by one person, or far more in a day than the month before would let expect."""
    by_person = {window[-1].id: window for window in windows(events, settings)}
    known_since = events[0].at if events else None
    for place, event in enumerate(events):
        window = by_person.get(event.id, ())
        if len(window) > settings.threshold:
            yield hit(event, settings, evidence=window, count=len(window), by="number")
            continue
        same = [one for one in events[: place + 1] if one.more.get("currency") == event.more.get("currency")]
        today = [one for one in same if event.at - one.at <= _DAY]
        spent = sum(_amount(one) for one in today)
        assert known_since is not None  # noqa: S101  there is an event
        days = (event.at - known_since).days
        earlier = sum(_amount(one) for one in same if event.at - one.at > _DAY)
        usual = earlier // max(days - 1, 1)
        if (
            days >= DAYS_KNOWN
            and spent >= LEAST_SPIKE_MINOR
            and spent > TIMES_USUAL * usual
            and len(today) > 1
        ):
            yield hit(event, settings, evidence=today, count=len(today), by="amount")


def _concentration(events: Sequence[Seen], settings: Settings) -> Iterator[Hit]:
    """Refunds of several customers that end on one card or account."""
    to: dict[str, list[Seen]] = {}
    for event in events:
        where = str(event.more.get("instrument", ""))
        if not where:
            continue
        window = [one for one in to.get(where, ()) if event.at - one.at <= settings.window]
        window.append(event)
        to[where] = window
        customers = {one.more.get("customer") for one in window}
        if len(window) >= settings.threshold and len(customers) > 1:
            yield hit(
                event,
                settings,
                evidence=window,
                count=len(window),
                key=f"to.{where}",
                customers=len(customers),
            )


def _changes_reach(event: Seen) -> bool:
    return bool(_REACH & set(event.fields)) or event.event == "payment_method.saved"


RULES: tuple[Rule, ...] = (
    Rule(
        code="PAY-01",
        title="Refund spike",
        sentence="{count} refunds within {window}, far more than usual.",
        why="Money given back is money out. A clerk who refunds friends, or an intruder, does it in a hurry.",
        steps=(
            "Look at each refund and its customer.",
            "Hold payouts until you know.",
            "Ask whoever asked for them.",
        ),
        codes=frozenset({"refund.requested"}),
        severity=Severity.HIGH,
        groups=(Group.ACTOR, Group.ORGANIZATION),
        related=(Group.ORGANIZATION,),
        judge=_refund_spike,
        window=_DAY,
        history=timedelta(days=30),
        threshold=5,
        unit="refunds by one person",
        allowed=_HOLDING,
    ),
    Rule(
        code="PAY-02",
        title="Refunds end on one card",
        sentence="{count} refunds of {customers} customers went to one card or account within {window}.",
        why="Different customers do not share a card. Whoever refunds to their own does it under other names.",
        steps=("Hold payouts.", "Look at who asked for the refunds.", "Ask the payers."),
        codes=frozenset({"refund.requested"}),
        severity=Severity.HIGH,
        groups=(Group.ORGANIZATION,),
        judge=_concentration,
        window=timedelta(days=7),
        threshold=3,
        unit="refunds",
        allowed=_HOLDING,
    ),
    Rule(
        code="PAY-04",
        title="Bank details or provider changed, then money or data moved",
        sentence="Where money goes was changed, and within {window} money or data was on its way out.",
        why="First the account, then the money: so goes nearly every fraud with business mail.",
        steps=(
            "Hold payouts.",
            "Call whoever changed the details, on a number you already have.",
            "Stop the change on the page Bank account.",
        ),
        codes=_TRUST | _OUT,
        severity=Severity.CRITICAL,
        groups=(Group.ACTOR, Group.ORGANIZATION),
        judge=followed(_TRUST, _OUT),
        window=timedelta(hours=72),
        automatic=Automatic.HOLD_PAYOUTS,
        allowed=_HOLDING,
    ),
    Rule(
        code="PAY-05",
        title="Customer changed, then money went back",
        sentence="How a customer is reached or paid was changed, and within {window} a refund was asked for.",
        why="A changed address keeps the true customer from hearing of what follows.",
        steps=(
            "Call the customer, on the number from before the change.",
            "Hold payouts until they have answered.",
        ),
        codes=frozenset(
            {
                "customer.updated",
                "contact.changed",
                "contact.added",
                "payment_method.saved",
                "refund.requested",
            }
        ),
        severity=Severity.HIGH,
        groups=(Group.CUSTOMER,),
        judge=followed(
            {"customer.updated", "contact.changed", "contact.added", "payment_method.saved"},
            {"refund.requested"},
            when_first=lambda event: event.event == "contact.added" or _changes_reach(event),
        ),
        window=timedelta(hours=72),
        allowed=_HOLDING,
    ),
    Rule(
        code="PAY-06",
        title="Cards are tried on a payment page",
        sentence="{count} declined payments of one customer within {window}.",
        why="Stolen card numbers are tried where a payment page is open, one after the other.",
        steps=("Withdraw the payment link.", "Look at the payments that did go through, and refund them."),
        codes=frozenset({"payment.declined", "payment.failed"}),
        severity=Severity.HIGH,
        groups=(Group.CUSTOMER, Group.ORGANIZATION),
        judge=burst(),
        window=timedelta(minutes=10),
        threshold=5,
        unit="declined payments",
    ),
    Rule(
        code="PAY-09",
        title="Many disputes",
        sentence="{count} disputes within {window}.",
        why="Payers who do not know a charge ask their bank. Many at once are stolen cards, or a mistake of ours.",
        steps=("Look at what the disputed payments have in common.", "Answer before their time is over."),
        codes=frozenset({"dispute.created"}),
        severity=Severity.HIGH,
        groups=(Group.ORGANIZATION,),
        judge=burst(),
        window=timedelta(days=7),
        threshold=3,
        unit="disputes",
    ),
    Rule(
        code="PAY-10",
        title="Messages that are not the provider's",
        sentence="{count} messages to the provider's door were refused within {window}.",
        why="Somebody says that money came which did not, or the secret that proves it is not the right one.",
        steps=(
            "Look at whether the provider's messages still arrive.",
            "Replace the secret on Card payments.",
        ),
        codes=frozenset({"hook.refused"}),
        severity=Severity.HIGH,
        groups=(Group.ORGANIZATION, Group.NETWORK),
        judge=burst(),
        window=timedelta(minutes=10),
        threshold=3,
        unit="messages",
    ),
)
