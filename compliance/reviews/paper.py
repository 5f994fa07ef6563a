"""A signed review of access on paper: every line with what was decided, and the signature that it can be checked by.

The signature is over the record, not over the paper: the paper says where the record is and prints all three numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from billing.documents import look as looks
from billing.documents import papers, pdf
from compliance.reviews import queries
from compliance.reviews.models import AccessLine, AccessReview
from core import ids
from core.errors import Conflict, NotFound

_KINDS: Mapping[str, str] = {"member": "Member", "api_key": "API key", "grant": "Grant", "role": "Role"}
_DECISIONS: Mapping[str, str] = {"keep": "Kept", "withdraw": "Withdrawn", "gone": "Had ended"}


class ReviewNotSigned(Conflict):
    """This review is not signed yet; the paper is that of a signed one."""

    code = "review_not_signed"


@dataclass(frozen=True, slots=True)
class Paper:
    """A file's name and what the typesetter needs."""

    name: str
    document: pdf.ReportDocument


def of(review_id: UUID) -> Paper:
    """Read a signed review for the typesetter, in the organization in scope.

    Raises:
        NotFound, ReviewNotSigned.
    """
    row: AccessReview | None = AccessReview.objects.filter(pk=review_id).first()
    if row is None:
        raise NotFound
    if row.signed_at is None:
        raise ReviewNotSigned
    taken = queries.taken_out(row)
    names = {str(key): str(name) for key, name in dict(taken["names"]).items()}  # type: ignore[arg-type]  # JSON
    signer = names.get(str(row.signed_by), "Somebody who was erased")
    lines = [
        (
            _KINDS.get(each.kind, each.kind),
            _whose(each, names),
            each.last_used_at.strftime("%Y-%m-%d") if each.last_used_at else "Never",
            _DECISIONS.get(each.decision, each.decision),
            each.reason or "",
            names.get(str(each.decided_by), ""),
        )
        for each in AccessLine.objects.filter(review=row).order_by("id")
    ]
    facts = (
        (
            "Begun",
            f"{row.begun_at:%Y-%m-%d %H:%M} UTC by {names.get(str(row.begun_by), 'Somebody who was erased')}",
        ),
        ("Signed", f"{row.signed_at:%Y-%m-%d %H:%M} UTC by {signer}"),
        ("Said", row.statement or "Nothing"),
        ("Record (SHA-256)", str(taken["sha256"])),
        ("Signature (Ed25519)", str(taken["signature"])),
        ("Public key", str(taken["public_key"])),
    )
    document = pdf.ReportDocument(
        at=row.signed_at,
        seller=papers.issuer_party(),
        look=looks.current(),
        title="Review of access",
        about=f"{row.kept} kept, {row.withdrawn} withdrawn, {row.gone} had ended by themselves.",
        note="The signature is over the record of this review, which is downloaded beside this paper and lies in "
        "the evidence pack. Check it without Strongbox: python verifier.py review.json; it prints the SHA-256 above.",
        tables=(
            pdf.ReportTable(title="What was signed", head=("Of what", "Value"), rows=facts),
            pdf.ReportTable(
                title="Line by line",
                head=("What", "Whose", "Last used", "Decision", "Reason", "By"),
                rows=tuple(lines),
            ),
        ),
    )
    return Paper(name=f"{ids.encode('access_review', row.pk)}.pdf", document=document)


def _whose(each: AccessLine, names: Mapping[str, str]) -> str:
    """Say whose access a line is about, and which: the role, the customer, or the key's last signs."""
    which = next(
        (str(each.facts[name]) for name in ("role", "customer", "last_four") if each.facts.get(name)), ""
    )
    who = names.get(str(each.user_id), "") or each.label or str(each.facts.get("code", ""))
    return f"{who} ({which})" if which else who
