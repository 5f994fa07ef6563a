"""Planning practice and releasing it: one person plans, a second one releases, and nobody is picked on.

Promise kept: a practice mail goes to people who are at work, who have settled in, and who had none for a month; never
to whoever planned or released it; never in the name of a customer, a colleague or the organization itself.
"""

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts import queries as people
from accounts.models import ApprovalRequest, Membership
from accounts.services import approvals
from audit import services as audit
from billing.customers import queries as customers
from billing.issuer import queries as issuers
from core import cardnumbers, characters
from core.actor import Actor, ActorKind
from core.errors import Conflict, Forbidden, NotFound, Refusal
from tenancy.context import use_case
from training import catalog, events
from training.courses.reading import EVERYONE
from training.models import PracticeCampaign, PracticeResult
from training.practice import rules
from training.practice.library import LURES
from training.practice.lures import Lure

KIND = "training_practice"
State = PracticeCampaign.State


class OnlyPeoplePlan(Forbidden):
    """Only a signed-in person plans practice."""

    code = "only_people_plan"


class NobodyChosen(Refusal):
    """Choose at least one role or person."""

    code = "nobody_chosen"


class TooFew(Refusal):
    """Fewer than five people would get this. In so small a group a number names somebody."""

    code = "too_few"


class BadWindow(Refusal):
    """Choose days from today on, within three months, and at most four weeks."""

    code = "bad_window"


class NoWorkingHours(Refusal):
    """There is no working hour left between these days."""

    code = "no_working_hours"


class NotAnnounced(Refusal):
    """Tell people first that practice mails are sent and who sees what. Then tick this."""

    code = "not_announced"


class SpeaksForSomebody(Conflict):
    """This mail names a house or person that you really know. Choose another one."""

    code = "speaks_for_somebody"


class NotWaiting(Conflict):
    """This practice does not wait to be released any more."""

    code = "not_waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Who would get a mail, and how many are left out for which reason."""

    members: tuple[Membership, ...]
    newcomers: int = 0
    rested: int = 0
    apart: int = 0


def register() -> None:
    """Make the act known; called when the app is ready."""
    approvals.register(approvals.Kind(code=KIND, execute=approved, withdrawn=withdrawn))


def chosen(
    *,
    roles: Collection[str],
    member_ids: Collection[UUID],
    apart: Collection[UUID | None],
    at: datetime,
) -> Chosen:
    """Find who gets a mail: of the roles and people named, those of whom it is fair.

    `apart` are the users who know of it: whoever planned and whoever released it.
    """
    named = [
        member
        for member in catalog.at_work(day(at))
        if member.user.email
        and (EVERYONE in roles or member.role.code in roles or member.pk in set(member_ids))
    ]
    lately = set(
        PracticeResult.objects.exclude(state=PracticeResult.State.SPARED)
        .filter(campaign__state__in=[State.RUNNING, State.ENDED, State.STOPPED])
        .filter(due_at__gt=at - rules.REST)
        .values_list("member_id", flat=True)
    )
    counts = {"apart": 0, "newcomers": 0, "rested": 0}
    found = []
    for member in named:
        if member.user_id in apart:
            counts["apart"] += 1
        elif member.joined_at > at - rules.SETTLED_IN:
            counts["newcomers"] += 1
        elif member.pk in lately:
            counts["rested"] += 1
        else:
            found.append(member)
    return Chosen(members=tuple(found), **counts)


def speaks_for_somebody(lure: Lure) -> bool:
    """Say whether a lure names a customer, a member or the organization: by chance, since nobody in it exists."""
    issuer = issuers.get()
    names = [people.name_of(member.user) for member in people.members()]
    if issuer is not None:
        names.append(issuer.name)
    house = lure.house.casefold()
    # Whole names only: somebody called “A” would otherwise be in every sender.
    if any(
        name
        and (house in name.casefold() or re.search(rf"\b{re.escape(name)}\b", lure.sender, re.IGNORECASE))
        for name in names
    ):
        return True
    return bool(customers.matching(lure.house, limit=1))


