"""Taking a request in, finding out who asks, answering in time, or refusing with the reason the law knows.

Promise kept: nothing about a person leaves, and nobody is erased, before it was established who asks; the clock runs
from the day of receipt and is lengthened once, with a reason, within the first month.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from audit import services as audit
from billing.contacts.models import Contact
from billing.customers import restriction
from billing.customers.models import Customer
from compliance import events
from compliance.personaldata import collecting, erasing, finds
from compliance.personaldata import services as personaldata
from compliance.personaldata.collecting import Person
from compliance.requests import rules, telling
from compliance.requests.models import PrivacyRequest
from compliance.requests.words import Asked, check, sentence
from core import states
from core.actor import Actor
from core.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, Refusal
from outbound import files
from outbound.models import StoredFile
from tenancy import jobs
from tenancy.context import use_case

JOB = "privacy.collect"
SEARCH_JOB = "privacy.search"
KEEP = timedelta(days=30)
Kind, State, Identity = PrivacyRequest.Kind, PrivacyRequest.State, PrivacyRequest.Identity


class RequestEnded(Conflict):
    """This request was answered, refused or withdrawn; it stays as it is."""

    code = "request_ended"


class IdentityNotProved(Conflict):
    """Find out first who asks: nothing about a person leaves before that."""

    code = "identity_not_proved"


class NobodyNamed(Conflict):
    """Say first whose data this is about."""

    code = "nobody_named"


class NotCollectedYet(Conflict):
    """Collect their data first: the answer is the file."""

    code = "not_collected"


class NothingToSearch(Conflict):
    """Only for an erasure is everything searched that was typed."""

    code = "nothing_to_search"


class TooLateToExtend(Refusal):
    """More time is taken within the first month, once."""

    code = "too_late_to_extend"


class NotTheirs(Forbidden):
    """This request is somebody else's."""

    code = "not_theirs"


@use_case
def open_request(*, asked: Asked, actor: Actor, at: datetime, by_portal: bool = False) -> PrivacyRequest:
    """Take a request in. From the portal, whose sign-in has proved who asks, it is verified at once.

    Raises:
        NotFound: there is no such customer or contact.
        Invalid: names every field that cannot be used.
    """
    today = at.date()
    received = asked.received_on or today
    check(asked, received, today)
    customer_id = asked.customer_id
    if asked.contact_id is not None:
        found = Contact.objects.filter(pk=asked.contact_id).values_list("customer_id", flat=True).first()
        if found is None or customer_id not in (None, found):
            raise NotFound("There is no such contact.", field="contact")
        customer_id = found
    if customer_id is not None and not Customer.objects.filter(pk=customer_id).exists():
        raise NotFound("There is no such customer.", field="customer")
    row = PrivacyRequest(
        kind=asked.kind,
        customer_id=customer_id,
        contact_id=asked.contact_id,
        by_portal=by_portal,
        received_on=received,
        due_on=rules.due_on(received),
        opened_by=actor.id,
        created_at=at,
        updated_at=at,
    )
    if _keeps_words(row):
        row.name, row.email, row.words = asked.name or None, asked.email or None, asked.words or None
    if by_portal:
        row.state, row.identity = State.VERIFIED, Identity.PORTAL
        row.identity_by, row.identity_at = actor.id, at
    row.save(force_insert=True)
    audit.record(
        events.REQUEST_OPENED,
        actor=actor,
        subject=("privacy_request", row.pk),
        facts={"kind": row.kind, "portal": by_portal, "due_on": row.due_on.isoformat()},
    )
    return row


@use_case
def verify(*, request_id: UUID, identity: str, actor: Actor, at: datetime) -> PrivacyRequest:
    """Note how it was established who asks.

    Raises:
        NotFound, RequestEnded.
        Invalid: it is none of the ways.
    """
    row = locked(request_id)
    if identity not in set(Identity.values) - {Identity.NONE, Identity.PORTAL}:
        raise Invalid([FieldError("/identity", "unknown_choice", "Choose how you found out who asks.")])
    if row.customer_id is None and row.contact_id is None:
        raise NobodyNamed
    row.state = states.move(rules.MOVES, row.state, to=State.VERIFIED, refusal=RequestEnded)
    row.identity, row.identity_by, row.identity_at, row.updated_at = identity, actor.id, at, at
    row.save(update_fields=["state", "identity", "identity_by", "identity_at", "updated_at"])
    _note(events.REQUEST_VERIFIED, row, actor, how=identity)
    return row


@use_case
def extend(*, request_id: UUID, reason: str, actor: Actor, at: datetime) -> PrivacyRequest:
    """Take two months more, with the reason that the person is told (Article 12(3)).

    Raises:
        NotFound, RequestEnded, TooLateToExtend, Invalid.
    """
    row = locked(request_id)
    text = sentence("reason", reason)
    if row.state not in rules.OPEN:
        raise RequestEnded
    if row.extended_at is not None or not rules.may_extend(row.received_on, at.date()):
        raise TooLateToExtend
    row.due_on = rules.due_on(row.received_on, extended=True)
    row.extended_at, row.updated_at, row.due_soon_at = at, at, None
    row.extension_reason = text
    row.save(update_fields=["due_on", "extended_at", "extension_reason", "updated_at", "due_soon_at"])
    _note(events.REQUEST_EXTENDED, row, actor, due_on=row.due_on.isoformat())
    telling.tell(row, to=telling.address_of(row), what="extended", text=text)
    return row


