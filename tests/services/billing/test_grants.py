"""One customer opened to one member: what it opens, to whom, until when, and what it leaves in the trail."""

from datetime import timedelta

import pytest
from django.db import connection

from accounts import grants
from accounts.services import members
from audit.models import Event
from billing.customers import queries, services
from billing.customers.models import CustomerGrant
from billing.customers.services import GrantMustEnd, MemberSeesEveryCustomer, NobodyOpensForThemselves
from billing.invoices import lists
from billing.invoices import queries as invoices
from billing.invoices.lists import View, Wanted
from core import clock
from core.errors import NotFound
from tenancy import context
from tests.make import accounts
from tests.make import billing as make

WEEK = timedelta(days=7)


@pytest.fixture
def at(in_a):
    return clock.now()


def open_to(customer, member, *, by, at, until=None):
    services.open_to(
        customer_id=customer.pk,
        member_id=member.pk,
        until=until or at + WEEK,
        actor=accounts.actor(by.user),
        at=at,
    )


def test_a_grant_opens_one_customer_until_it_ends(at):
    owner, guest = accounts.member("owner"), accounts.member("developer")
    opened, shut = make.customer("Opened"), make.customer("Shut")
    open_to(opened, guest, by=owner, at=at)
    assert queries.opened_to(guest.user, at=at) == {opened.pk}
    assert queries.opened_to(guest.user, at=at + WEEK) == frozenset()
    assert queries.opened_to(accounts.member("developer").user, at=at) == frozenset()
    (opening,) = queries.openings(opened.pk, at=at)
    assert (opening.member_id, opening.name, opening.given_by) == (
        guest.pk,
        guest.user.name,
        owner.user.name,
    )
    assert (opening.given_at, opening.ends_at) == (at, at + WEEK)
    assert queries.openings(shut.pk, at=at) == queries.openings(opened.pk, at=at + WEEK) == []
    (event,) = Event.objects.filter(event="grant.given")
    assert (event.subject_kind, event.subject_id, event.actor_id) == ("customer", opened.pk, owner.user_id)
    assert event.facts == {"user": str(guest.user_id), "action": "view", "ends": True}


def test_a_grant_is_ended_by_hand_and_when_the_member_leaves(at):
    owner, guest = accounts.member("owner"), accounts.member("developer")
    first, second = make.customer("First"), make.customer("Second")
    actor = accounts.actor(owner.user)
    for customer in (first, second):
        open_to(customer, guest, by=owner, at=at)
    services.close_to(customer_id=first.pk, member_id=guest.pk, actor=actor)
    assert queries.opened_to(guest.user, at=at) == {second.pk}
    with pytest.raises(NotFound), context.attempt():
        services.close_to(customer_id=first.pk, member_id=guest.pk, actor=actor)
    members.remove(member_id=guest.pk, actor=actor, at=at)
    accounts.member("developer", user=guest.user)
    assert queries.opened_to(guest.user, at=at) == frozenset()
    ended = Event.objects.filter(event="grant.ended").order_by("at", "id")
    assert [event.subject_id for event in ended] == [first.pk, second.pk]


def test_what_a_grant_would_not_change_or_must_not_is_refused(at):
    owner, guest = accounts.member("owner"), accounts.member("developer")
    customer = make.customer()
    refused = [
        (owner, at + WEEK, NobodyOpensForThemselves),
        (accounts.member("billing_clerk"), at + WEEK, MemberSeesEveryCustomer),
        (guest, at, GrantMustEnd),
        (guest, at + timedelta(days=367), GrantMustEnd),
    ]
    for member, until, refusal in refused:
        with pytest.raises(refusal), context.attempt():
            open_to(customer, member, by=owner, at=at, until=until)
    assert CustomerGrant.objects.count() == 0
    assert not Event.objects.filter(event="grant.given").exists()
    # An administrator reads customers and no invoices: for them a grant opens these.
    open_to(customer, accounts.member("admin"), by=owner, at=at)
    assert CustomerGrant.objects.count() == 1


def test_an_expired_grant_goes_and_a_running_one_stays(at):
    owner = accounts.member("owner")
    customer = make.customer()
    for days in (1, 3):
        open_to(customer, accounts.member("developer"), by=owner, at=at, until=at + timedelta(days=days))
    assert grants.remove_expired(at=at + timedelta(days=2)) == 1
    assert [row.expires_at for row in CustomerGrant.objects.all()] == [at + timedelta(days=3)]


def test_lists_and_searches_keep_within_the_limit(at):
    ours = make.customer("Ada Opened", email="ada@opened.example", reference="C-1")
    others = [make.customer("Ada Shut", email="ada@shut.example"), make.customer("Ben Shut", reference="C-2")]
    mine = make.finalized(of=ours)
    theirs = [make.finalized(of=other) for other in others]
    within = {ours.pk}
    assert [row.id for row in queries.page(within=within).rows] == [ours.pk]
    assert [row.id for row in queries.search("ada", within=within)] == [ours.pk]
    assert queries.search("ada@shut.example", within=within) == queries.search("C-2", within=within) == []
    assert queries.find(reference="C-2", within=within) == []
    assert queries.count(state="active", within=within) == 1
    assert queries.get(ours.pk, within=within).id == ours.pk
    on = make.AT.date()
    for view in (View.ALL, View.OPEN):
        wanted = Wanted(today=on, view=view, within=within)
        assert [row.id for row in lists.page(wanted).rows] == [mine.pk]
        assert [(each.count, each.due_minor) for each in lists.sums(wanted)] == [(1, 100_00)]
    number = Wanted(today=on, number=theirs[0].number, customer_ids=[others[1].pk], within=within)
    assert lists.page(number).rows == lists.sums(number) == []
    assert lists.page(Wanted(today=on, within=frozenset())).rows == []
    for read, key in ((queries.get, others[0].pk), (invoices.get, theirs[0].pk)):
        with pytest.raises(NotFound):
            read(key, within=within)


@pytest.mark.django_db(transaction=True)
def test_a_customers_own_scope_reads_no_totals_by_sql(tenant_a):
    at = clock.now()
    with context.scope(context.Scope(tenant_a)):
        customer, other = make.customer(), make.customer("Other")
        make.finalized(of=other)
        open_to(other, accounts.member("developer"), by=accounts.member("owner"), at=at)

    def rows(table):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            return cursor.fetchone()[0]

    tables = ("billing_tally", "billing_seriescounter", "billing_customergrant")
    with context.scope(context.Scope(tenant_a)):
        assert [rows(table) > 0 for table in tables] == [True] * 3
    with context.scope(context.Scope(tenant_a, customer=customer.pk)):
        assert [rows(table) for table in tables] == [0] * 3
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM billing_tally")
            assert cursor.rowcount == 0
