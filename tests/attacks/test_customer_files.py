"""Whoever brings a table along, or takes a list out, to get at more than is theirs."""

import io
import tracemalloc
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection

from billing.customers.models import Customer
from billing.imports import batches, tables, tasks
from billing.imports.models import Import
from core import ids
from outbound.models import StoredFile
from tenancy import context
from tenancy.context import Scope, scope
from tests.calls import calls_of
from tests.journeys.finance.test_customer_sides import Desk
from tests.make import api, files
from tests.make import billing as make


@pytest.fixture
def desk(db: None, tenant_a: Any) -> Desk:
    api.set_issuer(tenant_a)
    return Desk(tenant_a)


def sheet(xml: bytes) -> bytes:
    """A workbook whose sheet is this."""
    out = io.BytesIO()
    made = io.BytesIO(files.workbook([["x"]], heads=("name",)))
    with zipfile.ZipFile(made) as good, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bad:
        for part in good.infolist():
            bad.writestr(part, xml if part.filename.endswith("sheet1.xml") else good.read(part))
    return out.getvalue()


def test_a_sheet_that_claims_to_be_endless_costs_nothing():
    """Rows without end, and one cell far to the right and below: neither is counted out."""
    main = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    cell = b'<c r="A1" t="inlineStr"><is><t>name</t></is></c>'
    far = (
        b'<worksheet %s><dimension ref="A1:XFD1048576"/><sheetData><row r="1">%s</row>'
        b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>' % (main, cell)
    )
    tracemalloc.start()
    with calls_of(tables._said) as said, pytest.raises((tables.TableTooLarge, tables.EmptyTable)):
        list(tables.read(sheet(far)).rows)
    assert len(said) < 1_000, "nothings were written out one by one"
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


def test_a_bomb_is_refused_on_the_page_and_a_reference_where_it_is_read(desk: Desk, tenant_a: Any) -> None:
    bomb = SimpleUploadedFile("k.xlsx", files.bomb(150_000_000))
    assert "imp_" not in desk.send("import/files", 422, file=bomb).content.decode()
    refers = sheet(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>')
    path = desk.send("import/files", file=SimpleUploadedFile("k.xlsx", refers)).url.removeprefix("/o/a/")
    with scope(Scope(tenant_a)):
        (row,) = Import.objects.all()
    tasks.work_on_import.apply(args=[str(tenant_a), str(row.pk), batches.KIND_READ]).get()
    page = desk.open(path)
    assert "The file can be read neither as CSV nor as an Excel workbook" in page
    assert "root:" not in page
    with scope(Scope(tenant_a)):
        assert StoredFile.objects.get(kind="import").content_key is None


def test_a_column_cannot_be_mapped_to_what_is_not_typed(desk: Desk) -> None:
    data = files.csv_file([["Ada", "x"]], heads=("name", "b"))
    path = desk.send("import/files", file=SimpleUploadedFile("k.csv", data)).url.removeprefix("/o/a/")
    for field in (
        "tenant_id",
        "import_id",
        "merged_into_id",
        "parent_id",
        "state",
        "tax_id_state",
        "subject_key",
    ):
        desk.send(path, 422, action="check", column_0="name", column_1=field)
    desk.send(path, 422, action="run", column_0="name")


def test_what_is_not_there_is_not_there(desk: Desk) -> None:
    for kind, path in (("import", "import/{}"), ("export", "exports/{}"), ("export", "exports/{}/file")):
        desk.open(path.format(ids.encode(kind, ids.uuid7())), 404)


def test_the_apps_password_removes_no_customer(desk: Desk, tenant_a: Any) -> None:
    with scope(Scope(tenant_a)):
        made = make.customer("Stays")
        with pytest.raises(DatabaseError), context.attempt(), connection.cursor() as cursor:
            cursor.execute("DELETE FROM billing_customer WHERE id = %s", [made.pk])
        assert Customer.objects.filter(pk=made.pk).exists()
    with scope(Scope(tenant_a, customer=made.pk)), connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_customer")
        assert cursor.rowcount == 0


def test_a_customer_sees_no_file_of_the_house(desk: Desk, tenant_a: Any) -> None:
    with scope(Scope(tenant_a)):
        made = make.customer("Ada")
    desk.send("import/files", file=SimpleUploadedFile("k.csv", files.csv_file(files.people(1))))
    desk.send("exports/new/customers", action="run", columns=["id"], format="csv")
    with scope(Scope(tenant_a, customer=made.pk)), connection.cursor() as cursor:
        for table in ("billing_import", "billing_export", "billing_exportfreeze"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone() == (0,)
