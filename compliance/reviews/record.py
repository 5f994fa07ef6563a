"""The record of a review, written in one spelling, so that its signature can be checked again."""

from datetime import UTC, datetime

from compliance.reviews.models import AccessLine, AccessReview
from core import canonical, ids, primitives

DOMAIN = b"strongbox.compliance.access_review.v1\0"


def of(review: AccessReview) -> dict[str, canonical.Value]:
    """Write what was looked at and decided, by ids: people's names stand beside it and may be erased."""
    return {
        "begun_at": _moment(review.begun_at),
        "begun_by": str(review.begun_by),
        "due_on": review.due_on.isoformat(),
        "id": ids.encode("access_review", review.pk),
        "lines": [_line(each) for each in AccessLine.objects.filter(review=review).order_by("id")],
        "signed_at": _moment(review.signed_at),
        "signed_by": str(review.signed_by) if review.signed_by else "",
        "statement": review.statement or "",
    }


def digest(review: AccessReview) -> bytes:
    """Return the hash that is signed."""
    return primitives.sha256(DOMAIN + canonical.dumps(of(review)))


def holds(review: AccessReview) -> bool:
    """Say whether a signed review is still what was signed."""
    if review.digest is None or review.signature is None or review.public_key is None:
        return False
    now = digest(review)
    if now != bytes(review.digest):
        return False
    try:
        primitives.ed25519_verify(bytes(review.public_key), bytes(review.signature), DOMAIN + now)
    except primitives.InvalidSignature:
        return False
    return True


def _line(each: AccessLine) -> dict[str, canonical.Value]:
    return {
        "decided_at": _moment(each.decided_at),
        "decided_by": str(each.decided_by) if each.decided_by else "",
        "decision": each.decision,
        "facts": dict(each.facts),
        "kind": each.kind,
        "label": each.label or "",
        "last_used_at": _moment(each.last_used_at),
        "object": str(each.object_id),
        "person": str(each.user_id) if each.user_id else "",
        "reason": each.reason or "",
    }


def _moment(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat() if at else ""
