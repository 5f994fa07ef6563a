"""Invoices from draft to finalized to voided: exact totals; one number, one posting, one event each."""

from datetime import date
from decimal import Decimal

import pytest

from billing.customers import services as customers
from billing.invoices import lists, queries, services
from billing.invoices.models import Invoice, InvoiceLine
from billing.invoices.rules import NegativeTotal
from billing.issuer import services as issuer
from billing.issuer.models import SeriesCounter
from billing.ledger import queries as books
from billing.ledger.models import LedgerEntry, LedgerTransaction
from billing.tallies import queries as tallies
from billing.tallies import services as tally_services
from billing.tallies.models import Tally
from billing.tax import services as tax
from core import ids
from core.errors import Invalid, NotFound
from crypto import keyring
from tenancy import context
from tenancy.models import Tenant
from tests.make import billing as make


def postings(invoice_id) -> dict[str, list[tuple[str, int]]]:
    return {
        posting.kind: [(entry.account, entry.amount_minor) for entry in posting.entries.order_by("account")]
        for posting in LedgerTransaction.objects.filter(invoice_id=invoice_id).order_by("id")
    }


def test_a_draft_is_computed_to_the_cent_and_has_no_number(in_a):
    standard, reduced = make.tax_rate("20"), make.tax_rate("5.5", code="reduced")
    lines = [
        make.line("33.333333333333", quantity="3", rate=standard),
        make.line("0.005", quantity="1", rate=standard),
        make.line("19.99", quantity="2.5", rate=reduced),
        make.line("-10", rate=standard, text="Discount"),
        make.line("7", text="Stamps"),
    ]
    read = queries.get(make.draft(lines=lines, note="Thank you", due_on=date(2026, 12, 31)).pk)
    assert [line.net_minor for line in read.lines] == [10000, 1, 4998, -1000, 700]
    assert read.lines[0].net_exact == Decimal("99.999999999999")
    taxes = [(t.category, str(t.percentage), t.base_minor, t.tax_minor) for t in read.taxes]
    assert taxes == [("O", "0", 700, 0), ("S", "5.5", 4998, 275), ("S", "20", 9001, 1800)]
    assert (read.subtotal_minor, read.tax_minor, read.total_minor) == (14699, 2075, 16774)
    assert (read.number, read.status, read.payment_status, read.amount_due_minor) == (
        None,
        "draft",
        "unpaid",
        16774,
    )
    assert (read.note, read.due_on, read.customer_name) == ("Thank you", date(2026, 12, 31), "Ada Lovelace")
    assert make.events_of(read.id) == ["invoice.created"]


def test_finalize_numbers_freezes_posts_and_records(in_a):
    draft = make.draft(lines=[make.line("100", rate=make.tax_rate("20"))])
    final = make.finalize(draft.pk)
    read = queries.get(draft.pk)
    assert (read.number, read.status, read.payment_status) == ("INV-2026-00001", "finalized", "unpaid")
    assert (read.issued_on, read.due_on) == (date(2026, 3, 1), date(2026, 3, 15))
    assert read.seller["name"] == "Organization A"
    assert read.buyer == {"name": "Ada Lovelace"}
    assert postings(final.pk) == {
        "invoice_finalized": [("receivable", 12000), ("revenue", -10000), ("tax", -2000)]
    }
    assert make.events_of(final.pk) == ["invoice.created", "invoice.finalized"]
    assert queries.content_is_intact(final.pk) is True
    assert books.check() == []
    assert [
        (t.state, t.payment_status, t.count, t.total_minor, t.due_minor) for t in tallies.totals("invoice")
    ] == [("finalized", "unpaid", 1, 12000, 12000)]


def test_the_document_keeps_its_parties_when_they_change_or_are_erased(in_a):
    ada = make.customer(address={"city": "London"})
    final = make.finalized(of=ada)
    customers.update(customer_id=ada.pk, changes={"name": "Countess"}, actor=make.ACTOR, at=make.AT)
    issuer.set_issuer(name="New name", actor=make.ACTOR, at=make.AT)
    type(ada).objects.filter(pk=ada.pk).update(subject_key=None)
    read = queries.get(final.pk)
    assert (read.buyer, read.seller["name"]) == (
        {"name": "Ada Lovelace", "address": {"city": "London"}},
        "Organization A",
    )
    assert read.customer_name == "[erased]"
    assert queries.content_is_intact(final.pk) is True


def test_numbers_follow_each_other_within_a_fiscal_year_and_begin_anew_with_the_next(in_a):
    numbers = [
        make.finalized(issued_on=day).number
        for day in (date(2026, 1, 1), date(2026, 12, 31), date(2027, 1, 1))
    ]
    assert numbers == ["INV-2026-00001", "INV-2026-00002", "INV-2027-00001"]


