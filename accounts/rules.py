"""The decisions of sign-in and authority, without a database or a clock.

Promise kept: what makes a password acceptable, how long a guesser waits, what one person may give another and
when the last owner is protected are decided here and nowhere else, so that tests can try every case.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import zxcvbn_rs_py

from accounts.permissions import POWERFUL, Limit, Permission, RoleCode
from core.errors import Forbidden, Refusal

PASSWORD_MIN = 15
PASSWORD_MAX = 128
# Below 10^10 guesses an attacker who holds the hash finds it in weeks even at argon2id's price.
PASSWORD_GUESSES_LOG10 = 10
SESSION_IDLE = timedelta(minutes=15)  # PCI DSS 8.2.8
SESSION_ABSOLUTE = timedelta(hours=12)  # NIST SP 800-63B-4, AAL3
PENDING_SESSION = timedelta(minutes=10)
ENROLMENT_LIFE = timedelta(minutes=10)  # an authenticator that waits for its first code
STEP_UP = timedelta(minutes=5)
LONGEST_LINK = timedelta(hours=24)  # ASVS 6.4.1
INVITATION_LIFE = LONGEST_LINK
RECOVERY_LIFE = timedelta(hours=1)
APPROVAL_LIFE = timedelta(days=7)
KNOWN_NETWORK = timedelta(days=90)
MAX_SESSIONS = 10
MAX_KEY_OVERLAP = timedelta(days=7)


# --- Passwords ------------------------------------------------------------------------------------


class PasswordTooShort(Refusal):
    """Use at least 15 characters. A sentence that only you know is good."""

    code = "password_too_short"


class PasswordTooLong(Refusal):
    """Use at most 128 characters."""

    code = "password_too_long"


class PasswordIsCommon(Refusal):
    """This password is on lists that attackers try first. Choose another one."""

    code = "password_common"


class PasswordNamesItsOwner(Refusal):
    """This password is built from your e-mail address, your organization or our name. Choose another one."""

    code = "password_predictable"


class PasswordIsGuessable(Refusal):
    """This password is guessed quickly. Make it longer or less regular."""

    code = "password_guessable"


def normalize_password(raw: str) -> str:
    """Return the form of a password that is hashed: NFKC, the same for the same keys everywhere."""
    return unicodedata.normalize("NFKC", raw)


def check_password(raw: str, *, context: Iterable[str], common: Collection[str]) -> str:
    """Return the password in the form to be hashed, or refuse it and say why.

    Length, a list of known passwords and an estimate of the guesses; no composition rules and no expiry (NIST
    SP 800-63B-4, ASVS 6.2.1, 6.2.4, 6.2.5, 6.2.11). `context` are the words an attacker who knows the person
    tries first: e-mail address, name, organization, product.

    Raises:
        PasswordTooShort, PasswordTooLong, PasswordIsCommon, PasswordNamesItsOwner, PasswordIsGuessable.
    """
    password = normalize_password(raw)
    # The upper bound comes first: everything after it costs time that grows with the length.
    if len(password) > PASSWORD_MAX:
        raise PasswordTooLong(field="password")
    if len(password) < PASSWORD_MIN:
        raise PasswordTooShort(field="password")
    folded = password.casefold()
    if folded in common or _unit(folded) in common:
        raise PasswordIsCommon(field="password")
    words = _words(context)
    rest = folded
    for word in words:
        rest = rest.replace(word, "")
    if len(rest) < len(folded) and len(rest) < PASSWORD_MIN // 2:
        raise PasswordNamesItsOwner(field="password")
    if zxcvbn_rs_py.zxcvbn(password, words).guesses_log10 < PASSWORD_GUESSES_LOG10:
        raise PasswordIsGuessable(field="password")
    return password


def _unit(text: str) -> str:
    """Return the shortest text whose repetition makes `text` ("abcabcabc" gives "abc")."""
    return text[: (text + text).find(text, 1)]


def _words(context: Iterable[str]) -> list[str]:
    parts: set[str] = set()
    for text in context:
        folded = unicodedata.normalize("NFKC", text).casefold()
        parts.add(folded)
        parts.update("".join(c if c.isalnum() else " " for c in folded).split())
    # Longest first, so that "strongbox-demo" goes before "demo".
    return sorted((part for part in parts if len(part) >= 4), key=lambda part: (-len(part), part))


# --- Throttling -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    """How a counter slows its owner: so many free attempts, then doubling waits up to a longest one."""

    free: int
    longest_seconds: int
    # From this attempt on the wait is the longest at once.
    longest_from: int = 1000

    def wait_seconds(self, attempts: int) -> int:
        """Return the wait after the attempt with this number (from 1)."""
        over = attempts - self.free
        if attempts >= self.longest_from:
            return self.longest_seconds
        return 0 if over < 0 else min(2 ** (over + 1), self.longest_seconds)


# One account from one network: after ten failures half an hour between attempts (PCI DSS 8.3.4).
ACCOUNT_AND_NETWORK = Pace(free=4, longest_seconds=1800, longest_from=10)
# One network, whatever the account: password spraying. Offices share an address, so it starts later.
NETWORK = Pace(free=40, longest_seconds=900)
# One account from everywhere: a distributed guesser. It slows only networks the account never signed in from,
# so that nobody can lock a victim out of the place they work at (ASVS 6.1.1); passkeys are not counted at
# all.
ACCOUNT_FROM_UNKNOWN = Pace(free=20, longest_seconds=1800)
# Codes of a second factor: 10^6 codes, one try in half an hour after ten.
SECOND_FACTOR = Pace(free=5, longest_seconds=1800, longest_from=10)
# Requests that send mail, by account and network and by network.
MAIL = Pace(free=3, longest_seconds=3600)
# And by account from everywhere: a mailbox is not flooded. Nobody is told, and one goes out every quarter of an
# hour: whoever asked, it reaches the owner of the address.
MAILBOX = Pace(free=20, longest_seconds=900)


# --- Authority ------------------------------------------------------------------------------------


class NobodyRaisesTheirOwnRights(Forbidden):
    """You cannot change your own role. Somebody else has to do it."""

    code = "own_rights"


class GrantorLacksTheRight(Forbidden):
    """You can only give rights that you hold yourself."""

    code = "right_not_held"


class OutOfReach(Forbidden):
    """This person holds rights that you lack. Somebody who holds them has to do this."""

    code = "out_of_reach"


class LimitAboveGrantor(Forbidden):
    """You can only set limits up to your own."""

    code = "limit_above_own"


class LastOwnerStays(Refusal):
    """An organization keeps at least one active owner. Make somebody else owner first."""

    code = "last_owner"


class RequesterNeverApproves(Forbidden):
    """You asked for this, so somebody else has to decide."""

    code = "own_request"


class NotALimit(Refusal):
    """A limit is a whole number, zero or more."""

    code = "not_a_limit"


def may_give(
    *,
    grantor: frozenset[Permission],
    grantor_limits: Mapping[Limit, int],
    given: frozenset[Permission],
    given_limits: Mapping[Limit, int],
    for_self: bool,
) -> None:
    """Refuse a grant of rights that its grantor could not make.

    Raises:
        NobodyRaisesTheirOwnRights, GrantorLacksTheRight, LimitAboveGrantor.
    """
    if for_self:
        raise NobodyRaisesTheirOwnRights
    missing = given - grantor
    if missing:
        raise GrantorLacksTheRight(missing=", ".join(sorted(missing)))
    for limit, value in given_limits.items():
        if value > grantor_limits.get(limit, 0):
            raise LimitAboveGrantor(limit=limit.value)


def may_reach(
    *,
    own: frozenset[Permission],
    theirs: frozenset[Permission],
    own_limits: Mapping[Limit, int] | None = None,
    their_limits: Mapping[Limit, int] | None = None,
) -> None:
    """Refuse to change or shut out somebody whose rights go beyond one's own; with limits, also theirs.

    Raises:
        OutOfReach
    """
    if theirs - own:
        raise OutOfReach
    held = own_limits or {}
    if any(value > held.get(limit, 0) for limit, value in (their_limits or {}).items()):
        raise OutOfReach


def is_escalation(*, before: frozenset[Permission], after: frozenset[Permission]) -> bool:
    """Say whether a change of rights adds one that needs a second person."""
    return bool((after - before) & POWERFUL)


def needs_second_person(*, escalation: bool, other_deciders: int) -> bool:
    """Say whether somebody else must decide an escalation.

    As soon as one other person of the organization can decide, they must. While nobody else can, a founder
    would otherwise never get a second person in; the event then says that they acted alone.
    """
    return escalation and other_deciders > 0


def keep_an_owner(*, target_code: str, after_code: str | None, active_owners: int) -> None:
    """Refuse to take the last active owner away. `after_code` is None when the member leaves or is suspended.

    Raises:
        LastOwnerStays
    """
    if target_code == RoleCode.OWNER and after_code != RoleCode.OWNER and active_owners <= 1:
        raise LastOwnerStays


def check_limits(limits: Mapping[str, object]) -> dict[Limit, int]:
    """Read a mapping of limits from outside.

    Raises:
        NotALimit: an unknown name, or not a whole number of zero or more.
    """
    known = {limit.value for limit in Limit}
    read: dict[Limit, int] = {}
    for name, value in limits.items():
        if name not in known or isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise NotALimit(field="limits")
        read[Limit(name)] = value
    return read


# --- Sessions -------------------------------------------------------------------------------------


def session_is_over(*, at: datetime, last_seen_at: datetime, expires_at: datetime) -> bool:
    """Say whether a session has idled too long or reached its absolute end."""
    return at >= expires_at or at - last_seen_at > SESSION_IDLE


def is_fresh(*, at: datetime, step_up_at: datetime | None) -> bool:
    """Say whether a factor was used in the last five minutes."""
    return step_up_at is not None and timedelta(0) <= at - step_up_at <= STEP_UP
