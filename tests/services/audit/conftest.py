"""What every test of the trail starts from."""

import pytest


@pytest.fixture(autouse=True)
def no_checkpoints(settings):
    """Databases of the suite are cloned anew all the time: a shared witness would call that a rollback."""
    settings.AUDIT_CHECKPOINT_DIR = None