def test_a_failed_finalize_leaves_no_gap(in_a):
    make.finalized()
    failing = make.draft()
    with pytest.raises(ZeroDivisionError), context.attempt():
        make.finalize(failing.pk)
        raise ZeroDivisionError
    assert queries.get(failing.pk).status == "draft"
    assert make.events_of(failing.pk) == ["invoice.created"]
    assert make.finalized().number == "INV-2026-00002"


def test_finalizing_twice_is_refused_and_leaves_everything_as_it_was(in_a):
    final = make.finalized()
    before = queries.get(final.pk)
    with pytest.raises(services.InvoiceNotDraft) as refused, context.attempt():
        make.finalize(final.pk)
    assert (refused.value.code, refused.value.status) == ("invoice_not_draft", 409)
    assert queries.get(final.pk) == before
    assert make.events_of(final.pk) == ["invoice.created", "invoice.finalized"]
    assert SeriesCounter.objects.get().last_sequence == 1


def test_void_keeps_the_number_and_takes_back_the_posting(in_a):
    final = make.finalized(lines=[make.line("100", rate=make.tax_rate("20"))])
    make.void(final.pk)
    read = queries.get(final.pk)
    assert (read.status, read.number, read.amount_due_minor) == ("voided", final.number, 0)
    assert read.void_reason == "Sent to the wrong address"
    assert postings(final.pk)["invoice_voided"] == [("receivable", -12000), ("revenue", 10000), ("tax", 2000)]
    assert make.events_of(final.pk) == ["invoice.created", "invoice.finalized", "invoice.voided"]
    assert books.check() == []
    assert make.finalized().number == "INV-2026-00002"
    states = [(t.state, t.count, t.due_minor) for t in tallies.totals("invoice")]
    assert states == [("finalized", 1, 10000), ("voided", 1, 0)]


def test_only_a_finalized_unpaid_invoice_can_be_voided(in_a):
    draft, paid, voided = make.draft(), make.finalized(), make.finalized()
    Invoice.objects.filter(pk=paid.pk).update(amount_paid_minor=1, payment_status="partially_paid")
    make.void(voided.pk)
    for invoice, refusal in (
        (draft, services.InvoiceNotFinalized),
        (voided, services.InvoiceNotFinalized),
        (paid, services.InvoiceHasPayments),
    ):
        before = queries.get(invoice.pk)
        with pytest.raises(refusal), context.attempt():
            make.void(invoice.pk)
        assert queries.get(invoice.pk) == before
    with pytest.raises(Invalid), context.attempt():
        make.void(paid.pk, reason=" ")


def test_a_draft_can_be_changed_and_its_amounts_follow(in_a):
    draft = make.draft()
    grace = make.customer("Grace Hopper")
    changes = {"lines": [make.line("10", quantity="4")], "customer_id": grace.pk, "note": "New"}
    services.update_draft(invoice_id=draft.pk, changes=changes, actor=make.ACTOR, at=make.AT)
    read = queries.get(draft.pk)
    assert (read.total_minor, read.customer_name, read.note, len(read.lines)) == (
        4000,
        "Grace Hopper",
        "New",
        1,
    )
    services.update_draft(invoice_id=draft.pk, changes={"currency": "JPY"}, actor=make.ACTOR, at=make.AT)
    assert (queries.get(draft.pk).total_minor, queries.get(draft.pk).currency) == (40, "JPY")
    assert [(t.currency, t.count, t.total_minor) for t in tallies.totals("invoice")] == [("JPY", 1, 40)]
    assert make.events_of(draft.pk) == ["invoice.created", "invoice.updated", "invoice.updated"]


def test_a_discarded_draft_is_gone_and_no_number_is_missing(in_a):
    draft = make.draft()
    services.discard_draft(invoice_id=draft.pk, actor=make.ACTOR, at=make.AT)
    with pytest.raises(NotFound):
        queries.get(draft.pk)
    assert (InvoiceLine.objects.count(), tallies.totals("invoice")) == (0, [])
    assert make.events_of(draft.pk) == ["invoice.created", "invoice.discarded"]
    assert make.finalized().number == "INV-2026-00001"


def test_a_finalized_invoice_is_no_draft_any_more(in_a):
    final = make.finalized()
    before = queries.get(final.pk)
    for act in (
        lambda: services.update_draft(
            invoice_id=final.pk, changes={"note": "x"}, actor=make.ACTOR, at=make.AT
        ),
        lambda: services.discard_draft(invoice_id=final.pk, actor=make.ACTOR, at=make.AT),
    ):
        with pytest.raises(services.InvoiceNotDraft), context.attempt():
            act()
    assert queries.get(final.pk) == before


