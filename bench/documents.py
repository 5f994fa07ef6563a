"""Documents: an invoice as PDF one by one, beside WeasyPrint of the same invoice in the same run; Factur-X apart.

WeasyPrint is no part of the product. It is installed by pip into a folder of its own for the time of the measurement,
and works in a process of its own; where it cannot be installed the row says so.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

WEASYPRINT = "weasyprint==70.0"
_ROUNDS = 3
_BASELINE = """
import json, sys, time
from weasyprint import HTML
pages = json.load(sys.stdin)
HTML(string=pages[0]).write_pdf(pdf_variant="pdf/a-3b")
times = []
for page in pages:
    begun = time.process_time()
    HTML(string=page).write_pdf(pdf_variant="pdf/a-3b")
    times.append(time.process_time() - begun)
print(json.dumps(times))
"""


def measure(*, times: int = 20) -> dict[str, Any]:
    """Return documents a second of processor time, each the median of the rounds, and the milliseconds of a check.

    Of processor time, all threads together: what else runs on the machine does not count for either.
    """
    from billing.documents import pdf
    from billing.documents.einvoice import validation, write_cii
    from billing.documents.einvoice.writing import Profile

    papers = list(_papers(times))
    document = _document()
    xml = write_cii.write(document, Profile.EN16931)
    pdf.invoice(papers[0], xml=xml)
    validation.check(xml, profile=Profile.EN16931)
    result: dict[str, Any] = {"times": times}
    with tempfile.TemporaryDirectory() as folder:
        why = _install(Path(folder))
        names = ("pdf", "facturx", "weasyprint", "weasyprint_system_font")
        rates: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(_ROUNDS):
            # Taken in turn, so that what else the machine does falls on all of them.
            rates["pdf"].append(_rate(papers, pdf.invoice))
            rates["facturx"].append(
                _rate(
                    papers, lambda paper: pdf.invoice(paper, xml=write_cii.write(document, Profile.EN16931))
                )
            )
            if not why:
                rates["weasyprint"].append(_theirs(papers, Path(folder), own_font=True))
                rates["weasyprint_system_font"].append(_theirs(papers, Path(folder), own_font=False))
    result |= {f"{name}_per_second": median(found) for name, found in rates.items() if found}
    begun = perf_counter()
    for _ in range(times):
        validation.check(xml, profile=Profile.EN16931)
    result["check_ms"] = 1000 * (perf_counter() - begun) / times
    return {**result, "why_no_baseline": why}


def _rate(papers: list[Any], make: Callable[[Any], bytes]) -> float:
    begun = process_time()
    for paper in papers:
        make(paper)
    return len(papers) / (process_time() - begun)


def _install(folder: Path) -> str:
    """Install the baseline; return why that is not possible, or nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), WEASYPRINT],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return "it could not be installed"
    tried = subprocess.run(
        [sys.executable, "-c", "import weasyprint"],
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        check=False,
    )
    return "its libraries (pango) are not installed" if tried.returncode else ""


def _theirs(papers: list[Any], folder: Path, *, own_font: bool) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _BASELINE],
        env={"PYTHONPATH": str(folder)},
        input=json.dumps([_page(paper, own_font=own_font) for paper in papers]),
        capture_output=True,
        text=True,
        check=True,
    )
    taken = json.loads(done.stdout)
    return len(taken) / sum(taken)


def _papers(count: int) -> Iterator[Any]:
    """An invoice of three lines, each time another one."""
    from billing.documents import pdf

    lines = tuple(
        pdf.Line(
            description=text, quantity=Decimal(quantity), unit_code="HUR", unit_amount=Decimal(price),
            category="S", percentage=Decimal(19), net_minor=net,
        )
        for text, quantity, price, net in (
            ("Calibration of a pressure gauge", "1.5", "128.50", 19_275),
            ("Travel to the site", "97", "0.35", 3_395),
            ("Certificate", "1", "45", 4_500),
        )
    )  # fmt: skip
    one = pdf.InvoiceDocument(
        number="INV-2026-00001",
        at=datetime(2026, 3, 1, tzinfo=UTC),
        seller=pdf.Party(
            name="Northwind Instruments GmbH",
            address=("Hafenstraße 12", "20457 Hamburg", "Germany"),
            tax_id="DE123456788",
        ),
        buyer=pdf.Party(name="Blue Mill Bakery Ltd", address=("4 Canal Walk", "H91 X2Y3 Galway", "Ireland")),
        issued_on=date(2026, 3, 1),
        due_on=date(2026, 3, 15),
        currency="EUR",
        lines=lines,
        taxes=(pdf.Tax(category="S", percentage=Decimal(19), base_minor=27_170, tax_minor=5_162),),
        subtotal_minor=27_170,
        total_minor=32_332,
        due_minor=32_332,
        bank=pdf.BankDetails(
            holder="Northwind Instruments GmbH", iban="DE89370400440532013000", bic="COBADEFFXXX"
        ),
        reference="RF46 2026K7QZ0042".replace(" ", ""),
        check_url="https://billing.example/p/northwind/bank-details",
    )
    for number in range(count):
        yield replace(one, number=f"INV-2026-{number:05d}")


