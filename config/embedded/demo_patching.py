"""The demo's first look at what runs: the ops-worker takes it as soon as it is up, like every later one."""

from patching import tasks


def ask() -> None:
    """Queue the look. It finds what is really here, and says that nobody knows: a demo brings no advisories."""
    tasks.check.apply_async(queue=tasks.QUEUE)
