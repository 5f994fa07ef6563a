"""One door for documents from outside: the root element says which syntax it is."""

from billing.documents.einvoice import cii, ubl
from billing.documents.einvoice import xml as hardened
from billing.documents.einvoice.document import Document
from billing.documents.einvoice.reading import FormatUnsupported


def read(data: bytes) -> Document:
    """Read an invoice or credit note in UBL or CII and prove that its figures agree.

    Raises:
        Refusal: of `xml`, `rules` or `reading`; each names what is wrong, and a wrong figure its rule.
    """
    root = hardened.parse(data)
    if cii.is_cii(root):
        return cii.of_root(root)
    if ubl.is_ubl(root):
        return ubl.of_root(root)
    name = root.tag.rpartition("}")[2][:60]
    raise FormatUnsupported(f"The document is a {name}, neither UBL 2 nor a Cross Industry Invoice.")