@use_case
def collect(*, request_id: UUID, actor: Actor, at: datetime) -> PrivacyRequest:
    """Have a worker collect everything into one encrypted file; asked again, it is made anew.

    Raises:
        NotFound, RequestEnded, IdentityNotProved, NobodyNamed.
    """
    row = _verified(request_id)
    person_of(row)
    job = jobs.start(kind=JOB, at=at, created_by=actor.id)
    row.job_id, row.updated_at = job.pk, at
    row.save(update_fields=["job_id", "updated_at"])
    from compliance.requests import tasks  # noqa: PLC0415  the tasks import this module

    tasks.collect_soon(job, row.pk)
    return row


@use_case
def search(*, request_id: UUID, actor: Actor, at: datetime) -> PrivacyRequest:
    """Have a worker search every word that was typed for whoever is to be erased; asked again, it is done anew.

    Raises:
        NotFound, RequestEnded, IdentityNotProved, NobodyNamed.
        NothingToSearch: nobody is to be erased by this request.
    """
    row = _verified(request_id)
    person_of(row)
    if row.kind != Kind.ERASURE:
        raise NothingToSearch
    job = jobs.start(kind=SEARCH_JOB, at=at, created_by=actor.id)
    row.job_id, row.updated_at = job.pk, at
    row.save(update_fields=["job_id", "updated_at"])
    from compliance.requests import tasks  # noqa: PLC0415  the tasks import this module

    tasks.search_soon(job, row.pk)
    return row


@use_case
def answer(*, request_id: UUID, text: str, actor: Actor, at: datetime) -> PrivacyRequest:
    """Do what was asked, and note what the person is told.

    Raises:
        NotFound, RequestEnded, IdentityNotProved, NobodyNamed, Invalid.
        NotCollectedYet: their data has not been collected.
        HeldByLaw, ContractRuns: they cannot be erased now.
        NotSearched, FindsUndecided: words that were typed may name them.
    """
    row = _verified(request_id)
    if row.kind == Kind.ERASURE:
        person_of(row)
        finds.refuse_undecided(row, at=at)
    said = sentence("answer", text)
    person, to = person_of(row), telling.address_of(row)
    outcome: dict[str, Any] = dict(row.outcome)
    if row.kind in rules.WITH_FILE and (row.file is None or not row.file.content_key):
        raise NotCollectedYet
    if row.kind in (Kind.RESTRICTION, Kind.OBJECTION):
        for key in person.keys if row.customer_id is not None and row.contact_id is None else ():
            restriction.restrict(customer_id=key, actor=actor, at=at)
    row.state = states.move(rules.MOVES, row.state, to=State.ANSWERED, refusal=RequestEnded)
    row.ended_by, row.ended_at, row.updated_at = actor.id, at, at
    if row.kind != Kind.ERASURE:
        row.answer = said
    row.save(update_fields=["state", "ended_by", "ended_at", "updated_at", "answer"])
    if row.kind == Kind.ERASURE:
        done = _erase(row, actor, at)
        outcome |= {"erased": dict(done.erased), "kept": {each.what: each.count for each in done.kept}}
        PrivacyRequest.objects.filter(pk=row.pk).update(
            outcome=outcome, name=None, email=None, words=None, extension_reason=None, answer=None
        )
    _note(events.REQUEST_ANSWERED, row, actor)
    telling.tell(row, to=to, what="answered", text=said)
    return row


@use_case
def refuse(*, request_id: UUID, refusal: str, text: str, actor: Actor, at: datetime) -> PrivacyRequest:
    """Refuse, with a reason the law knows and words for the person (Article 12(4)).

    Raises:
        NotFound, RequestEnded, Invalid.
    """
    row = locked(request_id)
    said = sentence("answer", text)
    if refusal not in set(PrivacyRequest.Refusal.values) - {""}:
        raise Invalid([FieldError("/refusal", "unknown_choice", "Choose a reason that the law knows.")])
    row.state = states.move(rules.MOVES, row.state, to=State.REFUSED, refusal=RequestEnded)
    row.refusal, row.ended_by, row.ended_at, row.updated_at = refusal, actor.id, at, at
    if _keeps_words(row):
        row.answer = said
    row.save(update_fields=["state", "refusal", "answer", "ended_by", "ended_at", "updated_at"])
    _note(events.REQUEST_REFUSED, row, actor, reason=refusal)
    telling.tell(row, to=telling.address_of(row), what="refused", text=said)
    return row


