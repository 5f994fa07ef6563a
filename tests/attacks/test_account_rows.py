"""The attacker runs whole statements in the scope of their own account, and wants somebody else's.

Accounts belong to no organization, so the wall between organizations does not part them: the database asks whose row
it is (docs/decisions/0043-an-account-is-written-by-its-own-person.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest

from accounts.models import PasskeyCredential, RecoveryCode, User
from accounts.services import factors, recovery, sessions
from accounts.services.sessions import Opened
from core import clock
from tenancy import context
from tenancy.context import Scope, scope
from tests import databases
from tests.guarantees import world
from tests.make import accounts as make

pytestmark = pytest.mark.django_db(transaction=True)
OF_PERSONS = (
    "accounts_session",
    "accounts_recoverytoken",
    "accounts_totpdevice",
    "accounts_passkeycredential",
    "accounts_recoverycode",
)
TABLES = ("accounts_user", *OF_PERSONS)


@dataclass(frozen=True)
class Two:
    """Somebody with a session and a statement of their choice, and whom they are after: colleagues, even."""

    tenant: UUID
    mallory: User
    opened: Opened
    victim: User
    link: str

    @property
    def inside(self) -> Scope:
        return Scope(self.tenant, self.mallory.pk)

    def scopes(self) -> tuple[Scope, ...]:
        """Where a statement may have got in: a page, one's own account, the API, a task, the sign-in pages."""
        return (self.inside, Scope(user=self.mallory.pk), Scope(self.tenant), Scope())


@pytest.fixture
def two(tenant_a: UUID) -> Iterator[Two]:
    """Each with a row in every table of accounts."""
    at = clock.now()
    with scope(Scope(tenant_a)):
        people = [make.member(role).user for role in ("auditor", "owner")]
        opened = [make.session(person, at=at) for person in people]
        links = [make.recovery_link(person, at=at) for person in people]
    for number, person in enumerate(people):
        with scope(Scope(user=person.pk)):
            key = f"passkey {number}".encode()
            PasskeyCredential(
                user=person,
                created_at=at,
                credential_id=key,
                credential_id_sha256=PasskeyCredential.get_credential_id_sha256(key),
                public_key=b"key",
                sign_count=0,
            ).save(force_insert=True)
            factors.new_recovery_codes(session=opened[number].session, actor=make.actor(person), at=at)
    yield Two(tenant_a, people[0], opened[0], people[1], links[0])


def rows() -> dict[str, list[tuple[Any, ...]]]:
    with databases.connect_as("owner") as owner:
        return {table: owner.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in TABLES}


def run(sql: str, inside: Scope) -> int:
    """Run a statement as the app role and tell how many rows it wrote."""
    with databases.connect_as("default") as rogue, rogue.transaction():
        rogue.execute("SELECT app.enter(%s)", [context.token(inside, rogue.info.backend_pid)])
        return rogue.execute(sql).rowcount


def nothing_comes_of(sql: str, two: Two) -> None:
    """Refused or without a row to write, in whatever scope; and not one row of any account has changed."""
    before = rows()
    for inside in two.scopes():
        try:
            assert run(sql, inside) == 0, (sql, inside)
        except psycopg.Error as refusal:
            assert isinstance(refusal, psycopg.errors.InsufficientPrivilege), (sql, inside, refusal)
    assert rows() == before, sql


def test_a_session_is_not_pointed_at_somebody_else(two: Two) -> None:
    """The request with one's own cookie would be theirs."""
    nothing_comes_of(
        f"UPDATE accounts_session SET user_id = '{two.victim.pk}' WHERE id = '{two.opened.session.pk}'", two
    )
    with scope(Scope()):
        found = sessions.resolve(two.opened.raw_key, clock.now())
    assert found is not None and found.user_id == two.mallory.pk
    page = world.browser(two.opened.raw_key).get("/me/").content.decode()
    assert str(two.mallory.email) in page and str(two.victim.email) not in page


@pytest.mark.parametrize("table", OF_PERSONS)
def test_what_is_ones_own_is_not_copied_to_somebody_else(two: Two, table: str) -> None:
    """A passkey signs in by itself, a recovery link sets a password, a code is a second factor."""
    moved = f"jsonb_build_object('id', uuidv7(), 'user_id', '{two.victim.pk}', 'confirmed', false"
    digest = {
        "accounts_session": ", 'key_hash', '\\x00'::bytea",
        "accounts_recoverytoken": ", 'token_hash', '\\x00'::bytea",
        "accounts_passkeycredential": ", 'credential_id_sha256', '00'",
    }.get(table, "")
    nothing_comes_of(
        f"INSERT INTO {table} SELECT (jsonb_populate_record(own, {moved}{digest}))).* FROM {table} AS own "
        f"WHERE user_id = '{two.mallory.pk}' LIMIT 1",
        two,
    )
    nothing_comes_of(
        f"UPDATE {table} SET user_id = '{two.victim.pk}' WHERE user_id = '{two.mallory.pk}'", two
    )


