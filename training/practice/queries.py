"""Reading practice: how campaigns went, in numbers; who did what, for whoever may know; one's own."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from accounts import queries as people
from accounts.models import ApprovalRequest, Membership
from core.errors import NotFound
from training.models import PracticeCampaign, PracticeResult
from training.practice import running
from training.practice.library import LURES
from training.practice.lures import Lure
from training.practice.planning import KIND
from training.practice.rules import Totals

PAGE = 50
State, Step = PracticeCampaign.State, PracticeResult.State
_FELL = (Step.CLICKED, Step.TYPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A campaign with its mail and its numbers."""

    campaign: PracticeCampaign
    lure: Lure
    totals: Totals
    queued: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """How far a mail came with one person; for whoever looks after training, and for nobody else."""

    member_id: UUID
    name: str
    role: str
    state: str
    due_at: datetime
    sent_at: datetime | None
    reported_at: datetime | None
    learned_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine:
    """A practice mail of one's own."""

    result: PracticeResult
    lure: Lure


def _run(campaign: PracticeCampaign) -> Run:
    if campaign.totals is not None:
        totals = running.read_totals(campaign.totals)
    else:
        totals = running.count(campaign)
    return Run(campaign=campaign, lure=LURES[campaign.lure], totals=totals)


def campaigns(*, after: UUID | None = None, limit: int = PAGE) -> tuple[list[Run], UUID | None]:
    """List campaigns, newest first."""
    rows: QuerySet[PracticeCampaign] = PracticeCampaign.objects.order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    shown = found[:limit]
    return [_run(row) for row in shown], shown[-1].pk if len(found) > limit else None


def campaign(campaign_id: UUID) -> Run:
    """Return a campaign.

    Raises:
        NotFound
    """
    found: PracticeCampaign | None = PracticeCampaign.objects.filter(pk=campaign_id).first()
    if found is None:
        raise NotFound
    return _run(found)


def request_of(campaign_id: UUID) -> UUID | None:
    """Return the request by which a second person is asked to release a campaign."""
    rows = ApprovalRequest.objects.filter(
        kind=KIND, subject_id=campaign_id, state=ApprovalRequest.State.PENDING
    )
    found: UUID | None = rows.values_list("pk", flat=True).first()
    return found


def persons(campaign_id: UUID) -> list[Person]:
    """List who did what, whoever comes first by name."""
    rows = PracticeResult.objects.select_related("member__user").filter(campaign_id=campaign_id)
    found = [
        Person(
            member_id=row.member_id,
            name=people.name_of(row.member.user),
            role=row.role,
            state=row.state,
            due_at=row.due_at,
            sent_at=row.sent_at,
            reported_at=row.reported_at,
            learned_at=row.learned_at,
        )
        for row in rows
    ]
    return sorted(found, key=lambda person: person.name.casefold())


def repeated(campaign_id: UUID) -> int:
    """Count the people who opened a link in an earlier campaign as well; how many, never who."""
    now = PracticeResult.objects.filter(campaign_id=campaign_id, state__in=_FELL)
    before = PracticeResult.objects.filter(campaign_id__lt=campaign_id, state__in=_FELL)
    return now.filter(member_id__in=before.values("member_id")).count()


def same_difficulty(run: Run, *, most: int = 8) -> list[Run]:
    """List the earlier campaigns of the same difficulty, oldest first: no others can be compared with it."""
    codes = [lure.code for lure in LURES.values() if lure.difficulty == run.lure.difficulty]
    rows = PracticeCampaign.objects.filter(
        lure__in=codes, state__in=[State.ENDED, State.STOPPED], pk__lt=run.campaign.pk
    ).order_by("-id")[:most]
    return [each for each in map(_run, reversed(rows)) if each.totals.is_shown]


def of_member(member: Membership) -> list[Mine]:
    """List one's own practice mails that need hide nothing any more: acted upon, or over."""
    rows = (
        PracticeResult.objects.select_related("campaign")
        .filter(member=member)
        .exclude(state__in=[Step.QUEUED, Step.SPARED])
        .order_by("-id")[:12]
    )
    return [Mine(result=row, lure=LURES[row.campaign.lure]) for row in rows if _is_open(row)]


def mine(result_id: UUID, member: Membership) -> Mine:
    """Return one's own practice mail.

    Raises:
        NotFound: it is somebody else's, or would give away a campaign that runs.
    """
    row: PracticeResult | None = (
        PracticeResult.objects.select_related("campaign").filter(pk=result_id, member=member).first()
    )
    if row is None or not _is_open(row):
        raise NotFound
    return Mine(result=row, lure=LURES[row.campaign.lure])


def _is_open(row: PracticeResult) -> bool:
    over = row.campaign.state != State.RUNNING
    return row.sent_at is not None and (over or row.state in _FELL or row.reported_at is not None)


def last_practised_at() -> datetime | None:
    """Return when practice was last released that has reached so many that it says something."""
    rows = PracticeCampaign.objects.filter(released_at__isnull=False).order_by("-released_at")
    for row in rows[:12]:
        if _run(row).totals.is_shown:
            found: datetime | None = row.released_at
            return found
    return None


def role_counts(roles: Collection[str]) -> Counter[str]:
    """Count the active members by role, so that whoever plans sees how many a role is."""
    members = people.members().filter(state=Membership.State.ACTIVE, role__code__in=list(roles))
    return Counter(members.values_list("role__code", flat=True))
