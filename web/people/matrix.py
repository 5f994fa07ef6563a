"""A role as a table: areas down, how far across; and what a change of it would do, before it is made.

Promise kept: what is saved are single rights; a level is a way to tick them, and what was ticked by hand stays.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from django.http import QueryDict

from accounts.permissions import POWERFUL, Permission
from web.kit import words
from web.kit.words import Right

P = Permission


class Level(IntEnum):
    """How far a role goes in an area; each holds what is before it."""

    NONE = 0
    READ = 1
    WORK = 2
    APPROVE = 3
    MANAGE = 4


LEVELS = {level: level.name.capitalize() for level in Level}
_SINGLE = "single"
_AREAS: tuple[tuple[str, str, frozenset[str]], ...] = tuple(
    (code, name, frozenset(nouns.split()))
    for code, name, nouns in (
        ("billing", "Invoices and quotes", "invoice quote credit_note credit reminder billing"),
        ("customers", "Customers", "customer"),
        ("payments", "Payments and refunds", "payment refund dispute"),
        ("products", "Products, subscriptions, tax", "product subscription usage tax_rate"),
        ("books", "Books and reports", "ledger period exchange_rate report"),
        ("files", "Import, export and jobs", "import export job"),
        ("approvals", "Approvals", "approval"),
        ("people", "Members and roles", "member role"),
        ("settings", "Organization and money in", "organization bank_account gateway"),
        ("security", "Security and alerts", "security alert keys"),
        ("audit", "Audit trail", "audit"),
        ("assurance", "Compliance and privacy", "compliance privacy retention breach training"),
        ("developers", "API keys and webhooks", "apikey webhook event"),
        ("installation", "Installation", "ops"),
    )
)
# What decides for others, or cannot be taken back.
_APPROVE = frozenset(
    {
        P.APPROVAL_DECIDE, P.BILLING_RUN, P.CREDIT_NOTE_WRITE, P.CREDIT_WRITE, P.INVOICE_FINALIZE, P.INVOICE_VOID,
        P.INVOICE_WRITE_OFF, P.PERIOD_CLOSE,
    }
)  # fmt: skip
_VERBS = {
    "read": Level.READ, "write": Level.WORK, "send": Level.WORK, "run": Level.WORK, "invite": Level.WORK,
    "export": Level.WORK, "manage": Level.MANAGE, "grant": Level.MANAGE, "merge": Level.MANAGE,
    "rotate": Level.MANAGE, "contain": Level.MANAGE,
}  # fmt: skip
# Two rights that one person alone should not have together: what they could do with both.
CONFLICTS: tuple[tuple[Permission, Permission, str], ...] = (
    (
        P.REFUND_WRITE,
        P.APPROVAL_DECIDE,
        "Asks for refunds and agrees to those of others: two such people can swap",
    ),
    (P.INVOICE_WRITE_OFF, P.APPROVAL_DECIDE, "Writes off what is owed and agrees to write-offs of others"),
    (
        P.INVOICE_FINALIZE,
        P.PAYMENT_WRITE,
        "Issues invoices and records their payments: money kept back stays unseen",
    ),
    (P.BANK_ACCOUNT_MANAGE, P.PAYMENT_WRITE, "Changes where money arrives and records that it did"),
    (P.ROLE_MANAGE, P.REFUND_WRITE, "Decides who may give money back and gives it back"),
    (P.MEMBER_MANAGE, P.APPROVAL_DECIDE, "Lets people in and agrees to what they are given"),
    (P.KEYS_ROTATE, P.AUDIT_EXPORT, "Holds the keys and takes the trail of their use away"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One area: which levels there are, which one it stands at ("single" where it is none of them), and its rights."""

    code: str
    name: str
    levels: list[tuple[Level, str, bool]]
    at: str
    rights: list[Right]

    @property
    def is_single(self) -> bool:
        """Tell whether the rights were chosen one by one."""
        return self.at == _SINGLE

    @property
    def held(self) -> int:
        """How many of its rights are held."""
        return sum(right.held for right in self.rights)


def level_of(permission: Permission) -> Level:
    """Return how far a right goes."""
    if permission in _APPROVE:
        return Level.APPROVE
    noun, _, verb = permission.value.partition(":")
    return Level.MANAGE if noun == "ops" or permission is P.ORGANIZATION_WRITE else _VERBS[verb]


