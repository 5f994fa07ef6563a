"""Rotation: online, resumable wherever it is killed, and it loses nothing to concurrent writers."""

import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import connections

from accounts.models import User
from billing.customers.models import Customer
from core import clock, primitives
from core.actor import Actor
from crypto import inspection, keyring, rotation, stores
from crypto.envelope import Purpose
from crypto.fields import ERASED
from crypto.models import DataKey, KeyState
from crypto.rotation import BlindIndexKeyIsNotRotated, ValueDoesNotOpen
from tenancy import context
from tests import databases
from tests.services.crypto import make

HOME = Path(__file__).resolve().parents[3]
ACTOR = Actor.system("tests")
KILLS = 10

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "rekey"])


def rotate(
    tenant_id: UUID, purpose: Purpose = Purpose.FIELDS, batch: int = rotation.BATCH
) -> rotation.Rotated:
    return rotation.rotate(
        tenant_id=tenant_id,
        purpose=purpose,
        actor=ACTOR,
        clock=clock.now,
        progress=lambda done, total: None,
        batch=batch,
    )


def states(tenant_id: UUID, purpose: Purpose = Purpose.FIELDS) -> dict[int, str]:
    with context.scope(context.Scope(tenant_id)):
        rows = DataKey.objects.filter(purpose=purpose.value).order_by("version")
        return {row.version: row.state for row in rows}


def events(tenant_id: UUID) -> list[str]:
    sql = "SELECT event FROM audit_event WHERE tenant_id = %s AND event LIKE 'keys.rot%%' ORDER BY at, id"
    return [row[0] for row in databases.as_owner(sql, [tenant_id])]


def make_customers(tenant_id: UUID, count: int) -> dict[UUID, str]:
    with context.scope(context.Scope(tenant_id)):
        rows = [make.new_customer(name=f"Customer {n}", address={"n": n}) for n in range(count)]
        Customer.objects.bulk_create(rows, batch_size=500)
        return {row.pk: row.name for row in rows}


def names(tenant_id: UUID) -> dict[UUID, str]:
    with context.scope(context.Scope(tenant_id)):
        return {row.pk: row.name for row in Customer.objects.all()}


