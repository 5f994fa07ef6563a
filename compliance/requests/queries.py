"""Lists of requests, and one of them."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from accounts import queries as people
from compliance.requests import rules
from compliance.requests.models import PrivacyRequest
from core.errors import NotFound

PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How it stands with the requests."""

    open: int
    late: int
    soon: int


def page(
    *,
    kind: str = "",
    state: str = "",
    customer_id: UUID | None = None,
    due_by: date | None = None,
    after: UUID | None = None,
    limit: int = PAGE,
) -> tuple[list[PrivacyRequest], UUID | None]:
    """List requests, newest first, and the cursor of the next page. `state` "open" are those not ended."""
    rows = PrivacyRequest.objects.select_related("customer", "contact").order_by("-id")
    if kind:
        rows = rows.filter(kind=kind)
    if state == "open":
        rows = rows.filter(state__in=rules.OPEN)
    elif state:
        rows = rows.filter(state=state)
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if due_by is not None:
        rows = rows.filter(due_on__lte=due_by)
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


def get(request_id: UUID) -> PrivacyRequest:
    """Return a request.

    Raises:
        NotFound
    """
    rows = PrivacyRequest.objects.select_related("customer", "contact", "file")
    row: PrivacyRequest | None = rows.filter(pk=request_id).first()
    if row is None:
        raise NotFound
    return row


def figures(today: date) -> Figures:
    """Count what is open, what is late and what will be soon."""
    days = list(PrivacyRequest.objects.filter(state__in=rules.OPEN).values_list("due_on", flat=True))
    return Figures(
        open=len(days),
        late=sum(day < today for day in days),
        soon=sum(today <= day <= today + rules.SOON for day in days),
    )


def names_of(rows: list[PrivacyRequest]) -> dict[UUID, str]:
    """Return how the people of the house who acted on requests are called."""
    who = {key for row in rows for key in (row.opened_by, row.identity_by, row.ended_by) if key}
    return people.names_of(who)
