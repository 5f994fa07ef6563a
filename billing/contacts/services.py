"""Adding, changing and removing the people of a customer. No text keeps a card number."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from audit import services as audit
from billing import events
from billing.contacts import rules
from billing.contacts.models import Contact
from billing.customers.models import Customer
from billing.customers.services import CustomerErased
from core.actor import Actor
from core.errors import Conflict, FieldError, Invalid, NotFound
from outbound.webhooks import services as webhooks
from tenancy.context import use_case

FIELDS = ("name", "email", "phone", "position", "roles", "is_primary", "language")


class TooManyContacts(Conflict):
    """A customer has a hundred contacts at most. Remove one first."""

    code = "too_many_contacts"


@use_case
def add(
    *,
    customer_id: UUID,
    name: str,
    actor: Actor,
    at: datetime,
    email: str | None = None,
    phone: str | None = None,
    position: str | None = None,
    roles: Sequence[str] = (),
    is_primary: bool = False,
    language: str | None = None,
) -> Contact:
    """Add a contact to a customer. Empty texts count as absent.

    Raises:
        NotFound: there is no such customer.
        CustomerErased: nothing can be kept about them any more.
        TooManyContacts
        Invalid: names every field that cannot be used.
    """
    customer = _customer(customer_id)
    values = _cleaned(
        {"name": name, "email": email, "phone": phone, "position": position, "roles": roles,
         "is_primary": is_primary, "language": language}
    )  # fmt: skip
    rules.check(values)
    if _active(customer_id).count() >= rules.MOST_CONTACTS:
        raise TooManyContacts
    if is_primary:
        _give_way(customer_id, at)
    row = Contact(customer=customer, created_at=at, updated_at=at, **values)
    row.save(force_insert=True)
    audit.record(events.CONTACT_ADDED, actor=actor, subject=("contact", row.pk))
    _tell("contact.created", row)
    return row


@use_case
def change(*, contact_id: UUID, changes: Mapping[str, Any], actor: Actor, at: datetime) -> Contact:
    """Change the named fields of a contact (see FIELDS); an empty text or None removes an optional one.

    Raises:
        NotFound: there is no such contact, or they were removed.
        Invalid: names every field that cannot be used.
    """
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown:
        raise Invalid(
            [FieldError(f"/{each}", "unknown_field", "There is no such field.") for each in unknown]
        )
    row = _locked(contact_id)
    if row.subject_key is None:
        raise CustomerErased
    cleaned = _cleaned(changes)
    rules.check({**{name: getattr(row, name) for name in FIELDS}, **cleaned})
    changed = [name for name, value in cleaned.items() if getattr(row, name) != value]
    if not changed:
        return row
    if "is_primary" in changed and cleaned["is_primary"]:
        _give_way(row.customer_id, at)
    for name in changed:
        setattr(row, name, cleaned[name])
    row.updated_at = at
    row.save(update_fields=[*changed, *(["email_index"] if "email" in changed else []), "updated_at"])
    audit.record(events.CONTACT_CHANGED, actor=actor, subject=("contact", row.pk), fields=changed)
    _tell("contact.updated", row)
    return row


@use_case
def remove(*, contact_id: UUID, actor: Actor, at: datetime) -> Contact:
    """Write to somebody no more. What was sent to them stays known.

    Raises:
        NotFound: there is no such contact, or they were removed before.
    """
    row = _locked(contact_id)
    row.state, row.is_primary, row.updated_at = Contact.State.FORMER, False, at
    row.save(update_fields=["state", "is_primary", "updated_at"])
    audit.record(events.CONTACT_REMOVED, actor=actor, subject=("contact", row.pk))
    _tell("contact.removed", row)
    return row


def _active(customer_id: UUID) -> Any:
    return Contact.objects.filter(customer_id=customer_id, state=Contact.State.ACTIVE)


def _give_way(customer_id: UUID, at: datetime) -> None:
    Contact.objects.filter(customer_id=customer_id, is_primary=True).update(is_primary=False, updated_at=at)


def _customer(customer_id: UUID) -> Customer:
    """Lock the customer: of two who add at once the second counts, and gives way, after the first."""
    row: Customer | None = Customer.objects.select_for_update(no_key=True).filter(pk=customer_id).first()
    if row is None:
        raise NotFound("There is no such customer.", field="customer")
    if row.subject_key is None:
        raise CustomerErased(field="customer")
    return row


def _locked(contact_id: UUID) -> Contact:
    found: Contact | None = Contact.objects.filter(pk=contact_id).first()
    if found is None:
        raise NotFound
    _customer(found.customer_id)
    # Read again under the lock of the customer, which every change of their contacts takes first.
    row: Contact | None = (
        Contact.objects.select_for_update(no_key=True)
        .filter(pk=contact_id, state=Contact.State.ACTIVE)
        .first()
    )
    if row is None:
        raise NotFound
    return row


def _cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in values.items():
        if name == "language":
            cleaned[name] = value or ""
        elif name == "roles":
            # In the order of the list of roles, each once.
            known = {role: place for place, role in enumerate(rules.ROLES)}
            cleaned[name] = sorted(set(value or ()), key=lambda role: known.get(role, len(known)))
        else:
            cleaned[name] = (value.strip() or None) if isinstance(value, str) else value
    return cleaned


def _tell(what: str, row: Contact) -> None:
    webhooks.publish(
        type=what, subject=("contact", row.pk), data={"customer": row.customer_id, "state": row.state}
    )
