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
from billing.bankaccounts import queries, rules, services
from billing.bankaccounts.models import BankAccount
from billing.documents import papers, pdf
from billing.invoices import queries as invoices
from core.actor import Actor
from core.errors import Invalid, NotFound, StepUpRequired
from tenancy import context
from tenancy.context import Scope
from tests.make import accounts, bank, billing
from tests.make.bank import FIRST, OTHER

# Ahead of the database's own clock, so that the announcement alone says when details hold.
AT = datetime(2126, 3, 4, 9, 0, tzinfo=UTC)
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


def test_documents_name_the_old_account_until_then(owner, first):
    invoice = billing.finalized()
    bank.agreed(OTHER, asker=owner, at=AT)
    found = invoices.get(invoice.pk)
    before = papers.document_of(found, at=AT + NOTICE - timedelta(seconds=1))
    after = papers.document_of(found, at=AT + NOTICE)
    assert before.bank == pdf.BankDetails(
        holder="Northwind Instruments GmbH", iban="DE89370400440532013000", bic="COBADEFFXXX",
        changed_on=date(2126, 2, 2),
    )  # fmt: skip
    assert (after.bank.iban, after.bank.changed_on) == ("AT611904300234573201", date(2126, 3, 7))


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
