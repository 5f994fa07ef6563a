"""A request of somebody whose data is held: who asks is established first, the clock runs, the answer is whole."""

import io
import json
import zipfile
from datetime import date, timedelta

import pytest

from audit.models import Event
from billing.contacts.models import Contact
from billing.customers import restriction
from billing.customers.models import Customer
from billing.exports import kinds
from billing.invoices.models import InvoiceLine
from compliance.personaldata import collecting, finds
from compliance.personaldata import services as personaldata
from compliance.requests import making, queries, rules, services
from compliance.requests.models import PrivacyRequest
from compliance.requests.services import Asked
from core import ids
from core.errors import Invalid, NotFound
from outbound.models import OutboxMessage
from tenancy import context, jobs
from tenancy.context import Scope, scope
from tests.make import api
from tests.make import billing as make
from tests.make.contacts import contact

NOW = make.AT
LATER = NOW + timedelta(days=3)


@pytest.mark.parametrize(
    ("received", "due", "extended"),
    [
        (date(2026, 3, 1), date(2026, 4, 1), date(2026, 6, 1)),
        (date(2026, 1, 31), date(2026, 2, 28), date(2026, 4, 30)),
        (date(2027, 11, 30), date(2027, 12, 30), date(2028, 2, 29)),
    ],
)
def test_a_month_is_a_month(received: date, due: date, extended: date) -> None:
    assert rules.due_on(received) == due
    assert rules.due_on(received, extended=True) == extended


def asked(kind: str, customer, **more):
    return services.open_request(
        asked=Asked(kind=kind, customer_id=customer.pk, **more), actor=make.ACTOR, at=NOW
    )


def verified(row: PrivacyRequest) -> PrivacyRequest:
    return services.verify(request_id=row.pk, identity="called_back", actor=make.ACTOR, at=NOW)


def codes(row: PrivacyRequest) -> list[str]:
    return list(Event.objects.filter(subject_id=row.pk).order_by("at", "id").values_list("event", flat=True))


def test_nothing_leaves_before_it_is_known_who_asks(in_a) -> None:
    ada = make.customer("Ada", email="ada@ada.example")
    row = asked("access", ada, words="Send me everything")
    assert (row.due_on, row.state) == (date(2026, 4, 1), "received")
    for act in (
        lambda: services.collect(request_id=row.pk, actor=make.ACTOR, at=NOW),
        lambda: services.answer(request_id=row.pk, text="Here", actor=make.ACTOR, at=NOW),
    ):
        with pytest.raises(services.IdentityNotProved), context.attempt():
            act()
    assert queries.get(row.pk).state == "received"
    with pytest.raises(Invalid), context.attempt():
        services.verify(request_id=row.pk, identity="portal", actor=make.ACTOR, at=NOW)
    verified(row)
    with pytest.raises(services.NotCollectedYet), context.attempt():
        services.answer(request_id=row.pk, text="Here", actor=make.ACTOR, at=NOW)
    assert codes(row) == ["privacy_request.opened", "privacy_request.verified"]


def test_more_time_is_taken_once_and_early(in_a) -> None:
    row = asked("rectification", make.customer())
    with pytest.raises(services.TooLateToExtend), context.attempt():
        services.extend(request_id=row.pk, reason="many", actor=make.ACTOR, at=NOW + timedelta(days=40))
    services.extend(request_id=row.pk, reason="many requests", actor=make.ACTOR, at=LATER)
    with pytest.raises(services.TooLateToExtend), context.attempt():
        services.extend(request_id=row.pk, reason="more", actor=make.ACTOR, at=LATER)
    assert queries.get(row.pk).due_on == date(2026, 6, 1)


def test_it_is_said_once_that_the_day_comes_near(in_a) -> None:
    row = asked("access", make.customer())
    assert services.tell_due_soon(actor=make.ACTOR, at=NOW) == 0
    near = NOW + timedelta(days=25)
    assert services.tell_due_soon(actor=make.ACTOR, at=near) == 1
    assert services.tell_due_soon(actor=make.ACTOR, at=near + timedelta(days=1)) == 0
    assert codes(row)[-1] == "privacy_request.due_soon"
    assert queries.figures(date(2026, 4, 2)).late == 1


