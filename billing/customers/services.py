"""Adding, changing, archiving customers, and opening one to a member. No free text keeps a card number."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from accounts import grants
from accounts import queries as people
from accounts.permissions import Permission
from audit import services as audit
from audit.events import EventType
from billing import events
from billing.customers import rules
from billing.customers.models import Customer
from billing.tallies import services as tallies
from core.actor import Actor
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Refusal
from outbound.webhooks import services as webhooks
from tenancy import constraints
from tenancy.context import use_case

# An encrypted column cannot be updated without the blind index that is computed from it.
_INDEXES = {
    "name": "name_index",
    "email": "email_index",
    "tax_id": "tax_id_index",
    "reference": "reference_index",
}
# What stands in plain columns that are never null.
_PLAIN = {"einvoice_format": "none", "endpoint_scheme": ""}
_LONGEST_GRANT = timedelta(days=366)
FIELDS = (
    "name", "email", "phone", "address", "tax_id", "reference", "notes", "metadata", "currency",
    "einvoice_format", "endpoint_id", "endpoint_scheme", "buyer_reference",
)  # fmt: skip


class CustomerArchived(Conflict):
    """This customer is archived; take them back first."""

    code = "customer_archived"


class CustomerErased(Conflict):
    """This person has been erased; nothing can be kept about them any more."""

    code = "customer_erased"


class ReferenceTaken(Conflict):
    """Another customer has this number already."""

    code = "reference_taken"


class NobodyOpensForThemselves(Forbidden):
    """Somebody else has to open a customer to you."""

    code = "grant_to_oneself"


class MemberSeesEveryCustomer(Conflict):
    """The role of this member opens every customer and invoice already."""

    code = "member_sees_every_customer"


class GrantMustEnd(Refusal):
    """Access ends by itself: choose a day from tomorrow on, at most a year away."""

    code = "grant_must_end"


@use_case
def create(
    *,
    name: str,
    currency: str,
    actor: Actor,
    at: datetime,
    email: str | None = None,
    phone: str | None = None,
    address: Mapping[str, str] | None = None,
    tax_id: str | None = None,
    reference: str | None = None,
    notes: str | None = None,
    metadata: Mapping[str, str] | None = None,
    einvoice_format: str | None = None,
    endpoint_id: str | None = None,
    endpoint_scheme: str | None = None,
    buyer_reference: str | None = None,
) -> Customer:
    """Add a customer. Empty texts count as absent.

    Raises:
        Invalid: names every field that cannot be used.
        ReferenceTaken: another customer has this number.
    """
    row = prepare(
        {
            "name": name, "currency": currency, "email": email, "phone": phone, "address": address,
            "tax_id": tax_id, "reference": reference, "notes": notes, "metadata": metadata,
            "einvoice_format": einvoice_format, "endpoint_id": endpoint_id,
            "endpoint_scheme": endpoint_scheme, "buyer_reference": buyer_reference,
        },
        at=at,
    )  # fmt: skip
    _save(row, with_reference=row.reference is not None, force_insert=True)
    tallies.add([tallies.Change(noun="customer", state=row.state)])
    audit.record(events.CUSTOMER_CREATED, actor=actor, subject=("customer", row.pk))
    _tell("customer.created", [row])
    return row


@use_case
def create_many(rows: list[Customer], *, actor: Actor) -> None:
    """Add customers that `prepare` has made, in a constant number of statements."""
    Customer.objects.bulk_create(rows, batch_size=500)
    tallies.add(tallies.Change(noun="customer", state=row.state) for row in rows)
    for start in range(0, len(rows), 1_000):
        keys = [row.pk for row in rows[start : start + 1_000]]
        audit.record_each(events.CUSTOMER_CREATED, actor=actor, kind="customer", subjects=keys)
    _tell("customer.created", rows)


def prepare(values: Mapping[str, Any], *, at: datetime) -> Customer:
    """Make a customer of checked values without storing it.

    Raises:
        Invalid: names every field that cannot be used.
    """
    cleaned = _cleaned(values)
    rules.check({"name": "", **cleaned, "currency": cleaned.get("currency") or ""})
    return Customer(**cleaned, created_at=at, updated_at=at)


@use_case
def update(*, customer_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> Customer:
    """Change the named fields of a customer (see FIELDS); an empty text or None removes an optional one.

    Raises:
        NotFound: there is no such customer.
        CustomerErased: nothing can be kept about them any more.
        Invalid: names every field that cannot be used.
        ReferenceTaken: another customer has this number.
    """
    unknown = [
        FieldError(f"/{name}", "unknown_field", "There is no such field.")
        for name in changes
        if name not in FIELDS
    ]
    if unknown:
        raise Invalid(unknown)
    row = _locked(customer_id)
    if row.subject_key is None:
        raise CustomerErased
    cleaned = _cleaned(changes)
    rules.check(cleaned)
    changed = [name for name, value in cleaned.items() if getattr(row, name) != value]
    if not changed:
        return row
    for name in changed:
        setattr(row, name, cleaned[name])
    row.updated_at = at
    written = [*changed, *(_INDEXES[name] for name in changed if name in _INDEXES), "updated_at"]
    _save(row, with_reference="reference" in changed, update_fields=written)
    audit.record(events.CUSTOMER_UPDATED, actor=actor, subject=("customer", row.pk), fields=changed)
    _tell("customer.updated", [row])
    return row


@use_case
def archive(*, customer_id: UUID, actor: Actor, at: datetime) -> Customer:
    """Take a customer out of the lists; their documents stay.

    Raises:
        NotFound: there is no such customer.
        CustomerArchived: they are archived already.
    """
    row = _locked(customer_id)
    if row.state == Customer.State.ARCHIVED:
        raise CustomerArchived
    return _move(row, Customer.State.ARCHIVED, events.CUSTOMER_ARCHIVED, actor, at)


@use_case
def restore(*, customer_id: UUID, actor: Actor, at: datetime) -> Customer:
    """Take an archived customer back into the lists; without effect on an active one.

    Raises:
        NotFound: there is no such customer.
    """
    row = _locked(customer_id)
    if row.state == Customer.State.ACTIVE:
        return row
    return _move(row, Customer.State.ACTIVE, events.CUSTOMER_RESTORED, actor, at)


@use_case
def open_to(*, customer_id: UUID, member_id: UUID, until: datetime, actor: Actor, at: datetime) -> None:
    """Open a customer and their invoices, for reading, to a member whose role opens none.

    Giving it again changes when it ends.

    Raises:
        NotFound: there is no such customer, or no such member at work here.
        NobodyOpensForThemselves: whoever gives cannot be who is given to.
        MemberSeesEveryCustomer: nothing would change.
        GrantMustEnd: not after `at`, or more than a year away.
    """
    member, customer = people.member(member_id), _locked(customer_id)
    if member.user_id == actor.id:
        raise NobodyOpensForThemselves(field="member")
    held = member.role.permissions(of_operator=people.in_operator_organization())
    if {Permission.CUSTOMER_READ, Permission.INVOICE_READ} <= held:
        raise MemberSeesEveryCustomer(field="member")
    if not at < until <= at + _LONGEST_GRANT:
        raise GrantMustEnd(field="until")
    grants.give(
        obj=customer, user=member.user, action=grants.Action.VIEW, actor=actor, at=at, expires_at=until
    )


@use_case
def close_to(*, customer_id: UUID, member_id: UUID, actor: Actor) -> None:
    """End what a grant opened of a customer to a member.

    Raises:
        NotFound: there is no such customer, member or grant.
    """
    customer = _locked(customer_id)
    if not grants.end(obj=customer, user_id=people.member(member_id).user_id, actor=actor):
        raise NotFound


def _move(row: Customer, state: str, event: EventType, actor: Actor, at: datetime) -> Customer:
    before, row.state, row.updated_at = row.state, state, at
    row.save(update_fields=["state", "updated_at"])
    tallies.add(
        [
            tallies.Change(noun="customer", state=before, count=-1),
            tallies.Change(noun="customer", state=row.state),
        ]
    )
    audit.record(event, actor=actor, subject=("customer", row.pk), fields=["state"])
    _tell("customer.updated", [row])
    return row


def _tell(what: str, rows: Sequence[Customer]) -> None:
    said = [(row.pk, {"state": row.state, "currency": row.currency}) for row in rows]
    webhooks.publish_each(type=what, kind="customer", rows=said)


def _locked(customer_id: UUID) -> Customer:
    # NO KEY: new invoices of this customer, whose foreign keys look at the row, need not wait.
    row: Customer | None = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if row is None:
        raise NotFound
    return row


def _cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, str):
            value = value.strip() or None
        elif isinstance(value, Mapping):
            kept = {key: text for key, text in value.items() if text != ""}
            value = kept or None
        cleaned[name] = _PLAIN.get(name) if value is None else value
    return cleaned


def _save(row: Customer, *, with_reference: bool, **options: Any) -> None:
    """Write a row; of two who take one number at once the database refuses the second, by name."""
    if not with_reference:
        row.save(**options)
        return
    with constraints.refusing(ReferenceTaken(field="reference"), "billing_customer_reference"):
        row.save(**options)
