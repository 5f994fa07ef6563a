"""Two people agree before money, trust or secrets move.

Promise kept: whoever asks never decides, also not through a key they made; what is carried out is exactly
what was asked for, because the request holds it encrypted and nobody can edit it; it is carried out once, in
the transaction of the decision.

An app registers an executor for each kind of act it knows; this module knows none of them:

    approvals.register(approvals.Kind(code="refund_over_limit", execute=…,
    permission=Permission.APPROVAL_DECIDE))
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts import events, queries, rules
from accounts.models import ApiKey, ApprovalRequest
from accounts.permissions import Permission
from audit import services as audit
from core.actor import Actor, ActorKind, SignInMethod
from core.errors import Conflict, Forbidden, NotFound, StepUpRequired
from tenancy.context import use_case

Executor = Callable[..., object]


class DecidedAlready(Conflict):
    """Somebody has decided this already."""

    code = "decided_already"


class ApprovalExpired(Conflict):
    """Nobody decided this within seven days. It has to be asked for again."""

    code = "approval_expired"


class MayNotDecide(Forbidden):
    """Your role cannot decide this."""

    code = "may_not_decide"


class OnlyPeopleAsk(Forbidden):
    """Only a signed-in person, or a key that a person made, can ask for an approval."""

    code = "only_people_ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of act that can wait for a second person.

    `execute(payload=…, request=…, actor=…, at=…)` carries it out; `actor` is the approver acting on behalf of
    the requester. `permission` is what the approver must hold besides deciding. `withdrawn`, called with the same,
    takes back what was reserved for a request that is declined, withdrawn or expired.
    """

    code: str
    execute: Executor
    withdrawn: Executor | None = None
    permission: Permission = Permission.APPROVAL_DECIDE


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> Kind:
    """Make a kind of act known; call it in AppConfig.ready."""
    _kinds[kind.code] = kind
    return kind


@use_case
def request(
    *,
    kind: str,
    payload: Mapping[str, Any],
    actor: Actor,
    at: datetime,
    subject: tuple[str, UUID] | None = None,
    reason: str = "",
) -> ApprovalRequest:
    """Ask for a second person. `payload` is JSON; it is what will be carried out, word for word.

    Raises:
        OnlyPeopleAsk
    """
    asked = ApprovalRequest(
        kind=_kinds[kind].code,
        payload=dict(payload),
        subject_kind=subject[0] if subject else "",
        subject_id=subject[1] if subject else None,
        requested_by=_person_behind(actor),
        requested_key=actor.key_id,
        reason=reason or None,
        created_at=at,
        expires_at=at + rules.APPROVAL_LIFE,
    )
    asked.save(force_insert=True)
    audit.record(
        events.APPROVAL_REQUESTED, actor=actor, subject=("approval", asked.pk), facts={"kind": asked.kind}
    )
    return asked


@use_case
def approve(*, request_id: UUID, actor: Actor, at: datetime, note: str = "") -> ApprovalRequest:
    """Agree, and carry it out.

    Raises:
        NotFound, DecidedAlready, ApprovalExpired, MayNotDecide, StepUpRequired.
        rules.RequesterNeverApproves
    """
    asked = _lock_for_decision(request_id, actor=actor, at=at)
    _decide(asked, ApprovalRequest.State.APPROVED, actor=actor, at=at, note=note)
    audit.record(
        events.APPROVAL_APPROVED,
        actor=replace(actor, on_behalf_of=asked.requested_by),
        subject=("approval", asked.pk),
        facts={"kind": asked.kind},
    )
    _kinds[asked.kind].execute(
        payload=asked.payload, request=asked, actor=replace(actor, on_behalf_of=asked.requested_by), at=at
    )
    return asked


@use_case
def decline(*, request_id: UUID, actor: Actor, at: datetime, note: str = "") -> ApprovalRequest:
    """Say no; nothing is carried out.

    Raises:
        NotFound, DecidedAlready, ApprovalExpired, MayNotDecide, StepUpRequired.
        rules.RequesterNeverApproves
    """
    asked = _lock_for_decision(request_id, actor=actor, at=at)
    _decide(asked, ApprovalRequest.State.DECLINED, actor=actor, at=at, note=note)
    audit.record(
        events.APPROVAL_DECLINED, actor=actor, subject=("approval", asked.pk), facts={"kind": asked.kind}
    )
    _give_up(asked, actor=actor, at=at)
    return asked


