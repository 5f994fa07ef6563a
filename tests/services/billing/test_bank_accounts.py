"""The organization's bank details: agreed to by two, announced to all, and 72 hours old before they hold."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from accounts import queries as people_of
from accounts.models import ApprovalRequest
from accounts.rules import RequesterNeverApproves
from accounts.services import approvals
from accounts.services import members as people
from audit.models import Event
from billing.bankaccounts import queries, rules, services, tasks, telling
from billing.bankaccounts.models import BankAccount
from billing.documents import papers, pdf
from billing.invoices import queries as invoices
from core.actor import Actor
from core.errors import Invalid, NotFound, StepUpRequired
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts, bank, billing
from tests.make.bank import FIRST, OTHER
from tests.services.billing.test_concurrency import together

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOTICE = timedelta(hours=72)


def propose(member, details=OTHER, at=AT, **more):
    return services.propose(**{**details, **more}, actor=accounts.actor(member.user), at=at)


@pytest.fixture
def owner(in_a):
    return accounts.member("owner", at=AT)


@pytest.fixture
def first(owner):
    return bank.set_first(AT - timedelta(days=30), owner=owner)


def test_a_founder_sets_the_first_account_alone_and_it_holds_at_once(owner):
    made = propose(owner, FIRST)
    assert made.waiting is None
    assert (made.account.state, made.account.agreed_by) == ("current", None)
    now = queries.current(AT)
    assert (now.holder, now.iban, now.bic) == (
        "Northwind Instruments GmbH",
        "DE89370400440532013000",
        "COBADEFFXXX",
    )
    assert (now.holds_from, now.asked_by) == (AT, owner.user_id)
    assert queries.current(AT - timedelta(seconds=1)) is None
    assert bank.events_of(made.account.pk) == ["bank_account.set"]
    told = Event.objects.get(event="bank_account.set")
    assert (told.actor_id, sorted(told.fields)) == (owner.user_id, ["bic", "holder", "iban"])


def test_as_soon_as_somebody_can_decide_they_must(owner):
    approver = accounts.member("approver", at=AT)
    made = propose(owner, FIRST)
    assert made.account is None
    assert queries.current(AT) is None
    assert made.waiting.payload == {
        "holder": "Northwind Instruments GmbH", "iban": "DE89370400440532013000", "bic": "COBADEFFXXX"
    }  # fmt: skip
    with pytest.raises(RequesterNeverApproves), context.attempt():
        approvals.approve(request_id=made.waiting.pk, actor=accounts.actor(owner.user), at=AT)
    approvals.approve(request_id=made.waiting.pk, actor=accounts.actor(approver.user), at=AT)
    row = BankAccount.objects.get()
    assert (row.state, row.asked_by, row.agreed_by) == ("current", owner.user_id, approver.user_id)


def test_a_change_holds_after_72_hours_to_the_second(owner, first):
    made = bank.agreed(OTHER, asker=owner, at=AT)
    assert (made.state, made.holds_from) == ("announced", AT + NOTICE)
    just_before, then = AT + NOTICE - timedelta(microseconds=1), AT + NOTICE
    assert queries.current(just_before).id == first.pk
    assert queries.announced(just_before).iban == "AT611904300234573201"
    assert queries.current(then).id == made.pk
    assert queries.announced(then) is None
    assert [(row.id, row.state) for row in queries.history(just_before)] == [
        (made.pk, "announced"), (first.pk, "current")
    ]  # fmt: skip
    assert [(row.id, row.state) for row in queries.history(then)] == [
        (made.pk, "current"), (first.pk, "former")
    ]  # fmt: skip
    assert services.take_up(actor=bank.system(), at=just_before) is None
    assert services.take_up(actor=bank.system(), at=then).pk == made.pk
    assert services.take_up(actor=bank.system(), at=then) is None
    first.refresh_from_db()
    assert (first.state, first.ended_at) == ("former", AT + NOTICE)
    assert queries.current(just_before).id == first.pk
    assert bank.events_of(made.pk) == ["bank_account.announced", "bank_account.took_effect"]


def test_documents_name_the_old_account_until_then(owner, first):
    invoice = billing.finalized()
    bank.agreed(OTHER, asker=owner, at=AT)
    found = invoices.get(invoice.pk)
    before = papers.document_of(found, at=AT + NOTICE - timedelta(seconds=1))
    after = papers.document_of(found, at=AT + NOTICE)
    assert before.bank == pdf.BankDetails(
        holder="Northwind Instruments GmbH", iban="DE89370400440532013000", bic="COBADEFFXXX",
        changed_on=date(2026, 1, 31),
    )  # fmt: skip
    assert (after.bank.iban, after.bank.changed_on) == ("AT611904300234573201", date(2026, 3, 5))


def test_one_person_stops_an_announced_change_and_the_old_details_stay(owner, first):
    made = bank.agreed(OTHER, asker=owner, at=AT)
    canceled = services.cancel(actor=accounts.actor(owner.user), at=AT + timedelta(hours=71))
    assert (canceled.pk, canceled.state) == (made.pk, "canceled")
    assert queries.current(AT + NOTICE).id == first.pk
    assert services.take_up(actor=bank.system(), at=AT + NOTICE) is None
    assert bank.events_of(made.pk) == ["bank_account.announced", "bank_account.canceled"]
    with pytest.raises(NotFound):
        services.cancel(actor=accounts.actor(owner.user), at=AT + timedelta(hours=71))


def test_what_holds_already_cannot_be_stopped(owner, first):
    made = bank.agreed(OTHER, asker=owner, at=AT)
    with pytest.raises(NotFound), context.attempt():
        services.cancel(actor=accounts.actor(owner.user), at=AT + NOTICE)
    made.refresh_from_db()
    assert made.state == "announced"


def test_one_change_at_a_time(owner, first):
    accounts.member("approver", at=AT)
    waiting = propose(owner).waiting
    with pytest.raises(services.ChangeUnderWay), context.attempt():
        propose(owner)
    approvals.withdraw(request_id=waiting.pk, actor=accounts.actor(owner.user), at=AT)
    bank.agreed(OTHER, asker=owner, at=AT)
    with pytest.raises(services.ChangeUnderWay), context.attempt():
        propose(owner, {**OTHER, "iban": "GB33BUKB20201555555555"})
    assert BankAccount.objects.count() == 2


def test_after_the_notice_the_next_change_may_be_asked_for(owner, first):
    made = bank.agreed(OTHER, asker=owner, at=AT)
    approver = accounts.member("approver", at=AT)
    assert propose(owner, FIRST, at=AT + NOTICE).waiting is not None
    made.refresh_from_db()
    assert made.state == "current"
    took = Event.objects.get(event="bank_account.took_effect")
    assert (took.actor_kind, took.actor_id) == ("system", None)
    assert approver.user_id != owner.user_id


def test_the_details_that_hold_are_no_change(owner, first):
    with pytest.raises(services.SameDetails):
        propose(owner, FIRST)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"iban": "DE89 3704 0044 0532 0130 01"}, "iban"),
        ({"iban": "DE89 3704 0044 0532 0130"}, "iban"),
        ({"iban": ""}, "iban"),
        ({"bic": "COBADE"}, "bic"),
        ({"holder": ""}, "holder"),
        ({"holder": "株式会社"}, "holder"),
        ({"holder": "x" * 71}, "holder"),
        ({"holder": "Acme\u202eGmbH"}, "holder"),
        ({"holder": "4111 1111 1111 1111"}, "holder"),
    ],
)
def test_details_that_no_bank_takes_are_refused_by_field(owner, wrong, field):
    with pytest.raises(Invalid) as refused, context.attempt():
        propose(owner, {**FIRST, **wrong})
    assert [fault.pointer for fault in refused.value.errors] == [f"/{field}"]
    assert not BankAccount.objects.exists()
    assert not ApprovalRequest.objects.exists()


def test_details_are_kept_without_spaces_and_masked_for_a_look():
    assert rules.check(holder=" Acme  GmbH ", iban="de89 3704 0044 0532 0130 00", bic="cobadeff xxx") == (
        "Acme GmbH", "DE89370400440532013000", "COBADEFFXXX"
    )  # fmt: skip
    assert rules.masked("DE89370400440532013000") == "DE89 •••• 3000"
    assert rules.grouped("DE89370400440532013000") == "DE89 3704 0044 0532 0130 00"
    assert rules.masked("") == ""


def test_only_a_member_asks_and_stops(owner, first):
    stranger = accounts.actor(accounts.person())
    for who in (stranger, Actor.system("tests")):
        with pytest.raises(services.OnlyMembersChange), context.attempt():
            services.propose(**OTHER, actor=who, at=AT)
    bank.agreed(OTHER, asker=owner, at=AT)
    for who in (stranger, Actor.system("tests")):
        with pytest.raises(services.OnlyMembersChange), context.attempt():
            services.cancel(actor=who, at=AT)


def test_an_asker_who_lost_the_right_changes_nothing_any_more(owner, first):
    admin = accounts.member("admin", at=AT)
    waiting = propose(admin).waiting
    people.set_role(member_id=admin.pk, role=people_of.role("auditor"), actor=accounts.actor(owner.user))
    with pytest.raises(services.RequesterMayNoLongerChange), context.attempt():
        approvals.approve(request_id=waiting.pk, actor=accounts.actor(owner.user), at=AT)
    assert ApprovalRequest.objects.get(pk=waiting.pk).state == "pending"
    assert BankAccount.objects.count() == 1


def test_an_approver_without_a_fresh_factor_is_asked_for_it(owner, first):
    approver = accounts.member("approver", at=AT)
    waiting = propose(owner).waiting
    with pytest.raises(StepUpRequired), context.attempt():
        approvals.approve(request_id=waiting.pk, actor=accounts.actor(approver.user, fresh=False), at=AT)
    assert BankAccount.objects.count() == 1


def test_what_stands_in_the_database_is_encrypted(owner, first):
    with connection.cursor() as cursor:
        cursor.execute("SELECT holder, iban, bic FROM billing_bankaccount")
        for value in cursor.fetchone():
            assert bytes(value)[:2] == b"\x01\x01"
            assert b"DE89" not in bytes(value)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE billing_bankaccount SET iban = holder",
        "UPDATE billing_bankaccount SET holds_from = announced_at",
        "DELETE FROM billing_bankaccount",
        "UPDATE billing_bankaccount SET state = 'announced', ended_at = NULL WHERE state = 'current'",
    ],
)
def test_the_app_itself_cannot_change_details_in_place(owner, first, change):
    bank.agreed(OTHER, asker=owner, at=AT)
    before = queries.history(AT)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert queries.history(AT) == before


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
    with pytest.raises(DatabaseError, match="billing_bankaccount_waits"), transaction.atomic():
        services.cancel(actor=accounts.actor(owner.user), at=soon)
        BankAccount(
            holder="X", iban="X", state="announced", asked_by=owner.user_id, announced_at=soon,
            holds_from=soon + timedelta(hours=1),
        ).save(force_insert=True)  # fmt: skip
    assert queries.current(soon).id == first.pk
    made.refresh_from_db()
    assert made.state == "announced"


def test_a_customers_scope_reads_what_holds_and_writes_nothing(owner, first, tenant_a):
    customer = billing.customer()
    context.narrow(Scope(tenant_a, customer=customer.pk))
    assert queries.current(AT).iban == "DE89370400440532013000"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE billing_bankaccount SET told = 'x'")
        assert cursor.rowcount == 0
    with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
        BankAccount(
            holder="X", iban="X", state="announced", asked_by=owner.user_id, announced_at=AT,
            holds_from=AT + NOTICE,
        ).save(force_insert=True)  # fmt: skip


def addresses(*people):
    return {person.email for person in people}


@pytest.mark.django_db(transaction=True)
class TestTelling:
    """People are told in transactions of their own."""

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

    def test_the_periodic_work_takes_up_what_is_due(self, tenant_a):
        at = datetime.now(UTC) - timedelta(days=4)
        with context.scope(Scope(tenant_a)):
            owner = accounts.member("owner", at=at)
            bank.set_first(at - timedelta(days=1), owner=owner)
            made = bank.agreed(OTHER, asker=owner, at=at)
        tasks.tend_bank_accounts()
        with context.scope(Scope(tenant_a)):
            assert BankAccount.objects.get(pk=made.pk).state == "current"

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


def test_a_draft_and_a_paid_or_void_invoice_name_no_account(owner, first):
    draft = invoices.get(billing.draft().pk)
    final = invoices.get(billing.finalized().pk)
    void = invoices.get(billing.void(billing.finalized().pk).pk)
    assert papers.document_of(draft, at=AT).bank is None
    assert papers.document_of(draft, at=AT).mark is pdf.Mark.DRAFT
    assert papers.document_of(void, at=AT, pay_url="https://x.example").pay_url == ""
    assert papers.document_of(void, at=AT).mark is pdf.Mark.VOID
    assert papers.document_of(replace(final, amount_due_minor=0), at=AT).bank is None
    whole = papers.document_of(final, at=AT, pay_url="https://x.example")
    assert (whole.pay_url, whole.bank.holder) == ("https://x.example", "Northwind Instruments GmbH")
