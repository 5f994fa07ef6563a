"""Migrations that draw Django's picture of all models once, not once an operation."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation


class AtOnce(migrations.Migration):
    """A migration: the changes to the picture of the models first, then the SQL of all of them.

    Django draws every related model anew after each operation, which was nine tenths of the time that empty tables took
    to make. Operations on a model that the same migration makes come after its table, as ever.
    """

    def apply(self, project_state: Any, schema_editor: Any, collect_sql: bool = False) -> Any:
        """Apply every operation in order."""
        if collect_sql:
            return super().apply(project_state, schema_editor, collect_sql=True)
        for operations in _batches(self.operations):
            after = self._after(operations, project_state)
            for operation in operations:
                operation.database_forwards(self.app_label, schema_editor, project_state, after)
            project_state = after
        return project_state

    def unapply(self, project_state: Any, schema_editor: Any, collect_sql: bool = False) -> Any:
        """Take every operation back, the last one first."""
        if collect_sql:
            return super().unapply(project_state, schema_editor, collect_sql=True)
        steps, before = [], project_state
        for operations in _batches(self.operations):
            after = self._after(operations, before)
            steps.append((operations, before, after))
            before = after
        for operations, before, after in reversed(steps):
            for operation in reversed(operations):
                operation.database_backwards(self.app_label, schema_editor, after, before)
        return project_state

    def _after(self, operations: Sequence[Operation], before: Any) -> Any:
        state = before.clone()
        state.__dict__.pop("apps", None)  # a cached property: the picture, drawn when it is next asked for
        for operation in operations:
            operation.state_forwards(self.app_label, state)
        return state


def _batches(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Divide before each operation on a model that its batch makes: CREATE TABLE would do its work already."""
    batches: list[list[Operation]] = [[]]
    made: set[str] = set()
    for operation in operations:
        if str(getattr(operation, "model_name", "")).lower() in made:
            batches.append([])
            made = set()
        if isinstance(operation, migrations.CreateModel):
            made.add(operation.name.lower())
        batches[-1].append(operation)
    return batches
