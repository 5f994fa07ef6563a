"""`statement_import` takes a file in once and says what it did; nothing is booked."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from billing.documents import reference
from payments.models import Payment, StatementLine
from tenancy.context import Scope, scope
from tests.make import billing as make
from tests.make.statements import Line, camt053, csv


def run(path: Path, *options: str) -> dict[str, object]:
    out = StringIO()
    call_command("statement_import", str(path), "--organization", "a", "--json", *options, stdout=out)
    answer: dict[str, object] = json.loads(out.getvalue().splitlines()[-1])
    return answer


def test_a_file_comes_in_once(db, tenant_a, tmp_path):
    with scope(Scope(tenant_a)):
        invoice = make.finalized()
        file = tmp_path / "march.xml"
        file.write_bytes(camt053([Line(10_000, "Ada", reference=reference.reference_of(invoice)), Line(-5)]))
    tried = run(file, "--dry-run")
    assert (tried["new"], tried["certain"], tried["statements"]) == (2, 1, [])
    first, again = run(file), run(file)
    assert (first["new"], first["certain"], first["not_for_matching"]) == (2, 1, 1)
    assert first["incoming_minor"] == {"EUR": 10_000}
    assert (again["new"], again["known"], again["statements"]) == (0, 2, first["statements"])
    with scope(Scope(tenant_a)):
        assert (StatementLine.objects.count(), Payment.objects.count()) == (2, 0)


def test_rows_left_out_are_named(db, tenant_a, tmp_path):
    file = tmp_path / "odd.csv"
    file.write_bytes(csv([Line(100, "Ann")]) + b"32.01.2026;Bob;;;;1,00\n")
    answer = run(file)
    assert answer["new"] == 1
    assert answer["left_out"] == [
        {
            "row": 3,
            "field": "date",
            "code": "not_a_day",
            "reason": "This is not a day as the file writes days.",
        }
    ]


def test_a_file_that_is_not_there_is_one_clear_sentence(db, tmp_path):
    with pytest.raises(CommandError, match=r"The file cannot be read: No such file or directory\."):
        call_command("statement_import", str(tmp_path / "no.xml"), "--organization", "a")
