"""What is restored is what was there, row by row: full, incremental, to a moment, one organization.

One cluster, one database, filled so that no table of any model is empty; each state is remembered as a digest of
every row of every table, read past every policy.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from backups import organizations, places, taking
from backups.models import Backup
from core import clock
from core.actor import Actor
from crypto import inspection
from tenancy import jobs
from tenancy.context import Scope, scope, system_scope
from tenancy.models import Tenant
from tests.journeys.backups import house
from tests.make import accounts, finance, installation

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
            f"UPDATE billing_invoice SET status = 'voided' WHERE tenant_id = '{mine}'",
            database=database,
        )
        work_in("a", "invented")
        work_in("b", "honest")
        neighbours = house.live_rows(database, tenant=others)
        assert differing(before, house.live_rows(database, tenant=mine))
        counts = organizations.put_back(tenant_id=mine, wanted=None, key=places.drill_key(), actor=ACTOR)
        after = house.live_rows(database, tenant=mine)
        assert set(differing(before, after)) <= trail
        assert differing(neighbours, house.live_rows(database, tenant=others)) == {}
        assert counts["rows"] > 50
        with system_scope(reason="tests look at the state"):
            assert Tenant.objects.get(pk=mine).state == Tenant.State.ACTIVE
        # It can be read: the keys that came back open what came back.
        with scope(Scope(mine)):
            found = inspection.scan(full=True)
            assert found.findings == [] and found.decrypted > 10


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
        connections["default"].close()
        house.superuser_sql(f'DROP DATABASE "{database}" WITH (FORCE)', database="postgres")
        for wanted, expected in (
            (full.consistent_at, first),
            (incremental.consistent_at, second),
            (moment, third),
        ):
            with house.restored(wanted=wanted) as copy:
                assert differing(expected, house.copy_rows(copy, database)) == {}
