"""Migrations that draw in Django's picture of all models what they add, instead of drawing all of it again."""

from collections.abc import Sequence
from typing import Any

from django.db import migrations
from django.db.migrations.operations.base import Operation

from tenancy import rls

# What touches the table of its own model alone, and no other model's columns.
_OF_ONE_TABLE = (
    migrations.CreateModel,
    migrations.AddField,
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.AddConstraint,
    migrations.RemoveConstraint,
    rls.TableOperation,
)


class AtOnce(migrations.Migration):
    """A migration: the changes to the picture of the models first, then the SQL of all of them.

    Django draws every related model anew after each operation, which was nine tenths of the time that empty tables took
    to make. Here the models that a migration changes are drawn, and no others where it keeps to their own tables.
    Operations on a model that the same migration makes come after its table, as ever.
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

    def mutate_state(self, project_state: Any, preserve: bool = True) -> Any:
        """Return what the models are after it. On the way back Django asks this of every migration first."""
        if not preserve:
            return super().mutate_state(project_state, preserve=False)
        return self._after(self.operations, project_state)

    def _after(self, operations: Sequence[Operation], before: Any) -> Any:
        state = before.clone()
        # A cached property: without it the picture is drawn when it is next asked for.
        picture = state.__dict__.pop("apps", None)
        for operation in operations:
            operation.state_forwards(self.app_label, state)
        if picture is not None and all(_keeps_to_its_table(operation) for operation in operations):
            changed = [
                model
                for key, model in state.models.items()
                if key not in before.models or before.models[key] != model
            ]
            for model in changed:
                picture.all_models[model.app_label].pop(model.name_lower, None)
            picture.render_multiple(changed)
            # Delayed is Django's word for it: code that works with rows (RunPython) has all of it drawn first.
            state.apps, state.is_delayed = picture, True
        return state


def _keeps_to_its_table(operation: Operation) -> bool:
    if isinstance(operation, migrations.RunSQL):
        return not operation.state_operations
    return isinstance(operation, _OF_ONE_TABLE)


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
