"""Erasing a person: their key destroyed, what need not stay removed, what the law keeps named one by one.

Promise kept: after it nobody can read a value about the person but where a law demands it (GDPR Article 17(3)(b)), and
that is said table by table. Everything is one transaction; a refusal changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models

from accounts.models import PortalAccess
from audit import services as audit
from billing.contacts.models import Contact
from billing.customers.models import Customer
from billing.exports import services as exports
from billing.exports.models import Export
from billing.imports.models import Import
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from billing.merges import services as merges
from billing.quotes import services as quotes
from billing.quotes.models import Quote, QuoteLine
from billing.tallies import services as tallies
from compliance import events
from compliance.personaldata import collecting, graph, parts
from compliance.personaldata.collecting import Person
from compliance.personaldata.models import ErasureEntry
from compliance.requests.models import PrivacyRequest
from compliance.retention import queries as holds
from core import ids
from core.actor import Actor
from core.datapolicy import Erasure
from core.errors import Conflict, NotFound
from crypto.fields import BlindIndexField, EncryptedField
from outbound import files
from outbound.models import OutboxMessage, StoredFile
from outbound.webhooks import services as webhooks
from payments.models import Autopay, PaymentMethod
from payments.services import autopay, methods
from tenancy.checks import policy_of
from tenancy.context import use_case

# Gone with the key, deleted, or never about anybody: ids and states that go by themselves.
_NOTHING_STAYS = frozenset({Erasure.SUBJECT_KEY, Erasure.DELETE, Erasure.NONE})
_FINISHED_IMPORTS = ("done", "failed", "undone", "dropped")
# These are removed as parts of what they belong to, or swept.
_NOT_BY_ROW = frozenset({graph.FILE, OutboxMessage._meta.label, "edge.IdempotencyKey"})


class ErasedAlready(Conflict):
    """This person was erased before. Nothing is left to erase."""

    code = "erased_already"


class HeldByLaw(Conflict):
    """A legal hold stands on this person. Lift it first, with a reason."""

    code = "legal_hold"


class ContractRuns(Conflict):
    """They are still subscribed, or something waits to be billed. End that first: until then the data is needed."""

    code = "contract_runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What stays, and why."""

    what: str
    count: int
    why: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure did."""

    entry_id: UUID
    kind: str
    subject_id: UUID
    erased: Mapping[str, int]
    kept: tuple[Kept, ...]
    # People whose only way in was this customer's portal; whoever erased looks whether anything is left of them.
    users: tuple[UUID, ...] = ()


def why_not(person: Person) -> Conflict | None:
    """Say what keeps a customer from being erased, or nothing."""
    if holds.standing(person.keys):
        return HeldByLaw()
    if any(merges.subscribed(key) for key in person.keys):
        return ContractRuns()
    return None


def kept_by(person: Person) -> tuple[Kept, ...]:
    """Name what would stay of a person, table by table, with the law that keeps it."""
    found = []
    for table in collecting.tables(person):
        if table.policy.erasure in _NOTHING_STAYS:
            continue
        count = _final(table).count()
        if count:
            found.append(
                Kept(
                    what=table.label, count=count, why=table.policy.legal_basis, until=table.policy.retention
                )
            )
    return tuple(found)


def _final(table: collecting.Table) -> models.QuerySet[Any]:
    """Leave out what is only a draft: it goes."""
    return table.rows.exclude(status="draft") if table.model in (Invoice, Quote) else table.rows


@use_case
def customer(
    *, customer_id: UUID, actor: Actor, at: datetime, request_id: UUID | None = None, is_replay: bool = False
) -> Erased:
    """Erase a customer with everybody at it, and whoever was merged into it.

    Raises:
        NotFound, ErasedAlready, HeldByLaw, ContractRuns.
    """
    person = collecting.customer(customer_id)
    rows = {
        row.pk: row
        for row in Customer.objects.select_for_update(no_key=True).filter(pk__in=person.keys).order_by("id")
    }
    if customer_id not in rows:
        raise NotFound
    if all(row.subject_key is None for row in rows.values()):
        raise ErasedAlready
    # After a restore it is done again whatever has been agreed since: it was lawful when it was done.
    refusal = None if is_replay else why_not(person)
    if refusal is not None:
        raise refusal
    contacts = list(Contact.objects.select_for_update(no_key=True).filter(customer_id__in=person.keys))
    users = list(
        PortalAccess.objects.filter(customer_id__in=person.keys).values_list("user_id", flat=True).distinct()
    )
    traces = _traces(person, ("customer", person.keys), ("contact", [row.pk for row in contacts]))
    counts = {"letters": _remove_letters(person)}
    for key in person.keys:
        counts |= _added(counts, _end_business(key, actor=actor, at=at))
    counts |= _added(counts, _remove_copies(person.keys, actor=actor, at=at))
    counts |= parts.sweep(traces)
    counts |= _remove_rows(person)
    for contact_row in contacts:
        _destroy(contact_row, state=Contact.State.FORMER, is_primary=False, updated_at=at)
    for row in rows.values():
        if row.subject_key is not None:
            _destroy_customer(row, at)
    counts["customers"], counts["contacts"] = len(rows), len(contacts)
    counts["tax_id_checks"] = sum(_forget_checks(key) for key in person.keys)
    return _entered(
        person,
        [*person.keys[1:], *(row.pk for row in contacts)],
        counts,
        users=tuple(users),
        actor=actor,
        at=at,
        request_id=request_id,
        is_replay=is_replay,
    )


@use_case
def contact(
    *, contact_id: UUID, actor: Actor, at: datetime, request_id: UUID | None = None, is_replay: bool = False
) -> Erased:
    """Erase one person at a customer; the customer stays.

    Raises:
        NotFound, ErasedAlready, HeldByLaw.
    """
    row: Contact | None = (
        Contact.objects.select_for_update(no_key=True, of=("self",)).filter(pk=contact_id).first()
    )
    if row is None:
        raise NotFound
    if row.subject_key is None:
        raise ErasedAlready
    if not is_replay and holds.standing([row.customer_id]):
        raise HeldByLaw
    person = collecting.contact(contact_id)
    traces = _traces(person, ("contact", [contact_id]))
    counts = {"letters": _remove_letters(person), "contacts": 1}
    counts |= _added(counts, _remove_copies([row.customer_id], actor=actor, at=at))
    counts |= parts.sweep(traces)
    _destroy(row, state=Contact.State.FORMER, is_primary=False, updated_at=at)
    return _entered(person, [], counts, actor=actor, at=at, request_id=request_id, is_replay=is_replay)


def _traces(person: Person, *named: tuple[str, Any]) -> parts.Traces:
    keys = [key for _, found in named for key in found]
    outside = [ids.encode(kind, key) for kind, found in named for key in found]
    return parts.Traces(
        person=person, keys=keys, outside=outside, addresses=sorted(collecting.addresses(person))
    )


def _added(before: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {code: before.get(code, 0) + count for code, count in more.items()}


def _remove_letters(person: Person) -> int:
    keys = [row.pk for row in collecting.letters_to(person)]
    return int(OutboxMessage.objects.filter(pk__in=keys).delete()[0]) if keys else 0


def _end_business(customer_id: UUID, *, actor: Actor, at: datetime) -> dict[str, int]:
    """Discard what is only a draft, withdraw offers, and forget how they can be charged."""
    drafts = list(
        Invoice.objects.filter(customer_id=customer_id, status="draft").values_list("pk", flat=True)
    )
    for key in drafts:
        invoices.discard_draft(invoice_id=key, actor=actor, at=at)
    offers = list(Quote.objects.filter(customer_id=customer_id, status__in=["draft", "open"]))
    for quote in offers:
        if quote.status == "draft":
            # Nobody was ever offered this: its words go as well.
            QuoteLine.objects.filter(quote_id=quote.pk).delete()
            Quote.objects.filter(pk=quote.pk).update(note=None)
        quotes.cancel(quote_id=quote.pk, actor=actor, at=at)
    for agreed in Autopay.objects.filter(customer_id=customer_id, ended_at__isnull=True):
        autopay.stop(customer_id=customer_id, currency=agreed.currency, actor=actor, at=at)
    saved = PaymentMethod.objects.filter(customer_id=customer_id).exclude(state=PaymentMethod.State.REMOVED)
    keys = list(saved.values_list("pk", flat=True))
    for key in keys:
        methods.remove(method_id=key, actor=actor, at=at)
    return {"drafts": len(drafts), "offers": len(offers), "ways_to_pay": len(keys)}


def _remove_copies(customer_ids: Sequence[UUID], *, actor: Actor, at: datetime) -> dict[str, int]:
    """Destroy the files that hold whole lists of people, any of which may name this one, and what was collected."""
    made = list(
        Export.objects.filter(state=Export.State.READY, has_personal=True).values_list("pk", flat=True)
    )
    for key in made:
        exports.end(export_id=key, actor=actor, at=at)
    brought = Import.objects.select_related("file", "refused_file").filter(state__in=_FINISHED_IMPORTS)
    taken: list[StoredFile] = [
        file
        for row in brought
        for file in (row.file, row.refused_file)
        if file is not None and file.content_key
    ]
    collected = PrivacyRequest.objects.select_related("file").filter(
        customer_id__in=customer_ids, file__content_key__isnull=False
    )
    taken += [row.file for row in collected]
    for file in taken:
        files.delete(file=file, actor=actor)
    return {"files": len(made) + len(taken)}


def _remove_rows(person: Person) -> dict[str, int]:
    """Delete the rows that nothing keeps, as their data policy says: those that others name go last."""
    going = [
        table
        for table in collecting.tables(person)
        if table.policy.erasure is Erasure.DELETE and table.label not in _NOT_BY_ROW
    ]
    gone: dict[str, int] = {}
    for table in reversed(going):
        keys = list(table.rows.values_list("pk", flat=True))
        if keys:
            gone[table.model._meta.model_name or ""] = int(
                table.model._default_manager.filter(pk__in=keys)._raw_delete("default")
            )
    return {code: count for code, count in gone.items() if count}


def _destroy(row: models.Model, **also: Any) -> None:
    """Destroy a row's key, and empty every column that may be empty: the ciphertext of a lost key is worth nothing."""
    empty = {
        field.name: None
        for field in row._meta.concrete_fields
        if isinstance(field, EncryptedField | BlindIndexField) and field.null
    }
    type(row)._default_manager.filter(pk=row.pk).update(subject_key=None, **empty, **also)


