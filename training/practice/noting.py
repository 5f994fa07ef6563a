"""What people did with a practice mail: opened its link, typed on its page, reported it, read its lesson.

Promise kept: nothing typed is ever here, only that something was. A fetch is no person: programs read mail and follow
links; what counts is a sign of a hand on the page itself. Opening and typing are recorded without a name, whoever is
signed in: the trail is read by more people than may know who fell for it. For the same reason what names a person
there names the campaign, and never the mail that somebody opened.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts import tokens
from accounts.refusals import Recorded
from audit import services as audit
from core.actor import Actor, ActorKind, Via
from core.errors import Conflict, Forbidden
from tenancy import context
from tenancy.context import use_case
from training import events
from training.models import PracticeCampaign, PracticeResult
from training.practice import rules
from training.practice.library import LURES
from training.practice.lures import Lure

_LINK = re.compile(r"(?<![0-9a-z])[0-9a-z]{58}(?![0-9a-z])")
_MOST_LINKS = 5
State, Step = PracticeCampaign.State, PracticeResult.State
_EVENTS = {Step.CLICKED: events.PRACTICE_CLICKED, Step.TYPED: events.PRACTICE_TYPED}


class Unnoted(Recorded):
    """Nothing of this was taken."""

    event = events.PRACTICE_REFUSED


class LinkUnknown(Unnoted):
    """There is nothing here. Copy the address whole from the message."""

    code = "practice_link_unknown"
    status = 404


class ValuesRefused(Unnoted):
    """This page takes no values. Nothing of what was sent was kept."""

    code = "values_refused"


class NotTheirs(Conflict):
    """Whoever reported this was sent no practice mail that is still counted."""

    code = "no_practice_mail"


class OwnAppeal(Forbidden):
    """Somebody else decides whether your own report was of a practice mail."""

    code = "own_appeal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A practice mail behind its link. `counts` while its campaign runs."""

    result: PracticeResult
    lure: Lure
    counts: bool


def _nameless() -> Actor:
    return Actor.system("practice", Via.WEB)


def read(raw: str, *, lock: bool = False) -> Opened:
    """Return what a link leads to, in the scope of the organization it names.

    Raises:
        LinkUnknown
    """
    rows = PracticeResult.objects.select_related("campaign", "member")
    if lock:
        rows = rows.select_for_update(of=("self",))
    row: PracticeResult | None = rows.filter(token_hash=tokens.digest("practice", raw)).first()
    if row is None or row.state == Step.SPARED:
        raise LinkUnknown(tenant_id=context.current_tenant())
    return Opened(result=row, lure=LURES[row.campaign.lure], counts=row.campaign.state == State.RUNNING)


@use_case
def fetched(*, raw: str, at: datetime) -> Opened:
    """Note that the link was fetched: by whom, nobody can tell yet.

    Raises:
        LinkUnknown
    """
    found = read(raw, lock=True)
    if found.counts and found.result.state == Step.SENT:
        found.result.robots += 1
        found.result.save(update_fields=["robots"])
    audit.record(events.PRACTICE_FETCHED, actor=_nameless(), subject=("practice_result", found.result.pk))
    return found


@use_case
def opened(*, raw: str) -> Opened:
    """Return what a link's lesson is about.

    Raises:
        LinkUnknown
    """
    found = read(raw)
    audit.record(events.PRACTICE_FETCHED, actor=_nameless(), subject=("practice_result", found.result.pk))
    return found


@use_case
def noted(*, raw: str, typed: bool, agent: str, person_id: UUID | None, at: datetime) -> Opened:
    """Note a sign of a hand: on the page, or in its fields. `person_id` is whoever is signed in.

    Nothing is noted of a program, of somebody else's hand (a mail that was passed on), nor after the end.

    Raises:
        LinkUnknown
    """
    found = read(raw, lock=True)
    row, to = found.result, Step.TYPED if typed else Step.CLICKED
    if not found.counts or row.sent_at is None or person_id not in (None, row.member.user_id):
        return found
    if not rules.is_forward(row.state, to) or rules.is_program(agent=agent, since_sent=at - row.sent_at):
        return found
    if row.clicked_at is None:
        # The fetch that came before was theirs.
        row.clicked_at, row.robots = at, max(row.robots - 1, 0)
    if typed:
        row.typed_at = at
    row.state = to
    row.save(update_fields=["state", "clicked_at", "typed_at", "robots"])
    audit.record(_EVENTS[to], actor=_nameless(), subject=("practice_result", row.pk))
    return found


