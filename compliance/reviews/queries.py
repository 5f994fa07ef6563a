"""Reading reviews of access."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db.models import Count

from accounts import queries as people
from compliance.reviews import record, rules
from compliance.reviews.models import AccessLine, AccessReview
from core import canonical, ids
from core.errors import NotFound

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRow:
    """One review, how far it has come, and what it did."""

    id: UUID
    state: str
    begun_by: UUID
    begun_at: datetime
    due_on: date
    lines: int
    decided: int
    kept: int
    withdrawn: int
    gone: int
    signed_by: UUID | None
    signed_at: datetime | None
    statement: str
    digest: str
    holds: bool | None

    @property
    def left(self) -> int:
        """Count the lines nobody has decided."""
        return self.lines - self.decided


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line as it was noted, and what was decided."""

    id: UUID
    kind: str
    object_id: UUID
    user_id: UUID | None
    label: str
    facts: Mapping[str, object]
    last_used_at: datetime | None
    decision: str
    reason: str
    decided_by: UUID | None
    decided_at: datetime | None
    flags: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """Where reviewing stands: the last signed one, the one that is open, and when the next has to be finished."""

    last: AccessReview | None
    open_id: UUID | None
    due_on: date | None
    overdue: bool
    next_due: date


def standing(*, at: datetime) -> Reviewed:
    """Return where reviewing stands in the organization in scope."""
    last = AccessReview.objects.filter(signed_at__isnull=False).order_by("-signed_at").first()
    opened = AccessReview.objects.filter(signed_at__isnull=True).first()
    return Reviewed(
        last=last,
        open_id=opened.pk if opened else None,
        due_on=opened.due_on if opened else None,
        overdue=opened is not None and opened.due_on < at.date(),
        next_due=rules.next_due(
            last_signed_at=last.signed_at if last else None,
            founded_at=people.current_organization().created_at,
        ),
    )


def page(
    *, at: datetime, limit: int = PAGE, after: UUID | None = None
) -> tuple[list[ReviewRow], UUID | None]:
    """List reviews, newest first, and the cursor of the next page."""
    rows = AccessReview.objects.order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = [_row(each, at) for each in found[:limit]]
    return shown, (shown[-1].id if len(found) > limit else None)


def review(review_id: UUID, *, at: datetime) -> ReviewRow:
    """Return one review; of a signed one also whether it is still what was signed.

    Raises:
        NotFound
    """
    found = AccessReview.objects.filter(pk=review_id).first()
    if found is None:
        raise NotFound
    return _row(found, at, check=True)


def lines(
    review_id: UUID,
    *,
    at: datetime,
    kind: str = "",
    undecided: bool = False,
    limit: int = PAGE,
    after: UUID | None = None,
) -> tuple[list[LineRow], UUID | None]:
    """List the lines of a review in their order, and the cursor of the next page."""
    rows = AccessLine.objects.filter(review_id=review_id).order_by("id")
    if kind:
        rows = rows.filter(kind=kind)
    if undecided:
        rows = rows.filter(decision="")
    if after is not None:
        rows = rows.filter(pk__gt=after)
    found = list(rows[: limit + 1])
    shown = [_line(each, at) for each in found[:limit]]
    return shown, (shown[-1].id if len(found) > limit else None)


def signed_between(since: date, until: date) -> list[tuple[str, dict[str, canonical.Value]]]:
    """Return the signed records of some days, with their signatures and people's names, for whoever takes them out."""
    found = AccessReview.objects.filter(signed_at__date__gte=since, signed_at__date__lte=until).order_by("id")
    return [(ids.encode("access_review", each.pk), taken_out(each)) for each in found]


def record_of(review_id: UUID) -> dict[str, canonical.Value]:
    """Return what is taken out of one review; before it is signed the signature is empty.

    Raises:
        NotFound
    """
    found = AccessReview.objects.filter(pk=review_id).first()
    if found is None:
        raise NotFound
    return taken_out(found)


def taken_out(row: AccessReview) -> dict[str, canonical.Value]:
    """Write a review for outside: the record that is signed, its signature, and beside it people's names."""
    written = record.of(row)
    named = {row.begun_by, row.signed_by}
    for each in AccessLine.objects.filter(review=row):
        named |= {each.user_id, each.decided_by}
    names = people.names_of({each for each in named if each})
    return {
        "names": {str(each): name for each, name in names.items()},
        "public_key": bytes(row.public_key or b"").hex(),
        "record": written,
        "sha256": bytes(row.digest or b"").hex(),
        "signature": bytes(row.signature or b"").hex(),
    }


def _row(each: AccessReview, at: datetime, *, check: bool = False) -> ReviewRow:
    counted = dict(
        AccessLine.objects.filter(review=each).values_list("decision").annotate(lines=Count("id")).order_by()
    )
    total = sum(counted.values())
    signed = each.signed_at is not None
    return ReviewRow(
        id=each.pk,
        state=rules.state(signed=signed, due_on=each.due_on, today=at.date()),
        begun_by=each.begun_by,
        begun_at=each.begun_at,
        due_on=each.due_on,
        lines=total,
        decided=total - counted.get("", 0),
        kept=counted.get("keep", 0),
        withdrawn=counted.get("withdraw", 0),
        gone=counted.get("gone", 0),
        signed_by=each.signed_by,
        signed_at=each.signed_at,
        statement=each.statement or "",
        digest=bytes(each.digest).hex() if each.digest else "",
        holds=record.holds(each) if signed and check else None,
    )


def _line(each: AccessLine, at: datetime) -> LineRow:
    return LineRow(
        id=each.pk,
        kind=each.kind,
        object_id=each.object_id,
        user_id=each.user_id,
        label=each.label or "",
        facts=each.facts,
        last_used_at=each.last_used_at,
        decision=each.decision,
        reason=each.reason or "",
        decided_by=each.decided_by,
        decided_at=each.decided_at,
        flags=rules.flags(each.kind, each.facts, last_used_at=each.last_used_at, at=at),
    )
