"""One thing done to many: what was chosen, looked at again row by row, stopped, gone on with, and reported."""

import io
import zipfile
from datetime import timedelta

import pytest

from accounts.lists import queries as lists
from accounts.lists import services as selections
from accounts.models import Membership
from audit.models import Event
from billing.customers import services as customers
from billing.exports import making
from billing.exports import services as exports
from billing.exports.kinds import CHOSEN
from billing.exports.models import Export
from billing.exports.services import Wanted
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from core import clock, ids
from core.actor import Actor
from core.errors import Invalid, NotFound
from outbound import files
from outbound.models import OutboxMessage
from payments.bulk import acts, running
from payments.models import Reminder
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tests.make import accounts, billing, finance

pytestmark = pytest.mark.django_db


@pytest.fixture
def house(tenant_a):
    return House(tenant_a)


class House:
    def __init__(self, tenant):
        self.tenant, self.books = tenant, finance.books(tenant)
        with scope(Scope(tenant)):
            self.member = accounts.member("owner")
            self.actor = accounts.actor(self.member.user)

    def choose(self, action, *, ids=(), matching=None, count=0, listing="invoices"):
        with scope(Scope(self.tenant)):
            return selections.choose(
                listing=listing, action=action, ids=ids, matching=matching, count=count or len(ids),
                actor=self.actor, at=clock.now(),
            ).pk  # fmt: skip

    def begin(self, chosen):
        with scope(Scope(self.tenant)):
            return running.begin(selection_id=chosen, actor=self.actor, at=clock.now()).pk

    def do(self, action, **chosen):
        """Choose, begin, work; return the counts of the job and the rows left out, by their code."""
        key = self.choose(action, **chosen)
        job = self.begin(key)
        running.work(tenant_id=self.tenant, selection_id=key, now=clock.now)
        return self.result(key, job)

    def result(self, key, job):
        with scope(Scope(self.tenant)):
            row = jobs.find(job)
            return row.state, row.counts, sorted(code for _, code, _ in lists.selection(key).report)

    def statuses(self, keys):
        with scope(Scope(self.tenant)):
            return set(Invoice.objects.filter(pk__in=keys).values_list("status", flat=True))

    def events(self, code):
        with scope(Scope(self.tenant)):
            return Event.objects.filter(event=code).count()


def test_all_that_match_are_reminded_once_a_customer_and_what_came_later_is_not(house):
    """Six are late, of two customers; one is in dispute. An invoice that falls under the filter later is left alone."""
    with scope(Scope(house.tenant)):
        Invoice.objects.filter(pk=house.books.open[2]).update(disputes_open=1)
    key = house.choose("remind", matching={"view": "overdue"}, count=6)
    with scope(Scope(house.tenant)):
        chosen = lists.selection(key)
        preview = acts.REMIND.preview(chosen, clock.today(), clock.now())
        assert (preview.rows, preview.customers, preview.people) == (5, 2, 2)
        assert [code for _, code, _ in preview.left] == ["disputed"]
        at, gone = clock.now(), clock.today() - timedelta(days=40)
        later = invoices.create_draft(
            customer_id=house.books.customer, lines=[billing.line()], issued_on=gone, due_on=gone,
            actor=house.actor, at=at,
        )  # fmt: skip
        invoices.finalize(invoice_id=later.pk, actor=house.actor, at=at)
    job = house.begin(key)
    running.work(tenant_id=house.tenant, selection_id=key, now=clock.now)
    assert house.result(key, job) == ("done", {"done": 5, "skipped": 1, "failed": 0}, ["disputed"])
    with scope(Scope(house.tenant)):
        assert Reminder.objects.count() == 5
        assert OutboxMessage.objects.count() == 2
    # Delivered once more after it has ended, it does nothing.
    running.work(tenant_id=house.tenant, selection_id=key, now=clock.now)
    with scope(Scope(house.tenant)):
        assert OutboxMessage.objects.count() == 2
    assert (house.events("bulk.begun"), house.events("bulk.ended")) == (1, 1)
    with scope(Scope(house.tenant)), pytest.raises(running.BegunAlready), context.attempt():
        running.begin(selection_id=key, actor=house.actor, at=clock.now())


