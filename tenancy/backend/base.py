"""Begin each transaction with the signed context, in one network round trip, and send one statement a message."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC
from functools import lru_cache
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.transaction import TransactionManagementError
from psycopg import adapt, errors, generators
from psycopg._preparing import Prepare, PrepareManager
from psycopg.pq import ExecStatus, Format, PipelineStatus, abc

from tenancy import context

Statement = tuple[bytes, Sequence[bytes] | None]
# Deferred triggers run now; then they are deferred again: an outer scope may be half way through a ledger entry.
_SETTLE: tuple[Statement, ...] = (
    (b"SET CONSTRAINTS ALL IMMEDIATE", None),
    (b"SET CONSTRAINTS ALL DEFERRED", None),
)


def send_together(pgconn: abc.PGconn, statements: Sequence[Statement]) -> Iterator[Any]:
    """Send statements in one network round trip and read their answers together.

    `connection.pipeline()` does the same with a third more processor time. `generators` is internal to psycopg:
    its version is pinned, and the tests of the context catch a change.
    """
    pgconn.enter_pipeline_mode()
    for sql, values in statements:
        pgconn.send_query_params(sql, values)
    pgconn.pipeline_sync()
    yield from generators.send(pgconn)
    results: list[abc.PGresult] = []
    for _ in statements:
        results += yield from generators.fetch_many(pgconn)
    yield from generators.fetch(pgconn)  # the answer to sync
    pgconn.exit_pipeline_mode()
    for result in results:
        if result.status not in (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK):
            raise errors.error_from_result(result)


# What may leave a prepared statement without what it was prepared for.
_UNMAKES = re.compile(rb"(?:DROP|ALTER|DISCARD ALL|DEALLOCATE ALL)\b").match


@lru_cache
def _with_compiled_moments(template: adapt.AdaptersMap) -> adapt.AdaptersMap:
    """Read moments by psycopg's own loader, which is compiled and gives UTC on a connection in UTC.

    Django's replaces the zone of each one in Python, and a page of rows holds a hundred of them.
    """
    adapters = adapt.AdaptersMap(template)
    compiled = psycopg.adapters.get_loader(base.TIMESTAMPTZ_OID, Format.TEXT)
    if compiled is not None:
        adapters.register_loader("timestamptz", compiled)
    return adapters


class KeptStatements(PrepareManager):
    """What a connection has prepared, kept beyond a rollback.

    psycopg throws all of it away then, because the transaction may have taken back a table. The roles that carry a
    context make none, and many of their transactions end so: every refusal, and every read of what is not there.
    `_preparing` is internal to psycopg: its version is pinned, and the tests of the context catch a change.
    """

    # A process that serves every page has some hundred statements; of the default's hundred each was forgotten before
    # it had been asked often enough to be prepared.
    prepared_max = 500

    def clear(self) -> bool:
        """Forget nothing: a rollback asks for it."""
        return False

    def _should_discard(self, prep: Prepare, results: Sequence[abc.PGresult], *_: Any) -> bool:
        unmade = any(_UNMAKES(result.command_status or b"") for result in results)
        return unmade and super().clear()


class SingleStatementCursor(base.ServerBindingCursor):
    """Use the extended protocol even without parameters: `…; COMMIT; …` in an injected text is a syntax error."""

    def _execute_send(self, query: Any, *, force_extended: bool = False, binary: bool | None = None) -> None:
        super()._execute_send(query, force_extended=True, binary=binary)  # type: ignore[misc]  # psycopg's own


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL as the product uses it: no transaction without knowing whose it is."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's parameters, with our cursor where the alias carries the context."""
        params = super().get_connection_params()
        if params.pop("single_statement", False):
            params["cursor_factory"] = SingleStatementCursor
        params.pop("carries_context", None)
        if self.timezone == UTC:
            params["context"] = _with_compiled_moments(params["context"])
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, and keep what is prepared."""
        connection = super().get_new_connection(conn_params)
        if self.carries_context:
            kept = KeptStatements()
            kept.prepare_threshold = connection.prepare_threshold
            connection._prepared = kept
        return connection

    @property
    def carries_context(self) -> bool:
        """Tell whether this alias serves rows under row-level security."""
        return bool(self.settings_dict["OPTIONS"].get("carries_context"))

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor; Django's would ask the loader of moments for its zone."""
        if name is None and self.timezone == UTC:
            return self.connection.cursor()
        return super().create_cursor(name)

    def _token(self) -> str:
        inside = context.current()
        return "" if inside is None else context.token(inside, self.connection.info.backend_pid)

    def _set_autocommit(self, autocommit: bool) -> None:
        super()._set_autocommit(autocommit)  # type: ignore[misc]  # Django's, unknown to its stubs
        # Atomic.__enter__ of the outermost block comes through here. Without a scope psycopg's BEGIN is left alone.
        if autocommit or not self.carries_context or context.current() is None:
            return
        try:
            self._begin()
        except BaseException:
            if self.connection.broken and not self.in_atomic_block:
                # The server has hung up since the last request, and nothing has been done in this transaction yet.
                self.close()
                self.connect()
                super()._set_autocommit(False)  # type: ignore[misc]  # as above
                self._begin()
                return
            # Django has not noted the transaction yet: undo it here or the connection stays half begun.
            self.connection.rollback()
            super()._set_autocommit(True)  # type: ignore[misc]  # as above
            raise

    def close_if_health_check_failed(self) -> None:
        """Leave the check to the beginning of a scope, which connects again by itself: a round trip less a request."""
        if self.carries_context and context.current() is not None:
            self.health_check_done = True
            return
        super().close_if_health_check_failed()

    def _begin(self) -> None:
        self._send((b"BEGIN", None), self._context())

    def send_context(self, *, settled: bool = False) -> None:
        """Set the context of the scope that has just changed; `settled` runs what is deferred before that."""
        if self.carries_context:
            self._send(*(_SETTLE if settled else ()), self._context())

    def settle_constraints(self) -> None:
        """Run deferred triggers now, then defer again."""
        self._send(*_SETTLE)

    def _context(self) -> Statement:
        return b"SELECT app.enter($1)", [self._token().encode()]

    def _send(self, *statements: Statement) -> None:
        if self.connection.pgconn.pipeline_status != PipelineStatus.OFF:
            # The answers to what is under way would be taken for ours.
            raise TransactionManagementError("inside `together` statements only write: no scope begins there")
        with self.wrap_database_errors:
            self.connection.wait(send_together(self.connection.pgconn, statements))