@pytest.mark.django_db(transaction=True)
def test_the_file_holds_every_table_and_nobody_elses_row(tenant_a) -> None:
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        ada = make.customer("Ada Lovelace", email="ada@ada.example", notes="=calls twice")
        contact(ada, "Grace Hopper")
        make.finalized(of=ada)
        make.finalized(of=make.customer("Kanarind"))
        row = verified(asked("access", ada))
        services.collect(request_id=row.pk, actor=make.ACTOR, at=NOW)
        counted = collecting.counts(collecting.customer(ada.pk))
    making.make(tenant_id=tenant_a, request_id=row.pk, actor=make.ACTOR, now=lambda: LATER)
    with scope(Scope(tenant_a)):
        found = queries.get(row.pk)
        assert jobs.find(found.job_id).state == "done"
        file, pieces = services.file_of(request_id=row.pk, actor=make.ACTOR, at=LATER)
        data = b"".join(pieces)
        much_later = LATER + timedelta(days=31)
        with pytest.raises(services.NotCollectedYet), context.attempt():
            services.file_of(request_id=row.pk, actor=make.ACTOR, at=much_later)
        with pytest.raises(NotFound), context.attempt():
            services.file_of(request_id=row.pk, actor=make.ACTOR, at=much_later, customer_id=ada.pk)
    assert file.name == "personal-data-2026-03-04.zip"
    assert b"Kanarind" not in data
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        about = json.loads(book.read("about.json"))
        named = {each["name"]: each["rows"] for each in about["tables"]}
        assert {label: n for label, n in named.items() if n} == counted
        for label in counted:
            rows = json.loads(book.read(f"data/{label}.json"))
            assert len(rows) == counted[label]
            assert f"tables/{label}.csv" in book.namelist()
        customer = json.loads(book.read("data/billing.Customer.json"))[0]
        assert customer["name"] == "Ada Lovelace"
        assert not {"subject_key", "name_index"} & customer.keys()
        assert "'=calls twice" in book.read("tables/billing.Customer.csv").decode()
        whole = "".join(book.read(name).decode("utf-8", "replace") for name in book.namelist())
        assert "Kanarind" not in whole
    with scope(Scope(tenant_a)):
        services.answer(request_id=row.pk, text="See the file", actor=make.ACTOR, at=LATER)
        assert Event.objects.filter(event="subject.exported", subject_id=ada.pk).count() == 1
        other = verified(asked("portability", ada))
        done = personaldata.erase_customer(customer_id=ada.pk, actor=make.ACTOR, at=LATER)
        # What was collected of them goes with them, and nothing collected meanwhile is kept.
        assert done.erased["files"] == 1
        with pytest.raises(services.NotCollectedYet), context.attempt():
            services.file_of(request_id=row.pk, actor=make.ACTOR, at=LATER)
    making.make(tenant_id=tenant_a, request_id=other.pk, actor=make.ACTOR, now=lambda: LATER)
    with scope(Scope(tenant_a)):
        assert queries.get(other.pk).file is None


def test_a_collecting_that_fails_is_said_on_its_job(db, tenant_a) -> None:
    with scope(Scope(tenant_a)):
        row = verified(asked("access", make.customer()))
        services.collect(request_id=row.pk, actor=make.ACTOR, at=NOW)
        services.withdraw(request_id=row.pk, actor=make.ACTOR, at=NOW)
    making.make(tenant_id=tenant_a, request_id=row.pk, actor=make.ACTOR, now=lambda: LATER)
    with scope(Scope(tenant_a)):
        assert jobs.find(queries.get(row.pk).job_id).code == "request_ended"
        assert codes(row)[-1] == "privacy_request.withdrawn"


def searched(row, at=LATER):
    making.search(tenant_id=row.tenant_id, request_id=row.pk, actor=make.ACTOR, now=lambda: at)
    return row