@use_case
def withdraw(
    *, request_id: UUID, actor: Actor, at: datetime, customer_id: UUID | None = None
) -> PrivacyRequest:
    """Note that the person takes it back; `customer_id` is whose it must be, from the portal.

    Raises:
        NotFound, RequestEnded, NotTheirs.
    """
    row = locked(request_id)
    if customer_id is not None and (row.customer_id != customer_id or not row.by_portal):
        raise NotTheirs
    row.state = states.move(rules.MOVES, row.state, to=State.WITHDRAWN, refusal=RequestEnded)
    row.ended_by, row.ended_at, row.updated_at = actor.id, at, at
    row.save(update_fields=["state", "ended_by", "ended_at", "updated_at"])
    _note(events.REQUEST_WITHDRAWN, row, actor)
    return row


@use_case
def tell_due_soon(*, actor: Actor, at: datetime) -> int:
    """Say once of each open request that its day comes near; return how many."""
    near = PrivacyRequest.objects.select_for_update(skip_locked=True, no_key=True, of=("self",)).filter(
        state__in=rules.OPEN, due_on__lte=at.date() + rules.SOON, due_soon_at__isnull=True
    )
    rows = list(near.order_by("due_on")[:500])
    for row in rows:
        PrivacyRequest.objects.filter(pk=row.pk).update(due_soon_at=at)
        _note(events.REQUEST_DUE_SOON, row, actor, due_on=row.due_on.isoformat())
    return len(rows)


@use_case
def keep_file(
    *, request_id: UUID, job_id: UUID | None, made: files.Prepared, rows: int, actor: Actor, at: datetime
) -> None:
    """Keep the collected file with its request, in place of an older one.

    Raises:
        NotFound, RequestEnded.
    """
    row = _verified(request_id)
    if not _keeps_words(row):
        # They were erased while it was written: its key is forgotten with this transaction.
        raise erasing.ErasedAlready
    if row.file is not None and row.file.content_key:
        files.delete(file=row.file, actor=actor)
    name = f"personal-data-{at.date().isoformat()}.zip"
    row.file = files.keep_prepared(made, kind="privacy", name=name, actor=actor, at=at, keep=KEEP)
    row.outcome = {**row.outcome, "rows": rows}
    row.updated_at = at
    row.save(update_fields=["file", "outcome", "updated_at"])
    if job_id is not None:
        jobs.finish(job_id=job_id, at=at, counts={"rows": rows, "bytes": made.size_bytes})
    person = person_of(row)
    kind = "contact" if row.contact_id is not None else "customer"
    audit.record(
        events.SUBJECT_EXPORTED,
        actor=actor,
        subject=(kind, person.key),
        facts={"rows": rows, "request": str(row.pk)},
    )


@use_case
def file_of(*, request_id: UUID, actor: Actor, at: datetime, customer_id: UUID | None = None) -> Any:
    """Hand out the collected file: its row, and its bytes piece by piece; to the portal only once it is answered.

    Raises:
        NotFound: there is no such request, or the portal may not have it.
        NotCollectedYet: there is no file, or its time is over.
    """
    row: PrivacyRequest | None = PrivacyRequest.objects.select_related("file").filter(pk=request_id).first()
    if row is None:
        raise NotFound
    gone = row.file is None or not row.file.content_key or at >= (row.file.expires_at or at)
    if customer_id is not None and (gone or row.customer_id != customer_id or row.state != State.ANSWERED):
        raise NotFound
    if gone:
        raise NotCollectedYet
    file: StoredFile | None = row.file
    assert file is not None  # noqa: S101  looked at above
    return file, files.read(file=file, actor=actor)


def person_of(row: PrivacyRequest) -> Person:
    """Return whose data a request is about.

    Raises:
        NobodyNamed: nobody has said yet.
    """
    if row.contact_id is not None:
        return collecting.contact(row.contact_id)
    if row.customer_id is not None:
        return collecting.customer(row.customer_id)
    raise NobodyNamed


def locked(request_id: UUID) -> PrivacyRequest:
    """Return a request, locked.

    Raises:
        NotFound
    """
    rows = PrivacyRequest.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "file", "customer"
    )
    row: PrivacyRequest | None = rows.filter(pk=request_id).first()
    if row is None:
        raise NotFound
    return row


def _verified(request_id: UUID) -> PrivacyRequest:
    row = locked(request_id)
    if row.state == State.RECEIVED:
        raise IdentityNotProved
    if row.state != State.VERIFIED:
        raise RequestEnded
    return row


def _erase(row: PrivacyRequest, actor: Actor, at: datetime) -> erasing.Erased:
    if row.contact_id is not None:
        return personaldata.erase_contact(contact_id=row.contact_id, actor=actor, at=at, request_id=row.pk)
    assert row.customer_id is not None  # noqa: S101  person_of has looked
    return personaldata.erase_customer(customer_id=row.customer_id, actor=actor, at=at, request_id=row.pk)


def _keeps_words(row: PrivacyRequest) -> bool:
    """Tell whether words about the person can be kept: not under a key that is gone."""
    return row.customer is None or row.customer.subject_key is not None


def _note(event: Any, row: PrivacyRequest, actor: Actor, **facts: str) -> None:
    audit.record(event, actor=actor, subject=("privacy_request", row.pk), facts={"kind": row.kind, **facts})
