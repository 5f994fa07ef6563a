"""The demo's first looks at itself, taken by the workers as soon as they are up, like every later one."""

from audit.tasks import verify_all
from compliance.tasks import run_all
from patching import tasks as patching
from payments.tasks import scan_all_cards

# The controls ask what the other looks have found.
_AFTERWARDS = 45


def ask() -> None:
    """Queue them. They find what is really here: a demo brings no advisories and no backup, and its pages say so."""
    patching.check.apply_async(queue=patching.QUEUE)
    verify_all.delay()
    scan_all_cards.delay()
    run_all.apply_async(countdown=_AFTERWARDS)
