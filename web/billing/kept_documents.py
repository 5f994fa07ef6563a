"""What a page shows of an invoice's documents: those that were kept, and those that can be made."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse

from billing.documents import archive, mending
from core import ids
from web.kit import formats

# In the order in which people look for them.
OFFERED = ("facturx", "xrechnung", "ubl", "cii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kept document for the page."""

    name: str
    made_at: Any
    size: str
    sha256: str
    url: str
    state: str
    checked: bool
    faults: tuple[tuple[str, str, str], ...]


def of_invoice(invoice_id: UUID, *, slug: str, pk: str) -> dict[str, Any]:
    """Return what the page of an invoice shows of its documents."""
    shown = _of(("invoice", invoice_id), "billing:make_document", slug=slug, pk=pk)
    shown["offered"].append(("Lines as CSV", reverse("billing:invoice_lines_csv", args=[slug, pk])))
    return shown


def of_credit_note(credit_note_id: UUID, *, slug: str, pk: str) -> dict[str, Any]:
    """Return what the page of a credit note shows of its documents."""
    return _of(("credit_note", credit_note_id), "billing:make_credit_document", slug=slug, pk=pk)


def _of(subject: archive.Subject, route: str, *, slug: str, pk: str) -> dict[str, Any]:
    return {
        "kept": [
            Row(
                name=mending.NAMES[row.kind],
                made_at=row.made_at,
                size=f"{formats.number(-(-row.size_bytes // 1024))} KB",
                sha256=row.sha256,
                url=reverse("billing:kept_document", args=[slug, ids.encode("document", row.id)]),
                state="valid" if row.valid else "invalid",
                checked=row.kind != "pdf",
                faults=tuple((each.rule, *mending.explained(each)) for each in row.problems if each.is_error),
            )
            for row in archive.kept_of(subject)
        ],
        "offered": [(mending.NAMES[kind], reverse(route, args=[slug, pk, kind])) for kind in OFFERED],
    }
