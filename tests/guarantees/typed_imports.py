"""What the canaries type into files that are taken in."""

from billing.documents import archive
from billing.documents.einvoice.document import Problem
from billing.imports import documents as imported
from billing.imports import services as imports
from billing.invoices.models import Invoice
from core import clock
from core.actor import Actor
from tests.guarantees import canaries
from tests.make import billing

_EINVOICES = (
    "en16931/ubl-tc434-example5.xml",
    "xrechnung/01.04a-INVOICE_ubl.xml",
    "xrechnung/02.01a-INVOICE_ubl.xml",
)


def over_imports(marker: str, actor: Actor) -> None:
    """Take in customers and e-invoices that say the marker everywhere, and keep a document with a problem."""
    heads = ("name", "email", "phone", "tax_id", "reference", "notes", "line1", "city")
    rows = [
        [f"{marker} {head} {row}" if head != "email" else f"{marker}{row}@csv.example" for head in heads]
        for row in range(3)
    ]
    rows[2][1] = f"{marker} is no address"
    text = "\n".join(",".join(row) for row in [list(heads), *rows])
    taken = imports.import_customers(data=text.encode(), actor=actor, at=clock.now())
    assert (len(taken.created), len(taken.refused)) == (2, 1)
    for number, name in enumerate(_EINVOICES):
        document = canaries.einvoice(billing.einvoice(name), marker)
        result = imported.try_document(data=document, actor=actor, at=clock.now(), finalize=bool(number))
        assert result.refused == [], name
    archive.keep(
        of=("invoice", result.created[0]),
        customer_id=Invoice.objects.get(pk=result.created[0]).customer_id,
        kind="ubl",
        content=document,
        problems=[Problem(rule="BR-01", text=f"{marker} is wrong")],
        actor=actor,
        at=clock.now(),
    )
