"""Totals rounded to the smallest coin: on the document, in the books, and in what credit notes give back."""

from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.creditnotes import queries as credits
from billing.creditnotes import services as notes
from billing.creditnotes.rules import Rounded
from billing.documents.einvoice import incoming, outgoing, validation, write_cii, write_ubl
from billing.documents.einvoice.document import Document
from billing.documents.einvoice.writing import Profile
from billing.invoices import explanation, queries
from billing.invoices.models import Invoice
from billing.issuer import coins
from billing.issuer import services as issuers
from billing.issuer.models import Issuer
from billing.issuer.rules import COINS, to_coin
from billing.ledger import queries as ledger
from billing.ledger.models import LedgerEntry
from tests.make import billing as make


@given(
    coin_minor=st.sampled_from([1, *COINS.values()]),
    whole=st.integers(1, 10**9),
    cuts=st.lists(st.integers(1, 10**9), max_size=6),
)
@settings(max_examples=200)
def test_credit_notes_of_a_rounded_invoice_give_back_what_was_to_be_paid(
    coin_minor: int, whole: int, cuts: list[int]
) -> None:
    payable = to_coin(whole, coin_minor)
    assert abs(payable - whole) * 2 <= coin_minor
    assert payable % coin_minor == 0
    noted, back, rounding = 0, 0, payable - whole
    for upto in [*sorted(cut % whole for cut in cuts), whole]:
        if upto == noted:
            continue
        before = Rounded(
            total_minor=whole,
            rounding_minor=rounding,
            noted_minor=noted,
            rounded_minor=back - noted,
            coin_minor=coin_minor,
        )
        part = upto - noted + before.of(upto - noted)
        assert part >= 0
        noted, back = upto, back + part
    assert back == payable


def _books(invoice: Invoice) -> dict[str, int]:
    rows = LedgerEntry.objects.filter(transaction__invoice_id=invoice.pk)
    found: dict[str, int] = {}
    for row in rows:
        found[row.account] = found.get(row.account, 0) + row.amount_minor
    return {account: minor for account, minor in found.items() if minor}


def _written(document: Document, rounding: int, payable: int) -> None:
    for writer in (write_ubl, write_cii):
        written = writer.write(document, Profile.EN16931)
        problems = validation.check(written, profile=Profile.EN16931)
        assert [problem for problem in problems if problem.is_error] == []
        totals = incoming.read(written).totals
        assert (totals.rounding_minor, totals.payable_minor) == (rounding, payable)


def test_a_total_is_rounded_where_it_is_switched_on(in_a: UUID) -> None:
    where = {"line1": "1 Main Street", "city": "Bern", "postal_code": "3000", "country": "CH"}
    issuers.set_issuer(
        name="Issuer",
        address=where,
        tax_id="DE136695976",
        email="bills@example.com",
        actor=make.ACTOR,
        at=make.AT,
    )
    rate, of = make.tax_rate("8.1"), make.customer(currency="CHF", address=where, email="ada@example.com")
    lines = [make.line("9.25", rate=rate)]
    plain = make.finalized(of=of, lines=lines)
    assert (plain.total_minor, plain.rounding_minor, queries.due_minor(plain)) == (1000, 0, 1000)
    odd = make.draft(of=of, lines=[make.line("12.34", rate=rate)])
    assert (odd.total_minor, odd.rounding_minor) == (1334, 0)
    coins.round_totals(currencies=["CHF"], actor=make.ACTOR, at=make.AT)
    with pytest.raises(coins.NoSmallestCoin), transaction.atomic():
        coins.round_totals(currencies=["EUR"], actor=make.ACTOR, at=make.AT)
    assert Issuer.objects.get().rounded_currencies == ["CHF"]
    # A draft of before is rounded when it becomes final; other currencies are not.
    odd = make.finalize(odd.pk)
    assert (odd.total_minor, odd.rounding_minor, queries.due_minor(odd)) == (1334, 1, 1335)
    assert _books(odd) == {"receivable": 1335, "revenue": -1234, "tax": -100, "rounding": -1}
    assert make.finalized(lines=[make.line("12.34")]).rounding_minor == 0
    shown = queries.get(odd.pk)
    told = explanation.explain(shown)
    assert told.holds
    assert ("Rounding", 1) in [(step.what, step.result_minor) for step in told.steps]
    assert queries.content_is_intact(odd.pk)
    _written(outgoing.document_of(shown, at=make.AT), 1, 1335)
    # In two pieces and the rest: all of it comes back, to the coin each time.
    for amount in (333, 500, None):
        note = notes.issue(
            invoice_id=odd.pk, wanted=notes.Wanted(amount_minor=amount), actor=make.ACTOR, at=make.AT
        )
        assert note.offset_minor % 5 == 0
        assert note.offset_minor == note.total_minor + note.rounding_minor
    _written(
        outgoing.credit_note_of(credits.get(note.pk), at=make.AT), note.rounding_minor, note.offset_minor
    )
    odd = Invoice.objects.get(pk=odd.pk)
    assert (odd.credited_minor, odd.noted_minor, odd.amount_due_minor) == (1335, 1334, 0)
    assert _books(odd) == {}
    voided = make.void(make.finalized(of=of, lines=[make.line("0.02")]).pk)
    assert _books(voided) == {}
    assert ledger.check() == []
