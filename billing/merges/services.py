"""Merging a customer into another, and taking it back.

Promise kept: what is final stays where it was billed, on the merged customer's row, with its payments, credit, saved
ways to pay and portal access; only what is still open to change moves. Each app says for its own records what moves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from audit import services as audit
from billing import events
from billing.contacts.models import Contact
from billing.customers.models import Customer
from billing.customers.services import CustomerErased
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.subscriptions.models import PendingCharge, Subscription
from billing.tallies import services as tallies
from core.actor import Actor
from core.errors import Conflict, NotFound
from outbound.webhooks import services as webhooks
from tenancy.context import use_case

_MOST_MOVED = 1_000


class MergedIntoItself(Conflict):
    """A customer cannot be merged into itself."""

    code = "merged_into_itself"


class AlreadyMerged(Conflict):
    """One of the two has been merged into another customer already."""

    code = "already_merged"


class MergeTargetArchived(Conflict):
    """The customer that stays must be an active one."""

    code = "merge_target_archived"


class BelongsToTheOther(Conflict):
    """The customer that stays belongs to the other one. Change that first."""

    code = "belongs_to_the_other"


class TooMuchToMove(Conflict):
    """More than a thousand records would move at once. Finalize or discard drafts first."""

    code = "too_much_to_move"


class StillSubscribed(Conflict):
    """Their subscriptions stay with whom they were agreed. End them, and bill or withdraw what waits, then merge."""

    code = "still_subscribed"


class NotMerged(Conflict):
    """This customer was not merged into another."""

    code = "not_merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One kind of record of a customer that moves at a merge.

    `count(customer_id)` says how many would move; `move(source_id=…, target_id=…, actor=…, at=…)` moves them.
    """

    code: str
    label: str
    count: Callable[[UUID], int]
    move: Callable[..., None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a merge would move of one kind."""

    label: str
    count: int


_parts: dict[str, Part] = {}


def register(part: Part) -> Part:
    """Make a kind of record known that moves at a merge; call it in AppConfig.ready."""
    _parts[part.code] = part
    return part


def effects(source_id: UUID) -> list[Effect]:
    """Say how much of each kind would move."""
    return [Effect(label=part.label, count=part.count(source_id)) for part in _parts.values()]


def subscribed(customer_id: UUID) -> int:
    """Count what a billing run would still bill: these rows cannot change whose they are."""
    running = Subscription.objects.filter(customer_id=customer_id).exclude(status=Subscription.Status.ENDED)
    waiting = PendingCharge.objects.filter(
        customer_id=customer_id, billed_at__isnull=True, withdrawn_at__isnull=True
    )
    return running.count() + waiting.count()


@use_case
def merge(*, source_id: UUID, target_id: UUID, actor: Actor, at: datetime) -> Customer:
    """Merge one customer into another: what is open to change moves, the rest stays, and the source is archived.

    Raises:
        NotFound: one of them is not there, or of another organization.
        MergedIntoItself, AlreadyMerged, MergeTargetArchived, BelongsToTheOther, StillSubscribed, TooMuchToMove,
        CustomerErased.
    """
    if source_id == target_id:
        raise MergedIntoItself
    source, target = _both(source_id, target_id)
    if source.subject_key is None or target.subject_key is None:
        raise CustomerErased
    if source.merged_into_id is not None or target.merged_into_id is not None:
        raise AlreadyMerged
    if target.state != Customer.State.ACTIVE:
        raise MergeTargetArchived
    if target.parent_id == source.pk:
        raise BelongsToTheOther
    if subscribed(source.pk):
        raise StillSubscribed
    moved = {part.code: part.count(source.pk) for part in _parts.values()}
    if sum(moved.values()) > _MOST_MOVED:
        raise TooMuchToMove
    for part in _parts.values():
        part.move(source_id=source.pk, target_id=target.pk, actor=actor, at=at)
    _turn(source, Customer.State.ARCHIVED, target.pk, at)
    audit.record(
        events.CUSTOMER_MERGED,
        actor=actor,
        subject=("customer", source.pk),
        fields=["state", "merged_into"],
        facts={"into": str(target.pk), **moved},
    )
    return source


@use_case
def unmerge(*, source_id: UUID, actor: Actor, at: datetime) -> Customer:
    """Take a merged customer back as one of their own. What moved stays where it is: it may have been used since.

    Raises:
        NotFound: there is no such customer.
        NotMerged
    """
    source: Customer | None = Customer.objects.select_for_update(no_key=True).filter(pk=source_id).first()
    if source is None:
        raise NotFound
    if source.merged_into_id is None:
        raise NotMerged
    _turn(source, Customer.State.ACTIVE, None, at)
    audit.record(
        events.CUSTOMER_UNMERGED,
        actor=actor,
        subject=("customer", source.pk),
        fields=["state", "merged_into"],
    )
    return source


def _both(source_id: UUID, target_id: UUID) -> tuple[Customer, Customer]:
    """Lock both, in the order of their ids, so that two merges at once do not wait for each other."""
    rows = Customer.objects.select_for_update(no_key=True).filter(pk__in=[source_id, target_id])
    found = {row.pk: row for row in rows.order_by("id")}
    if len(found) != 2:
        raise NotFound
    return found[source_id], found[target_id]


def _turn(row: Customer, state: str, merged_into: UUID | None, at: datetime) -> None:
    before, row.state, row.merged_into_id, row.updated_at = row.state, state, merged_into, at
    row.save(update_fields=["state", "merged_into", "updated_at"])
    if before != state:
        tallies.add(
            [
                tallies.Change(noun="customer", state=before, count=-1),
                tallies.Change(noun="customer", state=state),
            ]
        )
    webhooks.publish(
        type="customer.updated",
        subject=("customer", row.pk),
        data={"state": row.state, "currency": row.currency},
    )


def _count_contacts(customer_id: UUID) -> int:
    return Contact.objects.filter(customer_id=customer_id, state=Contact.State.ACTIVE).count()


def _move_contacts(*, source_id: UUID, target_id: UUID, actor: Actor, at: datetime) -> None:
    rows = Contact.objects.filter(customer_id=source_id, state=Contact.State.ACTIVE)
    # The target's own primary contact stays the primary one.
    rows.update(customer_id=target_id, is_primary=False, updated_at=at)


def _drafts(customer_id: UUID) -> list[UUID]:
    """Name the drafts that may change their customer; an imported one stays as its seller wrote it."""
    rows = Invoice.objects.filter(
        customer_id=customer_id, status=Invoice.Status.DRAFT, imported_number__isnull=True
    )
    return list(rows.order_by("id").values_list("pk", flat=True)[: _MOST_MOVED + 1])


def _move_drafts(*, source_id: UUID, target_id: UUID, actor: Actor, at: datetime) -> None:
    for key in _drafts(source_id):
        invoices.update_draft(invoice_id=key, changes={"customer_id": target_id}, actor=actor, at=at)


def _count_children(customer_id: UUID) -> int:
    return Customer.objects.filter(parent_id=customer_id).count()


def _move_children(*, source_id: UUID, target_id: UUID, actor: Actor, at: datetime) -> None:
    Customer.objects.filter(parent_id=source_id).update(parent_id=target_id, updated_at=at)


register(Part(code="contacts", label="Contacts", count=_count_contacts, move=_move_contacts))
register(Part(code="drafts", label="Draft invoices", count=lambda key: len(_drafts(key)), move=_move_drafts))
register(
    Part(code="children", label="Customers that belong to it", count=_count_children, move=_move_children)
)