@contextmanager
def running(*work: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Run functions over and over, each in a thread of its own; yield what they raised."""
    stop, failures = threading.Event(), []

    def loop(function: Callable[[], None]) -> None:
        try:
            while not stop.is_set():
                function()
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=loop, args=[function]) for function in work]
    for thread in threads:
        thread.start()
    try:
        yield failures
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_every_value_moves_to_the_new_key_and_the_old_one_is_disabled(tenant_a: UUID) -> None:
    expected = make_customers(tenant_a, 50)
    with context.scope(context.Scope(tenant_a)):
        before = keyring.primary(tenant_a, "fields")
        stale = rotation.left(context.Scope(tenant_a), Purpose.FIELDS)
        values = inspection.values_per_key()[UUID(bytes=before.id)]
    assert (stale, values >= 150) == (0, True)
    result = rotate(tenant_a, batch=7)
    assert (result.version, result.values) == (2, values)
    assert states(tenant_a) == {1: KeyState.DISABLED, 2: KeyState.PRIMARY}
    assert names(tenant_a) == expected
    with context.scope(context.Scope(tenant_a)):
        now = keyring.primary(tenant_a, "fields")
        assert now.id != before.id
        assert inspection.values_per_key()[UUID(bytes=now.id)] == values
        assert inspection.values_per_key()[UUID(bytes=before.id)] == 0
        found = inspection.scan(full=True)
        assert (found.findings, found.plaintext) == ([], 0)
    assert events(tenant_a) == ["keys.rotation_started", "keys.rotation_finished"]


def test_the_next_rotation_makes_the_next_version(tenant_a: UUID) -> None:
    expected = make_customers(tenant_a, 3)
    assert [rotate(tenant_a).version for _ in range(2)] == [2, 3]
    assert states(tenant_a) == {1: KeyState.DISABLED, 2: KeyState.DISABLED, 3: KeyState.PRIMARY}
    assert names(tenant_a) == expected


def test_other_purposes_and_organizations_stay(tenant_a: UUID, tenant_b: UUID) -> None:
    mine, theirs = make_customers(tenant_a, 3), make_customers(tenant_b, 3)
    rotate(tenant_a)
    for purpose in Purpose:
        if purpose is not Purpose.FIELDS:
            assert states(tenant_a, purpose) == {1: KeyState.PRIMARY}
    assert states(tenant_b) == {1: KeyState.PRIMARY}
    assert (names(tenant_a), names(tenant_b)) == (mine, theirs)


def test_the_operators_rotation_reaches_people(tenant_a: UUID) -> None:
    with context.system_scope(reason="people belong to no organization"):
        person = make.user(email="ann@example.com", name="Ann")
        operator = keyring.operator()
    rotate(operator)
    with context.system_scope(reason="people belong to no organization"):
        found = User.objects.get(pk=person.pk)
        assert (found.name, found.email) == ("Ann", "ann@example.com")
        assert keyring.of(found.__dict__["name"][1], operator).id == keyring.primary(operator, "fields").id


def test_what_was_erased_stays_erased_and_does_not_hold_the_rotation_up(tenant_a: UUID) -> None:
    expected = make_customers(tenant_a, 3)
    erased = next(iter(expected))
    with context.scope(context.Scope(tenant_a)):
        Customer.objects.filter(pk=erased).update(subject_key=None)
    rotate(tenant_a)
    assert states(tenant_a) == {1: KeyState.DISABLED, 2: KeyState.PRIMARY}
    assert names(tenant_a) == expected | {erased: ERASED}


def test_a_row_loaded_before_and_saved_during_it_is_under_the_new_key(tenant_a: UUID) -> None:
    (pk,) = make_customers(tenant_a, 1)
    scope = context.Scope(tenant_a)
    with context.scope(scope):
        row = Customer.objects.get(pk=pk)
        assert row.name == "Customer 0"
    assert rotation._begin(scope, Purpose.FIELDS, ACTOR, clock.now()) == 2
    with context.scope(scope):
        row.save()
        new = keyring.primary(tenant_a, "fields").id
    stored = databases.as_owner("SELECT name, address, subject_key FROM billing_customer WHERE id = %s", [pk])
    assert [bytes(value)[2:18] for value in stored[0]] == [new] * 3
    assert names(tenant_a) == {pk: "Customer 0"}


def test_a_row_loaded_before_and_saved_after_it_does_not_bring_the_old_key_back(tenant_a: UUID) -> None:
    (pk,) = make_customers(tenant_a, 1)
    with context.scope(context.Scope(tenant_a)):
        row = Customer.objects.get(pk=pk)
    rotate(tenant_a)
    with pytest.raises(primitives.InvalidCiphertext), context.scope(context.Scope(tenant_a)):
        row.save()
    assert rotation.left(context.Scope(tenant_a), Purpose.FIELDS) == 0
    assert names(tenant_a) == {pk: "Customer 0"}


def test_a_touched_value_stops_it_and_nothing_is_lost(tenant_a: UUID) -> None:
    expected = make_customers(tenant_a, 5)
    touched = next(iter(expected))
    databases.as_owner(
        "UPDATE billing_customer SET name = set_byte(name, 40, get_byte(name, 40) # 1) WHERE id = %s",
        [touched],
    )
    with pytest.raises(ValueDoesNotOpen) as refusal:
        rotate(tenant_a, batch=1)
    assert refusal.value.facts == {"table": "billing.Customer", "column": "name", "row": str(touched)}
    assert states(tenant_a) == {1: KeyState.ACTIVE, 2: KeyState.PRIMARY}
    with context.scope(context.Scope(tenant_a)):
        assert {row.pk: row.name for row in Customer.objects.exclude(pk=touched)} == {
            pk: name for pk, name in expected.items() if pk != touched
        }
        with pytest.raises(primitives.InvalidCiphertext):
            _ = Customer.objects.get(pk=touched).name


def test_a_blind_index_key_is_refused(tenant_a: UUID) -> None:
    with pytest.raises(BlindIndexKeyIsNotRotated):
        rotate(tenant_a, Purpose.BLIND_INDEX)
    assert states(tenant_a, Purpose.BLIND_INDEX) == {1: KeyState.PRIMARY}


def test_stored_bytes_hold_the_old_key_until_they_are_moved(
    tenant_a: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of files is asked until it says that nothing is left."""
    left, asked = {"values": 5}, []

    def rewrite(key_id: bytes, limit: int) -> int:
        asked.append(states(tenant_a, Purpose.FILES))
        count = min(left["values"], limit)
        left["values"] -= count
        return count

    monkeypatch.setattr(stores, "_stores", {})
    stores.register(
        stores.Store(name="t", purpose=Purpose.FILES, stale=lambda key_id: left["values"], rewrite=rewrite)
    )
    assert rotate(tenant_a, Purpose.FILES, batch=2).values == 5
    assert asked == [{1: KeyState.ACTIVE, 2: KeyState.PRIMARY}] * 4
    assert states(tenant_a, Purpose.FILES) == {1: KeyState.DISABLED, 2: KeyState.PRIMARY}


def test_readers_never_fail_and_writers_lose_nothing(tenant_a: UUID) -> None:
    expected = make_customers(tenant_a, 400)
    pks = list(expected)
    written: dict[UUID, str] = {}
    reads = 0

    def read() -> None:
        nonlocal reads
        with context.scope(context.Scope(tenant_a)):
            for row in Customer.objects.filter(pk__in=random.sample(pks, 20)):
                assert row.name == expected[row.pk]
                assert row.address["n"] == int(row.name.split()[1])
                reads += 1

    def write() -> None:
        pk = random.choice(pks)
        text = f"note {len(written)}"
        with context.scope(context.Scope(tenant_a)):
            row = Customer.objects.get(pk=pk)
            row.notes = text
            row.save(update_fields=["notes"])
        written[pk] = text
        expected[make_customers(tenant_a, 1).popitem()[0]] = "Customer 0"

    with running(read, read, write) as failures:
        rotate(tenant_a, batch=5)
    assert failures == []
    assert (reads > 1000, len(written) > 10) == (True, True)
    assert states(tenant_a) == {1: KeyState.DISABLED, 2: KeyState.PRIMARY}
    assert rotation.left(context.Scope(tenant_a), Purpose.FIELDS) == 0
    assert names(tenant_a) == expected
    with context.scope(context.Scope(tenant_a)):
        kept = {row.pk: row.notes for row in Customer.objects.filter(pk__in=written)}
    assert kept == written


def test_killed_anywhere_it_goes_on(tenant_a: UUID) -> None:
    """kill -9 at random moments, with a reader running: no read fails and no value is left behind."""
    expected = make_customers(tenant_a, 1500)
    pks = list(expected)
    chance = random.Random(20)

    def read() -> None:
        with context.scope(context.Scope(tenant_a)):
            for row in Customer.objects.filter(pk__in=random.sample(pks, 20)):
                assert row.name == expected[row.pk]

    codes: list[int] = []
    result = ""
    with running(read) as failures, rotator() as process:
        while len(codes) < KILLS or codes[-1] != 0:
            print("a 500" if len(codes) >= KILLS else "a 10", file=process.stdin, flush=True)
            child = int(process.stdout.readline())  # type: ignore[union-attr]
            ended = os.pidfd_open(child)
            if len(codes) < KILLS and not select.select([ended], [], [], 3 * chance.random())[0]:
                signal.pidfd_send_signal(ended, signal.SIGKILL)
            os.close(ended)
            code, result = json.loads(process.stdout.readline())  # type: ignore[union-attr]
            codes.append(code)
    assert failures == []
    assert codes.count(-signal.SIGKILL) >= KILLS // 2
    assert json.loads(result)["pending"] == 0
    newest = max(states(tenant_a))
    assert states(tenant_a) == {
        version: KeyState.PRIMARY if version == newest else KeyState.DISABLED
        for version in range(1, newest + 1)
    }
    assert rotation.left(context.Scope(tenant_a), Purpose.FIELDS) == 0
    assert names(tenant_a) == expected


@contextmanager
def rotator() -> Iterator["subprocess.Popen[str]"]:
    """Start the process that starts rotations."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.services.crypto.rotator"],
        cwd=HOME,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings.test"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.stdin.close()  # type: ignore[union-attr]


def test_the_command_reports_versions_and_progress(tenant_a: UUID) -> None:
    make_customers(tenant_a, 4)
    out, err = StringIO(), StringIO()
    call_command("keys_rotate", "--organization", "a", "--here", "--json", stdout=out, stderr=err)
    result = json.loads(out.getvalue().splitlines()[-1])
    assert (result["organization"], result["purpose"], result["pending"]) == ("a", "fields", 0)
    assert result["versions"] == [{"version": 1, "state": "disabled"}, {"version": 2, "state": "primary"}]
    assert result["records_per_version"] == {"1": 0, "2": result["rotated"]}
    assert f"{result['rotated']:,} of {result['rotated']:,} values" in err.getvalue()
