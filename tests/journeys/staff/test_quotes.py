"""Quotes page by page: written, opened, accepted, billed; and the copy of an invoice."""

import re
from decimal import Decimal
from html import unescape
from uuid import UUID

from django.core import mail as django_mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from accounts.permissions import RoleCode
from billing.invoices.models import Invoice
from billing.invoices.rules import LineInput
from billing.quotes import services
from billing.quotes.models import Quote
from core import clock, ids
from core.actor import Actor
from outbound import delivery
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.journeys.staff.office import UNPROCESSABLE, events, member
from tests.make import billing, customers
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
    for noun in ("quotes", "invoices"):
        waiting = manager.post(f"/o/a/{noun}/new", {**body, "pasted": "A wall\t3\t7.00"})
        assert waiting.status_code != 302
        assert re.search(r"lines-1-description[^>]*>\s*A wall\s*<", waiting.content.decode())
    with scope(Scope(tenant)):
        assert not Quote.objects.exists()
    picked = manager.post("/o/a/invoices/new", {**body, "lines-0-pick": "a\0b"})
    assert picked.status_code == UNPROCESSABLE
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
    assert "No quote is declined" in text(manager.get("/o/a/quotes?status=declined"))
    assert manager.get(f"{url}/edit").status_code == 302


def test_a_quote_is_billed_in_parts(tenant: UUID, made: Books) -> None:
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    with scope(Scope(tenant)):
        quote = agreed(made.customer)
    url = f"/o/a/quotes/{ids.encode('quote', quote)}"
    assert "Bill a part…" in text(manager.get(url))
    page = text(manager.get(f"{url}/bill"))
    assert "1,000.00 agreed" in page and "A deposit, paid before anything is delivered" in page
    neither = manager.post(f"{url}/bill", {"role": "deposit"})
    assert (neither.status_code, "Enter either a share or an amount." in text(neither)) == (
        UNPROCESSABLE,
        True,
    )
    much = manager.post(f"{url}/bill", {"role": "deposit", "amount_minor": "1,000.01"})
    assert (much.status_code, "Only 1000.00 EUR is left, tax included." in text(much)) == (
        UNPROCESSABLE,
        True,
    )
    done = manager.post(f"{url}/bill", {"role": "deposit", "percentage": "40"})
    assert done.status_code == 302
    draft = done.headers["Location"]
    shown = text(manager.get(draft))
    assert "Deposit on quote" in shown and "400.00" in shown and "Edit" not in shown
    assert manager.get(f"{draft}/edit").status_code == 302
    assert manager.post(f"{draft}/finalize").status_code == 302
    link = re.search(
        r"http[^\s<\"]*(/pay/[^\s<\"]+)", manager.post(f"{draft}/pay-link", follow=True).content.decode()
    )
    assert link is not None
    assert re.search(r"Deposit invoice \S+ from", text(Client().get(link[1])))
    german = Client(headers={"accept-language": "de"}).get(link[1])
    assert re.search(r"Anzahlungsrechnung \S+ von", text(german))
    assert "Left to bill" in text(manager.get(url)) and "600.00" in text(manager.get(url))
    final = manager.post(f"{url}/convert").headers["Location"]
    assert "Less deposit invoice" in text(manager.get(final))
    assert f'href="{url}"' in manager.get(final).content.decode()
    assert manager.post(f"{final}/finalize").status_code == 302
    assert "As the earlier invoice charged it" in text(manager.get(f"{final}/explanation"))
    with scope(Scope(tenant)):
        assert Invoice.objects.get(role="final").total_minor == 60_000