@use_case
def plan(
    *,
    lure: str,
    roles: Collection[str],
    member_ids: Collection[UUID],
    opens_on: date,
    closes_on: date,
    announced: bool,
    agreement: str,
    actor: Actor,
    at: datetime,
) -> PracticeCampaign:
    """Plan practice, and ask a second person to release it.

    Raises:
        OnlyPeoplePlan, NotFound, NobodyChosen, BadWindow, NoWorkingHours, NotAnnounced, SpeaksForSomebody, TooFew.
        cardnumbers.CardNumberRefused
    """
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise OnlyPeoplePlan
    cardnumbers.refuse({"agreement": agreement})
    if not characters.are_kept(agreement):
        raise Refusal(characters.SENTENCE, field="agreement")
    wanted = LURES.get(lure)
    if wanted is None:
        raise NotFound
    known = set(people.roles().values_list("code", flat=True)) | {EVERYONE}
    here = set(people.members().values_list("pk", flat=True))
    if not (roles or member_ids):
        raise NobodyChosen(field="roles")
    if not (set(roles) <= known and set(member_ids) <= here):
        raise NotFound
    today = day(at)
    if not (
        today <= opens_on <= today + rules.LATEST_START
        and opens_on <= closes_on <= opens_on + rules.LONGEST_WINDOW
    ):
        raise BadWindow(field="opens_on")
    if not _hours(opens_on, closes_on, at):
        raise NoWorkingHours(field="closes_on")
    if not announced:
        raise NotAnnounced(field="announced")
    if speaks_for_somebody(wanted):
        raise SpeaksForSomebody(field="lure")
    if (
        len(chosen(roles=roles, member_ids=member_ids, apart=[actor.id], at=at).members)
        < rules.SMALLEST_GROUP
    ):
        raise TooFew(field="roles")
    made = PracticeCampaign(
        lure=wanted.code,
        roles=sorted(set(roles)),
        members=sorted(set(member_ids)),
        opens_on=opens_on,
        closes_on=closes_on,
        agreement=agreement or None,
        made_by=actor.id,
        made_at=at,
    )
    made.save(force_insert=True)
    audit.record(
        events.PRACTICE_PLANNED, actor=actor, subject=("practice", made.pk), facts={"lure": made.lure}
    )
    approvals.request(
        kind=KIND,
        payload={"campaign": str(made.pk)},
        actor=actor,
        at=at,
        subject=("practice", made.pk),
    )
    return made


def approved(
    *, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime
) -> PracticeCampaign:
    """Release practice, once a second person agreed: give everybody their moment.

    Raises:
        NotFound, NotWaiting, SpeaksForSomebody, TooFew, NoWorkingHours.
    """
    # One after the other: of two that are released at once, the second sees whom the first has chosen.
    list(PracticeCampaign.objects.select_for_update(no_key=True).filter(state=State.WAITING).order_by("pk"))
    campaign = locked(UUID(payload["campaign"]))
    if campaign.state != State.WAITING:
        raise NotWaiting
    # A customer may have come since it was planned.
    if speaks_for_somebody(LURES[campaign.lure]):
        raise SpeaksForSomebody
    spans = _hours(campaign.opens_on, campaign.closes_on, at)
    if not spans:
        raise NoWorkingHours
    found = chosen(
        roles=campaign.roles, member_ids=campaign.members, apart=[campaign.made_by, actor.id], at=at
    )
    if len(found.members) < rules.SMALLEST_GROUP:
        raise TooFew
    moments = rules.spread(secrets.token_bytes(16), [member.pk.hex for member in found.members], spans)
    campaign.state, campaign.released_at, campaign.approved_by = State.RUNNING, at, actor.id
    campaign.save(update_fields=["state", "released_at", "approved_by"])
    PracticeResult.objects.bulk_create(
        PracticeResult(campaign=campaign, member=member, role=member.role.code, due_at=moments[member.pk.hex])
        for member in found.members
    )
    audit.record(
        events.PRACTICE_RELEASED,
        actor=actor,
        subject=("practice", campaign.pk),
        facts={
            "people": len(found.members),
            "newcomers": found.newcomers,
            "rested": found.rested,
            "apart": found.apart,
        },
    )
    return campaign


def withdrawn(*, payload: dict[str, Any], request: ApprovalRequest, actor: Actor, at: datetime) -> None:
    """Drop practice that nobody released."""
    campaign = locked(UUID(payload["campaign"]))
    if campaign.state != State.WAITING:
        return
    campaign.state, campaign.ended_at = State.DROPPED, at
    campaign.save(update_fields=["state", "ended_at"])
    audit.record(events.PRACTICE_DROPPED, actor=actor, subject=("practice", campaign.pk))


def locked(campaign_id: UUID) -> PracticeCampaign:
    """Return a campaign, locked.

    Raises:
        NotFound
    """
    found: PracticeCampaign | None = (
        PracticeCampaign.objects.select_for_update(no_key=True).filter(pk=campaign_id).first()
    )
    if found is None:
        raise NotFound
    return found


def _hours(opens_on: date, closes_on: date, at: datetime) -> list[tuple[datetime, datetime]]:
    zone = ZoneInfo(issuers.time_zone())
    return rules.working_hours(opens_on=opens_on, closes_on=closes_on, zone=zone, after=at.astimezone(zone))


def day(at: datetime) -> date:
    """Return the day it is for the organization in scope."""
    return at.astimezone(ZoneInfo(issuers.time_zone())).date()
