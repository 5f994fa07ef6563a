"""A month of honest work in one organization, and ten attacks in the middle of it.

The trail is written as the owner of the database, because nobody else may say when something happened; what the
watch makes of it, it makes on the real engine, at the moments its schedule would look. The work is seeded: the same
month each time.
"""

import json
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from alerts import engine
from alerts.models import Alert
from audit.events import REGISTRY
from audit.services import COLUMNS
from core import clock, ids
from core.actor import Actor
from payments.models import Payment
from tenancy.context import Scope, scope
from tenancy.models import Tenant
from tests import databases
from tests.make import accounts, billing, installation, payments
from tests.services.alerts import happened
from tests.services.alerts.happened import AWAY, HOME, Happened

ACTOR = Actor.system("month")
DAYS = 30
# How often the watch looks (alerts/schedule.py).
EVERY = 3.0
_INSERT = (
    f"INSERT INTO audit_event ({COLUMNS}, at) VALUES ("
    "%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::uuid[], %s::text[], %s::jsonb, %s, %s)"
)


@dataclass(slots=True)
class Attack:
    """One planted attack: what happens, and which rules may be the one that finds it."""

    name: str
    expected: tuple[str, ...]
    events: list[Happened]
    found: Alert | None = None
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    """What the month came to."""

    honest: int
    attacks: list[Attack]
    false_alerts: dict[str, int]
    look_seconds: list[float]

    @property
    def missed(self) -> list[str]:
        """Name the attacks that nothing found."""
        return [attack.name for attack in self.attacks if attack.found is None]

    def lines(self) -> list[str]:
        """Say it in a table."""
        rows = [f"{self.honest} honest events in {DAYS} days, {len(self.attacks)} attacks"]
        for attack in self.attacks:
            found = attack.found
            said = (
                "MISSED"
                if found is None
                else f"{found.rule:8} {found.severity:8} after {attack.seconds:4.1f} s"
            )
            rows.append(f"  {attack.name:52} {said}")
        false = sum(self.false_alerts.values())
        each = ", ".join(f"{code} {count}" for code, count in sorted(self.false_alerts.items()))
        rows.append(f"{false} false alerts ({each or 'none'})")
        slowest = max(self.look_seconds)
        rows.append(f"{len(self.look_seconds)} looks, the slowest took {slowest:.2f} s")
        return rows


