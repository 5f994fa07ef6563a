"""What rules need to know of an event beside the event: looked up at once for many; ids, codes and numbers only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias
from uuid import UUID

from accounts import queries as people
from accounts.models import Membership, Role
from accounts.permissions import POWERFUL
from alerts.rules import Rule, Seen
from billing.contacts.models import Contact
from payments.models import Dispute, Payment, PaymentMethod, Refund

More: TypeAlias = Mapping[str, str | int | bool]

_PAYMENTS = frozenset({"payment.declined", "payment.failed"})
_ROLES = frozenset({"member.role_changed", "member.joined", "role.changed", "role.created"})


def enriched(rule: Rule, events: Sequence[Seen]) -> list[Seen]:
    """Return the events with what their rule needs to know of them."""
    known: dict[UUID, More] = {}
    for codes, look in _LOOKS:
        if codes & rule.codes:
            known.update(look([one for one in events if one.event in codes]))
    return [replace(one, more=known[one.id]) if one.id in known else one for one in events]


def _refunds(events: Sequence[Seen]) -> dict[UUID, More]:
    rows = Refund.objects.filter(pk__in=_subjects(events)).values_list(
        "id", "customer_id", "amount_minor", "currency", "payment_id", "payment__brand", "payment__last4"
    )
    return _spread(
        events,
        {
            pk: {
                "customer": str(customer),
                "amount_minor": amount,
                "currency": currency,
                "instrument": f"card.{brand}.{last4}" if last4 else "",
            }
            for pk, customer, amount, currency, _, brand, last4 in rows
        },
    )


def _of_payments(events: Sequence[Seen]) -> dict[UUID, More]:
    rows = Payment.objects.filter(pk__in=_subjects(events)).values_list("id", "customer_id")
    return _spread(events, {pk: {"customer": str(customer)} for pk, customer in rows})


def _of_disputes(events: Sequence[Seen]) -> dict[UUID, More]:
    rows = Dispute.objects.filter(pk__in=_subjects(events)).values_list("id", "customer_id")
    return _spread(events, {pk: {"customer": str(customer)} for pk, customer in rows})


def _of_methods(events: Sequence[Seen]) -> dict[UUID, More]:
    rows = PaymentMethod.objects.filter(pk__in=_subjects(events)).values_list("id", "customer_id")
    return _spread(events, {pk: {"customer": str(customer)} for pk, customer in rows})


def _of_contacts(events: Sequence[Seen]) -> dict[UUID, More]:
    rows = Contact.objects.filter(pk__in=_subjects(events)).values_list("id", "customer_id")
    return _spread(events, {pk: {"customer": str(customer)} for pk, customer in rows})


def _of_customers(events: Sequence[Seen]) -> dict[UUID, More]:
    return {one.id: {"customer": str(one.subject_id)} for one in events if one.subject_id is not None}


def _of_roles(events: Sequence[Seen]) -> dict[UUID, More]:
    """Whether a role that somebody got, or that was changed, gives rights that matter; and to whoever asked."""
    if not events:
        return {}
    of_operator = people.in_operator_organization()
    rows = list(Role.objects.all())
    strong = {row.pk for row in rows if row.permissions(of_operator=of_operator) & POWERFUL}
    codes = {row.code for row in rows if row.pk in strong}
    members = dict(
        Membership.objects.filter(pk__in=[one.subject_id for one in events if one.subject_kind == "member"])
        .values_list("id", "user_id")
    )  # fmt: skip
    found: dict[UUID, More] = {}
    for one in events:
        by_role = one.subject_kind == "role"
        powerful = one.subject_id in strong if by_role else one.facts.get("role") in codes
        who = members.get(one.subject_id) if one.subject_id is not None else None
        joined = one.event == "member.joined"
        asked = one.on_behalf_of or one.actor_id
        found[one.id] = {"powerful": powerful, "own": who is not None and who == asked and not joined}
    return found


def _of_refusals(events: Sequence[Seen]) -> dict[UUID, More]:
    """Whether whoever was refused belongs here at all."""
    about = {one.actor_id for one in events if one.actor_kind == "user" and one.actor_id is not None}
    members = set(Membership.objects.filter(user_id__in=about).values_list("user_id", flat=True))
    return {
        one.id: {"outsider": one.actor_id not in members}
        for one in events
        if one.actor_kind == "user" and one.actor_id is not None
    }


def _subjects(events: Iterable[Seen]) -> list[UUID]:
    return sorted({one.subject_id for one in events if one.subject_id is not None})


def _spread(events: Sequence[Seen], known: Mapping[UUID, More]) -> dict[UUID, More]:
    return {
        one.id: known[one.subject_id]
        for one in events
        if one.subject_id is not None and one.subject_id in known
    }


Look: TypeAlias = Callable[[Sequence[Seen]], dict[UUID, More]]
_LOOKS: tuple[tuple[frozenset[str], Look], ...] = (
    (frozenset({"refund.requested"}), _refunds),
    (_PAYMENTS, _of_payments),
    (frozenset({"dispute.created"}), _of_disputes),
    (frozenset({"payment_method.saved"}), _of_methods),
    (frozenset({"contact.changed", "contact.added"}), _of_contacts),
    (frozenset({"customer.updated"}), _of_customers),
    (_ROLES, _of_roles),
    (frozenset({"access.refused"}), _of_refusals),
)
