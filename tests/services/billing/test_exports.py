"""Exports: counted first, above a limit agreed on by two, encrypted, handed to whoever asked, gone after a day."""

import csv
import hashlib
import io
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from accounts.services import approvals
from audit.models import Event
from billing.customers.models import Customer
from billing.exports import kinds, making, queries, services, tasks
from billing.exports.models import Export
from billing.exports.services import Wanted
from core import clock
from core.actor import Actor
from core.errors import Invalid, NotFound
from outbound.models import StoredFile, WebhookEvent
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tests.databases import as_owner
from tests.make import accounts, api, payments
from tests.make import billing as make
from tests.make.contacts import contact

pytestmark = pytest.mark.django_db(transaction=True)
SYSTEM = Actor.system("tests")
EVIL = ("=HYPERLINK(1)", "+1", "-2+3", "@SUM(A1)", "\tx", "Ada")


@pytest.fixture
def house(tenant_a):
    """An organization with something to take out, and people who may."""
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        for number, name in enumerate(EVIL):
            of = make.customer(
                f"{name}{number}".strip() if name != "\tx" else f"x{number}", email=f"e{number}@ada.example",
                address={"city": "Wien", "country": "AT"}, notes="never out",
            )  # fmt: skip
        contact(of, roles=("billing", "receipts"))
        make.finalized(of=of, lines=[make.line("12.50", text="=cmd|secret"), make.line("-2.50")])
        final = make.finalized(of=of)
        payments.bank(of.pk, 500, onto=((final.pk, 300),))
        people = {
            role: accounts.member(role) for role in ("billing_manager", "accountant", "approver", "owner")
        }
    return House(tenant_a, people)


class House:
    def __init__(self, tenant, people):
        self.tenant, self.people = tenant, people

    def actor(self, role="billing_manager"):
        return accounts.actor(self.people[role].user)

    def ask(self, kind="customers", *, role="billing_manager", at=None, **wanted):
        with scope(Scope(self.tenant)):
            wanted = Wanted(kind=kind, **wanted)
            return services.ask(wanted=wanted, actor=self.actor(role), at=at or clock.now()).pk

    def make(self, key):
        making.make(tenant_id=self.tenant, export_id=key, actor=SYSTEM, now=clock.now)
        return self.row(key)

    def row(self, key):
        with scope(Scope(self.tenant)):
            return queries.get(key)

    def take(self, key, *, role="billing_manager", at=None):
        with scope(Scope(self.tenant)):
            _, pieces = services.download(export_id=key, actor=self.actor(role), at=at or clock.now())
            return b"".join(pieces)

    def taken(self, kind, **wanted):
        key = self.ask(kind, **wanted)
        assert self.make(key).state == "ready"
        return list(csv.reader(io.StringIO(self.take(key).decode("utf-8-sig"))))

    def events(self):
        with scope(Scope(self.tenant)):
            return set(Event.objects.values_list("event", flat=True))


def all_columns(kind):
    return [each.code for each in kinds.of(kind).columns]


def test_an_export_is_counted_made_and_handed_out(house):
    key = house.ask(columns=all_columns("customers"))
    assert (house.row(key).state, house.row(key).rows_expected, house.row(key).has_personal) == (
        "queued",
        6,
        True,
    )
    row = house.make(key)
    assert (row.state, row.rows) == ("ready", 6)
    assert timedelta(hours=23) < row.expires_at - clock.now() <= timedelta(hours=24)
    data = house.take(key)
    assert hashlib.sha256(data).hexdigest() == row.digest
    lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    names = [line[1] for line in lines[1:]]
    assert names == ["Ada5", "x4", "'@SUM(A1)3", "'-2+32", "'+11", "'=HYPERLINK(1)0"]
    assert {line[7] for line in lines[1:]} == {"Wien"}
    assert "never out" not in data.decode()
    assert {"export.asked", "export.made", "export.downloaded", "file.read"} <= house.events()
    with scope(Scope(house.tenant)):
        assert WebhookEvent.objects.filter(type="export.ready").count() == 1
        (job,) = [job for job in jobs.page(limit=5) if job.kind == services.JOB]
        assert (job.state, job.counts["rows"]) == ("done", 6)


