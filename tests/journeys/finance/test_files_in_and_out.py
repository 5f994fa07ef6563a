"""Bringing a table along and taking a list out, page by page, and the switch that lets none out."""

import csv
import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from billing.customers.models import Customer
from billing.exports import tasks as export_tasks
from billing.imports import tasks as import_tasks
from core import ids
from tenancy.context import Scope, scope
from tests.journeys.finance.test_customer_sides import Desk, words
from tests.make import api, files
from tests.make import billing as make

pytestmark = pytest.mark.django_db(transaction=True)


WAITING: list[Callable[[], Any]] = []


class Quick(Desk):
    """Somebody whose worker does what was asked for as soon as the page has answered."""

    def send(self, path: str, status: int = 302, **data: Any) -> Any:
        response = super().send(path, status, **data)
        while WAITING:
            WAITING.pop(0)()
        return response


@pytest.fixture
def desk(tenant_a: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A manager whose worker is quick."""
    api.set_issuer(tenant_a)
    for task in (import_tasks.work_on_import, export_tasks.make_export):
        monkeypatch.setattr(task, "delay", partial(later, task))
    return Quick(tenant_a)


def later(task: Any, *sent: str) -> None:
    WAITING.append(lambda: task.apply(args=sent).get())


def upload(data: bytes, name: str = "kunden.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def test_a_table_comes_in_and_goes_back(desk: Desk) -> None:
    assert "No file yet" in desk.open("import/files")
    rows = [*files.people(30), ["", "nobody"]]
    for data, name in ((files.workbook(rows), "kunden.xlsx"), (files.csv_file(rows), "kunden.csv")):
        path = desk.send("import/files", file=upload(data, name)).url.removeprefix("/o/a/")
        page = desk.open(path)
        assert "Kunde 1 GmbH" in page
        columns = {f"column_{at}": field for at, field in enumerate(
            ["name", "email", "line1", "postal_code", "city", "country", "tax_id", "reference", "payment_days"]
        )}  # fmt: skip
        page = desk.send(path, 422, action="check", **{**columns, "column_0": ""}).content.decode()
        assert "which column holds the name" in page
        desk.send(path, action="check", **columns)
        page = words(desk.open(path))
        assert "30 customers can be imported" in page
        assert "Download the rows that were left out" in page
        taken = desk.client.get(f"/o/a/{path}/refused")
        assert b"nobody" in b"".join(taken.streaming_content)
        desk.send(path, action="run")
        assert "Take 30 customers back" in words(desk.open(path))
        with scope(Scope(desk.tenant)):
            assert Customer.objects.count() == 30
        desk.send(path, action="undo")
        with scope(Scope(desk.tenant)):
            assert Customer.objects.count() == 0
        desk.send(path, 422, action="undo")
    assert "Taken back" in desk.open("import/files")
    assert "import.read" in desk.events()


def test_what_is_no_table_is_refused_on_the_page(desk: Desk) -> None:
    for data in (b"PK\x03\x04 broken", b"name\n", files.bomb(150_000_000)):
        desk.send("import/files", 422, file=upload(data))
    desk.send("import/files", 422, file=upload(b"x" * (5 * 1024 * 1024 + 1)))
    path = desk.send("import/files", file=upload(files.csv_file([["x"]], heads=("a",)))).url.removeprefix(
        "/o/a/"
    )
    desk.send(path, 422, action="check", column_0="import_id")
    desk.send(path, action="drop")
    assert "Dropped" in desk.open(path)


def test_a_list_goes_out_to_whoever_asked(desk: Desk, tenant_a: Any) -> None:
    with scope(Scope(tenant_a)):
        make.customer("=Ada()", email="ada@ada.example")
    assert "Nothing was taken out yet" in desk.open("exports")
    page = desk.open("exports/new/customers")
    assert "1 customer" in words(page)
    form = {"columns": ["id"], "personal": ["name", "email"], "format": "csv", "state": "active"}
    assert "Export 1 customer" in words(
        desk.send("exports/new/customers", 200, action="count", **form).content.decode()
    )
    path = desk.send("exports/new/customers", action="run", **form).url.removeprefix("/o/a/")
    page = words(desk.open(path))
    assert "Download 1 row" in page
    assert "(personal)" in page
    taken = desk.client.get(f"/o/a/{path}/file")
    assert taken.headers["Cache-Control"] == "no-store"
    (_, line) = csv.reader(io.StringIO(b"".join(taken.streaming_content).decode("utf-8-sig")))
    assert line[1:] == ["'=Ada()", "ada@ada.example"]
    other = Desk(tenant_a, "owner")
    assert "Only whoever asked gets the file" in other.open(path)
    other.open(f"{path}/file", 403)
    Desk(tenant_a, "billing_clerk").open("exports", 403)
    desk.send(f"{path}/end")
    assert "The file is destroyed" in desk.open(path)
    desk.open(f"{path}/file", 409)
    assert {"export.downloaded", "export.read"} <= desk.events()
    desk.open("exports/new/nothing", 404)
    desk.send("exports/new/customers", 422, action="count", **{**form, "columns": []})


def test_over_the_limit_the_request_says_what_goes_out(desk: Desk, tenant_a: Any, monkeypatch: Any) -> None:
    with scope(Scope(tenant_a)):
        make.customer("Ada")
    monkeypatch.setattr("accounts.queries.limits_of_actor", lambda **named: {})
    path = desk.send(
        "exports/new/customers", action="run", columns=["id"], personal=["name"], format="csv", reason="audit"
    ).url.removeprefix("/o/a/")
    assert "Somebody else has to agree" in desk.open(path)
    approver = Quick(tenant_a, "approver")
    page = approver.open("approvals")
    assert "Export 1 rows of customers" in words(page)
    with scope(Scope(tenant_a)):
        from billing.exports.models import Export

        approval = ids.encode("approval", Export.objects.get().approval_id)
    assert "Personal data Name" in words(approver.open(f"approvals/{approval}"))
    approver.send(f"approvals/{approval}", decision="approve", note="needed")
    assert "Download 1 row" in words(desk.open(path))


def test_exports_are_frozen_and_let_out(desk: Desk, tenant_a: Any) -> None:
    with scope(Scope(tenant_a)):
        make.customer("Ada")
    form = {"columns": ["id"], "format": "xlsx"}
    path = desk.send("exports/new/customers", action="run", **form).url.removeprefix("/o/a/")
    owner = Desk(tenant_a, "owner")
    desk.open("settings/exports", 403)
    owner.open("settings/exports")
    owner.send("settings/exports", 422, turn="freeze", reason="")
    owner.send("settings/exports", turn="freeze", reason="Somebody reads too much")
    assert "Somebody reads too much" in owner.open("settings/exports")
    assert "Exports are frozen" in desk.open("exports")
    assert "Exports are frozen" in words(desk.open(f"{path}/file", 409))
    desk.send("exports/new/customers", 422, action="run", **form)
    # Nor does a table leave that is no export by name.
    for table in ("reports/aging.csv", "reports/aging.pdf", "ledger/trial.csv", "ledger/journal.csv"):
        assert "Exports are frozen" in words(owner.open(table, 409)), table
    owner.send("settings/exports", turn="thaw", reason="It was a report")
    assert desk.client.get(f"/o/a/{path}/file").status_code == 200
