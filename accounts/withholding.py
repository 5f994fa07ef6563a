"""Which rights wait while somebody's duty is not done, such as a course that is long overdue.

Promise kept: what is taken away is exactly what moves money, lets data out in bulk, or decides over trust and
secrets; all other work goes on, and so does everything that protects in an emergency. An unknown word in a row takes
nothing away and gives nothing.
"""

from collections.abc import Iterable

from accounts.permissions import FRESH_ONLY, Permission

P = Permission
# Whoever stops an attack or puts data back at three in the morning is not sent to a course first.
EMERGENCY: frozenset[Permission] = frozenset(
    {P.ALERT_CONTAIN, P.BREACH_MANAGE, P.KEYS_ROTATE, P.OPS_BACKUPS, P.OPS_KEYS, P.OPS_RESTORE}
)
# What gives money away or lets data out without a fresh factor.
_ALSO = frozenset(
    {
        P.CREDIT_NOTE_WRITE,
        P.CREDIT_WRITE,
        P.EXPORT_RUN,
        P.INVOICE_VOID,
        P.INVOICE_WRITE_OFF,
        P.IMPORT_RUN,
    }
)
SENSITIVE: frozenset[Permission] = (FRESH_ONLY | _ALSO) - EMERGENCY
_KNOWN = {permission.value: permission for permission in Permission}


def withheld(words: Iterable[str]) -> frozenset[Permission]:
    """Read the rights that a membership's row withholds."""
    return frozenset(_KNOWN[word] for word in words if word in _KNOWN)
