"""Hostile files at the door for documents, and at the check: named, cheap, and nothing is fetched."""

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from billing.documents.einvoice import checker, incoming, validation
from billing.documents.einvoice.writing import Profile
from billing.imports import documents
from billing.invoices.models import Invoice
from core.errors import Refusal
from tests.make import billing as make
from tests.rules.test_billing_einvoice import BOMB, simple

CII = make.einvoice("en16931/CII_example1.xml")
PROLOGS = {
    "bomb": (f"<!DOCTYPE x [{BOMB}]>", "xml_entity_refused"),
    "file": ('<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "xml_external_entity_refused"),
    "network": ('<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">', "xml_external_entity_refused"),
}


@pytest.mark.parametrize("name", sorted(PROLOGS))
@pytest.mark.parametrize("syntax", ["ubl", "cii"])
def test_bombs_and_external_entities_are_refused_by_name_and_cost_nothing(in_a, name, syntax):
    prolog, code = PROLOGS[name]
    body = simple() if syntax == "ubl" else CII.partition(b"?>")[2]
    begun = time.process_time()
    result = documents.try_document(data=prolog.encode() + body, actor=make.ACTOR, at=make.AT)
    assert [refused.code for refused in result.refused] == [code]
    assert time.process_time() - begun < 2
    assert Invoice.objects.count() == 0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"%PDF-1.7\n1 0 obj", "not_xml"),
        (b"PK\x03\x04", "not_xml"),
        (b"<html><body/></html>", "format_unsupported"),
        (simple().replace(b"Invoice-2", b"Invoice-9"), "format_unsupported"),
        (CII.replace(b"CrossIndustryInvoice:100", b"CrossIndustryInvoice:1"), "format_unsupported"),
        (CII.replace(b"AggregateBusinessInformationEntity:100", b"Entity:1"), "missing_field"),
        (b"<a>" * 10_000, "xml_too_large"),
    ],
)
def test_other_files_and_other_namespaces_are_refused_by_name(data, code):
    with pytest.raises(Refusal) as refused:
        incoming.read(data)
    assert refused.value.code == code


def test_a_stylesheet_reads_no_file_and_no_address():
    """Whatever a rule asked for, the checking process opens nothing: it is asked in a process of its own."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    program = """
import runpy, sys
found = runpy.run_path(sys.argv[1], run_name="checker")
saxon = found["processor"]()
sheet = '''<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">
<xsl:value-of select="%s"/></xsl:template></xsl:stylesheet>'''
for wanted in sys.argv[2:]:
    try:
        done = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_text=sheet % wanted)
        print("GOT", done.transform_to_string(xdm_node=saxon.parse_xml(xml_text="<a/>")))
    except Exception as error:
        print("refused", type(error).__name__)
"""
    wanted = [
        "document('file:///etc/passwd')",
        "unparsed-text('file:///etc/passwd')",
        f"document('http://127.0.0.1:{server.server_port}/x')",
    ]
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, checker.__file__, *wanted],
        capture_output=True,
        text=True,
        check=True,
    )
    server.shutdown()
    server.server_close()
    assert done.stdout.split("\n")[:3] == ["refused PySaxonApiError"] * 3
    assert "root:" not in done.stdout
    assert asked == []


def test_the_check_refuses_a_document_type_as_well():
    document = b'<!DOCTYPE x [<!ENTITY y "z">]>' + simple()
    (problem,) = validation.check(document, profile=Profile.EN16931)
    assert (problem.rule, problem.is_error) == ("XML", True)


def test_rules_that_were_changed_are_not_used(tmp_path, monkeypatch):
    for path in checker.RULES.glob("*.xsl"):
        (tmp_path / path.name).write_bytes(path.read_bytes() + b"\n")
    monkeypatch.setattr(checker, "RULES", tmp_path)
    with pytest.raises(RuntimeError, match="agreed"):
        checker.Checker()._compile("EN16931-UBL")


def test_a_check_that_ends_badly_is_not_called_valid(monkeypatch):
    monkeypatch.setattr(validation, "_PROGRAM", "/nonexistent.py")
    validation._stop()
    with pytest.raises(validation.CheckUnavailable):
        validation.check(simple(), profile=Profile.EN16931)
    validation._stop()
