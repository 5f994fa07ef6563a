"""A bank's file is a stranger's: bombs, lies and races leave nothing, book nothing twice and open nothing else."""

import threading
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client

from accounts.permissions import RoleCode
from billing.documents import reference
from billing.invoices.models import Invoice
from billing.ledger import queries as books
from core import ids
from core.errors import Refusal
from payments.models import Payment, Statement, StatementLine
from payments.statements import booking, services
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.make import accounts, billing
from tests.make.statements import Line, camt053, csv

SPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
BOMB = f"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "{"a" * 1000}">
{"".join(f'<!ENTITY a{n} "{("&a" + (str(n - 1) if n else "") + ";") * 10}">' for n in range(9))}]>
<Document xmlns="{SPACE}">&a8;</Document>"""
OUTSIDE = (
    f"""<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]><Document xmlns="{SPACE}">&x;</Document>"""
)
DEEP = f"<Document xmlns='{SPACE}'>" + "<a>" * 5_000


def member(tenant: UUID, role: RoleCode = RoleCode.BILLING_CLERK) -> Client:
    with scope(Scope(tenant)):
        return world.browser(accounts.session(accounts.member(role).user).raw_key)


def send(client: Client, data: bytes, *, name: str = "march.xml", **more: str) -> Any:
    return client.post(
        "/o/a/reconcile/import", {"file": SimpleUploadedFile(name, data), "action": "check", **more}
    )


def stored(tenant: UUID) -> tuple[int, int]:
    with scope(Scope(tenant)):
        return Statement.objects.count(), StatementLine.objects.count()


def checked(page: Any) -> str:
    return page.content.decode().partition('name="checked" value="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (BOMB.encode(), "declares an entity"),
        (OUTSIDE.encode(), "refers to something outside itself"),
        (DEEP.encode(), "larger or deeper"),
        (b"<Document/>", "no camt.053"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "cannot be read as a table"),
        (b'a;b\n"c', "stops being CSV"),
        (b"x" * (4 * 1024 * 1024 + 1), "larger than 4 MB"),
    ],
    ids=["bomb", "outside", "deep", "other", "binary", "broken", "large"],
)
def test_what_is_no_statement_is_refused_and_leaves_nothing(db, tenant_a, data, sentence):
    for action in ("check", "run"):
        page = send(member(tenant_a), data, action=action)
        assert page.status_code == 422
        assert sentence in page.content.decode()
    assert stored(tenant_a) == (0, 0)


def test_only_what_was_checked_comes_in(db, tenant_a):
    client = member(tenant_a)
    seen = checked(send(client, camt053([Line(100, "Ann")])))
    page = send(client, camt053([Line(999_999, "Ann")]), action="run", checked=seen)
    assert "This is not what was checked" in page.content.decode()
    for forged in ("", seen[:-2] + "zz", "x"):
        send(client, camt053([Line(100, "Ann")]), action="run", checked=forged)
    assert stored(tenant_a) == (0, 0)
    send(client, camt053([Line(100, "Ann")]), action="run", checked=seen)
    assert stored(tenant_a) == (1, 1)


def test_what_is_written_in_a_file_is_shown_as_text(db, tenant_a):
    client = member(tenant_a)
    data = csv([Line(100, "<script>alert(1)</script>", text='=HYPERLINK("http://evil.example")')])
    page = send(client, data, name="<img src=x onerror=alert(1)>.csv")
    send(client, data, name="4111111111111111.csv", action="run", checked=checked(page))
    with scope(Scope(tenant_a)):
        assert Statement.objects.get().file_name == "statement"
    for path in ("reconcile", "reconcile/statements"):
        shown = client.get(f"/o/a/{path}").content.decode()
        assert "<script>alert(1)" not in shown and "<img src=x" not in shown


def test_a_reader_takes_nothing_in_and_books_nothing(db, tenant_a):
    with scope(Scope(tenant_a)):
        services.take_in(
            data=camt053([Line(100, "Ann")]),
            file_name="a",
            currency="EUR",
            actor=billing.ACTOR,
            at=billing.AT,
        )
        pk = ids.encode("statement_line", StatementLine.objects.get().pk)
    reader = member(tenant_a, RoleCode.ACCOUNTANT)
    assert reader.get("/o/a/reconcile").status_code == 200
    assert send(reader, camt053([Line(1)])).status_code == 403
    for path in ("reconcile/certain", "reconcile/match", f"reconcile/lines/{pk}"):
        assert reader.post(f"/o/a/{path}", {"action": "ignore", "reason": "x"}).status_code == 403
    with scope(Scope(tenant_a)):
        assert StatementLine.objects.get().state == "open"


@pytest.mark.django_db(transaction=True)
def test_twelve_who_book_one_line_at_once_make_one_payment(tenant_a):
    with scope(Scope(tenant_a)):
        invoice = billing.finalized()
        services.take_in(
            data=camt053([Line(10_000, "Ada", reference=reference.reference_of(invoice))]),
            file_name="a", currency="EUR", actor=billing.ACTOR, at=billing.AT,
        )  # fmt: skip
        line = StatementLine.objects.get()
    outcomes: list[str] = []

    def book(number: int) -> None:
        try:
            with scope(Scope(tenant_a)):
                if number % 2:
                    done = booking.book_certain(actor=billing.ACTOR, at=billing.AT)
                    outcomes.append("booked" if done.lines else "passed over")
                else:
                    wanted = [(invoice.pk, 10_000)]
                    booking.book(
                        line_id=line.pk, customer_id=invoice.customer_id, wanted=wanted,
                        actor=billing.ACTOR, at=billing.AT,
                    )  # fmt: skip
                    outcomes.append("booked")
        except Refusal as refusal:
            outcomes.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=book, args=[number]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 12
    assert outcomes.count("booked") == 1
    assert set(outcomes) <= {"booked", "passed over", "line_moved_on"}
    with scope(Scope(tenant_a)):
        assert (Payment.objects.count(), Invoice.objects.get(pk=invoice.pk).payment_status) == (1, "paid")
        assert books.check() == []