@use_case
def learned(*, result_id: UUID, at: datetime) -> None:
    """Note, once, that the lesson was read."""
    row = PracticeResult.objects.select_for_update(of=("self",)).get(pk=result_id)
    if row.learned_at is None:
        row.learned_at = at
        row.save(update_fields=["learned_at"])
        audit.record(events.PRACTICE_LEARNED, actor=_nameless(), subject=("practice", row.campaign_id))


@use_case
def recognised(*, text: str, actor: Actor, at: datetime) -> PracticeResult | None:
    """Note that somebody reported their own practice mail, known by its link; None when it is no practice mail.

    Only the link proves it: whoever copies our words into a real attack must not have it taken for practice.
    """
    if actor.kind is not ActorKind.USER:
        return None
    links = _LINK.findall(text)[:_MOST_LINKS]
    mine = PracticeResult.objects.select_for_update(of=("self",)).select_related("campaign")
    row: PracticeResult | None = mine.filter(
        token_hash__in=[tokens.digest("practice", raw) for raw in links],
        member__user_id=actor.id,
        state__in=[Step.SENT, Step.CLICKED, Step.TYPED],
    ).first()
    if row is not None and row.campaign.state == State.RUNNING and row.reported_at is None:
        row.reported_at = at
        row.save(update_fields=["reported_at"])
        audit.record(events.PRACTICE_REPORTED, actor=actor, subject=("practice", row.campaign_id))
    return row


def waiting_for(user_id: UUID, *, at: datetime) -> PracticeResult | None:
    """Return the practice mail that somebody has been sent and not reported, as long as a report of it counts.

    One that runs comes first; then one that has ended, for whoever reported it by another way and says so later.
    """
    rows = PracticeResult.objects.select_related("campaign").filter(
        member__user_id=user_id,
        state__in=[Step.SENT, Step.CLICKED, Step.TYPED],
        reported_at__isnull=True,
    )
    row: PracticeResult | None = (
        rows.filter(campaign__state=State.RUNNING).order_by("-sent_at").first()
        or rows.filter(
            campaign__state__in=[State.ENDED, State.STOPPED],
            campaign__ended_at__gte=at - rules.APPEALED_FOR,
        )
        .order_by("-sent_at")
        .first()
    )
    return row


@use_case
def credited(*, user_id: UUID, reported_at: datetime, actor: Actor, at: datetime) -> PracticeResult:
    """Note that what somebody reported was their practice mail, as whoever looked at it found.

    After the end of the practice it is an appeal: its numbers stay as they were, with a counter-entry beside them.

    Raises:
        NotTheirs
        OwnAppeal: whoever reported it decides about it.
    """
    if user_id in (actor.id, actor.on_behalf_of):
        raise OwnAppeal(field="practice")
    found = waiting_for(user_id, at=at)
    if found is None or found.sent_at is None or found.sent_at > reported_at:
        raise NotTheirs(field="practice")
    campaign = PracticeCampaign.objects.select_for_update(of=("self",)).get(pk=found.campaign_id)
    row: PracticeResult = PracticeResult.objects.select_for_update(of=("self",)).get(pk=found.pk)
    row.reported_at = reported_at
    row.save(update_fields=["reported_at"])
    after = campaign.totals is not None
    if after:
        campaign.totals = {**campaign.totals, "appealed": campaign.totals.get("appealed", 0) + 1}
        campaign.save(update_fields=["totals"])
    audit.record(
        events.PRACTICE_CREDITED,
        actor=actor,
        subject=("practice", row.campaign_id),
        facts={"appeal": after},
    )
    return row
