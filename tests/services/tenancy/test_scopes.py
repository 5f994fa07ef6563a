"""Scopes only narrow, end with their transaction, and leave nothing behind when they fail."""

import threading
from uuid import UUID

import pytest
from django.db import DataError, ProgrammingError, connection, transaction

from core import clock
from core.errors import Refusal
from tenancy import context, jobs
from tenancy.backend import base
from tenancy.context import (
    NoScope,
    Scope,
    ScopeWouldWiden,
    account,
    attempt,
    narrow,
    scope,
    together,
    use_case,
)
from tenancy.models import Job
from tests.calls import calls_of
from tests.databases import as_superuser


class Refused(Refusal):
    """No."""


@use_case
def write_then_refuse() -> None:
    jobs.start(kind="half", at=clock.now())
    raise Refused


def test_outside_a_scope_nothing_can_be_asked(db: None) -> None:
    with pytest.raises(NoScope):
        Job.objects.count()
    with pytest.raises(NoScope):
        jobs.start(kind="x", at=clock.now())


def test_a_scope_cannot_widen(db: None, tenant_a: UUID, tenant_b: UUID) -> None:
    with scope(Scope(tenant_a)):
        with pytest.raises(ScopeWouldWiden), scope(Scope(tenant_b)):
            pass
        with pytest.raises(ScopeWouldWiden), scope(Scope()):
            pass
        with pytest.raises(ScopeWouldWiden):
            narrow(Scope(tenant_b))


@pytest.mark.django_db(transaction=True)
def test_narrowing_shows_the_organization_and_ends_with_the_transaction(tenant_a: UUID) -> None:
    with scope(Scope()):
        narrow(Scope(tenant_a))
        jobs.start(kind="mine", at=clock.now())
        assert Job.objects.count() == 1
    assert context.current() is None
    with scope(Scope(tenant_a)):
        assert Job.objects.count() == 1


def test_a_nested_scope_gives_the_outer_one_back(db: None, tenant_a: UUID) -> None:
    user = UUID(int=7)
    with scope(Scope(tenant_a)):
        with scope(Scope(tenant_a, user)), connection.cursor() as cursor:
            cursor.execute("SELECT app.ctx('user', true)")
            assert cursor.fetchone() == (user,)
        with connection.cursor() as cursor:
            cursor.execute("SELECT app.ctx('user', false)")
            assert cursor.fetchone() == (None,)


def named() -> tuple[UUID | None, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app.ctx('tenant', false), app.ctx('user', false)")
        return tuple(cursor.fetchone())


def test_an_account_is_named_beside_the_organization_and_given_back(db: None, tenant_a: UUID) -> None:
    admin, other = UUID(int=7), UUID(int=8)
    with scope(Scope(tenant_a, admin)):
        with account(other):
            assert named() == (tenant_a, other)
            # The wall between organizations stands inside it as well.
            with pytest.raises(ScopeWouldWiden), scope(Scope()):
                pass
        assert named() == (tenant_a, admin)
    with pytest.raises(NoScope), account(other):
        pass


@pytest.mark.parametrize("inside", [True, False])
def test_an_account_is_given_back_when_its_service_fails(db: None, tenant_a: UUID, inside: bool) -> None:
    admin, other = UUID(int=7), UUID(int=8)
    with scope(Scope(tenant_a, admin)):
        if inside:  # the savepoint is rolled back before the account is left
            with account(other), pytest.raises(Refused), attempt():
                write_then_refuse()
        else:
            with pytest.raises(Refused), attempt(), account(other):
                write_then_refuse()
        assert named() == (tenant_a, admin)
        with pytest.raises(DataError), attempt(), account(other), connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        assert named() == (tenant_a, admin)
        with pytest.raises(ZeroDivisionError), account(other):
            1 / 0  # noqa: B018  any failure that is none of the database's
        assert named() == (tenant_a, admin)
        assert Job.objects.count() == 0


@pytest.mark.parametrize(("person", "sent"), [(7, 0), (8, 2)])
def test_working_on_ones_own_account_sends_nothing(db: None, tenant_a: UUID, person: int, sent: int) -> None:
    with scope(Scope(tenant_a, UUID(int=7))), calls_of(base.DatabaseWrapper._send) as seen:
        with account(UUID(int=person)):
            pass
        assert len(seen) == sent


@pytest.mark.django_db(transaction=True)
def test_a_caught_refusal_cannot_commit_half_a_change(tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)), pytest.raises(Refused):
        write_then_refuse()
    with scope(Scope(tenant_a)):
        assert Job.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_an_attempt_takes_back_its_own_and_the_rest_stands(tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)):
        jobs.start(kind="stands", at=clock.now())
        with pytest.raises(Refused), attempt():
            write_then_refuse()
        assert [job.kind for job in Job.objects.all()] == ["stands"]
    with scope(Scope(tenant_a)):
        assert [job.kind for job in Job.objects.all()] == ["stands"]


