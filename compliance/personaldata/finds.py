"""Words that somebody typed about a person whose data is to be erased: searched, shown, and decided one by one.

Which columns are searched follows from the data policies: every one that holds content, in every table. Left out is
what goes with the erasure itself. Promise kept: nothing is copied (a find says where, not what), a word is taken out in
its place and the row stays, and whoever is to be erased is not before each find is decided.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import DatabaseError, connection, models
from django.utils.dateparse import parse_datetime

from audit import services as audit
from billing.contacts.models import Contact
from billing.customers.models import Customer
from compliance import events
from compliance.personaldata import collecting, graph, lasting, words
from compliance.personaldata.collecting import Person
from compliance.personaldata.lasting import Lasting
from compliance.personaldata.models import WordsFound
from compliance.personaldata.words import Known
from compliance.requests.models import PrivacyRequest
from core.actor import Actor
from core.datapolicy import Erasure, FieldClass
from core.errors import Conflict, FieldError, Invalid, NotFound
from crypto.fields import EncryptedJSONField, EncryptedTextField
from tenancy.checks import managed_models, policy_of
from tenancy.context import Scope, attempt, scope, use_case

State = WordsFound.State
PORTION = 500
# What is typed after the search is not in it, so it does not hold for long.
HOLDS = timedelta(days=1)
_GOES = frozenset({Erasure.SUBJECT_KEY, Erasure.DELETE})
# Swept by their own keepers when somebody is erased, and written by programs.
_SWEPT = frozenset({"outbound.OutboxMessage", "edge.IdempotencyKey"})
# Rows that only grow and that no law keeps as they are: a function of the database takes a person out of them, for an
# erasure alone. Migration 0005 lists the same.
GROWING = frozenset(
    {
        ("alerts.AlertRule", "reason"),
        ("alerts.AlertStep", "words"),
        ("billing.ExportFreeze", "reason"),
        ("compliance.BreachNote", "text"),
        ("compliance.LegalHold", "reason"),
        ("outbound.WebhookAttempt", "response"),
        ("payments.PayoutHold", "reason"),
    }
)


class NotSearched(Conflict):
    """Have the words that were typed searched first: somebody may be named in a note or a reason."""

    code = "not_searched"


class FindsUndecided(Conflict):
    """Decide first what becomes of the words that name them."""

    code = "finds_undecided"


class CannotBeChanged(Conflict):
    """The law keeps this record as it is, so the words stay: keep them, and say that the law demands it."""

    code = "cannot_be_changed"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of words, and the rows of it that do not go with the person."""

    model: type[models.Model]
    name: str
    rows: models.QuerySet[Any]

    @property
    def label(self) -> str:
        """Name the table."""
        return self.model._meta.label


def columns(person: Person) -> list[Column]:
    """List the columns that may name the person after they are erased."""
    theirs = {table.label: table for table in collecting.tables(person)}
    found = []
    for model in sorted(managed_models(), key=lambda each: each._meta.label):
        label, policy = model._meta.label, policy_of(model)
        if policy is None or label in _SWEPT or "tenant" not in policy.fields:
            continue
        own = theirs.get(label)
        for field in model._meta.concrete_fields:
            if policy.fields[field.name] is not FieldClass.CONTENT:
                continue
            if not isinstance(field, EncryptedTextField | EncryptedJSONField):
                continue
            rows = model._default_manager.filter(**{f"{field.name}__isnull": False})
            # Under the person's own key, or deleted: nobody reads it afterwards.
            if own is not None and (policy.erasure in _GOES or field.subject is not None):
                rows = rows.exclude(pk__in=own.rows.order_by().values("pk"))
            found.append(Column(model, field.name, rows.order_by("pk")))
    return found


def known(person: Person, *, parts: bool = True) -> Known:
    """Say what the person can be recognized by, as long as it can be read."""
    people: list[Any] = []
    if person.start == graph.CUSTOMER:
        people += Customer.objects.filter(pk__in=person.keys)
        people += Contact.objects.filter(customer_id__in=person.keys)
    else:
        people += Contact.objects.filter(pk__in=person.keys)
    phones = [str(row.phone) for row in people if getattr(row, "phone", None)]
    return words.known(
        names=collecting.names(person), addresses=collecting.addresses(person), phones=phones, parts=parts
    )


