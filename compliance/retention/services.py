"""Placing and lifting legal holds, and removing what is too old, with a log of what went.

Promise kept: while a hold stands nothing of its customer, or of anybody where it stands for all, is removed or erased;
a rule that fails keeps no other from its turn, and says so in the log.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import User
from audit import services as audit
from billing.customers.models import Customer
from compliance import events
from compliance.personaldata import erasing
from compliance.personaldata import services as personaldata
from compliance.requests.words import sentence
from compliance.retention import rules
from compliance.retention.models import LegalHold, RetentionRun, Shredding
from compliance.retention.rules import Rule
from core.actor import Actor
from core.errors import Conflict, NotFound, Refusal
from tenancy import constraints, context
from tenancy.context import Scope, scope, use_case

_log = logging.getLogger("strongbox.compliance")
_MOST_ERASED = 200


class HeldAlready(Conflict):
    """A hold stands here already."""

    code = "held_already"


class HoldLifted(Conflict):
    """This hold was lifted before."""

    code = "hold_lifted"


@use_case
def place_hold(*, customer_id: UUID | None, reason: str, actor: Actor, at: datetime) -> LegalHold:
    """Keep everything of a customer, or of everybody.

    Raises:
        NotFound: there is no such customer.
        HeldAlready, Invalid.
    """
    text = sentence("reason", reason)
    if customer_id is not None and not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound("There is no such customer.", field="customer")
    row = LegalHold(customer_id=customer_id, reason=text, placed_by=actor.id, placed_at=at)
    with constraints.refusing(HeldAlready(), "compliance_legalhold_one"):
        row.save(force_insert=True)
    audit.record(
        events.HOLD_PLACED,
        actor=actor,
        subject=("customer", customer_id) if customer_id else None,
        facts={"hold": str(row.pk), "everybody": customer_id is None},
    )
    return row


@use_case
def lift_hold(*, hold_id: UUID, reason: str, actor: Actor, at: datetime) -> LegalHold:
    """Let retention and erasure go on again.

    Raises:
        NotFound, HoldLifted, Invalid.
    """
    text = sentence("reason", reason)
    row: LegalHold | None = LegalHold.objects.select_for_update(no_key=True).filter(pk=hold_id).first()
    if row is None:
        raise NotFound
    if row.lifted_at is not None:
        raise HoldLifted
    row.lifted_at, row.lifted_by, row.lifting_reason = at, actor.id, text
    row.save(update_fields=["lifted_at", "lifted_by", "lifting_reason"])
    audit.record(
        events.HOLD_LIFTED,
        actor=actor,
        subject=("customer", row.customer_id) if row.customer_id else None,
        facts={"hold": str(row.pk)},
    )
    return row


def due(rule: Rule, at: datetime) -> tuple[QuerySet[Any], QuerySet[Any]]:
    """Return what a rule would remove, and what a hold keeps it from removing."""
    found = rule.due(at)
    standing = LegalHold.objects.filter(lifted_at__isnull=True)
    if standing.filter(customer_id__isnull=True).exists():
        return found.none(), found
    if not rule.customer:
        return found, found.none()
    held = standing.values_list("customer_id", flat=True)
    keys = list(held)
    return found.exclude(**{f"{rule.customer}__in": keys}), found.filter(**{f"{rule.customer}__in": keys})


def run(*, tenant_id: UUID, actor: Actor, now: Callable[[], datetime]) -> UUID:
    """Remove what is too old in one organization, rule by rule, and log it; call it outside any scope."""
    started = now()
    done: list[Shredding] = []
    for rule in rules.RULES:
        removed = held = 0
        code = ""
        try:
            removed, held = _carry_out(rule, tenant_id, actor, started)
        except Exception as fault:
            code = fault.code if isinstance(fault, Refusal) else "failed"
            _log.exception("a retention rule could not be carried out")
        done.append(
            Shredding(
                tenant_id=tenant_id, rule=rule.code, cutoff=rule.cutoff(started), removed=removed, held=held,
                code=code[:48],
            )
        )  # fmt: skip
    with scope(Scope(tenant_id)):
        return _note(done, started, actor=actor, at=now())


@use_case
def _note(done: list[Shredding], started: datetime, *, actor: Actor, at: datetime) -> UUID:
    row = RetentionRun(
        started_at=started,
        finished_at=at,
        started_by=actor.on_behalf_of or actor.id,
        removed=sum(each.removed for each in done),
        held=sum(each.held for each in done),
        failed=sum(bool(each.code) for each in done),
    )
    row.save(force_insert=True)
    for each in done:
        each.run = row
    Shredding.objects.bulk_create(done)
    audit.record(
        events.RETENTION_RAN,
        actor=actor,
        facts={"removed": row.removed, "held": row.held, "failed": row.failed},
        result="failed" if row.failed else "success",
    )
    return row.pk


def _carry_out(rule: Rule, tenant_id: UUID, actor: Actor, at: datetime) -> tuple[int, int]:
    with scope(Scope(tenant_id)):
        going, staying = due(rule, at)
        held = staying.count()
        if rule.remove is not None:
            return (rule.remove(going, actor, at) if going.exists() else 0), held
        if rule.code == "accounts":
            people = rules.people_who_left(at) if not held else ()
        else:
            keys = list(going.order_by("pk").values_list("pk", flat=True)[:_MOST_ERASED])
    if rule.code == "accounts":
        return personaldata.forget_accounts(_still(people), actor=actor, at=at), held
    gone = 0
    for key in keys:
        with scope(Scope(tenant_id)):
            try:
                with context.attempt():
                    personaldata.erase_customer(customer_id=key, actor=actor, at=at)
                gone += 1
            except (erasing.ContractRuns, erasing.ErasedAlready, erasing.HeldByLaw):
                # Something runs after all: it is looked at again next time.
                held += 1
    return gone, held


def _still(user_ids: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """Leave out who was erased before."""
    with context.system_scope(reason="accounts belong to no organization"):
        there = User.objects.filter(pk__in=user_ids).exclude(state=User.State.ERASED)
        return tuple(there.order_by("pk").values_list("pk", flat=True))
