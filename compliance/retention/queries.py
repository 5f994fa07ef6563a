"""Which holds stand, what is due, and what went."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from compliance.retention.models import LegalHold, RetentionRun

PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How much of one rule is due, and how much a hold keeps."""

    code: str
    label: str
    what: str
    days: int
    due: int
    held: int


def standing(customer_ids: Collection[UUID]) -> bool:
    """Tell whether a hold keeps one of these customers, or everything."""
    covers = Q(customer_id__in=list(customer_ids)) | Q(customer_id__isnull=True)
    return LegalHold.objects.filter(covers, lifted_at__isnull=True).exists()


def holds(*, open_only: bool = False) -> list[LegalHold]:
    """List holds, newest first."""
    rows = LegalHold.objects.select_related("customer").order_by("-id")
    return list((rows.filter(lifted_at__isnull=True) if open_only else rows)[:PAGE])


def hold(hold_id: UUID) -> LegalHold | None:
    """Return one hold."""
    found: LegalHold | None = LegalHold.objects.select_related("customer").filter(pk=hold_id).first()
    return found


def runs(*, after: UUID | None = None) -> tuple[list[RetentionRun], UUID | None]:
    """List runs with what each rule removed, newest first, and the cursor of the next page."""
    rows = RetentionRun.objects.prefetch_related("shreddings").order_by("-id")
    found = list((rows if after is None else rows.filter(pk__lt=after))[: PAGE + 1])
    return found[:PAGE], found[PAGE - 1].pk if len(found) > PAGE else None


def last_run() -> RetentionRun | None:
    """Return the newest run."""
    found: RetentionRun | None = RetentionRun.objects.order_by("-id").first()
    return found


def due_now(at: datetime) -> list[Due]:
    """Say of every rule how much is due."""
    from compliance.retention import rules, services  # noqa: PLC0415  erasing asks this module for holds

    found = []
    for rule in rules.RULES:
        going, staying = services.due(rule, at)
        found.append(
            Due(
                code=rule.code, label=rule.label, what=rule.what, days=rule.keep.days,
                due=going.count(), held=staying.count(),
            )
        )  # fmt: skip
    return found