_STYLE = """
@font-face { font-family: Inter; src: url(%s) }
@page { size: A4; margin: 27mm 20mm 34mm 25mm;
  @bottom-left { content: "%s"; font: 7pt Inter } @bottom-right { content: "Page " counter(page) " of " counter(pages); font: 7pt Inter } }
body { font: 9pt/1.4 Inter; color: #1a1b19 } h1 { font-size: 20pt; font-weight: 600 }
table { width: 100%%; border-collapse: collapse } .lines td { border-bottom: 0.4pt solid #d3d2c9; padding: 2.2mm 0 }
td + td { text-align: right; font-variant-numeric: tabular-nums } th { font-size: 7.5pt; font-weight: 400; color: #65675f }
.sums { width: 80mm; margin-left: auto } .head { display: flex; justify-content: space-between }
.pay { background: #f7f7f4; border: 0.5pt solid #d3d2c9; border-radius: 2mm; padding: 5mm; display: flex; gap: 8mm }
svg { width: 34mm }
"""


def _page(paper: Any, *, own_font: bool) -> str:
    """The same invoice as HTML: the same texts, sums and code, laid out alike, in our font or whatever is there."""
    from billing.documents.pdf import coverage, values

    shown = values.of_invoice(paper)
    rows = "".join(
        f"<tr><td>{line['description']}<td>{line['quantity']}<td>{line['unit']}<td>{line['tax']}<td>{line['net']}"
        for line in shown["lines"]
    )
    facts = "".join(f"<tr><td>{name}<td>{text}" for name, text in shown["facts"])
    sums = "".join(f"<tr><td>{name}<td>{text}" for name, text in [*shown["sums"], ("Total", shown["total"])])
    seller, bank = shown["seller"], shown["pay"]["bank"]
    style = _STYLE % ((coverage.FONTS / coverage.FILES[0]).as_uri(), seller["name"])
    if not own_font:
        style = style.partition("}")[2].replace("Inter", "sans-serif")
    details = "".join(
        f"<tr><td>{name}<td>{text}"
        for name, text in (
            ("Account holder", bank["holder"]), ("IBAN", bank["iban"]), ("BIC", bank["bic"]),
            ("Reference", bank["reference"]),
        )
    )  # fmt: skip
    return (
        f"<!doctype html><html lang=en><head><title>{shown['title']}</title><style>{style}</style></head><body>"
        f"<p style='font-size:13pt'><b>{seller['name']}</b></p><div class=head><p>"
        f"<small>{' · '.join([seller['name'], *seller['address']])}</small><br><b>{shown['buyer']['name']}</b><br>"
        f"{'<br>'.join(shown['buyer']['address'])}</p><table style='width:70mm'>{facts}</table></div><h1>Invoice</h1>"
        f"<table class=lines><thead><tr><th>Description<th>Quantity<th>Unit price<th>Tax<th>Net, EUR</thead>{rows}"
        f"</table><table class=sums>{sums}</table><div class=pay><div><b>Please pay {shown['pay']['amount']} by "
        f"{shown['pay']['by']}</b><table>{details}</table><p><b>We never change bank details by e-mail.</b> Check them "
        f"at <a href='{shown['check_url']}'>{shown['check_url']}</a>.</p></div><div>{bank['code']}</div></div></body>"
    )


def _document() -> Any:
    """The same invoice for programs."""
    from billing.documents.einvoice.document import Document, Line, Party, TaxLine, Totals
    from billing.tax.rules import Rate

    rate = Rate("S", Decimal(19))
    address = {"line1": "Hafenstraße 12", "city": "Hamburg", "postal_code": "20457", "country": "DE"}
    lines = tuple(
        Line(
            identifier=str(place), name=name, description="", note="", quantity=Decimal(1), unit_code="C62",
            unit_amount=Decimal(net).scaleb(-2), price_base_quantity=Decimal(1), net_minor=net, rate=rate,
        )
        for place, (name, net) in enumerate((("Calibration", 19_275), ("Travel", 3_395), ("Certificate", 4_500)), 1)
    )  # fmt: skip
    return Document(
        number="INV-2026-00001",
        type_code="380",
        currency="EUR",
        issued_on=date(2026, 3, 1),
        due_on=date(2026, 3, 15),
        seller=Party(name="Northwind Instruments GmbH", tax_id="DE123456788", address=address),
        buyer=Party(name="Blue Mill Bakery Ltd", address=address),
        note="",
        references={},
        lines=lines,
        adjustments=(),
        taxes=(TaxLine(rate=rate, base_minor=27_170, tax_minor=5_162),),
        totals=Totals(
            lines_minor=27_170, allowances_minor=0, charges_minor=0, subtotal_minor=27_170, tax_minor=5_162,
            total_minor=32_332, prepaid_minor=0, rounding_minor=0, payable_minor=32_332,
        ),
    )  # fmt: skip
