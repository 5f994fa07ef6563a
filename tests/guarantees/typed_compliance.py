"""What people type into compliance: why a control is excepted, and what their evidence is."""

from datetime import timedelta

from compliance.auditors import services as auditors
from compliance.controls import exceptions
from compliance.evidence import services as evidence
from compliance.packs import making
from compliance.reviews import services as reviews
from compliance.reviews.models import AccessLine
from core import clock
from core.actor import Actor
from tests.make import accounts


def over_the_services(marker: str, actor: Actor) -> None:
    """Ask for an exception, bring evidence, invite an auditor, have a pack signed, and review access."""
    at = clock.now()
    exceptions.ask(
        code="keys.age",
        reason=f"{marker} reason",
        risk=f"{marker} risk",
        ends_on=at.date() + timedelta(days=9),
        actor=actor,
        at=at,
    )
    evidence.add(
        code="organization.penetration_test",
        title=f"{marker} title",
        note=f"{marker} note",
        name=f"{marker}.csv",
        content=b"day,hours\n1,8\n",
        valid_until=at.date() + timedelta(days=9),
        actor=actor,
        at=at,
    )
    auditors.invite(
        email=f"{marker}@auditor.example", wanted=["gdpr"], ends_at=at + timedelta(days=9), actor=actor, at=at
    )
    making.signer(at=at)
    review = reviews.begin(due_on=at.date() + timedelta(days=9), actor=actor, at=at)
    beside = accounts.actor(accounts.member("admin").user)
    for line in AccessLine.objects.filter(review=review):
        decision = reviews.Decision(line_id=line.pk, keep=True, reason=f"{marker} kept")
        by = beside if line.user_id == actor.id else actor
        reviews.decide(review_id=review.pk, decision=decision, actor=by, at=at)
    reviews.sign(review_id=review.pk, statement=f"{marker} statement", actor=actor, at=at)
