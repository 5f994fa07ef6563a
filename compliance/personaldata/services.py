"""Erasing people by command, request and after a restore; and forgetting accounts that lead nowhere any more."""

import logging
from datetime import datetime
from uuid import UUID

from kombu.exceptions import OperationalError

from accounts.models import (
    Membership,
    PasskeyCredential,
    PortalAccess,
    RecoveryCode,
    RecoveryToken,
    TotpDevice,
    User,
)
from accounts.services import sessions
from audit import services as audit
from billing.contacts.models import Contact
from billing.customers.models import Customer
from compliance import events
from compliance.personaldata import collecting, erasing, finds, graph, journal
from compliance.personaldata.collecting import Person
from compliance.personaldata.erasing import Erased
from compliance.personaldata.models import ErasureEntry
from compliance.retention import queries as holds
from core.actor import Actor
from core.errors import NotFound
from tenancy import context
from tenancy.context import Scope, scope, use_case
from tenancy.models import Tenant

_log = logging.getLogger("strongbox.compliance")
_NO_PASSWORD = "!"  # noqa: S105  Django's own word for a password that nothing matches


@use_case
def erase_customer(
    *, customer_id: UUID, actor: Actor, at: datetime, request_id: UUID | None = None
) -> Erased:
    """Erase a customer with everybody at it; the journal is written and accounts are looked at after the commit.

    Raises:
        NotFound, ErasedAlready, HeldByLaw, ContractRuns: as erasing.customer.
    """
    done = erasing.customer(customer_id=customer_id, actor=actor, at=at, request_id=request_id)
    _afterwards(done)
    return done


@use_case
def erase_contact(*, contact_id: UUID, actor: Actor, at: datetime, request_id: UUID | None = None) -> Erased:
    """Erase one person at a customer.

    Raises:
        NotFound, ErasedAlready, HeldByLaw.
    """
    done = erasing.contact(contact_id=contact_id, actor=actor, at=at, request_id=request_id)
    _afterwards(done)
    return done


def refuse_erasure(person: Person) -> None:
    """Refuse now what erasing would refuse, before anything is done for it.

    Raises:
        NotFound, ErasedAlready, HeldByLaw, ContractRuns.
    """
    model = Customer if person.start == graph.CUSTOMER else Contact
    row = model.objects.filter(pk=person.key).first()
    if row is None:
        raise NotFound
    if row.subject_key is None:
        raise erasing.ErasedAlready
    if isinstance(row, Contact):
        if holds.standing([row.customer_id]):
            raise erasing.HeldByLaw
    elif (refusal := erasing.why_not(person)) is not None:
        raise refusal


@use_case
def forget_account(*, user_id: UUID, actor: Actor, at: datetime) -> bool:
    """Erase an account that opens nothing any more; False where it still does. In a scope that names the person alone.

    Raises:
        NotFound: there is no such person.
    """
    user: User | None = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise NotFound
    at_work = Membership.objects.filter(user_id=user_id).exclude(state=Membership.State.REMOVED)
    lets_in = PortalAccess.objects.filter(user_id=user_id, ended_at__isnull=True)
    if user.state == User.State.ERASED or at_work.exists() or lets_in.exists():
        return False
    sessions.end_all(user=user, actor=actor, at=at)
    for model in (TotpDevice, PasskeyCredential, RecoveryCode):
        model._default_manager.filter(user_id=user_id).delete()
    RecoveryToken.objects.filter(user_id=user_id, used_at__isnull=True).update(used_at=at)
    User.objects.filter(pk=user_id).update(
        subject_key=None, email=None, email_index=None, name=None, password=_NO_PASSWORD,
        state=User.State.ERASED,
    )  # fmt: skip
    audit.record(events.SUBJECT_ERASED, actor=actor, subject=("user", user_id), facts={"keys": 1})
    line = journal.Line(tenant_id=None, kind="user", subject_id=user_id, at=at.isoformat())
    context.after_commit(lambda: journal.append(line))
    return True


def forget_accounts(user_ids: tuple[UUID, ...], *, actor: Actor, at: datetime) -> int:
    """Erase those of these accounts that open nothing any more, each in a scope of its own; return how many."""
    gone = 0
    for user_id in user_ids:
        with scope(Scope(user=user_id)):
            gone += forget_account(user_id=user_id, actor=actor, at=at)
    return gone


def write_journal(*, tenant_id: UUID, at: datetime) -> int:
    """Write into the journal what is not yet in it; safe to run twice. Call it outside any scope."""
    with scope(Scope(tenant_id)):
        rows = list(ErasureEntry.objects.filter(journalled_at__isnull=True).order_by("at")[:500])
    written = [
        row.pk
        for row in rows
        if journal.append(
            journal.Line(tenant_id=tenant_id, kind=row.kind, subject_id=row.subject_id, at=row.at.isoformat())
        )
    ]
    if written:
        with scope(Scope(tenant_id)):
            ErasureEntry.objects.filter(pk__in=written).update(journalled_at=at)
    return len(written)


def replay_erasures(*, actor: Actor, at: datetime) -> dict[str, int]:
    """Erase everybody once more whom a restored backup brought back. Call it outside any scope, before anybody enters.

    Returns how many lines the journal has and how many people were there again.

    Raises:
        JournalTouched: a line was not written by this installation; nothing was done for the lines behind it.
    """
    lines = again = 0
    with context.system_scope(reason="erasures of every organization are repeated after a restore"):
        tenants = set(Tenant.objects.values_list("pk", flat=True))
    for line in journal.lines():
        lines += 1
        if line.kind == "user":
            again += _user_again(line.subject_id, actor=actor, at=at)
        elif line.tenant_id in tenants:
            again += _again(line, actor=actor, at=at)
    return {"lines": lines, "again": again}


def _again(line: journal.Line, *, actor: Actor, at: datetime) -> bool:
    by_customer = line.kind == "customer"
    with scope(Scope(line.tenant_id)):
        person = collecting.customer(line.subject_id) if by_customer else collecting.contact(line.subject_id)
        model = Customer if by_customer else Contact
        if not model.objects.filter(pk__in=person.keys, subject_key__isnull=False).exists():
            return False
    assert line.tenant_id is not None  # noqa: S101  lines of people with an account alone have none
    # The restored words name them again, and once they are erased nobody can tell.
    _, left = finds.take_out_everywhere(tenant_id=line.tenant_id, person=person, actor=actor)
    with scope(Scope(line.tenant_id)):
        if by_customer:
            done = erasing.customer(customer_id=line.subject_id, actor=actor, at=at, is_replay=True)
        else:
            done = erasing.contact(contact_id=line.subject_id, actor=actor, at=at, is_replay=True)
        finds.take_out_with(done.entry_id, left=left, person=person, actor=actor)
    forget_accounts(done.users, actor=actor, at=at)
    return True


def _user_again(user_id: UUID, *, actor: Actor, at: datetime) -> bool:
    with scope(Scope(user=user_id)):
        there = User.objects.filter(pk=user_id).exclude(state=User.State.ERASED)
        return there.exists() and forget_account(user_id=user_id, actor=actor, at=at)


def _afterwards(done: Erased) -> None:
    from compliance.personaldata import tasks  # noqa: PLC0415  a task module imports this one

    tenant_id = str(context.current_tenant())
    users = [str(each) for each in done.users]

    def send() -> None:
        try:
            tasks.after_erasure.delay(tenant_id, users)
        except OperationalError:
            _log.warning("the broker is away; the sweep writes the journal")

    context.after_commit(send)
