"""Small lies about money: a piece credited twice, a usage key sent for something else, a tax id that is none."""

import io
from datetime import timedelta
from decimal import Decimal

import openpyxl
import pytest

from billing.creditnotes import services as notes
from billing.creditnotes.rules import LineCredit
from billing.customers.models import Customer
from billing.imports import tables
from billing.issuer.models import Issuer
from billing.rates.rules import BadRate
from billing.tax import proposals
from billing.usage import services as usage
from billing.usage.models import UsageEvent
from billing.usage.rules import EventInput
from core.errors import Refusal
from tenancy import context
from tests.make import billing as make
from tests.make import books, recurring


@pytest.mark.django_db
@pytest.mark.parametrize(("pieces", "left"), [("2", 1), ("100", 1)])
def test_all_pieces_but_one_do_not_take_the_last_one_along(in_a, pieces, left):
    billed = make.finalized(lines=[make.line("0.01", quantity=pieces)])
    line = billed.parts[0][0]
    for quantity in (Decimal(pieces) - 1, Decimal(1)):
        made = notes.issue(
            invoice_id=billed.pk,
            wanted=notes.Wanted(lines=[LineCredit(line_id=line.pk, quantity=quantity)]),
            actor=make.ACTOR,
            at=make.AT,
        )
        assert made.total_minor == int(quantity)


@pytest.mark.django_db
def test_a_credit_note_that_counts_today_bears_no_later_day(in_a):
    billed = make.finalized()
    with pytest.raises(notes.CreditInFuture), context.attempt():
        notes.issue(
            invoice_id=billed.pk, issued_on=make.AT.date() + timedelta(days=2), actor=make.ACTOR, at=make.AT
        )
    assert notes.standing(billed.pk).noted_minor == 0


@pytest.mark.django_db
def test_a_usage_key_is_known_for_its_own_meter_and_value_alone(in_a):
    prices = [
        recurring.price("1.00", meter_id=recurring.meter().pk),
        recurring.price("1.00", of=recurring.product("two"), meter_id=recurring.meter("other").pk),
        recurring.price(
            "1.00", of=recurring.product("three"), meter_id=recurring.meter("seats", "unique").pk
        ),
    ]
    row = recurring.subscription(*prices, on=make.AT.date())

    def sent(key, meter="requests", **values):
        event = EventInput(key=key, subscription_id=row.pk, meter=meter, at=make.AT, **values)
        (outcome,) = usage.record(events=[event], actor=make.ACTOR, at=make.AT)
        return outcome.code or outcome.status

    assert [sent("a"), sent("a"), sent("a", "other")] == ["recorded", "known", "key_reused"]
    values = [sent("b", "seats", value=who) for who in ("ada", "ada", "grace")]
    assert values == ["recorded", "known", "key_reused"]
    assert UsageEvent.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("tax_id", ["FR00", "FR 1", "FRANCE-SOFT"])
def test_a_made_up_tax_id_makes_no_business_of_anybody(in_a, tax_id):
    buyer = make.customer("Buyer", address={"country": "FR", "city": "Lyon"}, tax_id=tax_id)
    facts = proposals._facts(Customer.objects.get(pk=buyer.pk), Issuer.objects.first(), "services")
    assert not facts.business


@pytest.mark.django_db
@pytest.mark.parametrize("rate", ["0.000000000001", "0.000000000002", "999999999999"])
def test_a_rate_that_nothing_could_be_booked_at_is_refused_when_it_is_entered(in_a, rate):
    with pytest.raises(BadRate):
        books.rate("2026-01-02", rate)


def workbook(value) -> bytes:
    book = openpyxl.Workbook()
    for row in (["name", "notes"], ["Ada", value]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read(data: bytes) -> list[list[str]]:
    try:
        return [row.cells for row in tables.read(data).rows]
    except Refusal as refusal:
        return [[refusal.code]]


def test_a_workbook_that_is_locked_or_broken_or_holds_a_duration_ends_in_a_sentence():
    assert read(workbook(timedelta(hours=30))) == [["Ada", "1 day, 6:00:00"]]
    whole = workbook("x")
    locked = bytearray(whole)
    for mark, flag in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = whole.find(mark)
        while place >= 0:
            locked[place + flag] |= 1
            place = whole.find(mark, place + 4)
    assert read(bytes(locked)) == [["unreadable_table"]]
    for place in range(0, len(whole), 7):
        broken = bytearray(whole)
        broken[place] ^= 0xFF
        assert read(bytes(broken))