@use_case
def withdraw(*, request_id: UUID, actor: Actor, at: datetime) -> ApprovalRequest:
    """Take back one's own request.

    Raises:
        NotFound: it is somebody else's, or there is none.
        DecidedAlready
    """
    asked = _lock(request_id)
    if asked.requested_by != _person_behind(actor):
        raise NotFound
    if asked.state != ApprovalRequest.State.PENDING:
        raise DecidedAlready
    _decide(asked, ApprovalRequest.State.WITHDRAWN, actor=actor, at=at, note="")
    audit.record(
        events.APPROVAL_WITHDRAWN, actor=actor, subject=("approval", asked.pk), facts={"kind": asked.kind}
    )
    _give_up(asked, actor=actor, at=at)
    return asked


@use_case
def expire(*, actor: Actor, at: datetime) -> int:
    """Close the requests of the organization in scope that nobody decided in time, and return how many."""
    late = ApprovalRequest.objects.select_for_update().filter(
        state=ApprovalRequest.State.PENDING, expires_at__lte=at
    )
    closed = 0
    for asked in late:
        asked.state = ApprovalRequest.State.EXPIRED
        asked.save(update_fields=["state"])
        audit.record(
            events.APPROVAL_EXPIRED, actor=actor, subject=("approval", asked.pk), facts={"kind": asked.kind}
        )
        _give_up(asked, actor=actor, at=at)
        closed += 1
    return closed


def _person_behind(actor: Actor) -> UUID:
    """Return the person who answers for an actor: themselves, or whoever made the key."""
    if actor.kind is ActorKind.USER and actor.id is not None:
        return actor.id
    if actor.kind is ActorKind.API_KEY and actor.key_id is not None:
        key = ApiKey.objects.select_related("created_by").filter(pk=actor.key_id).first()
        if key is not None:
            return UUID(str(key.created_by.user_id))
    raise OnlyPeopleAsk


def _lock(request_id: UUID) -> ApprovalRequest:
    found: ApprovalRequest | None = ApprovalRequest.objects.select_for_update().filter(pk=request_id).first()
    if found is None:
        raise NotFound
    return found


def _lock_for_decision(request_id: UUID, *, actor: Actor, at: datetime) -> ApprovalRequest:
    # The row is locked before anything is checked: of two who decide at once, one decides (ASVS 15.4.2).
    asked = _lock(request_id)
    if actor.kind is not ActorKind.USER or actor.id is None:
        raise MayNotDecide
    if asked.requested_by == actor.id:
        raise rules.RequesterNeverApproves
    if actor.method is not SignInMethod.SESSION_FRESH:
        raise StepUpRequired
    member = queries.member_acting(actor, at=at)
    if member is None:
        raise MayNotDecide
    held = queries.permissions_of(member, of_operator=queries.in_operator_organization())
    if not {Permission.APPROVAL_DECIDE, _kinds[asked.kind].permission} <= held:
        raise MayNotDecide
    if asked.state != ApprovalRequest.State.PENDING:
        raise DecidedAlready
    if at >= asked.expires_at:
        raise ApprovalExpired
    return asked


def _give_up(asked: ApprovalRequest, *, actor: Actor, at: datetime) -> None:
    kind = _kinds.get(asked.kind)
    if kind is not None and kind.withdrawn is not None:
        kind.withdrawn(payload=asked.payload, request=asked, actor=actor, at=at)


def _decide(
    asked: ApprovalRequest, state: ApprovalRequest.State, *, actor: Actor, at: datetime, note: str
) -> None:
    asked.state, asked.decided_by, asked.decided_at = state, _person_behind(actor), at
    asked.note = note or None
    asked.save(update_fields=["state", "decided_by", "decided_at", "note"])
