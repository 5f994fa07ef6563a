"""The notice of new bank details: kept by the database's own clock, told to everybody, and taken up when it is over."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.services import approvals
from audit.models import Event
from billing.bankaccounts import queries, rules, services, tasks, telling
from billing.bankaccounts.models import BankAccount
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts, bank, billing
from tests.make.bank import FIRST, OTHER
from tests.services.billing.test_concurrency import together

NOTICE = timedelta(hours=72)


def propose(member, details=OTHER, *, at):
    return services.propose(**details, actor=accounts.actor(member.user), at=at)


@pytest.fixture
def owner(in_a):
    return accounts.member("owner")


@pytest.fixture
def first(owner):
    return bank.set_first(datetime.now(UTC) - timedelta(days=30), owner=owner)


def inserted(owner, **more):
    """Write an announcement as whoever holds the application's database password could."""
    long_ago = datetime.now(UTC) - timedelta(days=30)
    told = {"announced_at": long_ago, "holds_from": long_ago + NOTICE, **more}
    row = BankAccount(holder="X", iban="X", state="announced", asked_by=owner.user_id, **told)
    row.save(force_insert=True)
    row.refresh_from_db()
    return row


def test_an_earlier_announcement_gains_nothing(owner, first):
    row = inserted(owner)
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        (now,) = cursor.fetchone()
    assert (row.written_at, row.holds_from) == (now, now + NOTICE)
    assert queries.current(now + NOTICE - timedelta(microseconds=1)).id == first.pk
    assert queries.current(now + NOTICE).id == row.pk