@pytest.mark.parametrize("table", OF_PERSONS)
def test_what_is_somebody_elses_is_neither_taken_nor_removed(two: Two, table: str) -> None:
    theirs = f"WHERE user_id = '{two.victim.pk}'"
    nothing_comes_of(f"DELETE FROM {table} {theirs}", two)
    nothing_comes_of(f"UPDATE {table} SET user_id = '{two.mallory.pk}' {theirs}", two)
    for column in columns(table):
        nothing_comes_of(f"UPDATE {table} SET {column} = {column} {theirs}", two)


def columns(table: str) -> list[str]:
    return [
        row[0]
        for row in databases.as_owner(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            [table],
        )
    ]


def test_a_password_and_a_state_are_not_written_for_somebody_else(two: Two) -> None:
    """The hash of one's own password in their row would let one in by it."""
    own = f"(SELECT password FROM accounts_user WHERE id = '{two.mallory.pk}')"
    theirs = f"WHERE id = '{two.victim.pk}'"
    nothing_comes_of(f"UPDATE accounts_user SET password = {own} {theirs}", two)
    nothing_comes_of(f"UPDATE accounts_user SET state = 'suspended' {theirs}", two)
    nothing_comes_of(f"DELETE FROM accounts_user {theirs}", two)
    for column in columns("accounts_user"):
        nothing_comes_of(f"UPDATE accounts_user SET {column} = {column} {theirs}", two)
    nothing_comes_of(
        "INSERT INTO accounts_user SELECT (jsonb_populate_record(own, jsonb_build_object("
        f"'id', uuidv7(), 'email_index', '\\x00'::bytea))).* FROM accounts_user AS own {theirs}",
        two,
    )


@pytest.mark.parametrize("table", TABLES)
def test_nobody_locks_the_row_of_somebody_else(two: Two, table: str) -> None:
    """Whoever held it would keep them from signing in."""
    owner = "id" if table == "accounts_user" else "user_id"
    sql = f"SELECT id FROM {table} WHERE {owner} = '{two.victim.pk}' FOR NO KEY UPDATE"
    nothing_comes_of(sql, two)


def test_whose_a_row_is_and_what_it_opens_stays_even_in_ones_own(two: Two) -> None:
    made_with = {
        "accounts_user": ("id", "created_at"),
        "accounts_session": ("id", "user_id", "created_at", "network", "device_hash", "device", "address"),
        "accounts_recoverytoken": ("id", "user_id", "token_hash", "created_at", "expires_at"),
        "accounts_totpdevice": ("id", "user_id", "secret", "created_at"),
        "accounts_passkeycredential": (
            "id",
            "user_id",
            "public_key",
            "credential_id",
            "credential_id_sha256",
        ),
        "accounts_recoverycode": ("id", "user_id", "code_hash", "created_at"),
    }
    assert set(made_with) == set(TABLES)
    for table, kept in made_with.items():
        for column in kept:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                run(f"UPDATE {table} SET {column} = {column}", two.inside)


def test_an_account_takes_no_other_address(two: Two) -> None:
    """It would be found where somebody else was invited."""
    before = rows()
    with pytest.raises(psycopg.errors.RestrictViolation):
        run(f"UPDATE accounts_user SET email_index = '\\x00' WHERE id = '{two.mallory.pk}'", two.inside)
    assert rows() == before


def test_an_erased_account_does_not_return(two: Two) -> None:
    own = f"WHERE id = '{two.mallory.pk}'"
    assert run(f"UPDATE accounts_user SET state = 'erased', email_index = NULL {own}", two.inside) == 1
    before = rows()
    with pytest.raises(psycopg.errors.RestrictViolation):
        run(f"UPDATE accounts_user SET state = 'active' {own}", two.inside)
    assert rows() == before


def test_a_link_of_ones_own_sets_ones_own_password(two: Two) -> None:
    """What the wall stands in front of: the link still works, for whom it was made."""
    with scope(Scope()):
        recovery.complete(
            raw=two.link, new_password="purple anvil river eleven", actor=make.stranger(), at=clock.now()
        )
    (kept,) = databases.as_owner("SELECT password FROM accounts_user WHERE id = %s", [two.victim.pk])
    assert kept == (two.victim.password,)
    with scope(Scope(user=two.victim.pk)):
        assert RecoveryCode.objects.filter(user=two.victim).count() == factors.RECOVERY_CODES
