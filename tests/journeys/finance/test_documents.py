"""Staff set what documents need, see what an electronic invoice lacks, mend it, send and download it."""

import html
import io
import re
from datetime import date, timedelta
from decimal import Decimal

import pypdf
from django.core import mail as django_mail
from django.test import Client
from playwright.sync_api import Browser, expect

from accounts.models import Selection
from billing.documents.models import DocumentFile
from billing.invoices.rules import Discount, LineInput
from billing.issuer import services as issuers
from core import clock, ids
from core.actor import Actor
from outbound import delivery
from payments.bulk import running
from tenancy.context import Scope, scope
from tests.browser.live import Live, visit
from tests.make import bank, billing, paying
from tests.make.api import key_of
from tests.services.billing.documents.test_logo import png


def test_what_documents_need_is_set_and_a_broken_logo_is_refused(browser: Browser, live: Live) -> None:
    paying.organization(live.tenant)
    who = live.person("owner")
    with visit(browser, live.cookie(who)) as (page, watch):
        page.goto(live.staff("settings/documents"))
        page.get_by_label("Contact").fill("Grete Hansen")
        page.get_by_label("Language of documents").select_option("de")
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Saved. Documents made from now on carry it.")).to_be_visible()
        # A change of the look is seen at once, and kept only when it is saved.
        picture = page.get_by_alt_text("A sample invoice in this colour and layout")
        page.get_by_label("Compact").check()
        expect(picture).to_have_attribute("src", re.compile("accent=%232440b0&layout=compact$"))
        page.get_by_label("Colour").fill("#ffcc00")
        expect(page.get_by_text("On white paper this colour has a contrast of 1.40 to 1")).to_be_visible()
        page.get_by_label("Colour").fill("#0f766e")
        expect(picture).to_have_attribute("src", re.compile("accent=%230f766e&layout=compact$"))
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 794
        page.reload()
        expect(page.get_by_label("Classic")).to_be_checked()
        page.get_by_label("Compact").check()
        page.get_by_label("Colour").fill("#0f766e")
        page.get_by_role("button", name="Save the look").click()
        expect(page.get_by_text("Saved. Documents made from now on look like this.")).to_be_visible()
        expect(page.get_by_label("Compact")).to_be_checked()
        picture = {"name": "logo.png", "mimeType": "image/png", "buffer": png()[:-20]}
        page.get_by_label("Logo").set_input_files(picture)
        page.get_by_role("button", name="Set the logo").click()
        expect(page.get_by_text("This picture is broken: it cannot be read to its end.")).to_be_visible()
        page.get_by_label("Logo").set_input_files({**picture, "buffer": png()})
        page.get_by_role("button", name="Set the logo").click()
        expect(page.get_by_text("Your documents carry a logo.")).to_be_visible()
        assert watch.faults() == []
    with visit(browser, live.cookie(who), javascript=False) as (page, _watch):
        page.goto(live.staff("settings/documents"))
        page.get_by_label("Classic").check()
        page.get_by_role("button", name="See it first").click()
        expect(page.get_by_alt_text("A sample invoice in this colour and layout")).to_have_attribute(
            "src", re.compile("accent=%230f766e&layout=classic$")
        )


