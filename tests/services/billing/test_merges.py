"""Merging customers: what is open moves, what is final stays, and nobody merges across organizations."""

from datetime import timedelta

import pytest

from audit.models import Event
from billing.contacts import queries as contacts
from billing.customers import kin, queries
from billing.customers import services as customers
from billing.invoices import queries as invoices
from billing.merges import services
from core.errors import NotFound
from tenancy import context
from tenancy.context import Scope, scope
from tests.make import api
from tests.make import billing as make
from tests.make.contacts import contact

LATER = make.AT + timedelta(days=1)


@pytest.fixture
def two(db, tenant_a):
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        yield (
            make.customer("Ada Ltd", email="ada@ada.example"),
            make.customer("ADA Limited", email="ada@ada.example"),
        )


def merge(source, target):
    return services.merge(source_id=source.pk, target_id=target.pk, actor=make.ACTOR, at=LATER)


def test_what_is_open_moves_and_what_is_final_stays(two):
    stays, goes = two
    contact(stays, is_primary=True)
    contact(goes, "Grace Hopper", is_primary=True)
    child = make.customer("Child", parent_id=goes.pk)
    draft, final = make.draft(of=goes), make.finalized(of=goes)
    assert [(each.label, each.count) for each in services.effects(goes.pk)][:3] == [
        ("Contacts", 1), ("Draft invoices", 1), ("Customers that belong to it", 1),
    ]  # fmt: skip
    merge(goes, stays)
    assert invoices.get(draft.pk).customer_id == stays.pk
    assert invoices.get(final.pk).customer_id == goes.pk
    assert [(row.name, row.is_primary) for row in contacts.of_customer(stays.pk)] == [
        ("Joan Clarke", True), ("Grace Hopper", False),
    ]  # fmt: skip
    assert queries.get(child.pk).parent_id == stays.pk
    read = queries.get(goes.pk)
    assert (read.state, read.merged_into_id) == ("archived", stays.pk)
    assert [row.id for row in kin.merged_from(stays.pk)] == [goes.pk]
    with pytest.raises(customers.CustomerMerged), context.attempt():
        customers.restore(customer_id=goes.pk, actor=make.ACTOR, at=LATER)
    services.unmerge(source_id=goes.pk, actor=make.ACTOR, at=LATER)
    assert (queries.get(goes.pk).state, queries.get(goes.pk).merged_into_id) == ("active", None)
    assert invoices.get(draft.pk).customer_id == stays.pk
    assert {"customer.merged", "customer.unmerged"} <= set(Event.objects.values_list("event", flat=True))
    with pytest.raises(services.NotMerged), context.attempt():
        services.unmerge(source_id=goes.pk, actor=make.ACTOR, at=LATER)


def test_what_cannot_be_merged_is_refused_and_changes_nothing(two):
    stays, goes = two
    with pytest.raises(services.MergedIntoItself), context.attempt():
        merge(stays, stays)
    below = make.customer("Below", parent_id=goes.pk)
    with pytest.raises(services.BelongsToTheOther), context.attempt():
        merge(goes, below)
    merge(goes, stays)
    for source, target in ((goes, stays), (stays, goes)):
        with pytest.raises(services.AlreadyMerged), context.attempt():
            merge(source, target)
    gone = make.customer("Gone")
    customers.archive(customer_id=gone.pk, actor=make.ACTOR, at=LATER)
    with pytest.raises(services.MergeTargetArchived), context.attempt():
        merge(stays, gone)
    assert queries.get(stays.pk).state == "active"


def test_an_imported_draft_stays(two, monkeypatch):
    stays, goes = two
    make.draft(of=goes)
    monkeypatch.setattr(services, "_MOST_MOVED", 0)
    with pytest.raises(services.TooMuchToMove), context.attempt():
        merge(goes, stays)


def test_nobody_merges_across_organizations(db, tenant_a, tenant_b):
    with scope(Scope(tenant_a)):
        own = make.customer("Own")
    with scope(Scope(tenant_b)):
        foreign = make.customer("Foreign")
        for source, target in ((foreign, own), (own, foreign)):
            with pytest.raises(NotFound), context.attempt():
                merge(source, target)
        assert queries.get(foreign.pk).state == "active"


def test_who_may_be_meant_already_is_found(two):
    stays, goes = two
    contact(goes, email="joan@ada.example")
    found = {each.row.id: each.shares for each in kin.duplicates(name="ada ltd", email="ADA@ada.example")}
    assert found == {stays.pk: ("e-mail address", "name"), goes.pk: ("e-mail address",)}
    (one,) = kin.duplicates(email="joan@ada.example")
    assert (one.row.id, one.shares) == (goes.pk, ("a contact’s e-mail address",))
    assert kin.duplicates(name="Ada Ltd", besides=stays.pk) == []
