"""Whose data this thread works on. The database backend signs it into every transaction.

A scope is one transaction (or savepoint) in which PostgreSQL itself knows organization, user and customer and
shows nothing else. There is no other way to reach a row: policies raise where no scope is set.
"""

import functools
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import ParamSpec, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import connections, transaction
from psycopg.pq import TransactionStatus

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows may be seen. An empty scope sees global tables only."""

    tenant: UUID | None = None
    user: UUID | None = None
    customer: UUID | None = None

    def may_become(self, inner: "Scope") -> bool:
        """Tell whether nesting only narrows: what is set stays, what is unset may be set."""
        pairs = ((self.tenant, inner.tenant), (self.user, inner.user), (self.customer, inner.customer))
        return all(mine in (None, theirs) for mine, theirs in pairs)


class ScopeWouldWiden(RuntimeError):
    """A scope may only narrow the one around it."""


class NoScope(RuntimeError):
    """This needs an organization in scope, inside a transaction."""


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current() -> Scope | None:
    """Return the scope this thread works in, or None outside any."""
    return _current.get()


def current_tenant() -> UUID:
    """Return the organization in scope.

    Raises:
        NoScope: none is.
    """
    inside = _current.get()
    if inside is None or inside.tenant is None:
        raise NoScope("no organization in scope")
    return inside.tenant


def token(inside: Scope, backend_pid: int) -> str:
    """Sign a scope for one database backend.

    A short life is enough: expiry is compared with the transaction's start, and each transaction gets a token
    of its own. The backend's pid is under the signature, so that a stolen token is worthless elsewhere.
    """
    expires = int(time.time()) + settings.CONTEXT_TTL_SECONDS
    body = f"{settings.CONTEXT_KEY_ID}.{inside.tenant or ''}.{inside.user or ''}.{inside.customer or ''}.{expires}"
    pid = backend_pid if settings.CONTEXT_BIND_BACKEND else 0
    mac = hmac.digest(settings.CONTEXT_KEY, f"{body}.{pid}".encode(), "sha256").hex()
    return f"{body}.{mac}"


@contextmanager
def scope(inner: Scope, using: str = "default") -> Iterator[None]:
    """Open one transaction (or savepoint) for one scope.

    Raises:
        ScopeWouldWiden: the scope around this one is for somebody else.
    """
    outer = _current.get()
    if outer is not None and not outer.may_become(inner):
        raise ScopeWouldWiden(f"{outer} -> {inner}")
    connection = connections[using]
    nested = connection.in_atomic_block
    reset = _current.set(inner)  # before atomic(): BEGIN carries it
    try:
        with transaction.atomic(using=using):
            changed = nested and outer != inner
            if changed:
                # What the outer scope has deferred is judged while it is set: the inner one may not see those rows.
                connection.send_context(settled=outer is not None)  # type: ignore[attr-defined]  # our backend's method
            yield
            # Deferred triggers must run while this scope is set; outermost they run inside COMMIT, where it still is.
            if changed and not connection.needs_rollback:
                connection.settle_constraints()  # type: ignore[attr-defined]  # our backend's method
    finally:
        _current.reset(reset)
        # A released savepoint keeps SET LOCAL; a rolled back one has already restored it.
        if nested and outer != inner and connection.in_atomic_block and not connection.needs_rollback:
            connection.send_context()  # type: ignore[attr-defined]  # our backend's method


def narrow(inner: Scope, using: str = "default") -> None:
    """Make the open, outermost scope narrower, in the same transaction: one statement, no savepoint.

    For the doorway alone, which learns who it is from rows that any scope may read. The scope ends with the
    transaction that it began with.

    Raises:
        ScopeWouldWiden: it would show rows of somebody else.
        NoScope: no scope is open.
    """
    outer = _current.get()
    if outer is None or not connections[using].in_atomic_block:
        raise NoScope("there is no open scope to narrow")
    if not outer.may_become(inner):
        raise ScopeWouldWiden(f"{outer} -> {inner}")
    if outer == inner:
        return
    _current.set(inner)
    connections[using].send_context()  # type: ignore[attr-defined]  # our backend's method


@contextmanager
def account(user: UUID) -> Iterator[None]:
    """Name the person whose account is written next; organization and customer stay as they are.

    The rows of accounts are written by whom the signed context names alone (`tenancy.rls.AccountTable`). Who signs in
    is not known before, and an administrator ends the sessions of somebody else: what such a service writes, it
    writes in here. Whoever works on an account of their own is there already, and no statement is sent.

    Raises:
        NoScope: no scope is open.
    """
    outer = _current.get()
    connection = connections["default"]
    if outer is None or not connection.in_atomic_block:
        raise NoScope("an account is written inside a scope only")
    inner = replace(outer, user=user)
    if inner == outer:
        yield
        return
    reset = _current.set(inner)
    try:
        connection.send_context()  # type: ignore[attr-defined]  # our backend's method
        yield
    finally:
        _current.reset(reset)
        # A transaction that failed takes no statement; rolling it back, or to a savepoint, brings the outer one back.
        if (
            not connection.needs_rollback
            and connection.connection.info.transaction_status == TransactionStatus.INTRANS
        ):
            connection.send_context()  # type: ignore[attr-defined]  # our backend's method


@contextmanager
def system_scope(*, reason: str) -> Iterator[None]:
    """Open the empty scope for work across organizations; the reason stands at the call, for its reader.

    Global tables only: each organization's rows need `scope(Scope(tenant))` of their own, one after the other.
    """
    if not reason:
        raise ValueError("work across organizations needs a reason")
    with scope(Scope()):
        yield


@contextmanager
def attempt() -> Iterator[None]:
    """Let a caller catch a refusal and go on: what was written inside is taken back, the rest stands."""
    with transaction.atomic():
        yield


@contextmanager
def together(using: str = "default") -> Iterator[None]:
    """Send the statements inside without waiting for the answer to each: one network round trip for all of them.

    For statements that only write. They run in their order; what one fails with is raised at the end, and the
    transaction is over as it would have been at once. Asking for an answer inside waits for all sent so far.

    Raises:
        NoScope: no scope is open.
    """
    connection = connections[using]
    if _current.get() is None or not connection.in_atomic_block:
        raise NoScope("statements go together inside a scope only")
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def use_case(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Mark a service: it demands the transaction that its door opened, and leaves nothing behind when it fails.

    A refusal marks the transaction (or the savepoint of `attempt`) for rollback, so that a caller who catches it
    cannot commit half a change. This costs no statement, unlike a savepoint per service.
    """

    @functools.wraps(function)
    def inner(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        if _current.get() is None or not transaction.get_connection().in_atomic_block:
            raise NoScope(f"{function.__qualname__} was called outside a scope")
        try:
            return function(*args, **kwargs)
        except Exception:
            transaction.set_rollback(True)
            raise

    return inner


def after_commit(function: Callable[[], object]) -> None:
    """Run something once the transaction has committed; never when it rolls back.

    What fails here is logged and must be made up for by a periodic sweep: the change itself stands.
    """
    transaction.on_commit(function, robust=True)


def pages(inside: Scope, fetch: Callable[[object], tuple[list[_R], object]]) -> Iterator[list[_R]]:
    """Stream page by page: one short scope a page, closed before each yield, so that no transaction waits for
    a slow reader."""
    cursor: object = None
    while True:
        with scope(inside):
            rows, cursor = fetch(cursor)
        if rows:
            yield rows
        if cursor is None:
            return
