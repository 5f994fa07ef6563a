"""Migration operations: everything a table needs before a row may stand in it, taken back in reverse order."""

from collections.abc import Sequence
from typing import Any

from django.db.migrations.operations.base import Operation

APP_ROLE = "strongbox_app"
OWNER_ROLE = "strongbox_owner"
REKEY_ROLE = "strongbox_rekey"
# version 1, algorithm 1, key id 16, nonce 12, tag 16: nothing shorter is an envelope
ENVELOPE_BYTES = 46


def context_value(field: str, *, required: bool = True) -> str:
    """Write the SQL that reads one value of the signed context, verified once a query (an init plan)."""
    return f"(SELECT app.ctx('{field}', {str(required).lower()}))"


def envelope_check(table: str, column: str) -> tuple[str, str]:
    """Write the constraint that refuses anything but an envelope in an encrypted column, and its undoing."""
    name = f"{table}_{column}_envelope"[:63]
    # substring of a null is null, and a CHECK that is null passes: an absent value stays absent
    test = (
        f'length("{column}") >= {ENVELOPE_BYTES} AND substring("{column}" from 1 for 2) = \'\\x0101\'::bytea'
    )
    return (
        f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" CHECK ({test})',
        f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"',
    )


def entered_only(table: str, *, also: str = "") -> list[tuple[str, str]]:
    """Write forced row-level security that asks for any signed context; `also` are roles that need none."""
    free = f"{OWNER_ROLE}, {also}" if also else OWNER_ROLE
    return [
        (
            f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY',
            f'ALTER TABLE "{table}" NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY',
        ),
        (
            f'CREATE POLICY owner_all ON "{table}" TO {free} USING (true) WITH CHECK (true)',
            f'DROP POLICY owner_all ON "{table}"',
        ),
        (
            f'CREATE POLICY entered ON "{table}" TO {APP_ROLE}, {REKEY_ROLE} '
            "USING ((SELECT app.entered())) WITH CHECK ((SELECT app.entered()))",
            f'DROP POLICY entered ON "{table}"',
        ),
    ]


class TableOperation(Operation):
    """SQL that belongs to one model, forwards and backwards."""

    reversible = True
    model: str

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Leave Django's picture of the models alone."""

    def statements(self, app_label: str, apps: Any) -> list[tuple[str, str]]:
        """Return pairs of (do, undo)."""
        raise TypeError(f"{type(self).__name__} has no statements")

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Run every statement in order."""
        for forwards, _ in self.statements(app_label, to_state.apps):
            schema_editor.execute(forwards)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Undo every statement in reverse order."""
        for _, backwards in reversed(self.statements(app_label, from_state.apps)):
            schema_editor.execute(backwards)

    def _encrypted(self, table: str, columns: Sequence[str]) -> list[tuple[str, str]]:
        if not columns:
            return []
        quoted = ", ".join(f'"{column}"' for column in columns)
        return [
            *(envelope_check(table, column) for column in columns),
            (
                f'GRANT SELECT, UPDATE ({quoted}) ON "{table}" TO {REKEY_ROLE}',
                f'REVOKE ALL ON "{table}" FROM {REKEY_ROLE}',
            ),
        ]


class TenantTable(TableOperation):
    """Forced row-level security, policies, grants, PRIMARY KEY (tenant_id, id) and composite foreign keys.

    customer: the column that must equal the context's customer when it names one ("id" for the customer itself).
    fks: (column, model, on delete), such as ("customer_id", "billing.Customer", "RESTRICT").
    using: the reading condition where it is wider than the organization's own rows.
    encrypted: columns that hold envelopes.
    """

    def __init__(
        self,
        model: str,
        fks: Sequence[tuple[str, str, str]] = (),
        customer: str | None = None,
        grants: str = "SELECT, INSERT, UPDATE, DELETE",
        using: str | None = None,
        encrypted: Sequence[str] = (),
        primary_key: bool = True,
    ) -> None:
        self.model, self.fks, self.customer, self.grants = model, fks, customer, grants
        self.using, self.encrypted, self.primary_key = using, encrypted, primary_key

    def statements(self, app_label: str, apps: Any) -> list[tuple[str, str]]:
        """Return pairs of (do, undo)."""
        name = apps.get_model(app_label, self.model)._meta.db_table
        table = f'"{name}"'
        own = f"tenant_id = {context_value('tenant')}"
        roles = f"{APP_ROLE}, {REKEY_ROLE}" if self.encrypted else APP_ROLE
        pairs = [
            (
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
                f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY",
            ),
            # Migrations must see every row: a hidden one makes a backfill or ADD FOREIGN KEY silently wrong.
            (
                f"CREATE POLICY owner_all ON {table} TO {OWNER_ROLE} USING (true) WITH CHECK (true)",
                f"DROP POLICY owner_all ON {table}",
            ),
            (
                f"CREATE POLICY tenant ON {table} TO {roles} USING ({self.using or own}) WITH CHECK ({own})",
                f"DROP POLICY tenant ON {table}",
            ),
            (f"GRANT {self.grants} ON {table} TO {APP_ROLE}", f"REVOKE ALL ON {table} FROM {APP_ROLE}"),
        ]
        if self.customer:
            named = context_value("customer", required=False)
            # CASE, not OR: the planner reckons CASE as half of the rows, `x IS NULL OR …` as 0.5 %, and errs.
            test = f"CASE WHEN {named} IS NULL THEN true ELSE {self.customer} = {named} END"
            pairs.append(
                (
                    f"CREATE POLICY customer ON {table} AS RESTRICTIVE TO {APP_ROLE} "
                    f"USING ({test}) WITH CHECK ({test})",
                    f"DROP POLICY customer ON {table}",
                )
            )
        if self.primary_key:
            swap = (
                f'ALTER TABLE {table} DROP CONSTRAINT "{name}_pkey", ADD CONSTRAINT "{name}_pkey" PRIMARY KEY'
            )
            pairs.append((f"{swap} (tenant_id, id)", f"{swap} (id)"))
        for column, target, on_delete in self.fks:
            other = apps.get_model(*target.split("."))._meta.db_table
            pairs.append(
                (
                    f'ALTER TABLE {table} ADD CONSTRAINT "{name}_{column}_tfk" FOREIGN KEY (tenant_id, {column}) '
                    f'REFERENCES "{other}" (tenant_id, id) ON DELETE {on_delete} DEFERRABLE INITIALLY DEFERRED',
                    f'ALTER TABLE {table} DROP CONSTRAINT "{name}_{column}_tfk"',
                )
            )
        return pairs + self._encrypted(name, self.encrypted)

    def describe(self) -> str:
        """Name the operation in `migrate`'s output."""
        return f"Row-level security on {self.model}"


