"""Practice while it runs: each mail at its moment, held back while a real attack goes on, ended by its day or by hand.

Promise kept: stopping ends all of it in one transaction, mails that wait in the outbox included; whoever has left or
is suspended by the time their mail is due gets none.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from accounts import tokens
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict
from outbound import mail
from outbound.models import OutboxMessage
from tenancy import context
from tenancy.context import Scope, scope, use_case
from training import catalog, events
from training.models import PracticeCampaign, PracticeResult, SuspiciousMessage
from training.practice import planning, rules
from training.practice.library import LURES
from training.practice.rules import Seen, Totals

_MOST = 200
State, Step = PracticeCampaign.State, PracticeResult.State


class NotRunning(Conflict):
    """This practice does not run any more."""

    code = "not_running"


def turn(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> int:
    """Send what is due in one organization, and end what is over; return how many mails went out."""
    at = now()
    with scope(Scope(tenant_id)):
        due = [] if is_held(at) else list(_due(at).values_list("pk", flat=True)[:_MOST])
    sent = 0
    for result_id in due:
        with scope(Scope(tenant_id)):
            sent += send(result_id=result_id, actor=actor, at=now())
    with scope(Scope(tenant_id)):
        end_old(actor=actor, at=at)
    return sent


def is_held(at: datetime) -> bool:
    """Say whether a real attack goes on: one was found lately, or a report with hurry waits to be looked at."""
    found = Q(state=SuspiciousMessage.State.ATTACK, handled_at__gt=at - rules.HOLD)
    hurry = Q(
        state=SuspiciousMessage.State.NEW,
        done__in=[
            SuspiciousMessage.Done.ANSWERED, SuspiciousMessage.Done.ENTERED, SuspiciousMessage.Done.PAID
        ],
    )  # fmt: skip
    return SuspiciousMessage.objects.filter(found | hurry).exists()


def _due(at: datetime) -> QuerySet[PracticeResult]:
    return PracticeResult.objects.filter(
        state=Step.QUEUED, due_at__lte=at, campaign__state=State.RUNNING
    ).order_by("due_at", "id")


@use_case
def send(*, result_id: UUID, actor: Actor, at: datetime) -> bool:
    """Send one practice mail, unless it was stopped or its person is not at work; say whether it went."""
    named = PracticeResult.objects.filter(pk=result_id).values_list("campaign_id", flat=True).first()
    if named is None:
        return False
    # The campaign first, as stopping does: what is stopped sends nothing more.
    campaign = planning.locked(named)
    row: PracticeResult | None = (
        PracticeResult.objects.select_for_update(of=("self",)).filter(pk=result_id, state=Step.QUEUED).first()
    )
    if row is None or campaign.state != State.RUNNING:
        return False
    member = catalog.at_work(planning.day(at)).filter(pk=row.member_id).first()
    if member is None or not member.user.email:
        _spare([row], why="not_at_work", actor=actor)
        return False
    lure, raw = LURES[campaign.lure], tokens.mint_link(tenant=context.current_tenant())
    row.message = mail.send(
        template="practice",
        to=member.user.email,
        context={"subject": lure.plain_subject, "text": lure.plain_text(address(raw))},
        sender_name=lure.sender,
    )
    row.state, row.sent_at, row.token_hash = Step.SENT, at, tokens.digest("practice", raw)
    row.save(update_fields=["message", "state", "sent_at", "token_hash"])
    audit.record(events.PRACTICE_SENT, actor=actor, subject=("practice_result", row.pk))
    return True


def address(raw: str) -> str:
    """Return the address behind a practice mail's link."""
    return f"{settings.PUBLIC_URL}/doc/{raw}"


def _spare(rows: list[PracticeResult], *, why: str, actor: Actor) -> None:
    for row in rows:
        row.state = Step.SPARED
        row.save(update_fields=["state"])
        audit.record(
            events.PRACTICE_SPARED, actor=actor, subject=("practice_result", row.pk), facts={"why": why}
        )


@use_case
def stop(*, campaign_id: UUID, actor: Actor, at: datetime) -> PracticeCampaign:
    """End practice at once: nothing more is sent, also not what waits in the outbox, and nothing more is counted.

    Raises:
        NotFound, NotRunning.
    """
    campaign = planning.locked(campaign_id)
    if campaign.state != State.RUNNING:
        raise NotRunning
    sent = PracticeResult.objects.filter(campaign=campaign, state=Step.SENT).exclude(message=None)
    taken = mail.take_back(message_ids=list(sent.values_list("message", flat=True)))
    _spare(list(sent.filter(message__in=taken).select_for_update(of=("self",))), why="stopped", actor=actor)
    _end(campaign, State.STOPPED, actor=actor, at=at)
    audit.record(
        events.PRACTICE_STOPPED,
        actor=actor,
        subject=("practice", campaign.pk),
        facts={"taken_back": len(taken)},
    )
    return campaign


@use_case
def end_old(*, actor: Actor, at: datetime) -> int:
    """End what is over: a week after the last day of its window nothing is counted any more; return how many."""
    over = PracticeCampaign.objects.filter(
        state=State.RUNNING, closes_on__lt=planning.day(at) - rules.COUNTED_FOR
    )
    ended = 0
    for key in list(over.values_list("pk", flat=True)):
        campaign = planning.locked(key)
        if campaign.state == State.RUNNING:
            _end(campaign, State.ENDED, actor=actor, at=at)
            audit.record(events.PRACTICE_ENDED, actor=actor, subject=("practice", campaign.pk))
            ended += 1
    return ended


def _end(campaign: PracticeCampaign, state: str, *, actor: Actor, at: datetime) -> None:
    left = PracticeResult.objects.select_for_update(of=("self",)).filter(campaign=campaign, state=Step.QUEUED)
    _spare(list(left), why="over", actor=actor)
    campaign.totals = asdict(count(campaign))
    campaign.state, campaign.ended_at, campaign.ended_by = state, at, actor.id
    campaign.save(update_fields=["totals", "state", "ended_at", "ended_by"])


def count(campaign: PracticeCampaign) -> Totals:
    """Count what has come of a campaign so far."""
    rows = list(PracticeResult.objects.filter(campaign=campaign).exclude(state=Step.SPARED))
    failed = set(
        OutboxMessage.objects.filter(
            pk__in=[row.message for row in rows if row.message], state=OutboxMessage.State.FAILED
        ).values_list("pk", flat=True)
    )
    return rules.totals([seen(row, undelivered=row.message in failed) for row in rows])


def seen(row: PracticeResult, *, undelivered: bool = False) -> Seen:
    """Return what the numbers are made of."""
    return Seen(
        role=row.role,
        stage=row.state,
        sent_at=row.sent_at,
        reported_at=row.reported_at,
        robots=row.robots,
        undelivered=undelivered,
    )


def read_totals(kept: dict[str, Any]) -> Totals:
    """Read the numbers of a campaign that has ended."""
    teams = tuple(rules.Team(**{**team, "roles": tuple(team["roles"])}) for team in kept["teams"])
    return Totals(**{**kept, "teams": teams})
