"""What the operator does with organizations: found one, seal or suspend one, and let it work again.

Promise kept: the operator gets into none of them by it. Its first owner alone receives the link; who had it sealed or
suspended, and for which kind of reason, stands in the operator's trail before it happens, and in the organization's own
when it has.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from kombu.exceptions import OperationalError

from accounts import events, notices
from accounts.services import organizations
from audit import services as audit
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound, Unavailable
from crypto import services as crypto
from tenancy.context import Scope, scope, use_case
from tenancy.models import Tenant
from tenancy.suspension import REASONS


class StateIsSo(Conflict):
    """The organization is in that state already."""

    code = "state_is_so"


class NotSealable(Conflict):
    """The operator's own organization and one that is closing cannot be sealed from here."""

    code = "not_sealable"


class NotSuspendable(Conflict):
    """The operator's own organization and one that is closing cannot be suspended."""

    code = "not_suspendable"


class NotHandedOver(Unavailable):
    """The queue is away, so nothing was sealed or unsealed. Try again, or use the command organization_seal."""

    code = "not_handed_over"


@use_case
def ask_to_found(*, slug: str, actor: Actor) -> None:
    """Note that an organization is to be founded, once its name can be taken.

    Raises:
        organizations.NotASlug, organizations.SlugTaken.
    """
    organizations.check_slug(slug)
    if Tenant.objects.filter(slug=slug).exists():
        raise organizations.SlugTaken(field="slug")
    audit.record(events.FOUNDING_ASKED, actor=actor, facts={"slug": slug})


def found(*, slug: str, name: str, owner_email: str, mode: str, actor: Actor, at: datetime) -> Tenant:
    """Found an organization and mail its first owner the link; call it outside any scope.

    Raises:
        organizations.NotASlug, organizations.SlugTaken.
    """
    made = organizations.create(slug=slug, name=name, owner_email=owner_email, actor=actor, at=at, mode=mode)
    with scope(Scope(made.tenant.pk)):
        notices.invite(email=owner_email, url=made.url)
    return made.tenant


@use_case
def ask_to_turn(*, tenant_id: UUID, sealed: bool, why: str, actor: Actor) -> Tenant:
    """Note that an organization is to be sealed or unsealed, for a kind of reason; `hand_over` has it done.

    Raises:
        NotFound, StateIsSo, NotSealable.
        Invalid: the reason is none of those there are.
    """
    row = _known(tenant_id, why)
    if row.kind == Tenant.Kind.OPERATOR or row.state == Tenant.State.CLOSING:
        raise NotSealable
    if (row.state == Tenant.State.SEALED) == sealed:
        raise StateIsSo
    audit.record(
        events.SEALING_ASKED if sealed else events.UNSEALING_ASKED,
        actor=actor,
        subject=("organization", tenant_id),
        facts={"why": why},
    )
    return row


@use_case
def ask_to_suspend(*, tenant_id: UUID, suspended: bool, why: str, actor: Actor) -> Tenant:
    """Note that an organization is to be suspended or to work again, for a kind of reason; `suspend` does it.

    Raises:
        NotFound, StateIsSo, NotSuspendable.
        Invalid: the reason is none of those there are.
    """
    row = _known(tenant_id, why)
    if row.kind == Tenant.Kind.OPERATOR or row.state == Tenant.State.CLOSING:
        raise NotSuspendable
    if (row.suspended_at is not None) == suspended:
        raise StateIsSo
    audit.record(
        events.SUSPENSION_ASKED if suspended else events.RESUMPTION_ASKED,
        actor=actor,
        subject=("organization", tenant_id),
        facts={"why": why},
    )
    return row


def suspend(*, tenant_id: UUID, suspended: bool, why: str, actor: Actor, at: datetime) -> None:
    """Suspend an organization or let it work again, and tell its owners; call it outside any scope.

    It holds from the next request and the next step of every task: each reads the organization's row anyhow.
    """
    by = replace(Actor.system("operator"), on_behalf_of=actor.id)
    with scope(Scope(tenant_id)):
        changed = Tenant.objects.filter(pk=tenant_id, suspended_at__isnull=suspended).update(
            suspended_at=at if suspended else None, suspended_why=why if suspended else ""
        )
        if not changed:
            return
        event = events.ORGANIZATION_SUSPENDED if suspended else events.ORGANIZATION_RESUMED
        audit.record(event, actor=by, facts={"why": why})
        # A sealed one has no key to write a mail with; it is told by the page, once it is unsealed.
        if Tenant.objects.filter(pk=tenant_id).exclude(state=Tenant.State.SEALED).exists():
            notices.tell_of_suspension(suspended=suspended, why=REASONS[why], at=at)


def _known(tenant_id: UUID, why: str) -> Tenant:
    row = Tenant.objects.filter(pk=tenant_id).first()
    if row is None:
        raise NotFound
    if why not in REASONS:
        raise Invalid([FieldError("/why", "unknown_choice", "Say what kind of reason there is.")])
    return row


def hand_over(*, tenant_id: UUID, sealed: bool, actor: Actor) -> None:
    """Have a worker do what was asked for; call it once that is committed.

    Raises:
        NotHandedOver: whoever seals because of an incident must not believe that it is done.
    """
    from accounts.tasks import turn_organization  # noqa: PLC0415  the tasks import this module

    try:
        turn_organization.delay(str(tenant_id), sealed, str(actor.id or ""))
    except OperationalError as fault:
        raise NotHandedOver(retry_after_seconds=5) from fault


def turn(*, tenant_id: UUID, sealed: bool, asked_by: UUID | None, actor: Actor) -> None:
    """Seal or unseal an organization now; call it outside any scope. Sealing returns when every process refuses."""
    by = replace(actor, on_behalf_of=asked_by)
    if sealed:
        crypto.seal_organization(tenant_id=tenant_id, actor=by)
    else:
        crypto.unseal_organization(tenant_id=tenant_id, actor=by)