def _destroy_customer(row: Customer, at: datetime) -> None:
    before = row.state
    _destroy(
        row,
        state=Customer.State.ARCHIVED,
        tax_id_state=Customer.TaxIdState.UNCHECKED,
        tax_id_due_at=None,
        endpoint_scheme="",
        # What the law keeps is kept and not used (Article 18).
        restricted_at=row.restricted_at or at,
        erased_at=at,
        updated_at=at,
    )
    if before != Customer.State.ARCHIVED:
        tallies.add(
            [
                tallies.Change(noun="customer", state=before, count=-1),
                tallies.Change(noun="customer", state=Customer.State.ARCHIVED),
            ]
        )
    webhooks.publish(
        type="customer.erased",
        subject=("customer", row.pk),
        data={"state": Customer.State.ARCHIVED.value, "currency": row.currency},
    )


def _forget_checks(customer_id: UUID) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT billing_forget_checks(%s)", [customer_id])
        (count,) = cursor.fetchone()
    return int(count)


def _entered(
    person: Person,
    also: list[UUID],
    counts: Mapping[str, int],
    *,
    actor: Actor,
    at: datetime,
    request_id: UUID | None,
    is_replay: bool,
    users: tuple[UUID, ...] = (),
) -> Erased:
    erased = {code: count for code, count in counts.items() if count}
    kept = kept_by(person)
    kind = "customer" if person.start == graph.CUSTOMER else "contact"
    entry = ErasureEntry(
        kind=kind,
        subject_id=person.key,
        also=also,
        request_id=request_id,
        erased=erased,
        kept={each.what: each.count for each in kept},
        is_replay=is_replay,
        erased_by=actor.id,
        at=at,
    )
    entry.save(force_insert=True)
    audit.record(
        events.SUBJECT_ERASED,
        actor=actor,
        subject=(kind, person.key),
        facts={"kept": len(kept), "replay": is_replay, "keys": 1 + len(also)},
    )
    return Erased(
        entry_id=entry.pk,
        kind=kind,
        subject_id=person.key,
        erased=erased,
        kept=kept,
        users=users,
    )


def policy_words(label: str) -> str:
    """Say what a table is for, as its data policy does."""
    policy = policy_of(apps.get_model(label))
    return policy.purpose if policy else label
