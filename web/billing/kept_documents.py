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
            for row in archive.kept_of(("invoice", invoice_id))
        ],
        "offered": [
            *(
                (mending.NAMES[kind], reverse("billing:make_document", args=[slug, pk, kind]))
                for kind in OFFERED
            ),
            ("Lines as CSV", reverse("billing:invoice_lines_csv", args=[slug, pk])),
        ],
    }
