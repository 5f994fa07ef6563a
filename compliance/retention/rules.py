"""What is removed when, of which table, as its data policy says: one rule each, and how it is carried out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Invitation, Membership, PortalAccess, Selection
from accounts.services import retention as accounts
from billing.customers.models import Customer
from billing.exports.models import Export
from billing.imports.models import Import
from billing.invoices.models import Invoice
from compliance.requests.models import PrivacyRequest
from core.actor import Actor
from outbound import retention as outbound
from outbound.models import OutboxMessage
from tenancy.models import Job
from training.models import PracticeCampaign, PracticeResult
from training.practice.rules import KEPT

# German commercial and tax law (HGB section 257, AO section 147) count from the end of the year.
DOCUMENT_YEARS = 10
_YEAR, _QUARTER = timedelta(days=365), timedelta(days=90)
_MOST = 5_000

Find = Callable[[datetime], QuerySet[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of row and its time.

    `due` finds what is too old. `remove` carries it out and returns how many went; None where erasing is asked for, row
    by row. `customer` names the column that a legal hold on a customer is compared with.
    """

    code: str
    label: str
    what: str
    keep: timedelta
    due: Find
    remove: Callable[[QuerySet[Any], Actor, datetime], int] | None = None
    customer: str = ""

    def cutoff(self, at: datetime) -> datetime:
        """Return before when something must have happened to be too old."""
        return at - self.keep


def last_year_kept(today: date) -> int:
    """Return the oldest year whose documents must still be kept."""
    return today.year - DOCUMENT_YEARS


def _delete(rows: QuerySet[Any], actor: Actor, at: datetime) -> int:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:_MOST])
    return int(rows.model._default_manager.filter(pk__in=keys).delete()[0]) if keys else 0


def _empty_words(rows: QuerySet[Any], actor: Actor, at: datetime) -> int:
    return rows.update(name=None, email=None, words=None, extension_reason=None, answer=None)


def _lapsed(at: datetime) -> QuerySet[Any]:
    """Customers with whom business ended and of whose documents the last need be kept no longer."""
    document = Invoice.objects.filter(customer_id=OuterRef("pk")).exclude(status="draft")
    kept = document.filter(Q(issued_on__isnull=True) | Q(issued_on__year__gte=last_year_kept(at.date())))
    return Customer.objects.filter(
        ~Exists(kept), state=Customer.State.ARCHIVED, erased_at__isnull=True, updated_at__lt=at - _YEAR,
        merged_into__isnull=True,
    )  # fmt: skip


def _ended(at: datetime) -> QuerySet[Any]:
    return Membership.objects.filter(state=Membership.State.REMOVED, ended_at__lt=at - _YEAR)


RULES: tuple[Rule, ...] = (
    Rule(
        code="messages", label="Mails that were sent or given up", what="outbound.OutboxMessage", keep=_QUARTER,
        due=lambda at: OutboxMessage.objects.filter(
            state__in=["sent", "failed"], created_at__lt=at - _QUARTER
        ),
        remove=lambda rows, actor, at: outbound.remove_old(actor=actor, at=at),
    ),
    Rule(
        code="invitations", label="Invitations that expired", what="accounts.Invitation",
        keep=accounts.INVITATIONS_STAY,
        due=lambda at: Invitation.objects.filter(expires_at__lt=at - accounts.INVITATIONS_STAY),
        remove=lambda rows, actor, at: accounts.remove_invitations_and_grants(actor=actor, at=at).rows,
    ),
    Rule(
        code="jobs", label="Jobs that ended", what="tenancy.Job", keep=_QUARTER,
        due=lambda at: Job.objects.filter(
            state__in=["done", "failed", "cancelled"], created_at__lt=at - _QUARTER
        ),
        remove=_delete,
    ),
    Rule(
        code="selections", label="Rows chosen of lists", what="accounts.Selection", keep=_QUARTER,
        due=lambda at: Selection.objects.filter(at__lt=at - _QUARTER), remove=_delete,
    ),
    Rule(
        code="exports", label="Exports", what="billing.Export", keep=_YEAR,
        due=lambda at: Export.objects.filter(asked_at__lt=at - _YEAR).exclude(
            state__in=["queued", "running", "ready"]
        ),
        remove=_delete,
    ),
    Rule(
        code="imports", label="Imports", what="billing.Import", keep=_YEAR,
        due=lambda at: Import.objects.filter(
            created_at__lt=at - _YEAR, state__in=["done", "failed", "undone", "dropped"]
        ),
        remove=_delete,
    ),
    Rule(
        code="practice_results", label="Who did what in phishing practice", what="training.PracticeResult", keep=KEPT,
        due=lambda at: PracticeResult.objects.filter(campaign__released_at__lt=at - KEPT).exclude(
            campaign__state=PracticeCampaign.State.RUNNING
        ),
        remove=_delete,
    ),
    Rule(
        code="request_words", label="Words of privacy requests", what="compliance.PrivacyRequest", keep=3 * _YEAR,
        due=lambda at: PrivacyRequest.objects.filter(ended_at__lt=at - 3 * _YEAR).filter(
            Q(name__isnull=False) | Q(email__isnull=False) | Q(words__isnull=False) | Q(answer__isnull=False)
        ),
        remove=_empty_words, customer="customer_id",
    ),
    Rule(
        code="lapsed_customers", label="Customers whose last document need be kept no longer",
        what="billing.Customer", keep=_YEAR, due=_lapsed, customer="id",
    ),
    Rule(
        code="accounts", label="Accounts of people who left", what="accounts.User", keep=_YEAR, due=_ended,
    ),
)  # fmt: skip
OF = {rule.code: rule for rule in RULES}


def people_who_left(at: datetime) -> tuple[UUID, ...]:
    """Name people whose membership or access ended a year ago; whether they are anywhere else is asked of each."""
    gone = set(_ended(at).values_list("user_id", flat=True)[:_MOST])
    gone |= set(
        PortalAccess.objects.filter(ended_at__lt=at - _YEAR).values_list("user_id", flat=True)[:_MOST]
    )
    return tuple(sorted(gone))
