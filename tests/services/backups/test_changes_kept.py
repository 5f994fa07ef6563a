"""While a copy is made the server keeps the changes that belong to it, and not longer."""

import time
from uuid import uuid4

import pytest

from backups import server

KEPT = "SELECT temporary, restart_lsn IS NOT NULL FROM pg_replication_slots WHERE slot_name = %s"


def kept(name: str) -> list[tuple[bool, bool]]:
    with server.as_backup() as connection:
        return connection.execute(KEPT, [name]).fetchall()


def test_changes_are_kept_to_the_end_of_the_copy_however_it_ends(db: None) -> None:
    name = f"strongbox_backup_{uuid4().hex}"
    with pytest.raises(ZeroDivisionError), server.changes_kept(name):
        assert kept(name) == [(True, True)]
        raise ZeroDivisionError
    until = time.monotonic() + 60
    while kept(name):  # the server hears of an end a moment later
        assert time.monotonic() < until


def test_without_a_place_to_keep_them_no_copy_is_begun(db: None) -> None:
    name = f"strongbox_backup_{uuid4().hex}"
    with server.changes_kept(name):
        with pytest.raises(server.ProgramFailed, match="already exists"), server.changes_kept(name):
            raise AssertionError
        assert kept(name) == [(True, True)]