def test_what_cannot_be_billed_is_refused(in_a):
    archived = make.customer("Archived")
    customers.archive(customer_id=archived.pk, actor=make.ACTOR, at=make.AT)
    with pytest.raises(customers.CustomerArchived), context.attempt():
        make.draft(of=archived)
    with pytest.raises(NegativeTotal), context.attempt():
        make.draft(lines=[make.line("-1")])
    with pytest.raises(services.InvoiceWithoutLines), context.attempt():
        make.finalized(lines=[])
    with pytest.raises(services.DueBeforeIssued), context.attempt():
        make.draft(issued_on=date(2026, 3, 2), due_on=date(2026, 3, 1))
    assert Invoice.objects.count() == 0


def test_every_fault_of_every_line_is_named(in_a):
    lines = [
        make.line("1", text=" "),
        make.line("0.0000000000001"),
        make.line("1", quantity="0"),
        make.line("1", quantity="1000000000000"),
        make.line("1", text="pay with 4111 1111 1111 1111"),
    ]
    with pytest.raises(Invalid) as refused, context.attempt():
        make.draft(lines=lines)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/lines/0/description", "required"),
        ("/lines/1/unit_amount", "too_precise"),
        ("/lines/2/quantity", "zero"),
        ("/lines/3/quantity", "out_of_range"),
        ("/lines/4/description", "card_number"),
    ]


@pytest.mark.parametrize("field", ["note", "references"])
def test_a_card_number_in_a_draft_is_refused_and_stored_nowhere(in_a, field):
    text = "4111-1111-1111-1111"
    with pytest.raises(Invalid) as refused, context.attempt():
        make.draft(**{field: {"order": text} if field == "references" else text})
    assert [error.code for error in refused.value.errors] == ["card_number"]
    assert Invoice.objects.count() == 0
    assert [code for code, _ in make.recorded() if code.startswith("invoice.")] == []


def test_a_draft_refers_to_known_things_only(in_a):
    draft = make.draft(references={"order": "PO-1", "buyer_reference": "04011000-12345-03"})
    assert queries.get(draft.pk).references == {"order": "PO-1", "buyer_reference": "04011000-12345-03"}
    with pytest.raises(Invalid) as refused, context.attempt():
        make.draft(references={"4111111111111111": "x"})
    assert [(error.pointer, error.code) for error in refused.value.errors] == [
        ("/references", "unknown_field")
    ]
    assert "4111" not in str(refused.value.errors)


def test_an_invoice_of_nothing_is_paid_at_once(in_a):
    final = make.finalized(lines=[make.line("0")])
    assert (queries.get(final.pk).payment_status, queries.get(final.pk).total_minor) == ("paid", 0)
    assert books.check() == []


def test_tax_rates_are_replaced_and_never_edited(in_a):
    old = make.tax_rate("19")
    before = make.finalized(lines=[make.line("100", rate=old)])
    new = tax.supersede(
        tax_rate_id=old.pk, percentage=Decimal(21), valid_from=date(2026, 4, 1), actor=make.ACTOR, at=make.AT
    )
    after = make.finalized(lines=[make.line("100", rate=new)])
    assert (queries.get(before.pk).tax_minor, queries.get(after.pk).tax_minor) == (1900, 2100)
    with pytest.raises(tax.TaxRateSuperseded), context.attempt():
        tax.supersede(
            tax_rate_id=old.pk,
            percentage=Decimal(22),
            valid_from=date(2027, 1, 1),
            actor=make.ACTOR,
            at=make.AT,
        )
    with pytest.raises(tax.TaxRateExists), context.attempt():
        make.tax_rate("20")


def test_lists_page_by_key_filter_and_find(in_a):
    ada, grace = make.customer(), make.customer("Grace Hopper")
    made = [make.finalized(of=ada, due_on=date(2026, 3, day)).pk for day in (5, 6, 7)]
    made += [make.draft(of=grace).pk]
    first = queries.page(limit=3)
    second = queries.page(limit=3, after=first.next_after)
    assert [row.id for row in first.rows + second.rows] == list(reversed(made))
    assert second.next_after is None
    assert [row.customer_name for row in first.rows] == ["Grace Hopper", "Ada Lovelace", "Ada Lovelace"]
    assert [row.id for row in queries.page(status="draft").rows] == made[3:]
    assert [row.id for row in queries.page(customer_id=grace.pk).rows] == made[3:]
    assert [row.id for row in queries.page(payment_status="unpaid", limit=1).rows] == [made[2]]
    assert [row.id for row in queries.page(due_before=date(2026, 3, 7)).rows] == [made[1], made[0]]
    assert [row.id for row in queries.find_by_number("INV-2026-00002")] == [made[1]]


