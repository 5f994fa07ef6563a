"""An import from the file to its undoing: tried, carried out once whatever breaks off, and taken back untouched."""

from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection

from audit.models import Event
from billing.customers import queries as customers
from billing.customers import services as customer_services
from billing.customers.models import Customer
from billing.imports import batches, tasks, work
from billing.imports.models import Import
from billing.imports.rules import UnknownColumn
from billing.tallies import queries as tallies
from core import clock
from core.actor import Actor
from core.cardnumbers import CardNumberRefused
from core.errors import NotFound
from outbound import files as stored
from outbound.models import StoredFile, WebhookEvent
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tests.databases import as_owner
from tests.make import accounts, api, files
from tests.make import billing as make

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("tests")


@pytest.fixture
def somebody(tenant_a):
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        return accounts.actor(accounts.member("billing_manager").user)


@pytest.fixture
def steps(tenant_a, somebody, monkeypatch):
    """The steps of an import, each done by a worker at once."""
    at_once = lambda *sent: tasks.work_on_import.apply(args=sent).get()  # noqa: E731  the task’s own way of being sent
    monkeypatch.setattr(tasks.work_on_import, "delay", at_once)
    return Steps(tenant_a, somebody)


class Steps:
    def __init__(self, tenant, actor):
        self.tenant, self.actor, self.id = tenant, actor, None

    def upload(self, data, name="kunden.csv"):
        with scope(Scope(self.tenant)):
            self.id = batches.upload(data=data, file_name=name, actor=self.actor, at=clock.now()).pk
        return self.shown()

    def check(self, columns=None):
        with scope(Scope(self.tenant)):
            columns = columns or batches.get(self.id).columns
            batches.check(import_id=self.id, columns=columns, actor=self.actor, at=clock.now())
        return self.shown()

    def do(self, step, **options):
        with scope(Scope(self.tenant)):
            step(import_id=self.id, actor=self.actor, at=options.pop("at", clock.now()), **options)
        return self.shown()

    def shown(self):
        with scope(Scope(self.tenant)):
            return batches.get(self.id)

    def refused(self):
        with scope(Scope(self.tenant)):
            return b"".join(batches.refused_file(import_id=self.id, actor=self.actor)).decode("utf-8-sig")


def count(tenant):
    with scope(Scope(tenant)):
        return Customer.objects.count()


def test_a_file_is_tried_and_then_carried_out(steps, tenant_a):
    rows = [
        *files.people(700),
        ["", "no name"],
        ["Card", "c@c.example", "4111 1111 1111 1111"],
        files.people(1)[0],
    ]
    rows += [["=cmd()", "no address"]]
    shown = steps.upload(files.csv_file(rows))
    assert (shown.state, shown.rows, shown.refused) == ("uploaded", 704, 1)
    assert shown.columns[:3] == ("name", "email", "line1")
    with scope(Scope(tenant_a)):
        first = batches.sample(import_id=steps.id, actor=steps.actor)
        assert first[0][:2] == ["Kunde 1 GmbH", "k1@kunde.example"]
    shown = steps.check()
    assert (shown.state, shown.ready, shown.refused, shown.created) == ("checked", 700, 4, 0)
    assert {(each.row, each.code) for each in shown.refused_first} == {
        (702, "required"), (702, "invalid_email"), (703, "card_number"), (704, "already_exists"),
        (705, "invalid_email"),
    }  # fmt: skip
    assert count(tenant_a) == 0
    text = steps.refused()
    assert "'=cmd()" in text
    assert "4111" not in text
    shown = steps.do(batches.run)
    assert (shown.state, shown.created, shown.refused) == ("done", 700, 4)
    with scope(Scope(tenant_a)):
        found = customers.find(reference="K-00007")[0]
        read = customers.get(found.id)
        assert (read.name, read.payment_days, read.address["country"]) == ("Kunde 7 GmbH", 30, "AT")
        assert {each.state: each.count for each in tallies.totals("customer")} == {"active": 700}
        (job,) = [job for job in jobs.page(limit=5) if job.kind == batches.KIND_RUN]
        assert (job.state, job.counts["created"]) == ("done", 700)
        events = set(Event.objects.values_list("event", flat=True))
    assert {"import.uploaded", "import.checked", "import.done", "import.read"} <= events
    # The next file of the same columns is mapped as this one was.
    assert steps.upload(files.csv_file(files.people(1, first=9_000))).columns == shown.columns


