"""Every task names its organization or says why it has none, and none runs without passing the doorway."""

import pytest
from celery import Task

from config.celery import app, periodic
from tenancy.tasks import SystemTask, TaskWithoutScope, TenantTask

app.loader.import_default_modules()
TASKS: list[Task] = sorted(
    (task for name, task in app.tasks.items() if not name.startswith("celery.")), key=lambda task: task.name
)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_has_a_door(task: Task) -> None:
    assert isinstance(task, TenantTask | SystemTask)
    if isinstance(task, SystemTask):
        assert task.reason


@pytest.mark.parametrize("task", [t for t in TASKS if isinstance(t, TenantTask)], ids=lambda task: task.name)
def test_a_task_of_an_organization_is_refused_without_one(task: TenantTask) -> None:
    with pytest.raises(TaskWithoutScope):
        task.apply_async()
    with pytest.raises(TaskWithoutScope):
        task()


def test_every_periodic_entry_names_a_task_that_exists() -> None:
    assert {entry["task"] for entry in periodic().values()} - set(app.tasks) == set()