def test_a_list_in_the_order_of_a_column_misses_no_row_on_any_page(in_a):
    ada = make.customer()
    for day, amount in ((7, "5"), (5, "9"), (5, "5"), (6, "1")):
        make.finalized(of=ada, due_on=date(2026, 3, day), lines=[make.line(amount)])
    # A draft is never due.
    made = [make.draft(of=ada, lines=[make.line("7")]).pk, make.draft(of=ada, lines=[make.line("9")]).pk]
    keys = {
        "due_on": lambda row: (row.due_on is None, row.due_on or date.min, row.id),
        "total": lambda row: (row.total_minor, row.id),
    }
    every = lists.page(lists.Wanted(today=date(2026, 3, 9))).rows
    assert [row.id for row in every[:2]] == made[::-1]
    for name, key in keys.items():
        for sort in (name, f"-{name}"):
            wanted = lists.Wanted(today=date(2026, 3, 9), sort=sort)
            walked, cursor, pages = [], "", []
            while cursor or not walked:
                page = lists.page(wanted, cursor=cursor, limit=2)
                walked += page.rows
                pages.append([row.id for row in page.rows])
                cursor = page.next_cursor
            expected = sorted(every, key=key, reverse=sort.startswith("-"))
            assert [row.id for row in walked] == [row.id for row in expected], sort
            back = lists.page(wanted, cursor=page.previous_cursor, limit=2)
            assert [row.id for row in back.rows] == pages[-2], sort
    assert lists.sums(wanted) == lists.sums(lists.Wanted(today=date(2026, 3, 9)))
    for broken in ("x", "", "12.", "9" * 30):
        with pytest.raises(lists.NoSuchPage):
            lists.page(wanted, cursor=f"{ids.base32(made[0])}.{broken}" if broken else "?")
    (owed,) = lists.owed_in_all(today=date(2026, 3, 6))
    assert (owed.count, owed.due_minor, owed.late_minor) == (4, 2000, 1400)
    assert lists.owed_in_all(today=date(2026, 3, 6), but=[ada.pk]) == []
    assert lists.owed_in_all(today=date(2026, 3, 6), of=[ada.pk]) == [owed]


def test_the_totals_stay_exact_when_they_are_melted(in_a):
    for _ in range(3):
        make.finalized()
    make.void(make.finalized().pk)
    before = tallies.totals("invoice")
    rows = Tally.objects.count()
    assert tally_services.melt() == Tally.objects.count() < rows
    assert tallies.totals("invoice") == before
    assert [(t.state, t.count, t.total_minor) for t in before] == [
        ("finalized", 3, 30000),
        ("voided", 1, 10000),
    ]


def test_statements_are_few(in_a, django_assert_num_queries):
    ada, rate = make.customer(), make.tax_rate()
    lines = [make.line("10", rate=rate) for _ in range(3)]
    make.finalized(of=ada, lines=lines)
    generation = Tenant.objects.get(pk=in_a).key_generation

    def statements(number):
        keyring.observe(in_a, "active", generation)  # as every door does
        return django_assert_num_queries(number)

    with statements(8):
        draft = make.draft(of=ada, lines=lines)
    with statements(0):
        assert len(queries.detail(draft).lines) == 3
    with statements(9):
        make.finalize(draft.pk)
    with statements(2):
        queries.page(limit=50)
    with statements(1):
        queries.page(limit=50, with_names=False)
    with statements(3):
        queries.get(draft.pk)
    with statements(1):
        tallies.totals("invoice")


@pytest.mark.django_db(transaction=True)
def test_another_organizations_customer_or_rate_cannot_be_billed(tenant_a, tenant_b):
    with context.scope(context.Scope(tenant_b)):
        foreign, rate = make.customer("Foreign"), make.tax_rate()
    with context.scope(context.Scope(tenant_a)):
        own = make.customer()
        with pytest.raises(NotFound), context.attempt():
            make.draft(of=foreign)
        with pytest.raises(NotFound), context.attempt():
            make.draft(of=own, lines=[make.line(rate=rate)])
        assert Invoice.objects.count() == 0
        assert [code for code, _ in make.recorded()] == ["customer.created"]


@pytest.mark.django_db(transaction=True)
def test_numbers_and_books_of_two_organizations_are_apart(tenant_a, tenant_b):
    for tenant in (tenant_a, tenant_b):
        with context.scope(context.Scope(tenant)):
            assert make.finalized().number == "INV-2026-00001"
            assert (LedgerEntry.objects.count(), books.check()) == (2, [])
