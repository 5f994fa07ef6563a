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


class Probe(TenantTask):
    """A task like any other, so that the rule is shown even while the product has none of its kind."""

    name = "tests.probe"

    def run(self) -> None:
        raise AssertionError("it ran without an organization")


def test_a_task_of_an_organization_is_refused_without_one() -> None:
    probe = Probe()
    probe.bind(app)
    for task in [probe, *(task for task in TASKS if isinstance(task, TenantTask))]:
        with pytest.raises(TaskWithoutScope):
            task.apply_async()
        with pytest.raises(TaskWithoutScope):
            task()


def test_every_periodic_entry_names_a_task_that_exists() -> None:
    assert {entry["task"] for entry in periodic().values()} - set(app.tasks) == set()