def test_personal_columns_are_off_unless_somebody_asks(house):
    key = house.ask()
    row = house.make(key)
    assert not row.has_personal
    text = house.take(key).decode()
    assert "Ada" not in text
    assert "@ada.example" not in text


def test_every_list_can_be_taken_out_whole(house):
    contacts = house.taken("contacts", columns=all_columns("contacts"))
    assert contacts[1][2:4] == ["Joan Clarke", "joan@ada.example"]
    assert contacts[1][6] == "billing, receipts"
    invoices = house.taken("invoices", columns=all_columns("invoices"))
    assert [line[5] for line in invoices[1:]] == ["Ada5", "Ada5"]
    assert [line[9] for line in invoices[1:]] == ["100.00", "10.00"]
    lines = house.taken("lines", columns=all_columns("lines"))
    assert {line[3] for line in lines[1:]} == {"Work", "'=cmd|secret"}
    assert {line[6] for line in lines[1:]} == {"100.00", "12.50", "-2.50"}
    paid = house.taken("payments", columns=all_columns("payments"), role="billing_manager")
    assert paid[1][2] == "Ada5"
    assert paid[1][6] == "5.00"


def test_a_list_is_narrowed(house):
    on = clock.now().date().isoformat()
    assert len(house.taken("invoices", filters={"status": "finalized", "from": "2026-01-01", "to": on})) == 3
    with pytest.raises(services.NothingToExport):
        house.ask("invoices", filters={"status": "draft"})
    with pytest.raises(services.NothingToExport):
        house.ask("lines", filters={"to": "2020-01-01"})
    for wrong in ({"status": "x"}, {"from": "yesterday"}, {"customer": "1"}):
        with pytest.raises(Invalid):
            house.ask("invoices", filters=wrong)


def test_a_workbook_keeps_numbers_and_computes_nothing(house):
    key = house.ask("lines", format="xlsx", columns=["description", "net", "quantity", "issued_on"])
    house.make(key)
    sheet = openpyxl.load_workbook(io.BytesIO(house.take(key))).active
    rows = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows[0] == ["Description", "Net", "Quantity", "Issued on"]
    assert {(row[0], row[1]) for row in rows[1:]} == {("Work", 100), ("'=cmd|secret", 12.5), ("Work", -2.5)}
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


def test_nothing_of_it_lies_in_clear(house, settings):
    key = house.ask(columns=["name", "email"], reason="for Ada herself", filters={"state": "active"})
    house.make(key)
    ((stored,),) = as_owner("SELECT row_to_json(e)::text FROM billing_export e")
    assert "herself" not in stored
    assert house.row(key).digest not in stored
    held = [path.read_bytes() for path in Path(settings.FILES_DIR).rglob("*") if path.is_file()]
    assert not any(b"e5@ada.example" in data for data in held)


def test_above_a_thousand_somebody_says_what_for(house, monkeypatch):
    monkeypatch.setattr(services, "REASON_ABOVE", 5)
    with pytest.raises(Invalid) as caught:
        house.ask()
    assert [error.pointer for error in caught.value.errors] == ["/reason"]
    assert house.row(house.ask(reason="for the auditor")).reason == "for the auditor"
    with pytest.raises(Invalid):
        house.ask(reason="card 4111 1111 1111 1111")


def test_over_the_limit_somebody_else_agrees(house, monkeypatch):
    monkeypatch.setattr("accounts.queries.limits_of_actor", lambda **named: {"export_rows": 5})
    key = house.ask(reason="for the auditor")
    row = house.row(key)
    assert row.state == "waiting"
    assert house.make(key).state == "waiting"
    with pytest.raises(services.ExportNotReady):
        house.take(key)
    with scope(Scope(house.tenant)):
        with pytest.raises(Exception, match="somebody else"), context.attempt():
            approvals.approve(request_id=row.approval_id, actor=house.actor(), at=clock.now())
        approvals.approve(request_id=row.approval_id, actor=house.actor("approver"), at=clock.now())
    assert house.make(key).state == "ready"
    # Whoever agreed does not get the file.
    with pytest.raises(services.OnlyTheAskerFetches):
        house.take(key, role="approver")
    other = house.ask(reason="again")
    with scope(Scope(house.tenant)):
        approvals.decline(
            request_id=Export.objects.get(pk=other).approval_id, actor=house.actor("approver"), at=clock.now()
        )
    assert house.row(other).state == "declined"