class GlobalTable(TableOperation):
    """Grants, envelope checks and the one policy of a table that belongs to no organization.

    It is read in a signed context only, be it an empty one: whoever got hold of the app role's password, or of a
    connection between two requests, sees nothing of people and sessions either. `AccountTable` says who writes it.
    """

    def __init__(
        self, model: str, grants: str = "SELECT, INSERT, UPDATE", encrypted: Sequence[str] = ()
    ) -> None:
        self.model, self.grants, self.encrypted = model, grants, encrypted

    def statements(self, app_label: str, apps: Any) -> list[tuple[str, str]]:
        """Return pairs of (do, undo)."""
        name = apps.get_model(app_label, self.model)._meta.db_table
        grant = (f'GRANT {self.grants} ON "{name}" TO {APP_ROLE}', f'REVOKE ALL ON "{name}" FROM {APP_ROLE}')
        return [grant, *entered_only(name), *self._encrypted(name, self.encrypted)]

    def describe(self) -> str:
        """Name the operation in `migrate`'s output."""
        return f"Grants on {self.model}"


class AccountTable(TableOperation):
    """Let the app role write the rows of one person alone, the one whom the signed context names.

    Read they are in any context, as GlobalTable has it: who signs in is looked up before anybody is named.

    owner: the column that names the person.
    updates: the columns the app role may change; the others are what the row was made with.
    deletes: whether rows of this table are deleted at all.
    """

    def __init__(
        self, model: str, updates: Sequence[str], owner: str = "user_id", *, deletes: bool = False
    ) -> None:
        self.model, self.updates, self.owner, self.deletes = model, updates, owner, deletes

    def statements(self, app_label: str, apps: Any) -> list[tuple[str, str]]:
        """Return pairs of (do, undo)."""
        name = apps.get_model(app_label, self.model)._meta.db_table
        own, entered = f"{self.owner} = {context_value('user')}", "(SELECT app.entered())"
        columns = ", ".join(f'"{column}"' for column in self.updates)

        def policy(called: str, what: str) -> tuple[str, str]:
            return (
                f'CREATE POLICY {called} ON "{name}" FOR {what}',
                f'DROP POLICY {called} ON "{name}"',
            )

        pairs = [
            (
                f'ALTER POLICY entered ON "{name}" TO {REKEY_ROLE}',
                f'ALTER POLICY entered ON "{name}" TO {APP_ROLE}, {REKEY_ROLE}',
            ),
            policy("reads", f"SELECT TO {APP_ROLE} USING ({entered})"),
            policy("adds", f"INSERT TO {APP_ROLE} WITH CHECK ({own})"),
            policy("changes", f"UPDATE TO {APP_ROLE} USING ({own}) WITH CHECK ({own})"),
            (
                f'REVOKE UPDATE ON "{name}" FROM {APP_ROLE}',
                f'GRANT UPDATE ON "{name}" TO {APP_ROLE}',
            ),
            (
                f'GRANT UPDATE ({columns}) ON "{name}" TO {APP_ROLE}',
                f'REVOKE UPDATE ({columns}) ON "{name}" FROM {APP_ROLE}',
            ),
        ]
        if self.deletes:
            pairs.append(policy("removes", f"DELETE TO {APP_ROLE} USING ({own})"))
        return pairs

    def describe(self) -> str:
        """Name the operation in `migrate`'s output."""
        return f"The wall around each person's rows of {self.model}"
