"""What is restored is what was there, row by row: full, incremental, to a moment, one organization.

One cluster, one database, filled so that no table of any model is empty; each state is remembered as a digest of
every row of every table, read past every policy.
"""

import io
import itertools
import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections

from accounts.services import approvals
from backups import archive, newest, queries, server, services, taking
from backups.drills import results
from backups.models import Backup, RestoreRequest
from billing.exports import services as exports
from core import clock, ids
from core.actor import Actor
from crypto import inspection
from tenancy import jobs
from tenancy.context import Scope, scope, system_scope
from tenancy.models import Tenant
from tests.journeys.backups import erased, house
from tests.make import accounts, api, billing, contacts, finance, installation

pytestmark = pytest.mark.xdist_group("backups")
ACTOR = Actor.system("tests")


@pytest.fixture(scope="module")
def database(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), house.opened(tmp_path_factory.mktemp("backups")) as name:
        for slug in ("a", "b"):
            with scope(Scope(installation.tenant(slug))):
                person = accounts.person(name=f"Owner {slug}", email=f"owner@{slug}.example")
                accounts.totp(person)
                member = accounts.member("owner", user=person)
            finance.books(installation.tenant(slug), actor=accounts.actor(member.user))
        yield name


def work_in(slug: str, note: str) -> None:
    with scope(Scope(installation.tenant(slug))):
        jobs.start(kind=note, at=clock.now())


def take(kind: str) -> Backup:
    return taking.take(kind=kind, actor=ACTOR, now=clock.now)