@pytest.mark.django_db(transaction=True)
def test_threads_never_see_each_others_organization(tenant_a: UUID, tenant_b: UUID) -> None:
    for tenant, kind in ((tenant_a, "a"), (tenant_b, "b")):
        with scope(Scope(tenant)):
            jobs.start(kind=kind, at=clock.now())
    wrong: list[str] = []

    def read(tenant: UUID, expected: str) -> None:
        try:
            for round_number in range(60):
                with scope(Scope(tenant)):
                    kinds = [job.kind for job in Job.objects.all()]
                    if kinds != [expected]:
                        wrong.append(f"{expected}: {kinds}")
                    if round_number % 7 == 0:
                        transaction.set_rollback(True)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=read, args=pair)
        for pair in ((tenant_a, "a"), (tenant_b, "b"))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_begin_and_context_travel_together(django_assert_num_queries: object, in_a: UUID) -> None:
    """The outermost scope adds no statement of its own: the context rides with BEGIN."""
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert Job.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_scope_connects_again_when_the_server_has_hung_up(tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)):
        backend = connection.connection.info.backend_pid
    as_superuser(f"SELECT pg_terminate_backend({backend}, 5000)")
    with scope(Scope(tenant_a)):
        jobs.start(kind="after the restart", at=clock.now())
        assert connection.connection.info.backend_pid != backend
    with scope(Scope(tenant_a)):
        assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_prepared_statement_shows_each_scope_its_own_rows(tenant_a: UUID, tenant_b: UUID) -> None:
    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM tenancy_job")
            return int(cursor.fetchone()[0])

    with scope(Scope(tenant_a)):
        jobs.start(kind="mine", at=clock.now())
    for _ in range(12):  # the fifth is prepared, and after five more its plan is the one for everybody
        with scope(Scope(tenant_a)):
            assert count() == 1
        with scope(Scope(tenant_b)):
            assert count() == 0
    with scope(Scope()), connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans > 0 FROM pg_prepared_statements WHERE statement LIKE %s",
            ["%count(*) FROM tenancy_job"],
        )
        assert cursor.fetchall() == [(True,)]


@pytest.mark.django_db(transaction=True)
def test_what_is_prepared_outlives_a_refusal(tenant_a: UUID) -> None:
    for _ in range(8):
        with scope(Scope(tenant_a)):
            Job.objects.count()
    known = "SELECT name FROM pg_prepared_statements WHERE statement LIKE '%%tenancy_job%%'"
    with connection.cursor() as cursor:
        (prepared,) = cursor.execute(known).fetchall()
    with pytest.raises(Refused), scope(Scope(tenant_a)):
        raise Refused
    with scope(Scope(tenant_a)), pytest.raises(Refused), attempt():
        raise Refused
    with scope(Scope(tenant_a)):
        assert Job.objects.count() == 0
    with connection.cursor() as cursor:
        assert cursor.execute(known).fetchall() == [prepared]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("stopped", [KeyboardInterrupt, SystemExit])
def test_who_is_stopped_between_question_and_answer_leaves_nothing_behind(
    tenant_a: UUID, tenant_b: UUID, stopped: type[BaseException]
) -> None:
    with pytest.raises(stopped), scope(Scope(tenant_a)):
        jobs.start(kind="half", at=clock.now())
        next(iter(base.send_together(connection.connection.pgconn, [connection._context()])))
        raise stopped
    for tenant in (tenant_a, tenant_b):
        with scope(Scope(tenant)):
            assert Job.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_no_scope_begins_among_what_goes_together(tenant_a: UUID, tenant_b: UUID) -> None:
    with pytest.raises(transaction.TransactionManagementError), scope(Scope(tenant_a)), together():
        jobs.start(kind="one", at=clock.now())
        with account(UUID(int=7)):
            jobs.start(kind="two", at=clock.now())
    for tenant in (tenant_a, tenant_b):
        with scope(Scope(tenant)):
            assert Job.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_what_goes_together_stands_or_falls_together(tenant_a: UUID) -> None:
    with pytest.raises(NoScope), together():
        pass
    with scope(Scope(tenant_a)), together():
        jobs.start(kind="one", at=clock.now())
        jobs.start(kind="two", at=clock.now())
    with pytest.raises(DataError), scope(Scope(tenant_a)), together():
        jobs.start(kind="three", at=clock.now())
        jobs.start(kind="x" * 65, at=clock.now())
    with pytest.raises(ProgrammingError), scope(Scope(tenant_a)), together(), connection.cursor() as cursor:
        cursor.execute("SELECT no_such_function()")
    with scope(Scope(tenant_a)):
        assert set(Job.objects.values_list("kind", flat=True)) == {"one", "two"}