def hits(
    inside: Scope, person: Person, *, parts: bool = True, told: Callable[[int, int], None] | None = None
) -> Iterator[tuple[Column, UUID, int]]:
    """Yield where the person is named, and how often; call it outside any scope. `told` hears how far it has come."""
    with scope(inside):
        sought = known(person, parts=parts)
        places = columns(person)
        total = sum(each.rows.count() for each in places)
    done = 0
    for place in places:
        after: UUID | None = None
        while True:
            with scope(inside):
                rows = place.rows if after is None else place.rows.filter(pk__gt=after)
                portion = list(rows[:PORTION])
                found = [(row.pk, words.count(getattr(row, place.name), sought)) for row in portion]
            yield from ((place, key, number) for key, number in found if number)
            done += len(portion)
            if told is not None:
                told(done, max(done, total))
            if len(portion) < PORTION:
                break
            after = portion[-1].pk


@use_case
def keep(
    *, request_id: UUID, found: list[tuple[str, str, UUID, int]], rows: int, actor: Actor, at: datetime
) -> int:
    """Note what a search has found, in place of what is still open from the last one; return how much is open.

    Raises:
        NotFound
    """
    request: PrivacyRequest | None = (
        PrivacyRequest.objects.select_for_update(no_key=True, of=("self",)).filter(pk=request_id).first()
    )
    if request is None:
        raise NotFound
    WordsFound.objects.filter(request=request, state=State.OPEN).delete()
    # What was kept stays kept; what was taken out and stands there again was typed anew, and is a find of its own.
    kept = {
        (row.table, row.column, row.record_id)
        for row in WordsFound.objects.filter(request=request, state=State.KEPT)
    }
    made = [
        WordsFound(request=request, table=table, column=column, record_id=key, hits=number, found_at=at)
        for table, column, key, number in found
        if (table, column, key) not in kept
    ]
    WordsFound.objects.bulk_create(made)
    request.outcome = {**request.outcome, "searched_at": at.isoformat(), "searched_rows": rows}
    request.save(update_fields=["outcome"])
    audit.record(
        events.WORDS_SEARCHED,
        actor=actor,
        subject=("privacy_request", request.pk),
        facts={"rows": rows, "found": len(made)},
    )
    return len(made)


def of_request(
    request_id: UUID, *, after: UUID | None = None, limit: int = 50
) -> tuple[list[WordsFound], UUID | None]:
    """List what was found for a request, newest first, and the cursor of the next page."""
    rows = WordsFound.objects.filter(request_id=request_id).order_by("-id")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    return found[:limit], found[limit - 1].pk if len(found) > limit else None


def figures(request_id: UUID) -> dict[str, int]:
    """Count the finds of a request by what was decided."""
    rows = WordsFound.objects.filter(request_id=request_id).order_by()
    return dict(rows.values_list("state").annotate(models.Count("id")))


def excerpt(row: WordsFound, person: Person, *, around: int = 80) -> str:
    """Read the words around the first place that names the person; empty where they are gone."""
    record = _record(row)
    if record is None:
        return ""
    sought = known(person)
    for text in words.texts(getattr(record, row.column)):
        places = words.spans(text, sought)
        if places:
            start, end = max(places[0].start - around, 0), min(places[0].end + around, len(text))
            return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"
    return ""


def kept_by(row: WordsFound) -> Lasting | None:
    """Say what keeps the record's words as they are; None where they can be taken out, or are gone."""
    record = _record(row)
    return None if record is None else lasting.lasting(record)


@use_case
def redact(*, find_id: UUID, request_id: UUID, person: Person, actor: Actor, at: datetime) -> WordsFound:
    """Take the person out of the words, in their place.

    Raises:
        NotFound
        CannotBeChanged: the law keeps the record as it is.
    """
    row = _open(find_id, request_id)
    told = _tell(events.WORDS_REDACTED, row, actor)
    _take_out(row.table, row.column, row.record_id, known(person), erasure=request_id, told=told)
    return _decide(row, State.REDACTED, actor, at)


@use_case
def keep_words(*, find_id: UUID, request_id: UUID, why: str, actor: Actor, at: datetime) -> WordsFound:
    """Let the words stand, with a reason that the law knows.

    Raises:
        NotFound
        Invalid: it is none of the reasons, or no law keeps this record.
    """
    row = _open(find_id, request_id)
    if why not in set(WordsFound.Why.values) - {""}:
        raise Invalid([FieldError("/why", "unknown_choice", "Choose why the words stay.")])
    if why == WordsFound.Why.LAW and _record(row) is not None and not _law_keeps(row):
        detail = "No law keeps this record as it is. Take the person out, or name another reason."
        raise Invalid([FieldError("/why", "no_law", detail)])
    _tell(events.WORDS_KEPT, row, actor, why=why)
    row.why = why
    return _decide(row, State.KEPT, actor, at)


