"""Waiting until what was true before a change is true nowhere any more.

Promise kept: when `wait_for_every_process` returns, no process holds keys that it loaded before the last
commit and no transaction runs that began under them. It waits as CREATE INDEX CONCURRENTLY does, for the
virtual transaction ids that were alive; those that begin later see the change.
"""

import time

from django.db import connection

from core.errors import Conflict
from crypto import keyring

_POLL_SECONDS = 0.02
# The app role's own transactions end within two minutes (transaction_timeout).
_LONGEST_SECONDS = 180.0

# pg_locks shows every session's virtual transaction to every role; usename and datname are visible as well.
_ALIVE = """
SELECT lock.virtualtransaction FROM pg_locks lock JOIN pg_stat_activity session ON session.pid = lock.pid
WHERE lock.locktype = 'virtualxid' AND lock.pid <> pg_backend_pid()
AND session.datname = current_database() AND session.usename LIKE 'strongbox\\_%%'
AND (%s::text[] IS NULL OR lock.virtualtransaction = ANY (%s::text[]))
"""


class TransactionDoesNotEnd(Conflict):
    """A transaction that began before the change is still running; try again when it has ended."""


def wait_for_every_process(trusted_seconds: float = keyring.TRUST_SECONDS) -> None:
    """Wait until every process has asked again for its keys and every older transaction has ended.

    Call it outside any transaction, after the commit of the change. `trusted_seconds` is how long a process may
    hold the keys in question without asking; the call takes half as long again.

    Raises:
        TransactionDoesNotEnd: one is older than three minutes.
    """
    # A process that passes no doorway trusts what it holds for so long; half as much again covers slow clocks.
    time.sleep(1.5 * trusted_seconds)
    wait_for_older_transactions()


def wait_for_older_transactions() -> None:
    """Wait until every transaction that is open now has ended.

    Raises:
        TransactionDoesNotEnd: one is older than three minutes.
    """
    deadline = time.monotonic() + _LONGEST_SECONDS
    waiting = _alive(None)
    while waiting:
        if time.monotonic() > deadline:
            raise TransactionDoesNotEnd
        time.sleep(_POLL_SECONDS)
        waiting = _alive(waiting)


def _alive(among: list[str] | None) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(_ALIVE, [among, among])
        return [row[0] for row in cursor.fetchall()]
