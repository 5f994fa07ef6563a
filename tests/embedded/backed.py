"""Takes a backup of a running stack and rehearses its restore, as an operator would, and prints what came of it.

The argument is the certificate of an authority that nobody here trusts.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402

import config.celery  # noqa: E402, F401  what is asked for goes to our broker
from backups import places, queries, server, streaming  # noqa: E402
from tenancy.context import system_scope  # noqa: E402
from tests.make import accounts  # noqa: E402

_HOPS = "SELECT state, version FROM pg_stat_replication JOIN pg_stat_ssl USING (pid) WHERE ssl"


def told(name: str, *arguments: str) -> dict:
    out = io.StringIO()
    try:
        call_command(name, *arguments, "--json", stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        assert ended.code == 1
    return json.loads(out.getvalue().splitlines()[-1])


def waited(ask: Callable[[], Any]) -> Any:
    limit = time.monotonic() + 60
    while not (answer := ask()):
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.1)
    return answer


def hops() -> list:
    """Who receives the changes, and over what; the receiver comes when there is an operator."""
    with server.as_backup() as connection:
        return connection.execute(_HOPS).fetchall()


def segment() -> str:
    with queries.of_operator():
        found = queries.plan()
    return found.stream_segment if found is not None and found.stream_covers_at is not None else ""


def refused(authority: str) -> str:
    asked = [*server.way(), "--slot", streaming.SLOT, "--create-slot"]
    try:
        server.run(
            "pg_receivewal",
            *asked,
            folder=places.work("wal"),
            environment={**server.replicating(), "PGSSLROOTCERT": authority},
            own=True,
        )
    except server.ProgramFailed as refusal:
        return refusal.message
    return ""


call_command("installation_bootstrap", stdout=io.StringIO())
with system_scope(reason="tests sign somebody in"):
    accounts.totp(accounts.person())
# A backup ends with a whole segment of changes, which the drill is to find.
found = {"hops": waited(hops), "backup": told("backup_run"), "segment": waited(segment)}
found["drill"] = told("backup_drill")
print(json.dumps({**found, "refused": refused(sys.argv[1])}))