def test_a_workbook_is_read_by_the_worker_and_what_came_is_destroyed(steps, tenant_a, somebody):
    rows = files.people(3)
    # Until a worker reads it, it is kept as it came: not with a card number in it, not even encrypted.
    with pytest.raises(CardNumberRefused):
        steps.upload(files.workbook([*rows, ["Card", "c@c.example", "4111 1111 1111 1111"]]), "kunden.xlsx")
    with scope(Scope(tenant_a)):
        assert not StoredFile.objects.filter(kind="import").exists()
        assert not Import.objects.exists()
    steps.upload(files.workbook([*rows, ["Nobody", "no address"]]), "kunden.xlsx")
    shown = steps.shown()
    assert (shown.state, shown.rows, shown.refused, shown.name) == ("uploaded", 4, 0, "kunden.xlsx")
    assert shown.columns[:3] == ("name", "email", "line1")
    with scope(Scope(tenant_a)):
        kept = {row.state: row.content_key is None for row in StoredFile.objects.filter(kind="import")}
        assert kept == {"deleted": True, "ready": False}
        (job,) = [job for job in jobs.page(limit=5) if job.kind == batches.KIND_READ]
        assert (job.state, job.counts) == ("done", {"rows": 4, "refused": 0})
    assert (steps.check().ready, steps.do(batches.run).created) == (3, 3)
    # Nothing below its first line: it is refused where it is read, and nothing of it is kept.
    steps.upload(files.workbook([]), "empty.xlsx")
    shown = steps.shown()
    assert (shown.state, shown.code, shown.heads) == ("failed", "empty_table", ())
    with scope(Scope(tenant_a)):
        assert StoredFile.objects.filter(kind="import", state="ready").count() == 1
        assert Event.objects.filter(event="import.failed").count() == 1
    # Destroyed before the worker came to it.
    with scope(Scope(tenant_a)):
        row = Import.objects.get(pk=steps.id)
        Import.objects.filter(pk=row.pk).update(state="reading")
        batches.drop(import_id=row.pk, actor=somebody, at=clock.now())
    tasks.work_on_import.apply(args=[str(tenant_a), str(steps.id), batches.KIND_READ]).get()
    assert steps.shown().state == "dropped"


def test_nothing_of_a_file_lies_in_clear(steps, settings):
    steps.upload(files.csv_file(files.people(50)))
    steps.check()
    rows = as_owner("SELECT row_to_json(i)::text FROM billing_import i")
    assert not any(word in rows[0][0] for word in ("Firma", "Kunde", "USt", "kunden.csv"))
    from pathlib import Path

    held = b"".join(path.read_bytes() for path in Path(settings.FILES_DIR).rglob("*") if path.is_file())
    assert b"Kunde 1 GmbH" not in held


def test_an_import_is_taken_back_as_far_as_nothing_happened(steps, tenant_a):
    steps.upload(files.csv_file(files.people(250)))
    steps.check()
    steps.do(batches.run)
    with scope(Scope(tenant_a)):
        billed, changed, plain = (customers.find(reference=f"K-0000{n}")[0].id for n in (1, 2, 3))
        make.draft(of=Customer.objects.get(pk=billed))
        customer_services.update(customer_id=changed, changes={"phone": "1"}, actor=SYSTEM, at=clock.now())
    shown = steps.do(batches.undo)
    assert (shown.state, shown.stayed) == ("undone", 2)
    with scope(Scope(tenant_a)):
        assert set(Customer.objects.values_list("pk", flat=True)) == {billed, changed}
        assert sum(each.count for each in tallies.totals("customer")) == 2
        assert Event.objects.filter(event="customer.taken_back").exists()
        assert Event.objects.filter(event="import.undone").exists()
        assert WebhookEvent.objects.filter(type="customer.removed").count() == 248
        with pytest.raises(NotFound):
            customers.get(plain)
    with pytest.raises(batches.NotNow):
        steps.do(batches.undo)


