"""Rows that only grow: an erasure takes a person out of them by one narrow way, or a law is named that keeps them."""

from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.db import DatabaseError, connection

from audit import services as audit
from audit.models import Event
from billing.exports import services as exports
from billing.exports.models import ExportFreeze
from billing.invoices.models import InvoiceLine
from compliance import events as compliance_events
from compliance.personaldata import collecting, finds, journal, lasting, services
from compliance.personaldata.models import ErasureEntry, WordsFound
from compliance.requests import making
from compliance.requests import services as requests
from compliance.requests.services import Asked
from core import ids
from core.errors import Invalid
from payments.models import PayoutHold
from tenancy import context
from tenancy.context import Scope, scope
from tests.guarantees import searched
from tests.make import api
from tests.make import billing as make

LATER = make.AT + timedelta(days=1)
NAME = "Kanarind Lovelace"


@pytest.fixture(autouse=True)
def kept_apart(settings, tmp_path: Path) -> None:
    settings.ERASURE_DIR = tmp_path / "erasures"


def growing(of: UUID) -> None:
    """Name the person in rows that only grow."""
    exports.turn(frozen=True, reason=f"{NAME} said so", actor=make.ACTOR, at=make.AT)
    PayoutHold(held=True, reason=f"After a call of {NAME}", turned_by=None, turned_at=make.AT).save(
        force_insert=True
    )


def erasure_of(customer) -> UUID:
    row = requests.open_request(
        asked=Asked(kind="erasure", customer_id=customer.pk), actor=make.ACTOR, at=make.AT
    )
    requests.verify(request_id=row.pk, identity="called_back", actor=make.ACTOR, at=make.AT)
    making.search(tenant_id=row.tenant_id, request_id=row.pk, actor=make.ACTOR, now=lambda: LATER)
    return row.pk


def test_every_column_of_words_can_be_changed_or_is_kept_by_a_named_law(in_a) -> None:
    """As PostgreSQL itself says: what the application may not write is in one of two lists, and in no other."""
    person = collecting.customer(make.customer().pk)
    refused = set()
    with connection.cursor() as cursor:
        for place in finds.columns(person):
            table = place.model._meta.db_table
            cursor.execute(
                "SELECT has_column_privilege(current_user, %s, %s, 'UPDATE'), EXISTS (SELECT FROM pg_trigger "
                "WHERE tgrelid = %s::regclass AND tgname IN ('frozen', 'stays') AND tgtype & 16 = 16)",
                [table, place.model._meta.get_field(place.name).column, table],
            )
            may, watched = cursor.fetchone()
            if not may:
                refused.add((place.label, place.name))
            elif watched and place.label not in ("billing.Customer", *lasting.LABELS):
                pytest.fail(f"{place.label} is watched by a trigger, and nobody says what keeps it")
        listed = "SELECT pg_get_functiondef('compliance_take_out'::regproc)"
        cursor.execute(listed)
        (definition,) = cursor.fetchone()
    assert {each for each in refused if each[0] not in lasting.LABELS} == finds.GROWING
    for label, column in finds.GROWING:
        assert f"('{label}', '{column}', " in definition
    assert definition.count("'), ('") == len(finds.GROWING) - 1


def test_words_in_rows_that_only_grow_are_taken_out_by_an_erasure(in_a) -> None:
    ada = make.customer(NAME, email="kanarind@ada.example")
    growing(ada.pk)
    request_id = erasure_of(ada)
    rows = {each.table: each for each in finds.of_request(request_id)[0]}
    assert set(rows) == {"billing.ExportFreeze", "payments.PayoutHold"}
    person = collecting.customer(ada.pk)
    for row in rows.values():
        with pytest.raises(Invalid) as refused, context.attempt():
            finds.keep_words(find_id=row.pk, request_id=request_id, why="law", actor=make.ACTOR, at=LATER)
        assert refused.value.errors[0].code == "no_law"
        finds.redact(find_id=row.pk, request_id=request_id, person=person, actor=make.ACTOR, at=LATER)
    assert ExportFreeze.objects.get().reason == "[removed] said so"
    assert PayoutHold.objects.get().reason == "After a call of [removed]"
    told = Event.objects.filter(event="subject.words_redacted")
    assert {each.facts["table"] for each in told} == {"billing_exportfreeze", "payments_payouthold"}
    assert {each.subject_id for each in told} == {request_id}


