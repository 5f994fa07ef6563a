"""Whose turn it is to import: one import of an organization at a time, and few of all of them together.

An import holds a thread, a connection and the processor for seconds. The turn is an advisory lock, which ends with
the transaction however that ends.
"""

from uuid import UUID

from django.db import connection

from core.errors import TooMany
from tenancy.context import current_tenant

AT_ONCE = 2
_OF_ONE, _OF_ALL = 0x494D50, 0x494D51  # "IMP", "IMQ": nobody else's advisory locks begin so
_WAIT_SECONDS = 10


class ImportRunning(TooMany):
    """An import of this organization is running. Wait for it to end, then try again."""

    code = "import_running"


class ImportersBusy(TooMany):
    """Others are importing right now. Wait a little, then try again."""

    code = "importers_busy"


def take() -> None:
    """Take the organization's turn until the end of the transaction.

    Raises:
        ImportRunning: the organization has an import that runs.
        ImportersBusy: as many as may are importing.
    """
    if not _locked(_OF_ONE, _key_of(current_tenant())):
        raise ImportRunning(retry_after_seconds=_WAIT_SECONDS)
    if not any(_locked(_OF_ALL, place) for place in range(AT_ONCE)):
        raise ImportersBusy(retry_after_seconds=_WAIT_SECONDS)


def _key_of(tenant: UUID) -> int:
    return int.from_bytes(tenant.bytes[-4:], signed=True)


def _locked(kind: int, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [kind, key])
        return bool(cursor.fetchone()[0])
