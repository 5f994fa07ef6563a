"""Beginning a review of access, deciding line by line, and signing it.

Promise kept: what is withdrawn ends in the same transaction as the decision; nobody decides about their own access
while somebody else can; what was signed is changed by nobody, and a change would be seen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from accounts import queries as people
from accounts.models import Membership
from accounts.permissions import Permission
from accounts.refusals import Recorded
from accounts.services import apikeys, members, roles
from audit import services as audit
from billing.customers import services as customers
from billing.customers.models import CustomerGrant
from compliance import events
from compliance.packs import making
from compliance.reviews import gathering, record, rules
from compliance.reviews.models import AccessLine, AccessReview
from core import cardnumbers, characters, ids, primitives
from core.actor import Actor, ActorKind
from core.errors import Conflict, FieldError, Invalid, NotFound
from tenancy import context
from tenancy.context import use_case

REASON_LENGTH, STATEMENT_LENGTH = 300, 1_000
# What withdrawing takes beside the right to review: each kind is ended by whoever may end it elsewhere.
RIGHTS: Mapping[str, Permission] = {
    AccessLine.Kind.MEMBER: Permission.MEMBER_MANAGE,
    AccessLine.Kind.KEY: Permission.APIKEY_MANAGE,
    AccessLine.Kind.GRANT: Permission.CUSTOMER_GRANT,
    AccessLine.Kind.ROLE: Permission.ROLE_MANAGE,
}


class ReviewIsOpen(Conflict):
    """A review of access is open already. Finish it first."""

    code = "review_is_open"


class ReviewIsSigned(Conflict):
    """This review is signed; nothing in it changes any more."""

    code = "review_is_signed"


class ReviewUnfinished(Conflict):
    """Some lines have not been decided yet."""

    code = "review_unfinished"


class AlreadyWithdrawn(Conflict):
    """This was withdrawn, or has ended; that cannot be taken back here."""

    code = "already_withdrawn"


class NobodyReviewsThemselves(Recorded):
    """Your own access is decided by somebody else who may manage members."""

    code = "nobody_reviews_themselves"
    status = 403
    event = events.REVIEW_REFUSED


class NotYoursToWithdraw(Recorded):
    """Your role cannot end this kind of access. Let somebody decide who can."""

    code = "not_yours_to_withdraw"
    status = 403
    event = events.REVIEW_REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about one line."""

    line_id: UUID
    keep: bool
    reason: str = ""


@use_case
def begin(*, due_on: date, actor: Actor, at: datetime) -> AccessReview:
    """Begin a review: note everything that lets somebody in, as it is now.

    Raises:
        Invalid: the day is not within three months.
        ReviewIsOpen, members.OnlyMembers.
    """
    reviewer = _person(actor, at)
    if not at.date() < due_on <= (at + rules.LONGEST).date():
        raise Invalid([FieldError("/due_on", "out_of_range", "Choose a day after today and within 92 days.")])
    if AccessReview.objects.filter(signed_at__isnull=True).exists():
        raise ReviewIsOpen
    row = AccessReview(id=ids.uuid7(), begun_by=reviewer.user_id, begun_at=at, due_on=due_on)
    row.save(force_insert=True)
    found = AccessLine.objects.bulk_create(gathering.lines(row, at=at))
    audit.record(
        events.REVIEW_BEGUN,
        actor=actor,
        subject=("access_review", row.pk),
        facts={"lines": len(found), "due_on": due_on.isoformat()},
    )
    return row


@use_case
def decide(*, review_id: UUID, decision: Decision, actor: Actor, at: datetime) -> AccessLine:
    """Keep one line or withdraw it. What is withdrawn ends now; what had ended already is noted as gone.

    Raises:
        NotFound, ReviewIsSigned, AlreadyWithdrawn, NobodyReviewsThemselves, NotYoursToWithdraw.
        Invalid: a withdrawal without a reason, or one that is too long.
        Whatever ending that member, key, grant or role refuses.
    """
    reviewer = _person(actor, at)
    review = _open(review_id)
    line: AccessLine | None = (
        AccessLine.objects.select_for_update().filter(review=review, pk=decision.line_id).first()
    )
    if line is None:
        raise NotFound
    reason = decision.reason.strip()
    if len(reason) > REASON_LENGTH or (not decision.keep and not reason):
        raise Invalid(
            [
                FieldError(
                    "/reason", "required", f"Say why it is withdrawn, in up to {REASON_LENGTH} characters."
                )
            ]
        )
    cardnumbers.refuse({"reason": reason})
    characters.refuse({"reason": reason})
    if line.decision in (AccessLine.Decision.WITHDRAW, AccessLine.Decision.GONE):
        raise AlreadyWithdrawn
    if line.user_id == reviewer.user_id and others_can(reviewer.user_id, at=at):
        raise NobodyReviewsThemselves(
            subject=("access_line", line.pk), tenant_id=context.current_tenant(), event_facts={"why": "own"}
        )
    if gathering.gone(line, at=at):
        line.decision = AccessLine.Decision.GONE
    elif decision.keep:
        line.decision = AccessLine.Decision.KEEP
    else:
        if RIGHTS[line.kind] not in reviewer.permissions(of_operator=people.in_operator_organization()):
            raise NotYoursToWithdraw(
                subject=("access_line", line.pk),
                tenant_id=context.current_tenant(),
                event_facts={"why": line.kind},
            )
        _ENDINGS[line.kind](line, actor, at)
        line.decision = AccessLine.Decision.WITHDRAW
    line.reason, line.decided_by, line.decided_at = reason or None, reviewer.user_id, at
    line.save(update_fields=["decision", "reason", "decided_by", "decided_at"])
    audit.record(
        events.REVIEW_DECIDED,
        actor=actor,
        subject=("access_line", line.pk),
        facts={"decision": line.decision, "kind": line.kind, "object": str(line.object_id)},
    )
    return line


