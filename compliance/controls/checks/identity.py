"""Who works here, how they prove it, and whether whoever left is out."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import get_hashers
from django.db.models import F, Q

from accounts import passwords, queries
from accounts import rules as signin
from accounts.models import Membership, Session, User
from accounts.permissions import POWERFUL
from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from core import ids
from core.errors import Refusal
from tenancy import context

DORMANT = timedelta(days=90)  # PCI DSS 8.2.6
FEWEST_DECIDERS = 2
FEWEST_COMMON = 10_000
# OWASP's floor of argon2id: memory in KiB by passes.
_ARGON_FLOOR = {1: 46 * 1024, 2: 19 * 1024, 3: 12 * 1024}
# On every list of passwords that attackers try first.
_KNOWN = ("password123password123", "qwertyuiopqwertyuiop")


def _active(at: datetime) -> list[Membership]:
    rows = Membership.objects.select_related("role").filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=at),
        state=Membership.State.ACTIVE,
        user__state=User.State.ACTIVE,
    )
    return list(rows.order_by("id"))


def _named(member_ids: list[UUID]) -> list[str]:
    return [ids.encode("member", each) for each in member_ids]


def second_factor(at: datetime) -> Outcome:
    """Look for members without a second factor."""
    members = _active(at)
    facts = queries.signin_facts([each.user_id for each in members])
    bare = [each.pk for each in members if not facts[each.user_id].passkeys and not facts[each.user_id].totp]
    return rules.judged(
        _named(bare),
        good=f"All {len(members)} members have a second factor.",
        wrong="Members without a second factor: {n}.",
        members=len(members),
        without=len(bare),
    )


def phishing_resistant(at: datetime) -> Outcome:
    """Look for members with powerful rights and no passkey."""
    of_operator = queries.in_operator_organization()
    powerful = [each for each in _active(at) if each.role.permissions(of_operator=of_operator) & POWERFUL]
    facts = queries.signin_facts([each.user_id for each in powerful])
    weak = [each.pk for each in powerful if not facts[each.user_id].passkeys]
    return rules.judged(
        _named(weak),
        good=f"All {len(powerful)} members with powerful rights have a passkey.",
        wrong="Members with powerful rights and no passkey: {n}.",
        powerful=len(powerful),
        without=len(weak),
    )


def dormant(at: datetime) -> Outcome:
    """Look for members who have not been here for 90 days."""
    members = [each for each in _active(at) if at - each.joined_at > DORMANT]
    facts = queries.signin_facts([each.user_id for each in members])
    asleep = []
    for each in members:
        seen = facts[each.user_id].last_seen_at
        if seen is None or at - seen > DORMANT:
            asleep.append(each.pk)
    return rules.judged(
        _named(asleep),
        good="Every member of more than 90 days was here in the last 90.",
        wrong="Members who were not here for 90 days and can still sign in: {n}.",
        members=len(members),
        dormant=len(asleep),
    )


def second_person(at: datetime) -> Outcome:
    """Count who may decide what others ask for."""
    found = queries.deciders_beside(None, at=at)
    if found < FEWEST_DECIDERS:
        return rules.failed(
            f"{found} members may approve: nobody can agree to what they ask for.", deciders=found
        )
    return rules.passed(f"{found} members may approve what another asks for.", deciders=found)


def sessions_bounded(at: datetime) -> Outcome:
    """Look for sessions that live longer than they may, and at the limits themselves."""
    wrong = []
    if signin.SESSION_IDLE.total_seconds() < settings.SESSION_IDLE_SECONDS:
        wrong.append("SESSION_IDLE_SECONDS")
    if signin.SESSION_ABSOLUTE.total_seconds() < settings.SESSION_ABSOLUTE_SECONDS:
        wrong.append("SESSION_ABSOLUTE_SECONDS")
    sessions = Session.objects.filter(
        tenant_id=context.current_tenant(), ended_at__isnull=True, expires_at__gt=at
    )
    long = sessions.filter(expires_at__gt=F("created_at") + signin.SESSION_ABSOLUTE).count()
    wrong += [f"{long} sessions end later than 12 hours after they began"] if long else []
    return rules.judged(
        wrong,
        good="Sessions end after 15 idle minutes and after 12 hours.",
        wrong="Limits of sessions that do not hold: {n}.",
        open=sessions.count(),
        too_long=long,
    )


def leavers_out(at: datetime) -> Outcome:
    """Look for open sessions of people who are no members of this organization any more."""
    gone = Membership.objects.filter(~Q(state=Membership.State.ACTIVE) | Q(expires_at__lte=at)).values_list(
        "user_id", flat=True
    )
    back = {each.user_id for each in _active(at)}
    left = {user for user in gone if user not in back}
    sessions = Session.objects.filter(
        user_id__in=left,
        tenant_id=context.current_tenant(),
        ended_at__isnull=True,
        expires_at__gt=at,
        last_seen_at__gt=at - signin.SESSION_IDLE,
    )
    found = [ids.encode("session", each) for each in sessions.values_list("pk", flat=True)]
    return rules.judged(
        found,
        good=f"None of {len(left)} people who left has a session here.",
        wrong="Open sessions of people who left: {n}.",
        left=len(left),
    )


def password_storage(at: datetime) -> Outcome:
    """Look at how passwords are hashed."""
    wrong = []
    hashers = get_hashers()
    for hasher in hashers:
        name = type(hasher).__name__
        passes, memory = getattr(hasher, "time_cost", 0), getattr(hasher, "memory_cost", 0)
        floor = next(
            (kib for least, kib in sorted(_ARGON_FLOOR.items(), reverse=True) if passes >= least), None
        )
        if "argon2" not in (hasher.algorithm or "") or floor is None or memory < floor:
            wrong.append(f"{name} is below OWASP's floor of argon2id")
    if not getattr(settings, "PEPPER", b""):
        wrong.append("there is no pepper")
    first = hashers[0]
    return rules.judged(
        wrong,
        good="argon2id above OWASP's floor, with a pepper kept outside the database.",
        wrong="Weak points in how passwords are hashed: {n}.",
        algorithm=first.algorithm or "",
        memory_kib=int(getattr(first, "memory_cost", 0)),
        passes=int(getattr(first, "time_cost", 0)),
    )


def known_passwords(at: datetime) -> Outcome:
    """Offer the policy passwords that it must refuse, and count the list."""
    known = passwords.common()
    taken = []
    for place, raw in enumerate((*_KNOWN, "short", "strongbox strongbox")):
        try:
            passwords.accept(raw, context=["strongbox@example.com"])
        except Refusal:
            continue
        taken.append(f"password {place + 1} of the trial list was accepted")
    if len(known) < FEWEST_COMMON:
        taken.append(f"the list of known passwords holds {len(known)} entries")
    return rules.judged(
        taken,
        good=f"Known, short and predictable passwords are refused; {len(known):,} are on the list.",
        wrong="Weak points in what new passwords may be: {n}.",
        known=len(known),
    )


CONTROLS = (
    Control(
        code="identity.second_factor",
        title="Every member has a second factor",
        family="identity",
        checks="The confirmed authenticators and passkeys of each active member.",
        passes="Each member has at least one.",
        fails="Somebody has none: they are asked to add one at their next sign-in, and have not come since.",
        matters="A password that was typed into the wrong page opens nothing alone.",
        remedy="Ask them to sign in, or suspend them until they do.",
        maps=(
            ("pci-dss", "8.4.1-8.4.3"),
            ("hipaa", "312(d)"),
            ("gdpr", "32(1)(b)"),
            ("asvs", "6.3.3"),
        ),
        check=second_factor,
    ),
    Control(
        code="identity.phishing_resistant",
        title="Whoever holds powerful rights has a passkey",
        family="identity",
        checks="The passkeys of members whose role can make rights, move trust or reach secrets.",
        passes="Each of them has at least one passkey.",
        fails="Somebody's only factor is a code, which a false page can pass on.",
        matters="Those few are worth the effort of a targeted attack.",
        remedy="They add a passkey under their own security page.",
        maps=(("pci-dss", "8.5.1"), ("asvs", "6.3.3")),
        check=phishing_resistant,
    ),
    Control(
        code="identity.dormant",
        title="Nobody keeps an account they do not use",
        family="identity",
        checks="When each member of more than 90 days was last here.",
        passes="All were here within 90 days.",
        fails="Somebody was not, and can still sign in.",
        matters="An account nobody uses is one nobody misses when it is taken over.",
        remedy="Suspend or remove the member.",
        maps=(("pci-dss", "8.2.4-8.2.8"), ("hipaa", "308(a)(3)(ii)(A-C)")),
        check=dormant,
    ),
    Control(
        code="identity.second_person",
        title="There is always a second person who can agree",
        family="identity",
        checks="How many active members may decide what others ask for.",
        passes="Two or more.",
        fails="Fewer: acts that need four eyes wait for ever, or a founder acts alone.",
        matters="One person, or one stolen session, must not move money or trust alone.",
        remedy="Invite an approver, or give somebody a role that may approve.",
        maps=(("asvs", "2.3.5"), ("pci-dss", "7.2.1-7.2.6")),
        check=second_person,
    ),
    Control(
        code="identity.sessions",
        title="Sessions end: idle after 15 minutes, always after 12 hours",
        family="identity",
        checks="The limits in force, and every open session of this organization against them.",
        passes="The limits are no longer than that and no session ends later.",
        fails="A limit was raised, or a session outlives it.",
        matters="A screen left alone, or a copied cookie, must not stay open.",
        remedy="Set the limits back and end the sessions concerned.",
        maps=(
            ("pci-dss", "8.2.4-8.2.8"),
            ("hipaa", "312(a)(2)(iii)"),
            ("asvs", "7.3.1"),
            ("asvs", "7.3.2"),
        ),
        check=sessions_bounded,
    ),
    Control(
        code="identity.leavers",
        title="Whoever left is signed out",
        family="identity",
        checks="Open sessions of people whose membership was suspended, removed or has run out.",
        passes="There is none.",
        fails="Somebody who left still has a session here.",
        matters="Rights end with the membership; a session left behind shows that something failed.",
        remedy="End their sessions on the member's page and look at the audit trail since they left.",
        maps=(
            ("pci-dss", "8.2.4-8.2.8"),
            ("hipaa", "308(a)(3)(ii)(A-C)"),
            ("asvs", "7.4.2"),
        ),
        check=leavers_out,
    ),
    Control(
        code="identity.password_storage",
        title="Passwords are stored with argon2id and a pepper",
        family="identity",
        checks="The hashers in force, their cost, and the pepper.",
        passes="Every hasher is argon2id at or above OWASP's floor, over a keyed digest.",
        fails="A weaker one would be accepted, or the pepper is missing.",
        matters="A stolen table of accounts must not be open to guessing.",
        remedy="Correct PASSWORD_HASHERS and the pepper of the installation.",
        maps=(("pci-dss", "8.3.1-8.3.11"), ("asvs", "11.4.2")),
        check=password_storage,
        of_host=True,
    ),
    Control(
        code="identity.known_passwords",
        title="Known, short and predictable passwords are refused",
        family="identity",
        checks="The policy itself: four passwords that it must refuse are offered to it, and its list is counted.",
        passes="All four are refused and the list holds at least 10,000 entries.",
        fails="One was accepted, or the list is missing.",
        matters="Attackers try leaked passwords first.",
        remedy="Restore the list that BREACHED_PASSWORDS_FILE names.",
        maps=(("pci-dss", "8.3.1-8.3.11"), ("asvs", "6.2.12"), ("asvs", "6.2.4"), ("asvs", "6.2.1")),
        check=known_passwords,
        of_host=True,
    ),
)
