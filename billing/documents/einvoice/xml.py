"""XML from strangers, read without ever meeting a declaration: no DTD, no entity, no reference outside.

A document type is refused where it begins, before anything in it is expanded: an XML bomb costs nothing and
no external entity is asked for (OWASP ASVS 5.0 V1.5.1). Size, depth and number of elements are bounded.
"""

from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder  # the builder alone: expat is driven below
from xml.parsers import expat

from core.errors import Refusal

MAX_BYTES = 20 * 1024 * 1024
MAX_DEPTH = 60
MAX_ELEMENTS = 400_000


class NotXml(Refusal):
    """The file is not well-formed XML."""

    code = "not_xml"


class DocumentTypeRefused(Refusal):
    """The file declares a document type (DTD), as attacks do and bills and statements never; it was not read."""

    code = "xml_dtd_refused"


class EntityRefused(Refusal):
    """The file declares an entity, as XML bombs do and bills and statements never; it was not read."""

    code = "xml_entity_refused"


class ExternalEntityRefused(Refusal):
    """The file refers to something outside itself (external entity or DTD); nothing was fetched."""

    code = "xml_external_entity_refused"


class TooLarge(Refusal):
    """The file is larger or deeper than any invoice or statement."""

    code = "xml_too_large"


def parse(data: bytes, *, most_elements: int = MAX_ELEMENTS) -> Element:
    """Read a whole document of at most so many elements, named `{namespace}tag`.

    Raises:
        NotXml, DocumentTypeRefused, EntityRefused, ExternalEntityRefused, TooLarge: see there.
    """
    if len(data) > MAX_BYTES:
        raise TooLarge()
    builder = _Builder(most_elements)
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.tree.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EndDoctypeDeclHandler = _refuse_any_doctype
    parser.EntityDeclHandler = _refuse_entity
    parser.ExternalEntityRefHandler = _refuse_reference
    parser.UnparsedEntityDeclHandler = _refuse_reference
    parser.NotationDeclHandler = _refuse_reference
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise NotXml(f"The file is not well-formed XML (line {error.lineno}).") from None
    except (ValueError, LookupError):
        raise NotXml("The file says it is in an encoding that is not supported.") from None
    return builder.tree.close()


class _Builder:
    """Builds elements and counts them."""

    def __init__(self, most_elements: int) -> None:
        self.tree = TreeBuilder()
        self.most_elements = most_elements
        self.depth = self.elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > MAX_DEPTH or self.elements > self.most_elements:
            raise TooLarge()
        self.tree.start(_qualified(name), {_qualified(key): value for key, value in attributes.items()})

    def end(self, name: str) -> None:
        self.depth -= 1
        self.tree.end(_qualified(name))


def _qualified(name: str) -> str:
    return "{" + name if "}" in name else name


def _refuse_doctype(name: str, system_id: str | None, public_id: str | None, has_subset: int) -> None:
    if system_id or public_id:
        raise ExternalEntityRefused()
    if not has_subset:
        raise DocumentTypeRefused()


def _refuse_any_doctype() -> None:
    raise DocumentTypeRefused()


def _refuse_entity(
    name: str, is_parameter: int, value: str | None, base: str | None, system_id: str | None, *rest: Any
) -> None:
    raise ExternalEntityRefused() if system_id else EntityRefused()


def _refuse_reference(*arguments: Any) -> int:
    raise ExternalEntityRefused()
