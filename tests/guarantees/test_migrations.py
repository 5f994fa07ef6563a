"""Migrations are complete, can be taken back, and never make a table of an organization without its walls."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from tenancy.migrating import AtOnce
from tenancy.models import TenantModel
from tenancy.rls import TenantTable
from tests import databases

HOME = Path(__file__).resolve().parents[2]
OURS = sorted(
    config.label
    for config in apps.get_app_configs()
    if Path(config.path).parent == HOME and config.models_module
)
MIGRATIONS = sorted(
    (key, migration)
    for key, migration in MigrationLoader(None, ignore_no_migrations=True).disk_migrations.items()
    if key[0] in OURS
)
# What Django and its libraries keep: their own book of migrations, and the names of models.
OF_DJANGO = {
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "django_content_type",
    "django_migrations",
}


def flattened(operations: list[Operation]) -> Iterator[Operation]:
    """Every operation, also those that only touch the database or only Django's picture of it."""
    for operation in operations:
        yield operation
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            yield from flattened([*operation.database_operations, *operation.state_operations])


def irreversible(migration: Any) -> list[str]:
    """Operations that cannot be taken back."""
    found = []
    for operation in flattened(migration.operations):
        lacks_reverse = isinstance(operation, migrations.RunPython) and operation.reverse_code is None
        if lacks_reverse or not operation.reversible:
            found.append(operation.describe())
    return found


def without_walls(migration: Any) -> list[str]:
    """Models of an organization that a migration makes without making their row-level security."""
    operations = list(flattened(migration.operations))
    made = [
        operation.name
        for operation in operations
        if isinstance(operation, migrations.CreateModel)
        and operation.options.get("managed", True)
        and any(name == "tenant" and isinstance(field, models.ForeignKey) for name, field in operation.fields)
    ]
    walled = {operation.model.lower() for operation in operations if isinstance(operation, TenantTable)}
    return [name for name in made if name.lower() not in walled]


@pytest.mark.django_db
def test_there_is_nothing_to_migrate() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_every_migration_draws_the_models_once() -> None:
    assert [key for key, migration in MIGRATIONS if not isinstance(migration, AtOnce)] == []


@pytest.mark.parametrize(("key", "migration"), MIGRATIONS, ids=[".".join(key) for key, _ in MIGRATIONS])
def test_a_migration_can_be_taken_back(key: tuple[str, str], migration: Any) -> None:
    assert irreversible(migration) == []


@pytest.mark.parametrize(("key", "migration"), MIGRATIONS, ids=[".".join(key) for key, _ in MIGRATIONS])
def test_a_table_of_an_organization_is_made_with_its_walls(key: tuple[str, str], migration: Any) -> None:
    assert without_walls(migration) == []


def test_every_model_of_an_organization_is_made_by_a_migration_of_ours() -> None:
    """So that the walk above sees all of them."""
    made = {
        f"{key[0]}.{operation.name}".lower()
        for key, migration in MIGRATIONS
        for operation in flattened(migration.operations)
        if isinstance(operation, migrations.CreateModel)
    }
    tenant_models = {
        model._meta.label_lower
        for model in apps.get_models()
        if issubclass(model, TenantModel) and model._meta.managed
    }
    assert tenant_models
    assert tenant_models - made == set()


def test_the_walks_over_migrations_bite() -> None:
    class Careless(migrations.Migration):
        operations = [
            migrations.CreateModel(
                "Secret", [("tenant", models.ForeignKey("tenancy.Tenant", models.PROTECT))]
            ),
            migrations.RunPython(lambda apps, editor: None),
            migrations.RunSQL("SELECT 1"),
        ]

    careless = Careless("0099_careless", "billing")
    assert without_walls(careless) == ["Secret"]
    assert len(irreversible(careless)) == 2


def shape(database: str) -> str:
    """The database as pg_dump writes it, without its rows: tables, policies, triggers, functions, grants."""
    text = databases.dump(database, "--schema-only")
    # A random word that keeps psql from being tricked by the text.
    return "\n".join(
        line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )


@pytest.fixture
def scratch(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """A database of the owner's, apart from the suite's."""
    with django_db_blocker.unblock():
        before = str(connections["default"].settings_dict["NAME"])
        name = f"{before}_scratch"
        databases.clone(name)
        try:
            yield name
        finally:
            databases.drop(name)
            databases.use(before)


def tables(database: str) -> set[str]:
    rows = databases.as_owner(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p', 'v', 'm', 'f')",
        database=database,
    )
    return {row[0] for row in rows}


def test_every_migration_goes_back_to_nothing_and_forth_again(scratch: str) -> None:
    before = shape(scratch)
    assert tables(scratch) > OF_DJANGO
    for label in ["tenancy", *OURS]:  # with tenancy goes whatever stands on it
        call_command("migrate", label, "zero", database="owner", verbosity=0, skip_checks=True)
    assert tables(scratch) == OF_DJANGO
    call_command("migrate", database="owner", verbosity=0, skip_checks=True)
    after = shape(scratch)
    assert after.splitlines() == before.splitlines()
    from tests.make.installation import found_installation, tenant

    found_installation()
    assert tenant("a") != tenant("b")
    # It bites: one policy less is another shape.
    databases.as_owner("DROP POLICY tenant ON billing_customer", database=scratch)
    assert shape(scratch) != before