def test_a_quote_goes_by_mail_and_its_customer_answers_on_the_portal(tenant: UUID, made: Books) -> None:
    manager = member(tenant, RoleCode.BILLING_MANAGER)
    with scope(Scope(tenant)):
        ada = billing.customer("Ada", email="ada@example.com", language="de")
        first, second = (agreed(ada.pk, accepted=False) for _ in range(2))
        draft = services.create(
            customer_id=ada.pk, lines=[billing.line()], currency="EUR", actor=billing.ACTOR, at=clock.now()
        ).pk
        foreign = agreed(made.customer, accepted=False)
    pks = [ids.encode("quote", key) for key in (first, second, draft, foreign)]
    url = f"/o/a/quotes/{pks[0]}"
    assert "Send…" in text(manager.get(url))
    assert "Angebot Q-" in text(manager.get(f"{url}/send")) and "ada@example.com" in text(
        manager.get(f"{url}/send")
    )
    assert manager.post(f"{url}/send").status_code == 302
    unsent = manager.post(f"/o/a/quotes/{pks[2]}/send")
    assert (unsent.status_code, "Only a quote that is open can be sent." in text(unsent)) == (
        UNPROCESSABLE,
        True,
    )
    delivery.deliver_due(tenant_id=tenant, actor=Actor.system("tests"), at=clock.now())
    (mail,) = [each for each in django_mail.outbox if each.to == ["ada@example.com"]]
    ((name, content, kind),) = mail.attachments
    assert (name.startswith("Q-"), content[:5], kind) == (True, b"%PDF-", "application/pdf")
    assert "/p/a/quotes" in mail.body and "1.000,00" in mail.subject
    assert [len(events(tenant, code)) for code in ("quote.sent", "quote.part_billed")] == [1, 0]
    cookie = customers.signed_in(tenant, ada.pk)
    portal = world.browser(cookie["value"])
    listed = text(portal.get("/p/a/quotes"))
    assert "Zu beantworten" in listed and "1.000,00" in listed
    assert portal.get(f"/p/a/quotes/{pks[0]}/quote.pdf").content[:5] == b"%PDF-"
    assert "Annehmen" in text(portal.get(f"/p/a/quotes/{pks[0]}"))
    assert portal.post(f"/p/a/quotes/{pks[0]}", {"answer": "accept"}).status_code == 302
    assert portal.post(f"/p/a/quotes/{pks[1]}", {"answer": "decline"}).status_code == 302
    again = portal.post(f"/p/a/quotes/{pks[1]}", {"answer": "accept"})
    assert again.status_code == UNPROCESSABLE
    # Neither a draft nor another customer's quote is there.
    for pk in pks[2:]:
        assert portal.get(f"/p/a/quotes/{pk}").status_code == 404
        assert portal.post(f"/p/a/quotes/{pk}", {"answer": "accept"}).status_code == 404
        assert portal.get(f"/p/a/quotes/{pk}/quote.pdf").status_code == 404
    with scope(Scope(tenant)):
        rows = dict(Quote.objects.values_list("pk", "status"))
    assert rows == {first: "accepted", second: "declined", draft: "draft", foreign: "open"}


def agreed(customer: UUID, *, accepted: bool = True) -> UUID:
    """Offer, and agree on, a quote over 1,000.00."""
    actor, at = Actor.system("tests"), clock.now()
    lines = [LineInput(description="A roof", unit_amount=Decimal(1000), tax_rate_id=None)]
    quote = services.create(customer_id=customer, lines=lines, currency="EUR", actor=actor, at=at)
    for step in (services.open_quote, services.accept)[: 1 + accepted]:
        step(quote_id=quote.pk, actor=actor, at=at)
    return quote.pk


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
    large = SimpleUploadedFile("plan.pdf", b"%PDF-1" + b"x" * 9 * 1024 * 1024)
    manager.post(f"{draft}/attach", {"file": large})
    assert "The file is attached." in manager.get(draft).content.decode()
    beyond = SimpleUploadedFile("plan.pdf", b"%PDF-1" + b"x" * 12 * 1024 * 1024)
    manager.post(f"{draft}/attach", {"file": beyond})
    assert "Choose a file of at most 10 MB." in manager.get(draft).content.decode()
    assert manager.post(f"{draft}/attach", {}).status_code == 302
    assert manager.post(f"{url}/remove").headers["Location"] == draft
    assert "hours.csv" not in text(manager.get(draft))
    final = f"/o/a/invoices/{ids.encode('invoice', made.open[0])}"
    manager.post(f"{final}/attach", {"file": SimpleUploadedFile("a.pdf", b"%PDF-1"), "with_mail": "on"})
    assert "a.pdf" in text(manager.get(f"{final}/send"))
