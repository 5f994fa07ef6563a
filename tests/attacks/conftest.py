"""The door that records refusals as edge does, and a moment that stands still: shared with the services' tests."""

from tests.services.accounts.conftest import doors, now

__all__ = ["doors", "now"]