class Month:
    """The people, the customers and the clock of one month in organization a."""

    def __init__(self, *, seed: int = 7, busy: int = 1) -> None:
        """Make the people and the records that the trail speaks of; `busy` multiplies the honest work."""
        self.random = random.Random(seed)
        self.busy = busy
        self.tenant = installation.tenant("a")
        self.operator = installation.tenants(kind=Tenant.Kind.OPERATOR)[0].pk
        # The last of thirty days ended at the last midnight, so that each month of the trail is one that exists.
        self.start = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
        self.customers = [UUID(int=(1 << 100) + number) for number in range(400)]
        self.looks: list[float] = []
        self.honest = 0
        with scope(Scope(self.tenant)):
            roles = ["billing_clerk"] * 3 + ["accountant"] * 2 + ["admin", "security_officer"]
            self.people = [accounts.member(role).user_id for role in roles]
            self.key = ids.uuid7()
            payer = billing.customer()
            paid = payments.bank(payer.pk, 400_000)
            # What honest clerks give back, to the accounts it came from.
            self.refunds = [payments.promised(paid, 900 + 10 * number).pk for number in range(12)]
            cards = self._paid_by_card()
            self.payments = [paid.pk for paid in cards]
            self.stolen = [payments.promised(paid, 100).pk for paid in cards]
        self._last = self.start
        self.clerk, self.second, self.third, self.books, _, self.admin, self.officer = self.people

    def _paid_by_card(self) -> list[Payment]:
        """Return payments of four customers, all with the same card."""
        found = []
        for name in ("Ann", "Bob", "Cid", "Dot"):
            customer = billing.customer(name)
            invoice = billing.finalized(of=customer)
            found.append(payments.card(customer.pk, invoice.pk, 100))
        return found

    # The clock

    def day(self, number: int, hour: int = 0, minute: float = 0) -> datetime:
        """Return a moment of the month."""
        return self.start + timedelta(days=number, hours=hour, minutes=minute)

    # What honest people do

    def work_of(self, day: int) -> list[Happened]:
        """Return what honest people do on one day, in the order of time."""
        found = self._rare(day)
        found += self._programs(day)
        if self.day(day).weekday() < 5:
            for place, person in enumerate(self.people):
                found += self._person(day, person, clerk=place < 3)
            found += self._money(day)
        return sorted(found, key=lambda one: one.at)

    def _moment(self, day: int, first: int = 8, last: int = 18) -> datetime:
        return self.day(day, first, self.random.uniform(0, (last - first) * 60))

    def _person(self, day: int, person: UUID, *, clerk: bool) -> list[Happened]:
        roll = self.random.random
        begin = self._moment(day, 7, 9)
        found = []
        for _ in range(self.random.choice([0, 0, 0, 0, 0, 1, 1, 2])):
            begin += timedelta(seconds=20)
            found.append(happened.failed(begin, person, HOME))
        if roll() < 0.1:
            found.append(happened.wrong_code(begin + timedelta(seconds=10), person, HOME))
        found.append(happened.signed_in(begin + timedelta(seconds=40), person))
        for _ in range((self.random.randint(15, 45) if clerk else self.random.randint(3, 12)) * self.busy):
            found.append(self._opens(self._moment(day), person))
        for _ in range(4):
            page = tuple(self.random.sample(self.customers, 25))
            found.append(Happened(at=self._moment(day), event="customer.listed", who=person, subjects=page))
        if roll() < 0.3:
            found.append(happened.refused(self._moment(day), person, 403, "step_up_required"))
        if roll() < 0.1:
            found.append(happened.refused(self._moment(day), person, 403, "forbidden"))
        if roll() < 0.1:
            found.append(happened.refused(self._moment(day), person, 404, "not_found", object="malformed"))
        return found

    def _opens(self, at: datetime, person: UUID) -> Happened:
        noun = self.random.choice(["customer", "invoice", "payment"])
        return Happened(
            at=at, event=f"{noun}.read", who=person, subject=(noun, self.random.choice(self.customers))
        )

    def _money(self, day: int) -> list[Happened]:
        found = [
            Happened(
                at=self._moment(day), event="refund.requested", who=self.random.choice(self.people[:2]),
                subject=("refund", self.refunds[(day + number) % len(self.refunds)]),
            )
            for number in range(self.random.choice([0, 1, 1, 2]))
        ]  # fmt: skip
        if self.day(day).weekday() == 0:
            rows = self.random.randint(150, 400)
            found.append(happened.export(self._moment(day), self.books, rows))
        return found

    def _programs(self, day: int) -> list[Happened]:
        """A program that reads every half hour, and the payers' side, which never sleeps."""
        page = tuple(self.customers[:50])
        found = [
            Happened(
                at=self.day(day, 0, 30 * number), event="invoice.listed", who=self.key, kind="api_key", subjects=page
            )
            for number in range(48)
        ]  # fmt: skip
        for _ in range(self.random.randint(0, 3)):
            found.append(happened.declined(self._moment(day, 0, 24), self.random.choice(self.payments)))
        for _ in range(self.random.randint(0, 2)):
            network = f"net_{self.random.randint(0, 9_999)}"
            found.append(
                Happened(
                    at=self._moment(day, 0, 24), event="pay_link.refused", kind="stranger", network=network,
                    result="refused",
                )
            )  # fmt: skip
        return found

    def _rare(self, day: int) -> list[Happened]:
        """What happens once a month and looks like something: a new laptop, a new phone, a key, a busy hour."""
        noon = self.day(day, 12)
        if day == 5:
            return [happened.signed_in(noon, self.second, network="net_hotel", new_place=True)]
        if day == 12:
            about = ("user", self.books)
            return [Happened(at=noon, event="mfa.removed", who=self.books, subject=about, of_operator=True)]
        if day == 15:
            return [Happened(at=noon, event="apikey.rotated", who=self.admin, subject=("api_key", self.key))]
        if day == 18:
            # The end of a quarter: as many records as one person can well look at in an hour.
            seen = self.random.sample(self.customers, 90)
            return [
                Happened(
                    at=noon + timedelta(seconds=38 * place), event="invoice.read", who=self.books,
                    subject=("invoice", one),
                )
                for place, one in enumerate(seen)
            ]  # fmt: skip
        if day == 21:
            # Somebody came back from a holiday and has forgotten their password.
            return [happened.failed(noon + timedelta(seconds=40 * n), self.third, HOME) for n in range(8)]
        return []

    # What others do

    def attacks(self) -> list[Attack]:
        """Return ten attacks in the order in which they come."""
        at, minute = self.day, timedelta(minutes=1)
        guess = [happened.failed(at(2, 2) + n * minute / 2, self.clerk, AWAY) for n in range(14)]
        guess.append(happened.signed_in(at(2, 2, 9), self.clerk, network=AWAY))
        spray = [happened.failed(at(4, 3) + n * minute / 2, UUID(int=500 + n % 7), AWAY) for n in range(21)]
        codes = [happened.wrong_code(at(7, 23) + n * minute / 3, self.second, AWAY) for n in range(6)]
        about = ("user", self.third)
        takeover = [
            happened.signed_in(at(9, 4), self.third, network=AWAY, new_place=True),
            Happened(at=at(9, 4, 2), event="mfa.removed", who=self.third, network=AWAY, subject=about,
                     of_operator=True),
            Happened(at=at(9, 4, 4), event="apikey.created", who=self.third, network=AWAY,
                     subject=("api_key", UUID(int=77))),
        ]  # fmt: skip
        reads = [
            Happened(at=at(11, 19) + timedelta(seconds=12 * n), event="customer.read", who=self.second,
                     subject=("customer", self.customers[n]))
            for n in range(150)
        ]  # fmt: skip
        leaver = [happened.export(at(14, 17, 10 * n), self.third, 1_900) for n in range(2)]
        cards = [
            Happened(at=at(17, 20 + n), event="refund.requested", who=self.clerk, subject=("refund", one))
            for n, one in enumerate(self.stolen)
        ]
        bank = [
            Happened(at=at(20, 9), event="bank_account.announced", who=self.admin, network=AWAY,
                     subject=("bank_account", UUID(int=78))),
            Happened(at=at(20, 16), event="refund.requested", who=self.admin, network=AWAY,
                     subject=("refund", self.refunds[0])),
        ]  # fmt: skip
        probing = [
            happened.refused(at(23, 1) + n * minute, self.clerk, 404, "not_found", object=f"inv_{n:026d}")
            for n in range(6)
        ]
        testing = [
            happened.declined(at(26, 2) + timedelta(seconds=20 * n), self.payments[0], code="card_declined")
            for n in range(9)
        ]
        return [
            Attack("a password is guessed at night", ("AUTH-02", "AUTH-05"), guess),
            Attack("one network tries seven accounts", ("AUTH-03",), spray),
            Attack("second factors are guessed", ("AUTH-06",), codes),
            Attack("a taken-over account removes the factor, makes a key", ("AUTH-07", "API-02"), takeover),
            Attack("150 customers are opened in half an hour", ("DATA-02",), reads),
            Attack("a leaver takes 3,800 customers along", ("DATA-01",), leaver),
            Attack("refunds of four customers end on one card", ("PAY-02",), cards),
            Attack("the bank account is changed, then money leaves", ("PAY-04",), bank),
            Attack("another organization's invoices are tried", ("DATA-06",), probing),
            Attack("cards are tried on a payment page", ("PAY-06",), testing),
        ]

    # The month itself

    def run(self) -> Report:
        """Let the month pass and return what was found."""
        before = self.start - timedelta(seconds=EVERY)
        # The watch begins where everything is final. What was made for this month is no part of it, and behind an open
        # transaction of another worker it would be judged: its refunds end on one card, as those of an attack do.
        databases.let_settle()
        self._look(before)
        attacks = self.attacks()
        planted: set[UUID] = set()
        waiting = list(attacks)
        for day in range(DAYS):
            work = self.work_of(day)
            self.honest += len(work)
            end = self.day(day + 1)
            while waiting and waiting[0].events[0].at < end:
                attack = waiting.pop(0)
                first = attack.events[0].at
                self._pass([one for one in work if one.at < first], first)
                known = self._known()
                self._suffer(attack, [one for one in work if one.at >= first])
                work = [one for one in work if one.at > attack.events[-1].at]
                planted |= {alert.pk for alert in self._alerts() if alert.pk not in known}
            self._pass(work, end)
        false: dict[str, int] = {}
        for alert in self._alerts():
            if alert.pk not in planted:
                false[alert.rule] = false.get(alert.rule, 0) + 1
        return Report(self.honest, attacks, false, self.looks)

    def _pass(self, work: Sequence[Happened], until: datetime) -> None:
        """Let honest work happen in stretches of some hours: the judges see each event at its own time."""
        for start in range(0, len(work), 250):
            stretch = work[start : start + 250]
            self._write(stretch)
            self._look(max(stretch[-1].at, self._last) + timedelta(seconds=1))
        self._last = max(self._last, until)

    def _suffer(self, attack: Attack, beside: Sequence[Happened]) -> None:
        """Let an attack happen beside honest work, with the watch looking every three seconds."""
        last = attack.events[-1].at
        events = sorted([*attack.events, *(one for one in beside if one.at <= last)], key=lambda one: one.at)
        first = events[0].at
        known = self._known()
        ticks: dict[int, list[Happened]] = {}
        for one in events:
            ticks.setdefault(ceil(((one.at - first).total_seconds() + 0.001) / EVERY), []).append(one)
        now = first
        for tick, together in sorted(ticks.items()):
            self._write(together)
            now = first + timedelta(seconds=tick * EVERY)
            took = self._look(now)
            if attack.found is not None:
                continue
            for alert in self._alerts():
                if alert.pk not in known and alert.rule in attack.expected:
                    attack.found = alert
                    attack.seconds = (now - alert.last_seen_at).total_seconds() + took
                    break
        # What the watch itself wrote (an alert was opened) is judged at its next look.
        self._look(now + timedelta(seconds=EVERY))
        self._last = max(last, self._last)

    def _look(self, now: datetime) -> float:
        started = time.monotonic()
        moment = clock.now()
        done = engine.look(actor=ACTOR, now=lambda: now)
        took = time.monotonic() - started
        self.looks.append(took)
        assert not done.failed
        if done.alerts:
            # What the watch itself records, it records now; a month ago that was then.
            databases.as_superuser(
                "SET session_replication_role = replica; "
                f"UPDATE audit_event SET at = '{now.isoformat()}' WHERE at >= '{moment.isoformat()}'"
            )
        return took

    def _alerts(self) -> list[Alert]:
        found: list[Alert] = []
        for tenant in (self.tenant, self.operator):
            with scope(Scope(tenant)):
                found += Alert.objects.order_by("id")
        return found

    def _known(self) -> set[UUID]:
        return {alert.pk for alert in self._alerts()}

    def _write(self, happened: Iterable[Happened]) -> None:
        with databases.connect_as("owner") as connection:
            connection.cursor().executemany(_INSERT, [self._values(one) for one in happened])

    def _values(self, one: Happened) -> list[Any]:
        assert one.event in REGISTRY, one.event
        return [
            self.operator if one.of_operator else self.tenant, ids.uuid7(), one.event, one.result, one.kind,
            None if one.kind == "api_key" else one.who, "", None, "api" if one.kind == "api_key" else "web", None,
            one.who if one.kind == "api_key" else None, ids.uuid7(), one.network, one.subject[0], one.subject[1],
            list(one.subjects), list(one.fields), json.dumps(one.facts), one.reason, one.at,
        ]  # fmt: skip
