"""Inviting an auditor for some frameworks and some time.

Promise kept: an auditor's membership ends by itself, at the next request after its moment; they read and change
nothing; of the frameworks they see those they came for.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from accounts import queries as people
from accounts.models import Invitation, Membership
from accounts.models.people import normalize_email
from accounts.permissions import RoleCode
from accounts.services import members
from accounts.services.members import Invited
from audit import services as audit
from compliance import events, frameworks
from compliance.auditors.models import LONGEST_VISIT, AuditorVisit
from core import cardnumbers, characters, ids
from core.actor import Actor, ActorKind
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from crypto import blindindex
from tenancy.context import use_case


class OnlyPeopleInvite(Forbidden):
    """Only a signed-in person can invite an auditor."""

    code = "only_people_invite"


class VisitOver(Conflict):
    """This visit has ended already."""

    code = "visit_over"


@use_case
def invite(
    *, email: str, wanted: Sequence[str], ends_at: datetime, actor: Actor, at: datetime
) -> tuple[AuditorVisit, Invited]:
    """Invite somebody as auditor, by mail, until a moment.

    Raises:
        Invalid: no framework, an unknown one, or an end that is not within 90 days.
        OnlyPeopleInvite, MemberAlready, OnlyMembers; whatever inviting a member refuses.
    """
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise OnlyPeopleInvite
    errors = []
    if not wanted or any(frameworks.of(code) is None for code in wanted):
        errors.append(FieldError("/frameworks", "required", "Choose what the auditor comes for."))
    if not at < ends_at <= at + LONGEST_VISIT:
        errors.append(FieldError("/ends_on", "out_of_range", "A visit ends after today and within 90 days."))
    if errors:
        raise Invalid(errors)
    cardnumbers.refuse({"email": email})
    characters.refuse({"email": email})
    invited = members.invite(
        email=email, role=people.role(RoleCode.AUDITOR), actor=actor, at=at, membership_expires_at=ends_at
    )
    row = AuditorVisit(
        id=ids.uuid7(),
        email=normalize_email(email),
        frameworks=sorted(set(wanted)),
        invited_by=actor.id,
        created_at=at,
        ends_at=ends_at,
    )
    row.save(force_insert=True)
    audit.record(
        events.AUDITOR_INVITED,
        actor=actor,
        subject=("auditor_visit", row.pk),
        facts={"frameworks": len(row.frameworks), "until": ends_at.date().isoformat()},
    )
    return row, invited


@use_case
def end(*, visit_id: UUID, actor: Actor, at: datetime) -> AuditorVisit:
    """End a visit now: the membership ends with it, on the auditor's next request.

    Raises:
        NotFound, VisitOver.
    """
    row: AuditorVisit | None = AuditorVisit.objects.select_for_update().filter(pk=visit_id).first()
    if row is None:
        raise NotFound
    if row.ended_at is not None or row.ends_at <= at:
        raise VisitOver
    row.ended_by, row.ended_at = actor.id, at
    row.save(update_fields=["ended_by", "ended_at"])
    for invitation in people.open_invitations(at=at).filter(
        email_index=blindindex.lookup(Invitation, "email_index", row.email), role__code=RoleCode.AUDITOR
    ):
        members.withdraw_invitation(invitation_id=invitation.pk, actor=actor, at=at)
    person = people.find_user(row.email)
    member = (
        # A suspended one too: let back in later, they must not outlive what was agreed.
        Membership.objects.filter(user=person, role__code=RoleCode.AUDITOR, expires_at__isnull=False)
        .exclude(state=Membership.State.REMOVED)
        .first()
        if person is not None
        else None
    )
    if member is not None:
        members.end_at(member_id=member.pk, moment=at, actor=actor, at=at)
    audit.record(events.AUDITOR_ENDED, actor=actor, subject=("auditor_visit", row.pk))
    return row


def visible_frameworks(*, actor: Actor, at: datetime) -> frozenset[str] | None:
    """Return the frameworks that whoever acts came for; None for members who see all of them."""
    member = people.member_acting(actor, at=at)
    if member is None or member.role.code != RoleCode.AUDITOR or member.expires_at is None:
        return None
    address = member.user.email
    if not address:
        return frozenset()
    visits = list(
        AuditorVisit.objects.filter(email_index=blindindex.lookup(AuditorVisit, "email_index", address))
    )
    if not visits:
        # One who was invited on the members' page came for no framework in particular.
        return None
    open_ones = [visit for visit in visits if visit.ended_at is None and visit.ends_at > at]
    return frozenset(code for visit in open_ones for code in visit.frameworks)
