"""The word in a PDF's metadata that it is a Factur-X invoice (Factur-X 1.08, ZUGFeRD 2.4): profile, file, version.

The typesetter attaches the XML itself, as PDF/A-3 asks; of the metadata it lets nothing be added. So its packet is
replaced by a longer one at the end of the file, as an incremental update: what was set stays as it was, byte by byte,
and the same document is the same bytes.
"""

import re

FILE_NAME = "factur-x.xml"
_PACKET = re.compile(rb"(\d+) 0 obj\r?\n<</Length (\d+)/Type/Metadata/Subtype/XML>>\r?\nstream\r?\n")
_TRAILER = re.compile(rb"trailer\r?\n<<(.*?)>>\r?\nstartxref\r?\n(\d+)\r?\n%%EOF\s*\Z", re.DOTALL)
_SCHEMAS = b"<pdfaExtension:schemas><rdf:Bag>"
_URI = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": ("The name of the embedded XML document", FILE_NAME),
    "DocumentType": ("The type of the hybrid document", "INVOICE"),
    "Version": ("The version of the schema of the embedded XML document", "1.0"),
    "ConformanceLevel": ("The conformance level of the embedded XML document", "EN 16931"),
}


class NoPacket(ValueError):
    """The file is not one that the typesetter made: it has no metadata where they belong."""


def name_it(pdf: bytes) -> bytes:
    """Say in the metadata of a PDF that the XML in it is an invoice of profile EN 16931.

    Raises:
        NoPacket
    """
    packet, trailer = _PACKET.search(pdf), _TRAILER.search(pdf)
    if packet is None or trailer is None:
        raise NoPacket
    number, start = packet[1], packet.end()
    text = pdf[start : start + int(packet[2])]
    if _SCHEMAS not in text or b"</rdf:RDF>" not in text:
        raise NoPacket
    text = text.replace(_SCHEMAS, _SCHEMAS + _schema().encode(), 1)
    text = text.replace(b"</rdf:RDF>", _description().encode() + b"</rdf:RDF>", 1)
    begins = len(pdf) + 1
    made = b"%d 0 obj\n<</Length %d/Type/Metadata/Subtype/XML>>\nstream\n%b\nendstream\nendobj\n" % (
        int(number),
        len(text),
        text,
    )
    table = b"xref\n%d 1\n%010d 00000 n\r\n" % (int(number), begins)
    ends = b"trailer\n<<%b/Prev %b>>\nstartxref\n%d\n%%%%EOF\n" % (
        trailer[1],
        trailer[2],
        begins + len(made),
    )
    return pdf + b"\n" + made + table + ends


def _schema() -> str:
    """Describe the properties below, as PDF/A asks of those it does not know."""
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>'
        "<pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external"
        f"</pdfaProperty:category><pdfaProperty:description>{words}</pdfaProperty:description></rdf:li>"
        for name, (words, _) in _PROPERTIES.items()
    )
    return (
        '<rdf:li rdf:parseType="Resource"><pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>'
        f"<pdfaSchema:namespaceURI>{_URI}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{items}</rdf:Seq></pdfaSchema:property></rdf:li>"
    )


def _description() -> str:
    values = "".join(f"<fx:{name}>{value}</fx:{name}>" for name, (_, value) in _PROPERTIES.items())
    return f'<rdf:Description rdf:about="" xmlns:fx="{_URI}">{values}</rdf:Description>'
