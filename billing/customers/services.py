"""Adding, changing, archiving customers, and opening one to a member. No free text keeps a card number."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from accounts import grants
from accounts import queries as people
from accounts.permissions import Permission
from audit import services as audit
from audit.events import EventType
from billing import events
from billing.customers import rules
from billing.customers.models import Customer
from billing.tallies import services as tallies
from billing.taxids import rules as taxids
from core.actor import Actor
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Refusal
from outbound.webhooks import services as webhooks
from tenancy import constraints
from tenancy.context import current_tenant, use_case
from tenancy.models import Tenant

# An encrypted column cannot be updated without the blind index that is computed from it.
_INDEXES = {
    "name": "name_index",
    "email": "email_index",
    "tax_id": "tax_id_index",
    "reference": "reference_index",
}
# What stands in plain columns that are never null.
_PLAIN = {"einvoice_format": "none", "endpoint_scheme": "", "language": ""}
_LONGEST_GRANT = timedelta(days=366)
FIELDS = (
    "name", "email", "phone", "address", "delivery_address", "tax_id", "reference", "notes", "metadata",
    "currency", "payment_days", "language", "parent_id", "einvoice_format", "endpoint_id", "endpoint_scheme",
    "buyer_reference", "tax_exemption",
)  # fmt: skip
_DEEPEST = 8
_NOBODY = UUID(int=0)
_PARENTS = 0x504152  # "PAR": nobody else's advisory locks begin so


class CustomerArchived(Conflict):
    """This customer is archived; take them back first."""

    code = "customer_archived"


class CustomerErased(Conflict):
    """This person has been erased; nothing can be kept about them any more."""

    code = "customer_erased"


class ReferenceTaken(Conflict):
    """Another customer has this number already."""

    code = "reference_taken"


class ParentGoesRound(Conflict):
    """A customer cannot belong to itself, nor to one that belongs to it."""

    code = "parent_goes_round"


class CustomerMerged(Conflict):
    """This customer was merged into another; take that back first."""

    code = "customer_merged"


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
    tax_exemption: str | None = None,
    delivery_address: Mapping[str, str] | None = None,
    payment_days: int | None = None,
    language: str | None = None,
    parent_id: UUID | None = None,
    as_written: bool = False,
) -> Customer:
    """Add a customer. Empty texts count as absent.

    `as_written` keeps a tax id whose check digits are wrong, marked invalid: as a document from outside has it.

    Raises:
        Invalid: names every field that cannot be used.
        ReferenceTaken: another customer has this number.
        NotFound: there is no such parent.
    """
    row = prepare(
        {
            "name": name, "currency": currency, "email": email, "phone": phone, "address": address,
            "tax_id": tax_id, "reference": reference, "notes": notes, "metadata": metadata,
            "einvoice_format": einvoice_format, "endpoint_id": endpoint_id,
            "endpoint_scheme": endpoint_scheme, "buyer_reference": buyer_reference,
            "tax_exemption": tax_exemption,
            "delivery_address": delivery_address, "payment_days": payment_days, "language": language,
        },
        at=at,
        as_written=as_written,
    )  # fmt: skip
    if parent_id is not None:
        _check_parent(row.pk, parent_id)
        row.parent_id = parent_id
    _have_asked([row], at)
    _save(row, with_reference=row.reference is not None, force_insert=True)
    tallies.add([tallies.Change(noun="customer", state=row.state)])
    audit.record(events.CUSTOMER_CREATED, actor=actor, subject=("customer", row.pk))
    _tell("customer.created", [row])
    return row


@use_case
def create_many(rows: list[Customer], *, actor: Actor) -> None:
    """Add customers that `prepare` has made, in a constant number of statements."""
    _have_asked(rows, rows[0].created_at if rows else None)
    Customer.objects.bulk_create(rows, batch_size=500)
    tallies.add(tallies.Change(noun="customer", state=row.state) for row in rows)
    for start in range(0, len(rows), 1_000):
        keys = [row.pk for row in rows[start : start + 1_000]]
        audit.record_each(events.CUSTOMER_CREATED, actor=actor, kind="customer", subjects=keys)
    _tell("customer.created", rows)


def prepare(values: Mapping[str, Any], *, at: datetime, as_written: bool = False) -> Customer:
    """Make a customer of checked values without storing it.

    Raises:
        Invalid: names every field that cannot be used.
    """
    cleaned = _cleaned(values)
    _check({"name": "", **cleaned, "currency": cleaned.get("currency") or ""}, as_written=as_written)
    row = Customer(**cleaned, created_at=at, updated_at=at)
    row.tax_id_state = _first_state(row.tax_id)
    return row


@use_case
def update(*, customer_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> Customer:
    """Change the named fields of a customer (see FIELDS); an empty text or None removes an optional one.

    Raises:
        NotFound: there is no such customer.
        CustomerErased: nothing can be kept about them any more.
        Invalid: names every field that cannot be used.
        ReferenceTaken: another customer has this number.
        ParentGoesRound: the parent belongs to this customer.
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
    _check(cleaned, as_written=cleaned.get("tax_id") == row.tax_id)
    if cleaned.get("parent_id") not in (None, row.parent_id):
        _check_parent(row.pk, cleaned["parent_id"])
    changed = [name for name, value in cleaned.items() if getattr(row, name) != value]
    if not changed:
        return row
    for name in changed:
        setattr(row, name, cleaned[name])
    row.updated_at = at
    written = [*changed, *(_INDEXES[name] for name in changed if name in _INDEXES), "updated_at"]
    if "tax_id" in changed:
        row.tax_id_state, row.tax_id_due_at = _first_state(row.tax_id), None
        _have_asked([row], at)
        written += ["tax_id_state", "tax_id_due_at"]
    _save(row, with_reference="reference" in changed, update_fields=written)
    audit.record(
        events.CUSTOMER_UPDATED,
        actor=actor,
        subject=("customer", row.pk),
        fields=[_plain_name(name) for name in changed],
    )
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
        CustomerMerged: they stand in another's record now.
    """
    row = _locked(customer_id)
    if row.state == Customer.State.ACTIVE:
        return row
    if row.merged_into_id is not None:
        raise CustomerMerged
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


def _check(values: Mapping[str, Any], *, as_written: bool) -> None:
    """Let values pass, or name every field that cannot be used, a tax id that cannot be one among them."""
    wrong = None if as_written else taxids.fault(str(values.get("tax_id") or ""))
    try:
        rules.check(values)
    except Invalid as refusal:
        raise Invalid([*refusal.errors, *([wrong] if wrong else [])]) from None
    if wrong:
        raise Invalid([wrong])


def _first_state(tax_id: str | None) -> str:
    """What is known of a tax id before anybody was asked: that it cannot be one, or nothing."""
    verdict = taxids.judge(tax_id) if tax_id else None
    impossible = verdict is not None and not verdict.possible
    return Customer.TaxIdState.INVALID if impossible else Customer.TaxIdState.UNCHECKED


def _have_asked(rows: Sequence[Customer], at: datetime | None) -> None:
    """Have the authorities asked about tax ids they know, in an organization that bills in earnest."""
    known = [row for row in rows if row.tax_id and (verdict := taxids.judge(row.tax_id)) and verdict.in_vies]
    if known and people.current_organization().mode == Tenant.Mode.LIVE:
        for row in known:
            row.tax_id_state, row.tax_id_due_at = Customer.TaxIdState.PENDING, at


def _check_parent(customer_id: UUID, parent_id: UUID) -> None:
    """Let a parent pass. One at a time: two that made each other their parent would both see nothing wrong."""
    with connection.cursor() as cursor:
        key = int.from_bytes(current_tenant().bytes[-4:], signed=True)
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_PARENTS, key])
    above: UUID | None = parent_id
    for _ in range(_DEEPEST):
        if above == customer_id:
            raise ParentGoesRound(field="parent")
        found = Customer.objects.filter(pk=above).values_list("parent_id", flat=True)
        (above,) = found or [_NOBODY]
        if above is _NOBODY:
            raise NotFound("There is no such customer.", field="parent")
        if above is None:
            return
    raise ParentGoesRound("Companies belong to one another in eight steps at most.", field="parent")


def _plain_name(name: str) -> str:
    return name.removesuffix("_id") if name == "parent_id" else name


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