def test_each_row_is_looked_at_again(house):
    """A draft that was finalized meanwhile is left out with the sentence of the use case itself."""
    books = house.books
    key = house.choose("discard", ids=[books.draft, books.old_draft, books.open[0]])
    job = house.begin(key)
    billing_of = Scope(house.tenant)
    with scope(billing_of):
        invoices.finalize(invoice_id=books.draft, actor=house.actor, at=clock.now())
    running.work(tenant_id=house.tenant, selection_id=key, now=clock.now)
    assert house.result(key, job) == (
        "done", {"done": 1, "skipped": 2, "failed": 0}, ["invoice_not_draft", "invoice_not_draft"],
    )  # fmt: skip
    assert house.statuses([books.draft, books.old_draft]) == {"finalized"}  # the other is gone


def test_many_are_sent_and_finalized(house):
    state, counts, left = house.do("finalize", matching={"view": "draft"}, count=2)
    assert (state, counts, left) == ("done", {"done": 2, "skipped": 0, "failed": 0}, [])
    state, counts, left = house.do("send", ids=[*house.books.open[:3], house.books.voided])
    assert (counts, left) == ({"done": 3, "skipped": 1, "failed": 0}, ["not_to_be_sent"])
    state, counts, left = house.do(
        "remind_customers", ids=[house.books.customer, house.books.archived], listing="customers"
    )
    assert (counts, left) == ({"done": 1, "skipped": 1, "failed": 0}, ["nothing_late"])


def test_whoever_may_do_it_no_longer_does_no_more_of_it(house):
    """The right is asked for at each row: taken away after the job began, nothing is done."""
    key = house.choose("discard", ids=[house.books.draft, house.books.old_draft])
    job = house.begin(key)
    with scope(Scope(house.tenant)):
        Membership.objects.filter(pk=house.member.pk).update(state=Membership.State.SUSPENDED)
    running.work(tenant_id=house.tenant, selection_id=key, now=clock.now)
    with scope(Scope(house.tenant)):
        assert (jobs.find(job).state, jobs.find(job).code) == ("failed", "no_longer_allowed")
    assert house.statuses([house.books.draft, house.books.old_draft]) == {"draft"}


def test_what_is_stopped_goes_no_further_and_only_by_whoever_began(house):
    key = house.choose("discard", ids=[house.books.draft])
    job = house.begin(key)
    with scope(Scope(house.tenant)):
        other = accounts.actor(accounts.member("owner").user)
        with pytest.raises(running.OnlyWhoBeganStops), context.attempt():
            running.stop(job_id=job, actor=other, at=clock.now())
        running.stop(job_id=job, actor=house.actor, at=clock.now())
        with pytest.raises(running.NotToBeStopped), context.attempt():
            running.stop(job_id=job, actor=house.actor, at=clock.now())
        with pytest.raises(NotFound), context.attempt():
            running.begin(selection_id=key, actor=other, at=clock.now())
    running.work(tenant_id=house.tenant, selection_id=key, now=clock.now)
    assert house.statuses([house.books.draft]) == {"draft"}
    assert house.events("bulk.stopped") == 1


def test_what_was_delivered_again_goes_on_where_it_was(house):
    """Half done by a worker that died: the other half is done, and nothing twice."""
    keys = sorted(house.books.open[:2])
    key = house.choose("send", ids=keys)
    job = house.begin(key)
    with scope(Scope(house.tenant)):
        selections.reach(selection_id=key, row_id=keys[0], left_out=[])
        jobs.advance(job_id=job, at=clock.now(), done=1, total=2, counts={"done": 1})
    running.work(tenant_id=house.tenant, selection_id=key, now=clock.now)
    assert house.result(key, job)[:2] == ("done", {"done": 2, "skipped": 0, "failed": 0})
    with scope(Scope(house.tenant)):
        assert OutboxMessage.objects.count() == 1