def differing(one: dict[str, str], other: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    return {
        name: (one.get(name), other.get(name))
        for name in one.keys() | other.keys()
        if one.get(name) != other.get(name)
    }


def ask_for(slug: str) -> RestoreRequest:
    with queries.of_operator():
        return services.ask_restore(
            kind="organization",
            organization=slug,
            wanted_at=None,
            reason="A bad import",
            actor=accounts.actor(accounts.member("operator").user),
            at=clock.now(),
        )


def agree_to(asked: RestoreRequest) -> None:
    with queries.of_operator():
        second = accounts.actor(accounts.member("owner").user)
        approvals.approve(request_id=asked.approval_id, actor=second, at=clock.now())


def restore(slug: str, asked: RestoreRequest) -> dict[str, Any]:
    """As the runbook says, by the recovery key."""
    out, key = io.StringIO(), Path(os.environ["STRONGBOX_STATE_DIR"]) / "keys" / "recovery.key"
    given = ["--organization", slug, "--request", ids.encode("restore", asked.pk), "--key-file", str(key)]
    call_command("backup_restore", *given, stdout=out)
    return {line.split(": ")[0]: line.split(": ")[1] for line in out.getvalue().splitlines() if ": " in line}


def run(name: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    out, code = io.StringIO(), 0
    try:
        call_command(name, *arguments, "--json", stdout=out, stderr=io.StringIO())
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(out.getvalue().splitlines()[-1])


def test_a_backup_is_made_verified_and_drilled_and_a_damaged_one_is_found(
    database: str, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        code, made = run("backup_run", "--here")
        assert (code, made["kind"], made["failed"]) == (0, "full", False)
        code, drilled = run("backup_drill", "--here")
        assert (code, drilled["state"]) == (0, "passed"), drilled
        assert {check["name"] for check in drilled["checks"]} == results.EXPECTED
        print(f"RTO {drilled['rto_seconds']} s, RPO {drilled['rpo_seconds']} s")
        (listed,) = run("backup_list")[1]["backups"]
        assert listed["sound"] is True and {copy["part"] for copy in listed["copies"]} == {
            "database",
            "files",
        }
        path = Path(settings.BACKUP_TARGETS.partition("file://")[2]) / listed["copies"][0]["name"]
        whole = path.read_bytes()
        path.write_bytes(whole[:-200] + bytes([whole[-200] ^ 1]) + whole[-199:])
        code, verified = run("backup_verify", made["id"], "--here")
        assert (code, verified["sound"]) == (1, False)
        # What is damaged is not restored: there is no other backup, so there is none.
        code, drilled = run("backup_drill", "--here")
        assert (code, drilled["checks"][0]) == (1, {"name": "archive", "ok": False} | drilled["checks"][0])
        path.write_bytes(whole)
        assert run("backup_verify", made["id"], "--here")[0] == 0


def test_one_organization_comes_back_beside_the_others(database: str, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        mine, others = installation.tenant("a"), installation.tenant("b")
        made = take("full")
        assert made.state == Backup.State.DONE
        before = house.live_rows(database, tenant=mine)
        trail = {"audit_event", "audit_seal", "audit_verification"}
        # Somebody empties a table and invents rows, and the neighbours go on working.
        house.superuser_sql(
            "SET session_replication_role = replica; "
            f"DELETE FROM billing_invoiceline WHERE tenant_id = '{mine}'; "
            f"UPDATE billing_invoice SET due_on = due_on + 30 WHERE tenant_id = '{mine}'",
            database=database,
        )
        work_in("a", "invented")
        work_in("b", "honest")
        neighbours = house.live_rows(database, tenant=others)
        assert differing(before, house.live_rows(database, tenant=mine))
        asked = ask_for("a")
        with pytest.raises(CommandError, match="agree"):
            restore("a", asked)
        agree_to(asked)
        with pytest.raises(CommandError, match="agree"):
            restore("b", asked)
        counts = restore("a", asked)
        after = house.live_rows(database, tenant=mine)
        assert set(differing(before, after)) <= trail
        assert differing(neighbours, house.live_rows(database, tenant=others)) == {}
        assert int(counts["rows"]) > 50
        with system_scope(reason="tests look at the state"):
            assert Tenant.objects.get(pk=mine).state == Tenant.State.ACTIVE
        # It can be read: the keys that came back open what came back.
        with scope(Scope(mine)):
            found = inspection.scan(full=True)
            assert found.findings == [] and found.decrypted > 10


def test_nothing_older_than_the_reported_rpo_is_lost(database: str, django_db_blocker: Any) -> None:
    """Three writers and one who pays over the API, each acknowledged; then the archive alone is left."""
    with django_db_blocker.unblock():
        speaker = api.key_of("a")
        with scope(Scope(speaker.tenant)):
            invoice = ids.encode("invoice", billing.finalized(lines=[billing.line("90000.00")]).pk)
        take("full")
        acknowledged: list[tuple[datetime, str]] = []
        stop = threading.Event()

        def write(number: int) -> None:
            try:
                for count in itertools.count():
                    if stop.is_set():
                        return
                    name = f"rpo.{number}.{count}"
                    work_in("a", name)
                    acknowledged.append((clock.now(), name))
            finally:
                connections.close_all()

        def pay_once() -> None:
            body, key = {"invoice": invoice, "amount_minor": 1}, str(ids.uuid7())
            answer = speaker.post("payments", body, Idempotency_Key=key)
            if answer.status_code == 201:
                acknowledged.append((clock.now(), str(ids.decode("payment", answer.json()["id"]))))

        def pay() -> None:
            try:
                while not stop.is_set():
                    pay_once()
            finally:
                connections.close_all()

        writers = [threading.Thread(target=write, args=[number]) for number in range(3)]
        writers.append(threading.Thread(target=pay))
        with house.streaming_changes() as receiver:
            # The first request reads the whole product in; it is not to be the only one.
            pay_once()
            for writer in writers:
                writer.start()
            for _ in range(2):
                time.sleep(0.5)
                house.close_segment(receiver)
            receiver.step()
            time.sleep(0.5)
            lost_at = clock.now()
            stop.set()
            for writer in writers:
                writer.join()
        with queries.of_operator():
            covers = services.plan().stream_covers_at
        assert covers is not None
        rpo = lost_at - covers
        with house.restored() as copy, copy.connect(database) as connection:
            found = {
                row[0]
                for row in connection.execute(
                    "SELECT kind FROM tenancy_job WHERE kind LIKE 'rpo.%' "
                    "UNION ALL SELECT id::text FROM payments_payment"
                )
            }
        due = [name for at, name in acknowledged if at <= lost_at - rpo]
        late = [name for at, name in acknowledged if at > lost_at - rpo and name not in found]
        paid = [name for name in due if not name.startswith("rpo.")]
        print(
            f"RPO {rpo.total_seconds():.1f} s: {len(acknowledged)} acknowledged, {len(paid)} old payments all "
            f"there, {len(late)} younger ones lost"
        )
        assert len(due) > 50 and paid
        assert [name for name in due if name not in found] == []
        assert late, "nothing was lost, so nothing was proved: write more after the last segment"


def test_whoever_was_erased_is_in_no_table_file_index_log_or_restored_backup(
    database: str, django_db_blocker: Any, tmp_path: Path
) -> None:
    """A backup made before the erasure brings the person back, and the journal takes them out again."""
    words = [b"kanarienvogel", b"Kanarienvogel"]
    with django_db_blocker.unblock():
        with scope(Scope(installation.tenant("a"))):
            person = billing.customer(
                "Kanarienvogel",
                email="kanarienvogel@a.example",
                reference="kanarienvogel-7",
                notes="kanarienvogel",
            )
            other = contacts.contact(person, "Kanarienvogel", email="kanarienvogel@b.example")
            invoice = billing.finalized(of=person)
            # What a colleague typed, where rows only grow: its ciphertext is what can be looked for.
            exports.turn(frozen=True, reason="Kanarienvogel rang", actor=ACTOR, at=clock.now())
            exports.turn(frozen=False, reason="Nothing in it", actor=ACTOR, at=clock.now())
            needles = erased.traces(person, other)
        asked = "SELECT encode(reason, 'hex') FROM billing_exportfreeze WHERE frozen"
        needles.append(bytes.fromhex(house.superuser_sql(asked, database=database)))
        assert needles[-1]
        take("full")
        before = erased.live(database)
        assert erased.standing(needles, before) == needles, (
            "the search finds nothing, so it would prove nothing"
        )
        assert erased.standing(words, before) == []
        code, told = run("erase_subject", "--organization", "a", "--customer", str(person.pk))
        assert (code, told["erased"]["customers"], told["erased"]["contacts"]) == (0, 1, 1)
        assert told["erased"]["words"] == 1
        # No table, past every policy; and no page or index of the disk, once what was deleted has been swept.
        assert erased.standing([*needles, *words], erased.live(database)) == []
        erased.sweep(database)
        number = house.superuser_sql(
            f"SELECT oid FROM pg_database WHERE datname = '{database}'", database="postgres"
        ).strip()
        data = Path(house.superuser_sql("SHOW data_directory", database="postgres").strip())
        places_ = [data / "base" / number, settings.FILES_DIR, *erased.logs()]
        assert erased.in_files([*needles, *words], *places_) == []
        # The law's own copy of the invoice opens, under the key of documents.
        with scope(Scope(installation.tenant("a"))):
            assert type(invoice).objects.get(pk=invoice.pk).buyer["name"] == "Kanarienvogel"
        with house.restored() as copy:
            assert (
                erased.standing(needles, erased.dumped(database, copy.sockets, str(server.PORT))) == needles
            )
            done = erased.replay(copy, database, tmp_path)
            assert json.loads(done.stdout.splitlines()[-1])["again"] == 1, done.stderr
            after = erased.dumped(database, copy.sockets, str(server.PORT))
            assert erased.standing([*needles, *words], after) == []


def refuses_what_is_older_than_known(last: Backup) -> None:
    """Who holds the target takes the newest changes or the newest backup away; what is left is signed, and ours."""
    root, known = Path(settings.BACKUP_TARGETS.partition("file://")[2]), newest.known()
    assert known is not None and (known.generation, known.archive_id) == (last.generation, str(last.pk))
    (segment,) = [path for path in root.rglob("*.sbk") if path.name == f"{known.segment.lower()}.sbk"]
    backup = (root / taking.object_name(last, "database")).parent
    for taken, fault in ((segment, newest.ChangesWithheld), (backup, archive.OlderThanKnown)):
        aside = taken.rename(root / "aside")
        with pytest.raises(fault), house.restored():
            pass
        if taken is backup:
            # The drill finds it the same week, and nothing older is taken for the newest.
            code, drilled = run("backup_drill", "--here")
            assert (code, drilled["checks"][0]["code"]) == (1, "archive_older_than_known")
            assert drilled["newest_known"]["folder"]["manifest_sha256"] == last.manifest_sha256
            with pytest.raises(archive.OlderThanKnown), house.restored(wanted=clock.now()):
                pass
        aside.rename(taken)
    told = newest.demanded(told=last.generation + 1, accepted=None)
    assert told == newest.Newest(generation=last.generation + 1)
    assert newest.demanded(told=None, accepted=1) == newest.Newest(generation=1)


def test_full_incremental_and_a_moment_are_identical_row_by_row(
    database: str, django_db_blocker: Any
) -> None:
    with django_db_blocker.unblock():
        house.fill_every_table(database)
        with house.streaming_changes() as receiver:
            first = house.live_rows(database)
            assert house.empty_tables(first) == []
            full = take("full")
            work_in("a", "second")
            second = house.live_rows(database)
            incremental = take("incremental")
            assert incremental.kind == "incremental" and incremental.bytes_stored < full.bytes_stored
            work_in("b", "third")
            third, moment = house.live_rows(database), clock.now()
            time.sleep(0.05)
            work_in("b", "too late")
            house.close_segment(receiver)
        assert len({str(first), str(second), str(third)}) == 3
        refuses_what_is_older_than_known(incremental)
        connections["default"].close()
        house.superuser_sql(f'DROP DATABASE "{database}" WITH (FORCE)', database="postgres")
        for wanted, expected in (
            (full.consistent_at, first),
            (incremental.consistent_at, second),
            (moment, third),
        ):
            with house.restored(wanted=wanted) as copy:
                assert differing(expected, house.copy_rows(copy, database)) == {}