def test_an_electronic_invoice_says_what_it_lacks_and_goes_once_it_is_mended(
    browser: Browser, live: Live
) -> None:
    paying.organization(live.tenant)
    who = live.person("owner")
    with scope(Scope(live.tenant)):
        issuers.set_issuer(
            name="Strongbox Tests GmbH", phone="+43 1 234567", email="rechnung@tests.example",
            contact_name="Grete Hansen", actor=billing.ACTOR, at=clock.now(),
        )  # fmt: skip
        address = {"line1": "Amtsweg 1", "city": "Kiel", "postal_code": "24103", "country": "DE"}
        owner = billing.customer(
            "Stadt Kiel", email="amt@kiel.example", address=address, einvoice_format="xrechnung"
        )
        rate = billing.tax_rate("19", code="einvoice")
        line = LineInput(description="Wartung", unit_amount=Decimal(100), tax_rate_id=rate.pk)
        bill = billing.invoices.finalize(
            invoice_id=billing.draft(of=owner, lines=[line]).pk, actor=billing.ACTOR, at=clock.now()
        )
    path = f"invoices/{ids.encode('invoice', bill.pk)}"
    with visit(browser, live.cookie(who)) as (page, _watch):
        page.goto(live.staff(f"{path}/send"))
        page.get_by_role("button", name="Send to amt@kiel.example").click()
        expect(
            page.get_by_text("The customer’s buyer reference (Leitweg-ID) is missing (BR-DE-15)").first
        ).to_be_visible()
        page.get_by_role("link", name="Edit the customer").click()
        page.get_by_label("Buyer reference").fill("04011000-12345-39")
        page.get_by_role("button", name="Save changes").click()
        page.goto(live.staff(f"{path}/send"))
        page.get_by_role("button", name="Send to amt@kiel.example").click()
        expect(page.get_by_text(f"Invoice {bill.number} goes out in 20 seconds.")).to_be_visible()
        expect(page.get_by_text("SHA-256")).to_be_visible()
        expect(page.locator("#documents").get_by_text("Valid", exact=True)).to_be_visible()
        with page.expect_download() as saved:
            page.get_by_role("link", name="Factur-X").click()
        assert saved.value.suggested_filename == f"{bill.number}.pdf"
    with scope(Scope(live.tenant)):
        (chosen,) = Selection.objects.values_list("pk", flat=True)
    running.work(tenant_id=live.tenant, selection_id=chosen, now=clock.now)
    delivery.deliver_due(tenant_id=live.tenant, actor=Actor.system("tests"), at=clock.now())
    names = sorted(name for mail in django_mail.outbox for name, _, _ in mail.attachments)
    assert names == [f"{bill.number}.pdf", f"{bill.number}.xml"]
    with scope(Scope(live.tenant)):
        kinds = sorted(DocumentFile.objects.values_list("kind", flat=True))
    assert kinds == ["facturx", "pdf", "xrechnung"]


def words_of(text: str) -> set[str]:
    """Return the words and numbers of a text, without what only stands around them."""
    plain = html.unescape(re.sub(r"<[^>]+>", " ", text)).replace("\u200b", "")
    return {word.strip(".,:;·−×–()€") for word in plain.split()} - {""}


def test_the_page_that_is_printed_and_the_pdf_say_the_same(live: Live) -> None:
    """Two rates, a unit, days of service, a discount, references, a part paid, and where to pay the rest."""
    paying.organization(live.tenant)
    who = live.person("owner")
    with scope(Scope(live.tenant)):
        bank.set_first(clock.now() - timedelta(days=200), owner=who.member)
        buyer = billing.customer(
            "Möller und Söhne", email="ap@moeller.example", reference="C-77", tax_id="DE136695976",
            address={"line1": "Kai 4", "city": "Kiel", "postal_code": "24103", "country": "DE"},
        )  # fmt: skip
        full, less = billing.tax_rate("19", code="full"), billing.tax_rate("7", code="less")
        lines = [
            LineInput(description="Inspection of the crane", unit_amount=Decimal("128.5"), quantity=Decimal("1.5"),
                      unit_code="HUR", tax_rate_id=full.pk, discount=Discount(percentage=Decimal(10)),
                      period_from=date(2026, 2, 1), period_to=date(2026, 3, 1)),
            LineInput(description="Handbook", unit_amount=Decimal("18"), quantity=Decimal(3), tax_rate_id=less.pk),
        ]  # fmt: skip
        bill = billing.invoices.finalize(
            invoice_id=billing.draft(
                of=buyer, lines=lines, note="Ladder on site.", references={"order": "PO-7781"}
            ).pk,
            actor=billing.ACTOR,
            at=clock.now(),
        )
    key = key_of("a")
    pk = ids.encode("invoice", bill.pk)
    body = {"invoice": pk, "amount_minor": 5_000, "method": "bank_transfer", "received_on": "2026-03-05"}
    assert key.post("payments", body, Idempotency_Key="part").status_code == 201
    staff = Client()
    cookie = live.cookie(who)
    staff.cookies[cookie["name"]] = cookie["value"]
    page = staff.get(f"/o/a/invoices/{pk}").content.decode()
    (paper,) = re.findall(r'<article class="paper".*?</article>', page, re.DOTALL)
    file = pypdf.PdfReader(io.BytesIO(staff.get(f"/o/a/invoices/{pk}/pdf").content))
    on_paper, on_page = words_of("\n".join(each.extract_text() for each in file.pages)), words_of(paper)
    # Each names its own parts; everything else stands on both.
    own = words_of("Bill to Lines Invoice Tax id Due Net, EUR on tax Issued Amount due")
    assert on_page - on_paper - own == set()
    parts = words_of(
        "Invoice number Issued Amount due Tax id Net, EUR Please pay by QR Tax amount Scan with your bank's app "
        "Page 1 of 1 Check them at"
    )
    left_on_paper = on_paper - on_page - parts
    assert left_on_paper == set()
    assert {"173.47", "32.96", "54.00", "3.78", "264.21", "50.00", "214.21"} <= on_page & on_paper
