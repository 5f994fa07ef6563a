"""Suspicious messages: reported by anybody within a minute, decided about by whoever looks after training.

Promise kept: what somebody had done before they reported is kept for the help it calls for; nothing counts it.
"""

from datetime import datetime
from uuid import UUID

from audit import services as audit
from core import cardnumbers, characters
from core.actor import Actor, ActorKind
from core.errors import Conflict, Forbidden, NotFound, Refusal
from tenancy.context import use_case
from training import events
from training.models import SuspiciousMessage
from training.practice import noting

Done, State = SuspiciousMessage.Done, SuspiciousMessage.State
URGENT = frozenset({Done.ANSWERED.value, Done.ENTERED.value, Done.PAID.value})


class OnlyPeopleReport(Forbidden):
    """Only a signed-in person reports a message."""

    code = "only_people_report"


class DecidedAlready(Conflict):
    """Somebody has decided about this message already."""

    code = "decided_already"


class PracticeIsHarmless(Refusal):
    """A practice mail of ours is harmless."""

    code = "practice_is_harmless"


def _keepable(**texts: str) -> None:
    cardnumbers.refuse(texts)
    for name, text in texts.items():
        if not characters.are_kept(text):
            raise Refusal(characters.SENTENCE, field=name)


@use_case
def report(*, kind: str, done: str, sender: str, text: str, actor: Actor, at: datetime) -> SuspiciousMessage:
    """Keep a message that somebody found suspicious.

    Raises:
        OnlyPeopleReport
        cardnumbers.CardNumberRefused
    """
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise OnlyPeopleReport
    _keepable(sender=sender, text=text)
    made = SuspiciousMessage(
        kind=SuspiciousMessage.Kind(kind),
        done=Done(done),
        sender=sender or None,
        text=text,
        reported_by=actor.id,
        reported_at=at,
    )
    made.save(force_insert=True)
    audit.record(
        events.MESSAGE_REPORTED,
        actor=actor,
        subject=("message_report", made.pk),
        facts={"kind": made.kind, "done": made.done, "urgent": made.done in URGENT},
    )
    return made


@use_case
def decide(
    *, message_id: UUID, verdict: str, note: str, actor: Actor, at: datetime, practice: bool = False
) -> SuspiciousMessage:
    """Say what a message is, once. `practice`: it was a practice mail of ours, and whoever reported it saw through it.

    Raises:
        NotFound, DecidedAlready, PracticeIsHarmless.
        noting.NotTheirs, noting.OwnAppeal
        cardnumbers.CardNumberRefused
    """
    _keepable(note=note)
    found: SuspiciousMessage | None = (
        SuspiciousMessage.objects.select_for_update().filter(pk=message_id).first()
    )
    if found is None:
        raise NotFound
    if found.state != State.NEW:
        raise DecidedAlready
    if practice:
        if verdict != State.HARMLESS:
            raise PracticeIsHarmless(field="practice")
        noting.credited(user_id=found.reported_by, reported_at=found.reported_at, actor=actor, at=at)
    found.state, found.note = State(verdict), note or None
    found.handled_by, found.handled_at = actor.id, at
    found.save(update_fields=["state", "note", "handled_by", "handled_at"])
    audit.record(
        events.MESSAGE_HANDLED,
        actor=actor,
        subject=("message_report", found.pk),
        facts={"verdict": found.state, "practice": practice},
    )
    return found