def test_a_selection_goes_out_as_a_list_and_as_documents(house):
    """The rows that were chosen and no others; drafts have no document; an export's own rules hold."""
    books = house.books
    key = house.choose("export", ids=[books.open[0], books.draft])
    named = {CHOSEN: ids.encode("selection", key)}
    with scope(Scope(house.tenant)):
        held = frozenset(house.member.permissions(of_operator=False))
        assert exports.count(Wanted(kind="invoices", filters=named), held=held) == 2
        assert exports.count(Wanted(kind="invoice_pdfs", format="zip", filters=named), held=held) == 1
        with pytest.raises(Invalid):
            exports.count(Wanted(kind="invoice_pdfs", format="csv", filters=named), held=held)
        made = [
            exports.ask(
                wanted=Wanted(kind=kind, format=form, filters=named), actor=house.actor, at=clock.now()
            )
            for kind, form in (("invoices", "csv"), ("invoice_pdfs", "zip"))
        ]
    for row in made:
        making.make(tenant_id=house.tenant, export_id=row.pk, actor=Actor.system("tests"), now=clock.now)
    with scope(Scope(house.tenant)):
        table, bundle = (Export.objects.get(pk=row.pk) for row in made)
        assert (table.state, table.rows, bundle.state, bundle.rows) == ("ready", 2, "ready", 1)
        assert (table.has_personal, bundle.has_personal) == (False, True)
        content = b"".join(files.read(file=bundle.file, actor=house.actor))
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            (name,) = book.namelist()
            assert name.endswith(".pdf")
            assert book.read(name).startswith(b"%PDF")
        of = house.choose("export", ids=[books.customer], listing="customers")
    with scope(Scope(house.tenant)):
        customers.restore(customer_id=books.archived, actor=house.actor, at=clock.now())
        wanted = Wanted(kind="customers", filters={CHOSEN: ids.encode("selection", of)})
        assert exports.count(wanted, held=held) == 1


def test_a_view_is_changed_by_whoever_saved_it(in_a):
    """A colleague sees a shared view and cannot change it, nor see a private one; who leaves takes theirs along."""
    at = clock.now()
    mine, other = accounts.member("billing_clerk"), accounts.member("billing_clerk")
    me, them = accounts.actor(mine.user), accounts.actor(other.user)
    kept = [
        selections.save_view(
            listing="invoices", name=name, query="view=open", is_shared=shared, actor=me, at=at
        )
        for name, shared in (("Mine", False), ("Ours", True))
    ]
    seen = lists.views(listing="invoices", user_id=other.user_id)
    assert [(view.name, view.is_mine) for view in seen] == [("Ours", False)]
    for view in kept:
        with pytest.raises(NotFound), context.attempt():
            selections.change_view(view_id=view.pk, name="x", actor=them, at=at)
        with pytest.raises(NotFound), context.attempt():
            selections.delete_view(view_id=view.pk, actor=them)
    selections.change_view(view_id=kept[0].pk, name="Still mine", query="view=paid", actor=me, at=at)
    with pytest.raises(Invalid), context.attempt():
        selections.save_view(listing="invoices", name=" ", query="", is_shared=False, actor=me, at=at)
    with pytest.raises(selections.NothingChosen), context.attempt():
        selections.choose(listing="invoices", action="send", ids=[], count=0, actor=me, at=at)
    for columns in (["total"], ["total", "due"]):
        selections.arrange(listing="invoices", columns=columns, actor=me, at=at)
    assert lists.columns(listing="invoices", user_id=mine.user_id) == ["total", "due"]
    assert [(view.name, view.query) for view in lists.views(listing="invoices", user_id=mine.user_id)] == [
        ("Still mine", "view=paid"), ("Ours", "view=open"),
    ]  # fmt: skip
    selections.forget(user_id=mine.user_id)
    assert [view.name for view in lists.views(listing="invoices", user_id=mine.user_id)] == ["Ours"]
    assert lists.columns(listing="invoices", user_id=mine.user_id) is None
    selections.delete_view(view_id=kept[1].pk, keeps_order=True, actor=them)
    assert lists.views(listing="invoices", user_id=mine.user_id) == []