def lines(allowed: Collection[Permission], *, held: Collection[Permission]) -> list[Line]:
    """Return the areas of these rights, with what of them is held."""
    found = []
    for code, name, nouns in _AREAS:
        own = _of(nouns, allowed)
        if not own:
            continue
        has = frozenset(held) & own
        known = sorted({Level.NONE, *(level_of(each) for each in own)})
        at = next((level for level in known if has == _up_to(level, own)), None)
        found.append(
            Line(
                code=code,
                name=name,
                levels=[(level, LEVELS[level], level in known) for level in Level],
                at=_SINGLE if at is None else str(int(at)),
                rights=[
                    Right(each.value, words.right(each), each in POWERFUL, each in has)
                    for each in sorted(own, key=lambda each: (level_of(each), each.value))
                ],
            )
        )
    return found


def chosen(posted: QueryDict, allowed: Collection[Permission]) -> QueryDict:
    """Return a form with its levels turned into ticks.

    A level that was changed decides for its area; one that stands as it was shown leaves the ticks as they are.
    """
    ticks = set(posted.getlist("rights"))
    for code, _, nouns in _AREAS:
        level = posted.get(f"level_{code}", "")
        if level in ("", _SINGLE, posted.get(f"was_{code}")) or not level.isdecimal():
            continue
        own = _of(nouns, allowed)
        ticks -= {each.value for each in own}
        if int(level) in tuple(Level):
            ticks |= {each.value for each in _up_to(Level(int(level)), own)}
    form = posted.copy()
    form.setlist("rights", sorted(ticks))
    return form


def conflicts(rights: Collection[Permission]) -> list[str]:
    """Say which rights one person should not have together."""
    return [words_ for one, other, words_ in CONFLICTS if one in rights and other in rights]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a change would do, and to whom."""

    gained: list[str]
    lost: list[str]
    limits: list[tuple[str, str, str]]
    conflicts: list[str]
    people: list[str]
    duties: list[str]
    two_people: bool

    @property
    def is_nothing(self) -> bool:
        """Tell whether nothing would be different."""
        return not (self.gained or self.lost or self.limits)


def outlook(
    *,
    before: Collection[Permission],
    after: Collection[Permission],
    limits: Iterable[tuple[str, str, str]],
    people: Sequence[str],
    duties: Sequence[str],
) -> Outlook:
    """Say what a role could do after a change that it cannot do now."""
    gained = frozenset(after) - frozenset(before)
    return Outlook(
        gained=words.summary(gained),
        lost=words.summary(frozenset(before) - frozenset(after)),
        limits=[each for each in limits if each[1] != each[2]],
        conflicts=conflicts(after),
        people=list(people),
        duties=list(duties),
        two_people=bool(gained & POWERFUL) and bool(people),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One area of two roles."""

    name: str
    first: str
    second: str
    only_first: list[str]
    only_second: list[str]


def compare(first: Collection[Permission], second: Collection[Permission]) -> list[Compared]:
    """Lay two roles beside each other, area by area."""
    everything = frozenset(first) | frozenset(second)
    sides: list[Mapping[str, Line]] = [
        {line.code: line for line in lines(everything, held=held)} for held in (first, second)
    ]
    return [
        Compared(
            name=line.name,
            first=_said(line),
            second=_said(sides[1][code]),
            only_first=_only(line, sides[1][code]),
            only_second=_only(sides[1][code], line),
        )
        for code, line in sides[0].items()
    ]


def _said(line: Line) -> str:
    return f"{line.held} single" if line.is_single else LEVELS[Level(int(line.at))]


def _only(line: Line, other: Line) -> list[str]:
    held = {right.code for right in other.rights if right.held}
    return [right.sentence for right in line.rights if right.held and right.code not in held]


def _of(nouns: frozenset[str], allowed: Collection[Permission]) -> frozenset[Permission]:
    return frozenset(each for each in allowed if each.value.partition(":")[0] in nouns)


def _up_to(level: Level, own: Collection[Permission]) -> frozenset[Permission]:
    return frozenset(each for each in own if level_of(each) <= level)
