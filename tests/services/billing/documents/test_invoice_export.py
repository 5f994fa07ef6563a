"""`invoice_export` writes what it names, says whether it is valid, and fails when one is not."""

from pathlib import Path

import facturx
import pytest

from billing.documents.einvoice import incoming
from billing.imports import documents
from core import ids
from tenancy.context import Scope, scope
from tests.make import billing as make
from tests.services.billing.test_commands import run

pytestmark = pytest.mark.django_db(transaction=True)


def taken(tenant, name):
    with scope(Scope(tenant)):
        result = documents.try_document(data=make.einvoice(name), actor=make.ACTOR, at=make.AT, finalize=True)
    return ids.encode(result.kind, result.created[0])


def test_every_format_is_written_and_valid(tenant_a, tmp_path):
    key = taken(tenant_a, "xrechnung/01.05a-INVOICE_ubl.xml")
    formats = "pdf,facturx,ubl,cii,xrechnung"
    made = run("invoice_export", key, "--organization", "a", "--format", formats, "--out", str(tmp_path))
    assert [(file["valid"], file["errors"]) for file in made["files"]] == [(True, [])] * 5
    paths = [Path(file["path"]) for file in made["files"]]
    assert len(set(paths)) == 5
    pdf, hybrid, *xmls = (path.read_bytes() for path in paths)
    assert pdf.startswith(b"%PDF")
    for xml in [facturx.get_xml_from_pdf(hybrid)[1], *xmls]:
        assert incoming.read(xml).totals.total_minor == 1055530


def test_a_credit_note_is_written_too(tenant_a, tmp_path):
    key = taken(tenant_a, "en16931/ubl-tc434-creditnote1.xml")
    made = run("invoice_export", key, "--organization", "a", "--format", "ubl,cii", "--out", str(tmp_path))
    assert [file["valid"] for file in made["files"]] == [True, True]
    assert incoming.read(Path(made["files"][0]["path"]).read_bytes()).is_credit_note


def test_one_that_breaks_a_rule_is_named_and_the_command_fails(tenant_a, tmp_path):
    key = taken(tenant_a, "en16931/ubl-tc434-example3.xml")
    made = run(
        "invoice_export", key, "--organization", "a", "--format", "xrechnung", "--out", str(tmp_path), code=1
    )
    (file,) = made["files"]
    assert file["valid"] is False
    assert all({"rule", "text"} <= set(error) for error in file["errors"])


def test_an_unknown_format_is_refused(tenant_a, tmp_path):
    key = taken(tenant_a, "xrechnung/01.05a-INVOICE_ubl.xml")
    answer = run(
        "invoice_export", key, "--organization", "a", "--format", "doc", "--out", str(tmp_path), code=1
    )
    assert answer["error"] == "failed"
