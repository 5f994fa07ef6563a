"""Quotes page by page: written, opened, accepted, billed; and the copy of an invoice."""

import re
from html import unescape
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse

from accounts.permissions import RoleCode
from billing.invoices.models import Invoice
from billing.quotes.models import Quote
from core import ids
from tenancy.context import Scope, scope
from tests.journeys.staff.office import UNPROCESSABLE, member
from tests.make.finance import Books


def text(response: HttpResponse) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())))


def test_a_quote_is_written_opened_accepted_and_billed(tenant: UUID, made: Books) -> None:
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    assert "No quotes yet" in text(manager.get("/o/a/quotes"))
    assert "Whom do you offer it?" in text(manager.get("/o/a/quotes/new"))
    customer = ids.encode("customer", made.customer)
    assert "New quote" in text(manager.get(f"/o/a/quotes/new?customer={customer}"))
    body = {
        "customer": customer,
        "currency": "EUR",
        "valid_until": "2099-12-31",
        "note": "As we said",
        "lines": "1",
        "lines-0-description": "A roof",
        "lines-0-quantity": "2",
        "lines-0-unit_amount": "",
        "action": "save",
    }
    wrong = manager.post("/o/a/quotes/new", body)
    assert (wrong.status_code, "Line 1" in text(wrong)) == (UNPROCESSABLE, True)
    body["lines-0-unit_amount"] = "500.00"
    assert "1,000.00" in text(manager.post("/o/a/quotes/totals", body))
    more = manager.post("/o/a/quotes/new", {**body, "action": "add"})
    assert more.content.decode().count("lines-1-description") > 0
    saved = manager.post("/o/a/quotes/new", body)
    assert saved.status_code == 302
    url = saved.headers["Location"]
    shown = text(manager.get(url))
    assert "A roof" in shown and "As we said" in shown and "Review and open" in shown
    assert "A roof" in manager.get(f"{url}/edit").content.decode()
    assert manager.post(f"{url}/edit", {**body, "note": "As we agreed"}).status_code == 302
    for step, said in (("open", "Q-2"), ("accept", "Bill it…"), ("convert", "Invoice")):
        page = text(manager.get(f"{url}/{step}"))
        assert "1,000.00" in page
        done = manager.post(f"{url}/{step}")
        assert done.status_code == 302
        assert said in text(manager.get(url))
    with scope(Scope(tenant)):
        quote = Quote.objects.get()
        draft = Invoice.objects.get(pk=quote.invoice_id)
    assert (quote.note, draft.total_minor, draft.status) == ("As we agreed", 100_000, "draft")
    assert done.headers["Location"].endswith(ids.encode("invoice", draft.pk))
    late = manager.post(f"{url}/convert")
    assert (late.status_code, "Not possible any more" in text(late)) in (
        (UNPROCESSABLE, True),
        (UNPROCESSABLE, False),
    )
    assert "A roof" in text(manager.get(url))
    assert quote.number in text(manager.get("/o/a/quotes?status=accepted"))
    assert "No quote has this status" in text(manager.get("/o/a/quotes?status=declined"))
    assert manager.get(f"{url}/edit").status_code == 302


def test_a_copy_warns_before_it_is_final(tenant: UUID, made: Books) -> None:
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    first = f"/o/a/invoices/{ids.encode('invoice', made.open[0])}"
    done = manager.post(f"{first}/copy")
    assert done.status_code == 302
    review = manager.get(f"{done.headers['Location']}/finalize")
    assert "billed the same amount within 30 days" in text(review)
    assert f'href="{first}"' in review.content.decode()
    assert manager.post(f"{done.headers['Location']}/finalize").status_code == 302


def test_files_are_attached_read_and_removed(tenant: UUID, made: Books) -> None:
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    draft = manager.post(f"/o/a/invoices/{ids.encode('invoice', made.open[0])}/copy").headers["Location"]
    file = SimpleUploadedFile("hours.csv", b"day,hours\n1,8\n")
    assert manager.post(f"{draft}/attach", {"file": file, "with_mail": "on"}).status_code == 302
    page = manager.get(draft)
    assert "hours.csv" in text(page) and "goes with the mail" in text(page)
    (url,) = re.findall(r'href="(/o/a/attachments/[^"]+)"', page.content.decode())
    got = manager.get(url)
    assert b"".join(got.streaming_content) == b"day,hours\n1,8\n"
    assert got.headers["Content-Disposition"] == 'attachment; filename="hours.csv"'
    bad = SimpleUploadedFile("hours.pdf", b"MZ\x90")
    assert manager.post(f"{draft}/attach", {"file": bad}).status_code == 302
    assert "Attach a PDF, PNG, JPEG" in text(manager.get(draft))
    assert manager.post(f"{draft}/attach", {}).status_code == 302
    assert manager.post(f"{url}/remove").headers["Location"] == draft
    assert "hours.csv" not in text(manager.get(draft))
    final = f"/o/a/invoices/{ids.encode('invoice', made.open[0])}"
    manager.post(f"{final}/attach", {"file": SimpleUploadedFile("a.pdf", b"%PDF-1"), "with_mail": "on"})
    assert "a.pdf" in text(manager.get(f"{final}/send"))
