"""Bulk work under the bulk role: the app's rights and policies, and temporary tables to stage rows in.

Promise kept: row-level security holds as everywhere. COPY into a table under it is refused by PostgreSQL, so rows are
copied into a temporary table and inserted from there under the policies. Only the worker, and commands on the
installation's own machine, know this role's password; a web process cannot become it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.utils import load_backend

from tenancy import context

ALIAS = "bulk"


class NoBulkRole(RuntimeError):
    """This process was not told the bulk role's password."""


class ScopeIsOpen(RuntimeError):
    """The role changes with the connection: leave the scope first."""


def is_known() -> bool:
    """Tell whether this process can do bulk work."""
    return ALIAS in connections.settings


@contextmanager
def role() -> Iterator[None]:
    """Let everything this thread does inside be done by the bulk role, over one connection of its own.

    Raises:
        NoBulkRole: this process was not told its password.
        ScopeIsOpen: what is open would be left behind on the other connection.
    """
    if not is_known():
        raise NoBulkRole
    before = connections[DEFAULT_DB_ALIAS]
    if context.current() is not None or before.in_atomic_block:
        raise ScopeIsOpen
    settings = connections.settings[ALIAS]
    own = load_backend(settings["ENGINE"]).DatabaseWrapper(settings, DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = own
    try:
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = before
        own.close()
