"""Which tables hold a person: a walk over the models and their data policies, so that no table can be forgotten.

Edges are foreign keys, and bare ids whose meaning stands here: a layer below may not name what stands above it. What
a new bare id means must be said in BARE (tests/guarantees/test_personal_data.py fails otherwise). Pure: it reads
models, never rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.apps import apps
from django.db import models

from accounts.models import User
from billing.contacts.models import Contact
from billing.customers.models import Customer
from core.datapolicy import Owner
from outbound.models import StoredFile
from tenancy.checks import managed_models, policy_of

CUSTOMER, CONTACT, USER = Customer._meta.label, Contact._meta.label, User._meta.label
FILE = StoredFile._meta.label
# Who acted: these columns name a person of the house, or the person behind a key.
ACTED = frozenset(
    {
        "accepted_by", "agreed_by", "asked_by", "canceled_by", "closed_by", "connected_by", "created_by",
        "decided_by", "ended_by", "erased_by", "granted_by", "identity_by", "imported_by", "invited_by",
        "lifted_by", "made_by", "opened_by", "placed_by", "reopened_by", "reopening_agreed_by",
        "requested_by", "sent_by", "started_by", "turned_by", "written_by", "taken_by", "assigned_to", "added_by",
        "withdrawn_by", "approved_by", "set_by", "by",
    }
)  # fmt: skip
# Bare ids that lead to a person, by table.
BARE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "accounts.PortalAccess": {"customer_id": (CUSTOMER,)},
    "accounts.Invitation": {"customer_id": (CUSTOMER,)},
    "accounts.ApprovalRequest": {
        "subject_id": (CUSTOMER, CONTACT, "payments.Refund", "billing.WriteOff", "billing.Invoice")
    },
    "accounts.ListColumns": {"user_id": (USER,)},
    "accounts.SavedView": {"user_id": (USER,)},
    "accounts.Selection": {"user_id": (USER,)},
    "alerts.Alert": {"person_id": (USER,)},
    "alerts.AlertQuestion": {"person_id": (USER,)},
    "alerts.AlertStep": {"person_id": (USER,)},
    "billing.BillingRunSkip": {"subject_id": ("billing.Subscription", "billing.PendingCharge")},
    "compliance.AccessLine": {
        "user_id": (USER,), "object_id": ("accounts.Membership", "accounts.ApiKey", "billing.CustomerGrant")
    },
    "outbound.WebhookEvent": {
        "object_id": (
            CUSTOMER, CONTACT, "billing.Invoice", "billing.CreditNote", "billing.Quote", "billing.Subscription",
            "billing.PendingCharge", "payments.Payment", "payments.Refund", "payments.Dispute",
            "payments.PaymentMethod",
        )
    },
}  # fmt: skip
# Ids of people that are read on their own: the trail by its queries, the ledger of erasures by its replay.
APART: Mapping[str, frozenset[str]] = {
    "audit.Event": frozenset({"actor_id", "subject_id"}),
    "compliance.ErasureEntry": frozenset({"subject_id"}),
    "compliance.Breach": frozenset({"actor_id"}),
}
_PERSONS = frozenset({"customer", "contact", "user", "person", "member", "subject", "object", "actor"})
# Parents and mergers name another customer: whoever was merged into this one is the same person, a subsidiary is not.
_ITSELF = "merged_into"
# Whom a member let in is not what is held about the member.
_NOT_FOLLOWED = frozenset({("accounts.ApiKey", "created_by")})


@dataclass(frozen=True, slots=True)
class Edge:
    """Rows of `model` belong to a row of `target` by this column."""

    model: type[models.Model]
    column: str
    target: str

    @property
    def label(self) -> str:
        """Name the table."""
        return self.model._meta.label


@dataclass(frozen=True, slots=True)
class Reached:
    """A table that holds the person, and the columns by which it was reached."""

    model: type[models.Model]
    edges: tuple[Edge, ...]

    @property
    def label(self) -> str:
        """Name the table."""
        return self.model._meta.label


def edges() -> Iterator[Edge]:
    """Yield every way by which one row belongs to another."""
    for model in managed_models():
        label = model._meta.label
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey):
                target = field.related_model._meta.label
                if target == label or field.name == "tenant" or (label, field.name) in _NOT_FOLLOWED:
                    continue
                yield Edge(model, field.attname, target)
        for column, targets in BARE.get(label, {}).items():
            for each in targets:
                yield Edge(model, column, each)


def reached(start: str) -> list[Reached]:
    """List the tables that hold a person, nearest first, the person's own among them.

    From a row to what belongs to it, again and again; never to what it belongs to, but for files, which are nobody's
    but the row's that names them.
    """
    around = list(edges())
    found: dict[str, list[Edge]] = {start: []}
    waiting = [start]
    while waiting:
        here = waiting.pop(0)
        for edge in around:
            if edge.target != here or edge.label in (start, FILE):
                continue
            if edge.label not in found:
                found[edge.label] = []
                waiting.append(edge.label)
            found[edge.label].append(edge)
    files = [
        Edge(StoredFile, edge.column, edge.label)
        for edge in around
        if edge.target == FILE and edge.label in found
    ]
    if files:
        found[FILE] = files
    return [Reached(apps.get_model(label), tuple(ways)) for label, ways in found.items()]


def bare_ids() -> dict[str, list[str]]:
    """List, by table, the bare ids that are named like a person's and of which nothing is said here."""
    found: dict[str, list[str]] = {}
    for model in managed_models():
        label = model._meta.label
        names = [
            field.attname
            for field in model._meta.concrete_fields
            if isinstance(field, models.UUIDField) and not field.primary_key and not field.is_relation
        ]
        known = ACTED | BARE.get(label, {}).keys() | APART.get(label, frozenset())
        rest = [name for name in names if name not in known and _PERSONS & set(name.split("_"))]
        if rest:
            found[label] = rest
    return found


def owned_by_customers() -> set[str]:
    """Name the tables whose data policy says that their rows are a customer's."""
    return {
        model._meta.label
        for model in managed_models()
        if (policy := policy_of(model)) is not None and policy.owner is Owner.CUSTOMER
    }


def same_person(start: str) -> str:
    """Return the column by which other rows of the table are the same person, or nothing."""
    return f"{_ITSELF}_id" if start == CUSTOMER else ""