def test_nobody_takes_words_out_without_an_erasure_and_its_line_in_the_trail(in_a) -> None:
    ada = make.customer(NAME)
    growing(ada.pk)
    freeze = ExportFreeze.objects.get()
    request_id = erasure_of(ada)
    find = WordsFound.objects.get(table="billing.ExportFreeze")

    def told(record: UUID, table: str = "billing_exportfreeze") -> UUID:
        return audit.record(
            compliance_events.WORDS_REDACTED,
            actor=make.ACTOR,
            subject=("privacy_request", request_id),
            facts={"table": table, "record": str(record)},
        )

    def call(erasure: UUID, event: UUID, table: str, column: str, record: UUID) -> None:
        freeze.reason = "somebody else's words"
        stored = ExportFreeze._meta.get_field("reason").pre_save(freeze, False)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT compliance_take_out(%s, %s, %s, %s, %s, %s)",
                [erasure, event, table, column, record, bytes(stored)],
            )

    place = ("billing.ExportFreeze", "reason", freeze.pk)
    hold = PayoutHold.objects.get()
    for attempt in (
        lambda: call(ids.uuid7(), told(freeze.pk), *place),
        lambda: call(request_id, ids.uuid7(), *place),
        lambda: call(request_id, told(hold.pk), *place),
        lambda: call(request_id, told(freeze.pk), "billing.ExportFreeze", "turned_by", freeze.pk),
        lambda: call(request_id, told(freeze.pk), "billing.Invoice", "note", freeze.pk),
        lambda: call(request_id, told(freeze.pk), "payments.PayoutHold", "reason", freeze.pk),
    ):
        with pytest.raises(DatabaseError), context.attempt():
            attempt()
    with scope(Scope(in_a, customer=ada.pk)), pytest.raises(DatabaseError), context.attempt():
        call(request_id, told(freeze.pk), *place)
    finds.keep_words(find_id=find.pk, request_id=request_id, why="claims", actor=make.ACTOR, at=LATER)
    with pytest.raises(DatabaseError), context.attempt():
        call(request_id, told(freeze.pk), *place)
    assert ExportFreeze.objects.get().reason == f"{NAME} said so"
    assert not Event.objects.filter(event="subject.words_redacted").exists()


def test_what_the_books_keep_is_kept_with_article_and_last_day(in_a) -> None:
    api.set_issuer(in_a)
    ada = make.customer(NAME)
    friend = make.customer("Charles Babbage")
    final = make.finalized(of=friend, lines=[make.line(text=f"Hours for {NAME}")])
    draft = make.draft(of=friend, lines=[make.line(text=f"More hours for {NAME}")])
    request_id = erasure_of(ada)
    person = collecting.customer(ada.pk)
    lines = {
        InvoiceLine.objects.get(pk=each.record_id).invoice_id: each
        for each in finds.of_request(request_id)[0]
        if each.table == "billing.InvoiceLine"
    }
    kept = finds.kept_by(lines[final.pk])
    assert kept == lasting.Lasting(article="GDPR Article 17(3)(b)", law="tax law", until=date(2036, 12, 31))
    assert finds.kept_by(lines[draft.pk]) is None
    with pytest.raises(finds.CannotBeChanged), context.attempt():
        finds.redact(
            find_id=lines[final.pk].pk, request_id=request_id, person=person, actor=make.ACTOR, at=LATER
        )
    finds.redact(find_id=lines[draft.pk].pk, request_id=request_id, person=person, actor=make.ACTOR, at=LATER)
    assert InvoiceLine.objects.get(invoice_id=draft.pk).description == "More hours for [removed]"
    assert InvoiceLine.objects.get(invoice_id=final.pk).description == f"Hours for {NAME}"
    finds.keep_words(find_id=lines[final.pk].pk, request_id=request_id, why="law", actor=make.ACTOR, at=LATER)


@pytest.mark.django_db(transaction=True)
def test_a_restored_backup_loses_the_words_in_such_rows_again(tenant_a) -> None:
    """The restore brings back the words that were typed about them, and the key that says who they are."""
    with scope(Scope(tenant_a)):
        ada = make.customer(NAME, email="kanarind@ada.example")
        growing(ada.pk)
    journal.append(journal.Line(tenant_id=tenant_a, kind="customer", subject_id=ada.pk, at=LATER.isoformat()))
    assert services.replay_erasures(actor=make.ACTOR, at=LATER) == {"lines": 1, "again": 1}
    found = " ".join(" ".join(values) for values in searched.columns().values())
    assert "kanarind" not in found.casefold()
    with scope(Scope(tenant_a)):
        assert ExportFreeze.objects.get().reason == "[removed] said so"
        assert ErasureEntry.objects.get().is_replay
        told = Event.objects.filter(event="subject.words_redacted", subject_id=ada.pk)
        assert {each.facts["table"] for each in told} == {"billing_exportfreeze", "payments_payouthold"}