@use_case
def sign(*, review_id: UUID, statement: str, actor: Actor, at: datetime) -> AccessReview:
    """Sign a review whose every line is decided: from here on the database lets nothing of it change.

    Raises:
        NotFound, ReviewIsSigned, ReviewUnfinished, Invalid.
    """
    reviewer = _person(actor, at)
    row = _open(review_id)
    said = statement.strip()
    if len(said) > STATEMENT_LENGTH:
        raise Invalid(
            [FieldError("/statement", "too_long", f"This may have {STATEMENT_LENGTH:,} characters.")]
        )
    cardnumbers.refuse({"statement": said})
    characters.refuse({"statement": said})
    _note_gone(row, reviewer, at)
    decided = list(AccessLine.objects.filter(review=row).values_list("decision", flat=True))
    if AccessLine.Decision.NONE in decided:
        raise ReviewUnfinished
    counts = {kind: decided.count(kind) for kind in ("keep", "withdraw", "gone")}
    row.kept, row.withdrawn, row.gone = counts["keep"], counts["withdraw"], counts["gone"]
    row.statement, row.signed_by, row.signed_at = said or None, reviewer.user_id, at
    pair = making.signer(at=at)
    row.digest = record.digest(row)
    row.signature = primitives.ed25519_sign(pair.private, record.DOMAIN + row.digest)
    row.public_key = pair.public
    row.save()
    audit.record(
        events.REVIEW_SIGNED,
        actor=actor,
        subject=("access_review", row.pk),
        facts={"kept": row.kept, "withdrawn": row.withdrawn},
    )
    return row


def _note_gone(row: AccessReview, reviewer: Membership, at: datetime) -> None:
    for line in AccessLine.objects.select_for_update().filter(review=row, decision=""):
        if gathering.gone(line, at=at):
            line.decision, line.decided_by, line.decided_at = "gone", reviewer.user_id, at
            line.save(update_fields=["decision", "decided_by", "decided_at"])


def _end_member(line: AccessLine, actor: Actor, at: datetime) -> None:
    members.remove(member_id=line.object_id, actor=actor, at=at)


def _end_key(line: AccessLine, actor: Actor, at: datetime) -> None:
    apikeys.revoke(key_id=line.object_id, actor=actor, at=at)


def _end_grant(line: AccessLine, actor: Actor, at: datetime) -> None:
    grant = CustomerGrant.objects.get(pk=line.object_id)
    holder = Membership.objects.exclude(state=Membership.State.REMOVED).get(user_id=grant.user_id)
    customers.close_to(customer_id=grant.content_object_id, member_id=holder.pk, actor=actor)


def _end_role(line: AccessLine, actor: Actor, at: datetime) -> None:
    roles.remove(role_id=line.object_id, actor=actor, at=at)


_ENDINGS: Mapping[str, Callable[[AccessLine, Actor, datetime], None]] = {
    AccessLine.Kind.MEMBER: _end_member,
    AccessLine.Kind.KEY: _end_key,
    AccessLine.Kind.GRANT: _end_grant,
    AccessLine.Kind.ROLE: _end_role,
}


def others_can(user_id: UUID | None, *, at: datetime) -> bool:
    """Say whether somebody beside this person may review access: then nobody decides about themselves."""
    of_operator = people.in_operator_organization()
    return any(
        Permission.MEMBER_MANAGE in each.permissions(of_operator=of_operator)
        for each in people.members().filter(state=Membership.State.ACTIVE)
        if each.user_id != user_id and (each.expires_at is None or each.expires_at > at)
    )


def _person(actor: Actor, at: datetime) -> Membership:
    member = people.member_acting(actor, at=at)
    if actor.kind is not ActorKind.USER or member is None:
        raise members.OnlyMembers
    return member


def _open(review_id: UUID) -> AccessReview:
    row: AccessReview | None = AccessReview.objects.select_for_update().filter(pk=review_id).first()
    if row is None:
        raise NotFound
    if row.signed_at is not None:
        raise ReviewIsSigned
    return row