def test_nobody_else_gets_the_file_and_only_while_it_lies(house, tenant_b):
    key = house.ask()
    with pytest.raises(services.ExportNotReady):
        house.take(key)
    house.make(key)
    with pytest.raises(services.OnlyTheAskerFetches):
        house.take(key, role="owner")
    with scope(Scope(tenant_b)), pytest.raises(NotFound), context.attempt():
        services.download(export_id=key, actor=house.actor(), at=clock.now())
    with pytest.raises(services.ExportNotReady):
        house.take(key, at=clock.now() + timedelta(hours=25))
    as_owner("UPDATE billing_export SET expires_at = now() - interval '1 minute'")
    assert tasks.end_exports.apply().get() == 1
    assert house.row(key).state == "expired"
    with scope(Scope(house.tenant)):
        assert StoredFile.objects.get(kind="export").content_key is None
    assert "export.ended" in house.events()
    second = house.ask()
    house.make(second)
    with scope(Scope(house.tenant)):
        services.end(export_id=second, actor=house.actor(), at=clock.now())
    with pytest.raises(services.ExportNotReady):
        house.take(second)


def test_a_role_that_lost_a_list_gets_no_file_of_it(house):
    key, waiting = house.ask(), house.ask()
    house.make(key)
    with scope(Scope(house.tenant)):
        role = accounts.custom_role("narrow", ["export:run"])
    as_owner(
        "UPDATE accounts_membership SET role_id = %s WHERE id = %s",
        [role.pk, house.people["billing_manager"].pk],
    )
    with pytest.raises(services.AskerMayNoLonger):
        house.take(key)
    row = house.make(waiting)
    assert (row.state, row.code) == ("failed", "asker_may_no_longer")
    assert "export.failed" in house.events()
    with pytest.raises(NotFound):
        house.ask()


def test_a_list_one_may_not_see_is_not_there(house):
    with scope(Scope(house.tenant)):
        role = accounts.custom_role("narrow", ["export:run", "invoice:read"])
        house.people["narrow"] = accounts.member(role.code)
    for kind in ("customers", "payments", "nothing"):
        with pytest.raises(NotFound):
            house.ask(kind, role="narrow")
    with pytest.raises(services.OnlyMembersExport), scope(Scope(house.tenant)):
        services.ask(wanted=Wanted(kind="customers"), actor=SYSTEM, at=clock.now())


def test_while_exports_are_frozen_nothing_leaves(house):
    ready, queued = house.ask(), house.ask()
    house.make(ready)

    def turn(frozen, reason="somebody reads too much"):
        with scope(Scope(house.tenant)):
            services.turn(frozen=frozen, reason=reason, actor=house.actor("owner"), at=clock.now())

    with pytest.raises(Invalid):
        turn(True, " ")
    turn(True)
    turn(True)
    for refused in (lambda: house.take(ready), house.ask):
        with pytest.raises(services.ExportsFrozen):
            refused()
    row = house.make(queued)
    assert (row.state, row.code) == ("failed", "exports_frozen")
    with scope(Scope(house.tenant)):
        assert queries.freeze().frozen
    turn(False)
    assert house.take(ready)
    assert {"exports.frozen", "exports.thawed"} <= house.events()


def test_a_list_that_grew_into_another_is_asked_for_anew(house):
    key = house.ask()
    with scope(Scope(house.tenant)):
        Export.objects.filter(pk=key).update(rows_expected=0)
        monkey = [
            Customer(name=f"n{n}", currency="EUR", created_at=clock.now(), updated_at=clock.now())
            for n in range(120)
        ]
        Customer.objects.bulk_create(monkey)
    row = house.make(key)
    assert (row.state, row.code) == ("failed", "grown_since")


def test_what_cannot_be_read_of_an_erased_customer_is_said_to_be(house):
    with scope(Scope(house.tenant)):
        Customer.objects.update(subject_key=None)
    rows = house.taken("customers", columns=["name", "city"])
    assert {tuple(row) for row in rows[1:]} == {("[erased]", "")}