def test_words_that_name_a_person_are_found_and_decided_before_they_are_erased(in_a) -> None:
    api.set_issuer(in_a)
    ada = make.customer("Ada Lovelace", email="ada@ada.example")
    row = verified(asked("erasure", ada))
    grace = contact(ada, "Grace Hopper")
    friend = make.customer(
        "Charles Babbage",
        notes="Pays for ms LOVELACE (ada@ada.example). Not Adams. Call 0660 / 123 45-67 before noon.",
        metadata={"via": "Grace Hopper", "kind": "analytical"},
    )
    grace.phone = "+43 660 1234567"
    grace.save(update_fields=["phone"])
    final = make.finalized(of=friend, lines=[make.line(text="Hours for Ada Lovelace")])
    own = make.finalized(of=ada, lines=[make.line(text="Nothing to see")])
    with pytest.raises(finds.NotSearched), context.attempt():
        services.answer(request_id=row.pk, text="Done", actor=make.ACTOR, at=LATER)
    other = asked("access", ada)
    with pytest.raises(services.NothingToSearch), context.attempt():
        services.search(request_id=verified(other).pk, actor=make.ACTOR, at=LATER)
    services.search(request_id=row.pk, actor=make.ACTOR, at=LATER)
    searched(row)
    assert jobs.find(queries.get(row.pk).job_id).state == "done"
    with pytest.raises(finds.FindsUndecided), context.attempt():
        services.answer(request_id=row.pk, text="Done", actor=make.ACTOR, at=LATER)
    assert Customer.objects.get(pk=ada.pk).erased_at is None
    rows = {(each.table, each.column): each for each in finds.of_request(row.pk)[0]}
    line = ("billing.InvoiceLine", "description")
    assert {("billing.Customer", "notes"), ("billing.Customer", "metadata"), line} <= set(rows)
    assert {each.record_id for each in rows.values()} & {ada.pk, own.pk} == set()
    assert rows["billing.Customer", "notes"].hits == 3
    person = services.person_of(queries.get(row.pk))
    assert "LOVELACE" in finds.excerpt(rows["billing.Customer", "notes"], person)
    named = {"request_id": row.pk, "actor": make.ACTOR, "at": LATER}
    # A record that never changes says so, and is kept with the reason that the law knows.
    before = [each.description for each in InvoiceLine.objects.filter(invoice_id=final.pk)]
    with pytest.raises(finds.CannotBeChanged), context.attempt():
        finds.redact(find_id=rows[line].pk, person=person, **named)
    assert [each.description for each in InvoiceLine.objects.filter(invoice_id=final.pk)] == before
    with pytest.raises(Invalid), context.attempt():
        finds.keep_words(find_id=rows[line].pk, why="", **named)
    for key, each in rows.items():
        if key[0] == "billing.Customer":
            finds.redact(find_id=each.pk, person=person, **named)
        else:
            finds.keep_words(find_id=each.pk, why="law", **named)
    with pytest.raises(NotFound), context.attempt():
        finds.redact(find_id=rows["billing.Customer", "notes"].pk, person=person, **named)
    after = Customer.objects.get(pk=friend.pk)
    assert after.notes == "Pays for ms [removed] ([removed]). Not Adams. Call [removed] before noon."
    assert after.metadata == {"via": "[removed]", "kind": "analytical"}
    assert after.name == "Charles Babbage"
    # What is typed after the decisions is found by the next search; the search itself does not hold for long.
    after.notes = "Ada Lovelace again"
    after.save(update_fields=["notes"])
    searched(row)
    (again,) = [each for each in finds.of_request(row.pk)[0] if each.state == "open"]
    finds.redact(find_id=again.pk, person=person, **named)
    with pytest.raises(finds.NotSearched), context.attempt():
        services.answer(request_id=row.pk, text="Done", actor=make.ACTOR, at=LATER + timedelta(days=2))
    services.answer(request_id=row.pk, text="Done", actor=make.ACTOR, at=LATER)
    assert Customer.objects.get(pk=ada.pk).erased_at == LATER
    events = set(Event.objects.values_list("event", flat=True))
    assert {"privacy_request.words_searched", "subject.words_redacted", "subject.words_kept"} <= events
    told = Event.objects.filter(event__in=["subject.words_redacted", "subject.words_kept"])
    assert all("ovelace" not in str(each.facts) for each in told)


def test_an_erasure_is_the_answer_and_its_words_go_with_the_person(in_a) -> None:
    ada = make.customer("Ada", email="ada@ada.example")
    row = verified(asked("erasure", ada, name="Ada", email="ada@ada.example", words="Forget me"))
    searched(row)
    services.answer(request_id=row.pk, text="You are forgotten", actor=make.ACTOR, at=LATER)
    found = queries.get(row.pk)
    assert (found.state, found.name, found.words, found.answer) == ("answered", None, None, None)
    assert found.outcome["erased"]["customers"] == 1
    assert Customer.objects.get(pk=ada.pk).erased_at == LATER
    with pytest.raises(services.RequestEnded), context.attempt():
        services.refuse(request_id=row.pk, refusal="unfounded", text="no", actor=make.ACTOR, at=LATER)