def refuse_undecided(request: PrivacyRequest, *, at: datetime) -> None:
    """Let nobody be erased while words that name them wait for a decision.

    Raises:
        NotSearched: nobody has searched, or it was too long ago.
        FindsUndecided
    """
    searched = parse_datetime(str(request.outcome.get("searched_at", "")))
    if searched is None or at - searched > HOLDS:
        raise NotSearched
    if WordsFound.objects.filter(request=request, state=State.OPEN).exists():
        raise FindsUndecided


@dataclass(frozen=True, slots=True)
class Remaining:
    """What whoever erases by command has yet to take out, in the transaction of the erasure itself."""

    sought: Known
    places: tuple[tuple[str, str, UUID], ...]


def take_out_everywhere(*, tenant_id: UUID, person: Person, actor: Actor) -> tuple[dict[str, int], Remaining]:
    """Take the person out of all words that can be changed, for whoever erases by command; call it outside any scope.

    By whole names, addresses and numbers alone: nobody looks at each place. Returns how many rows were changed, in how
    many the words stay because the law keeps the record, and what is left for `take_out_with`.
    """
    inside = Scope(tenant_id)
    with scope(inside):
        sought = known(person, parts=False)
    changed = kept = 0
    growing = []
    for place, key, _ in list(hits(inside, person, parts=False)):
        if (place.label, place.name) in GROWING:
            growing.append((place.label, place.name, key))
            continue
        with scope(inside):
            try:
                with attempt():
                    _tell_of(place.label, key, person, actor)
                    _take_out(place.label, place.name, key, sought)
                changed += 1
            except CannotBeChanged:
                kept += 1
    return {"words": changed, "words_kept": kept}, Remaining(sought, tuple(growing))


def take_out_with(erasure: UUID, *, left: Remaining, person: Person, actor: Actor) -> int:
    """Take the person out of rows that only grow, in the transaction that erased them; return of how many.

    Raises:
        CannotBeChanged: this transaction erases nobody.
    """
    for table, column, key in left.places:
        told = _tell_of(table, key, person, actor)
        _take_out(table, column, key, left.sought, erasure=erasure, told=told)
    return len(left.places)


def _take_out(
    table: str,
    column: str,
    key: UUID,
    sought: Known,
    *,
    erasure: UUID | None = None,
    told: UUID | None = None,
) -> None:
    model = apps.get_model(table)
    record = model._default_manager.filter(pk=key).first()
    if record is None:
        return
    if lasting.lasting(record) is not None:
        raise CannotBeChanged
    setattr(record, column, words.without(getattr(record, column), sought))
    try:
        with attempt():
            if (table, column) in GROWING:
                stored = model._meta.get_field(column).pre_save(record, False)
                with connection.cursor() as cursor:
                    cursor.execute(
                        "SELECT compliance_take_out(%s, %s, %s, %s, %s, %s)",
                        [erasure, told, table, column, key, bytes(stored)],
                    )
            else:
                record.save(update_fields=[column])
    except DatabaseError as fault:
        # Whatever this list does not know and the database does: a trigger, or a table nobody may write in.
        raise CannotBeChanged from fault


def _law_keeps(row: WordsFound) -> bool:
    policy = policy_of(apps.get_model(row.table))
    return kept_by(row) is not None or (policy is not None and policy.erasure is Erasure.KEPT_BY_LAW)


def _record(row: WordsFound) -> Any:
    return apps.get_model(row.table)._default_manager.filter(pk=row.record_id).first()


def _open(find_id: UUID, request_id: UUID) -> WordsFound:
    rows = WordsFound.objects.select_for_update(no_key=True, of=("self",))
    row: WordsFound | None = rows.filter(pk=find_id, request_id=request_id, state=State.OPEN).first()
    if row is None:
        raise NotFound
    return row


def _tell(event: Any, row: WordsFound, actor: Actor, *, why: str = "") -> UUID:
    return audit.record(
        event,
        actor=actor,
        subject=("privacy_request", row.request_id),
        facts={"table": _code(row.table), "record": str(row.record_id), **({"why": why} if why else {})},
    )


def _tell_of(table: str, key: UUID, person: Person, actor: Actor) -> UUID:
    return audit.record(
        events.WORDS_REDACTED,
        actor=actor,
        subject=(_kind(person), person.key),
        facts={"table": _code(table), "record": str(key)},
    )


def _decide(row: WordsFound, state: str, actor: Actor, at: datetime) -> WordsFound:
    row.state, row.decided_by, row.decided_at = state, actor.id, at
    row.save(update_fields=["state", "why", "decided_by", "decided_at"])
    return row


def _kind(person: Person) -> str:
    return "customer" if person.start == graph.CUSTOMER else "contact"


def _code(label: str) -> str:
    return label.lower().replace(".", "_")