def test_a_day_later_it_stays(steps):
    steps.upload(files.csv_file(files.people(1)))
    steps.check()
    steps.do(batches.run)
    with pytest.raises(batches.UndoIsOver):
        steps.do(batches.undo, at=clock.now() + timedelta(hours=25))
    # Whoever holds the app's password removes nobody else either.
    for statement in (
        "UPDATE billing_customer SET created_at = created_at - interval '3 days', "
        "updated_at = updated_at - interval '3 days'",
        "DELETE FROM billing_customer",
    ):
        with scope(Scope(steps.tenant)), connection.cursor() as cursor:
            if statement.startswith("UPDATE"):
                cursor.execute(statement)
                continue
            with pytest.raises(DatabaseError) as caught, context.attempt():
                cursor.execute(statement)
            assert isinstance(caught.value.__cause__, psycopg.errors.RestrictViolation)


def test_a_run_that_breaks_off_goes_on_and_takes_nobody_in_twice(steps, tenant_a, monkeypatch):
    steps.upload(files.csv_file(files.people(1_200)))
    steps.check()
    real, calls = work._portion, []

    def breaks(*args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(work, "_portion", breaks)
    with scope(Scope(tenant_a)):
        Import.objects.filter(pk=steps.id).update(state="running")
    with pytest.raises(KeyboardInterrupt):
        work.run(tenant_id=tenant_a, import_id=steps.id, kind=batches.KIND_RUN, actor=SYSTEM, now=clock.now)
    assert count(tenant_a) == 500
    for _ in range(2):
        work.run(tenant_id=tenant_a, import_id=steps.id, kind=batches.KIND_RUN, actor=SYSTEM, now=clock.now)
    assert count(tenant_a) == 1_200
    assert (steps.shown().state, steps.shown().created, steps.shown().refused) == ("done", 1_200, 0)


def test_a_failure_is_named_by_a_code(steps, tenant_a):
    steps.upload(files.csv_file(files.people(2)))
    with scope(Scope(tenant_a)):
        stored.delete(file=StoredFile.objects.get(), actor=SYSTEM)
    shown = steps.check()
    assert (shown.state, shown.code) == ("failed", "not_found")
    with scope(Scope(tenant_a)):
        assert Event.objects.filter(event="import.failed").exists()


def test_who_may_no_longer_import_takes_nothing_in(steps, tenant_a):
    steps.upload(files.csv_file(files.people(2)))
    with scope(Scope(tenant_a)):
        as_owner("UPDATE accounts_membership SET state = 'removed'")
    shown = steps.check()
    assert (shown.state, shown.code) == ("failed", "no_longer_allowed")
    assert count(tenant_a) == 0


def test_a_mapping_to_a_field_of_nobody_is_refused(steps):
    steps.upload(files.csv_file([["x", "y"]], heads=("a", "b")))
    for columns in (["name", "import_id"], ["name", "tenant_id"], ["name"]):
        with pytest.raises(UnknownColumn):
            steps.check(columns)
    with pytest.raises(batches.NotNow):
        steps.do(batches.run)
    assert steps.shown().state == "uploaded"


def test_a_file_is_dropped_with_its_bytes(steps, tenant_a):
    steps.upload(files.csv_file(files.people(2)))
    assert steps.do(batches.drop).state == "dropped"
    with scope(Scope(tenant_a)):
        assert {row.state for row in StoredFile.objects.all()} == {"deleted"}
        assert Event.objects.filter(event="import.dropped").exists()
        with pytest.raises(NotFound), context.attempt():
            batches.sample(import_id=steps.id, actor=steps.actor)


def test_another_organization_sees_nothing_of_it(steps, tenant_b):
    steps.upload(files.csv_file(files.people(2)))
    with scope(Scope(tenant_b)):
        assert batches.page() == ([], None)
        with pytest.raises(NotFound):
            batches.get(steps.id)