def test_a_contact_asks_for_themselves(in_a) -> None:
    ada = make.customer("Ada")
    grace = contact(ada, "Grace")
    row = services.open_request(asked=Asked(kind="erasure", contact_id=grace.pk), actor=make.ACTOR, at=NOW)
    assert row.customer_id == ada.pk
    services.answer(request_id=searched(verified(row)).pk, text="Done", actor=make.ACTOR, at=LATER)
    assert Contact.objects.get(pk=grace.pk).subject_key is None
    assert Customer.objects.get(pk=ada.pk).name == "Ada"


def test_restricted_data_is_not_used(in_a) -> None:
    api.set_issuer(in_a)
    ada = make.customer("Ada", email="ada@ada.example")
    invoice = make.finalized(lines=[make.line(text="A secret thing")], of=ada)
    row = verified(asked("restriction", ada, email="stranger@elsewhere.example"))
    services.answer(request_id=row.pk, text="It rests", actor=make.ACTOR, at=LATER)
    assert Customer.objects.get(pk=ada.pk).restricted_at == LATER
    with pytest.raises(restriction.CustomerRestricted), context.attempt():
        make.draft(of=ada)
    # In lists that leave the house the books are whole, and nobody who is restricted is named.
    said = [
        row for kind in kinds.all_kinds() for row in kind.page({}, [c.code for c in kind.columns], None)[0]
    ]
    assert ids.encode("customer", ada.pk) in str(said) and invoice.number in str(said)
    assert "Ada" not in str(said) and "A secret thing" not in str(said)
    restriction.lift(customer_id=ada.pk, actor=make.ACTOR, at=LATER)
    assert make.draft(of=ada).customer_id == ada.pk
    assert {"customer.restricted", "customer.restriction_lifted"} <= set(
        Event.objects.filter(subject_id=ada.pk).values_list("event", flat=True)
    )


def test_whoever_asked_is_told_by_mail_and_nobody_else(in_a) -> None:
    api.set_issuer(in_a)
    ada = make.customer("Ada", email="ada@ada.example", language="de")
    row = verified(asked("erasure", ada, email="stranger@elsewhere.example"))
    services.extend(request_id=row.pk, reason="Die Bücher", actor=make.ACTOR, at=NOW)
    assert OutboxMessage.objects.get(template="privacy_request").body["to"] == "ada@ada.example"
    searched(row)
    services.answer(request_id=row.pk, text="Sie sind vergessen", actor=make.ACTOR, at=LATER)
    other = services.open_request(
        asked=Asked(kind="access", name="Grace", email="grace@navy.example"), actor=make.ACTOR, at=NOW
    )
    services.refuse(
        request_id=other.pk, refusal="identity_not_proved", text="Who are you?", actor=make.ACTOR, at=LATER
    )
    # What was written before the erasure went with the person; the last word is what they are told by.
    letters = [each.body for each in OutboxMessage.objects.filter(template="privacy_request").order_by("pk")]
    assert [each["to"] for each in letters] == ["ada@ada.example", "grace@navy.example"]
    assert "Sie sind vergessen" in letters[0]["text"] and "Ihre Anfrage" in letters[0]["subject"]
    assert "Who are you?" in letters[1]["text"] and "complain" in letters[1]["text"]


def test_a_refusal_has_a_reason_of_the_law(in_a) -> None:
    row = services.open_request(asked=Asked(kind="access", name="Nobody we know"), actor=make.ACTOR, at=NOW)
    with pytest.raises(services.NobodyNamed), context.attempt():
        services.verify(request_id=row.pk, identity="document", actor=make.ACTOR, at=NOW)
    with pytest.raises(Invalid), context.attempt():
        services.refuse(request_id=row.pk, refusal="because", text="no", actor=make.ACTOR, at=NOW)
    services.refuse(request_id=row.pk, refusal="nothing_held", text="Nothing", actor=make.ACTOR, at=NOW)
    assert codes(row)[-1] == "privacy_request.refused"