def test_the_time_of_writing_is_the_databases_whatever_an_insert_says(owner, first):
    row = inserted(owner, written_at=datetime.now(UTC) - timedelta(days=30))
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        assert cursor.fetchone() == (row.written_at,)
    for change in ("written_at = announced_at", "holds_from = announced_at + interval '72 hours'"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE billing_bankaccount SET {change} WHERE state = 'announced'")
    with pytest.raises(DatabaseError, match="notice"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE billing_bankaccount SET state = 'current' WHERE state = 'announced'")
    before = (row.written_at, row.holds_from, row.state)
    row.refresh_from_db()
    assert (row.written_at, row.holds_from, row.state) == before
    assert queries.current(datetime.now(UTC)).id == first.pk


def test_an_announcement_of_later_waits_from_its_own_day(owner, first):
    ahead = datetime.now(UTC) + timedelta(days=2)
    made = bank.agreed(OTHER, asker=owner, at=ahead)
    assert made.holds_from == ahead + NOTICE


def test_the_database_keeps_the_waiting_time_by_its_own_clock(owner, first):
    soon = datetime.now(UTC)
    made = bank.agreed(OTHER, asker=owner, at=soon)
    with (
        pytest.raises(DatabaseError, match="the notice of these bank details is not over"),
        transaction.atomic(),
    ):
        first.state, first.ended_at = "former", soon
        first.save(update_fields=["state", "ended_at"])
        with connection.cursor() as cursor:
            cursor.execute("UPDATE billing_bankaccount SET state = 'current' WHERE state = 'announced'")
    with pytest.raises(DatabaseError, match="announced first"), transaction.atomic():
        BankAccount(
            holder="X", iban="X", state="current", asked_by=owner.user_id, announced_at=soon, holds_from=soon
        ).save(force_insert=True)
    assert queries.current(soon).id == first.pk
    made.refresh_from_db()
    assert made.state == "announced"
    services.cancel(actor=accounts.actor(owner.user), at=soon)
    assert (
        inserted(owner, announced_at=soon, holds_from=soon + timedelta(hours=1)).holds_from >= soon + NOTICE
    )
    assert queries.current(soon).id == first.pk


def addresses(*people):
    return {person.email for person in people}


@pytest.mark.django_db(transaction=True)
class TestCommitted:
    """People are told, and time passes, in transactions of their own."""

    @pytest.fixture
    def cast(self, tenant_a):
        at = datetime.now(UTC) - timedelta(hours=1)
        with context.scope(Scope(tenant_a)):
            owner = accounts.member("owner", at=at)
            bank.set_first(at - timedelta(days=30), owner=owner)
            approver = accounts.member("approver", at=at)
            clerk = accounts.member("billing_clerk", at=at)
            customer = billing.customer()
            payer, gone = accounts.portal_access(customer.pk), accounts.portal_access(customer.pk)
            gone.ended_at = at
            gone.save(update_fields=["ended_at"])
            # The same person twice is told once.
            accounts.portal_access(billing.customer("Grace Hopper").pk, user=payer.user)
            waiting = propose(owner, at=at).waiting
            approvals.approve(request_id=waiting.pk, actor=accounts.actor(approver.user), at=at)
            return {"owner": owner, "approver": approver, "clerk": clerk, "payer": payer, "at": at}

    @pytest.fixture
    def notice_over(self, tenant_a):
        at = datetime.now(UTC) - timedelta(days=4)
        with context.scope(Scope(tenant_a)):
            owner = accounts.member("owner", at=at)
            first = bank.set_first(at - timedelta(days=1), owner=owner).pk
            made = bank.agreed(OTHER, asker=owner, at=at).pk
        return made, first, bank.written(made, at)

    def test_everybody_who_pays_and_everybody_who_could_stop_it_hears_once(self, tenant_a, cast):
        tasks.tend_bank_accounts(str(tenant_a))
        assert tasks.tend_bank_accounts(str(tenant_a)) == 0
        with context.scope(Scope(tenant_a)):
            sent = bank.mails("bank_details_announced")
            expected = addresses(cast["owner"].user, cast["approver"].user, cast["payer"].user)
            assert expected <= set(sent)
            assert cast["clerk"].user.email not in sent
            text = sent[cast["payer"].user.email]
            assert text.startswith("New bank details from ")
            assert "/p/a/bank-details" in text
            assert "Organization A will be paid to another bank account" in text
            row = queries.announced(cast["at"])
            assert BankAccount.objects.get(pk=row.id).told == "announced"
            for secret in (row.iban, rules.grouped(row.iban), row.iban[-4:], row.holder):
                assert secret not in text
            told = Event.objects.get(event="bank_account.told")
            assert (told.subject_id, told.facts["state"], told.facts["people"]) == (
                row.id,
                "announced",
                len(sent),
            )

    def test_who_was_told_of_a_change_is_told_that_it_is_stopped(self, tenant_a, cast):
        tasks.tend_bank_accounts(str(tenant_a))
        with context.scope(Scope(tenant_a)):
            services.cancel(actor=accounts.actor(cast["owner"].user), at=datetime.now(UTC))
        tasks.tend_bank_accounts()
        with context.scope(Scope(tenant_a)):
            assert set(bank.mails("bank_details_canceled")) == set(bank.mails("bank_details_announced"))

    def test_of_a_change_that_nobody_heard_of_nobody_hears_that_it_is_stopped(self, tenant_a, cast):
        with context.scope(Scope(tenant_a)):
            services.cancel(actor=accounts.actor(cast["owner"].user), at=datetime.now(UTC))
        assert telling.tell(tenant_id=tenant_a, actor=bank.system(), at=datetime.now(UTC)) == 0

    def test_work_that_was_cut_off_tells_nobody_twice(self, tenant_a, cast, monkeypatch):
        monkeypatch.setattr(telling, "_PORTION", 1)
        with context.scope(Scope(tenant_a)):
            account, persons = queries.announced(cast["at"]).id, sorted(telling._concerned(cast["at"]))
            telling._write(account, "announced", persons[:1], at=cast["at"])
        tasks.tend_bank_accounts(str(tenant_a))
        with context.scope(Scope(tenant_a)):
            assert len(bank.mails("bank_details_announced")) == len(persons)

    def test_another_organization_sees_none_of_it(self, tenant_b, cast):
        with context.scope(Scope(tenant_b)):
            assert queries.current(cast["at"]) is None
            assert queries.history(cast["at"]) == []

    def test_what_is_due_is_taken_up_once(self, tenant_a, notice_over):
        made, first, then = notice_over
        with context.scope(Scope(tenant_a)):
            assert services.take_up(actor=bank.system(), at=then).pk == made
            assert services.take_up(actor=bank.system(), at=then) is None
            before = BankAccount.objects.get(pk=first)
            assert (before.state, before.ended_at) == ("former", then)
            assert queries.current(then - timedelta(microseconds=1)).id == first
            assert bank.events_of(made) == ["bank_account.announced", "bank_account.took_effect"]

    def test_the_periodic_work_takes_up_what_is_due(self, tenant_a, notice_over):
        tasks.tend_bank_accounts()
        with context.scope(Scope(tenant_a)):
            assert BankAccount.objects.get(pk=notice_over[0]).state == "current"

    def test_after_the_notice_the_next_change_may_be_asked_for(self, tenant_a, notice_over):
        with context.scope(Scope(tenant_a)):
            asker = accounts.member("owner")
            assert propose(asker, FIRST, at=datetime.now(UTC)).waiting is not None
            assert BankAccount.objects.get(pk=notice_over[0]).state == "current"
            took = Event.objects.get(event="bank_account.took_effect")
            assert (took.actor_kind, took.actor_id) == ("system", None)

    def test_two_deciders_at_once_announce_one_change(self, tenant_a):
        at = datetime.now(UTC)
        with context.scope(Scope(tenant_a)):
            owner = accounts.member("owner", at=at)
            bank.set_first(at - timedelta(days=1), owner=owner)
            approver = accounts.member("approver", at=at)
            asked = [
                approvals.request(
                    kind=services.KIND,
                    payload={**FIRST, "iban": iban},
                    actor=accounts.actor(owner.user),
                    at=at,
                ).pk
                for iban in ("AT611904300234573201", "GB33BUKB20201555555555")
            ]
            actor = accounts.actor(approver.user)

        def approve(request_id):
            with context.scope(Scope(tenant_a)):
                approvals.approve(request_id=request_id, actor=actor, at=at)

        outcomes = together(approve, asked)
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["ChangeUnderWay", "NoneType"]
        with context.scope(Scope(tenant_a)):
            assert BankAccount.objects.filter(state="announced").count() == 1
