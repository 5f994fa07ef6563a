"""Crediting more than was billed: at the same moment, sent twice, past the services, and while it is voided or paid."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, connections

from billing.creditnotes import services as notes
from billing.creditnotes.models import CreditNote, CreditNoteLine
from billing.invoices.models import Invoice
from billing.issuer import services as issuers
from billing.ledger import queries as ledger
from core.errors import Refusal
from payments.services import crediting
from tenancy.context import Scope, scope
from tests.make import billing as make
from tests.make import payments

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(tenant: UUID, acts: list) -> Counter[str]:
    """Do all of it at the same moment, each in a transaction of its own; count how they ended."""
    gate = Barrier(len(acts))

    def one(act) -> str:
        try:
            gate.wait(timeout=30)
            with scope(Scope(tenant)):
                act()
        except Refusal as refusal:
            return type(refusal).__name__
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return Counter(pool.map(one, acts))


def invoice(tenant: UUID) -> Invoice:
    with scope(Scope(tenant)):
        return make.finalized(lines=[make.line("100", rate=make.tax_rate())])


def credit(of: Invoice, **values) -> CreditNote:
    return notes.issue(invoice_id=of.pk, actor=make.ACTOR, at=make.AT, **values)


def proven(tenant: UUID) -> None:
    with scope(Scope(tenant)):
        assert ledger.check() == []


def test_racing_credit_notes_never_pass_the_total(tenant_a: UUID) -> None:
    found = invoice(tenant_a)
    ended = at_once(tenant_a, [lambda: credit(found, wanted=notes.Wanted(amount_minor=5_000))] * 8)
    assert ended == {"done": 2, "CreditExceedsInvoice": 6}
    proven(tenant_a)


def test_a_page_sent_eight_times_credits_once(tenant_a: UUID) -> None:
    found = invoice(tenant_a)
    ended = at_once(
        tenant_a, [lambda: credit(found, wanted=notes.Wanted(amount_minor=100), seen_minor=0)] * 8
    )
    assert ended == {"done": 1, "CreditedMeanwhile": 7}
    proven(tenant_a)


def test_what_was_decided_before_money_moved_is_decided_again(tenant_a: UUID) -> None:
    """A payment, or a refund, that comes between what a program read and the lock: 409, and not its typing error."""
    found = invoice(tenant_a)
    with scope(Scope(tenant_a)):
        payments.bank(found.customer_id, 12_000, onto=((found.pk, 12_000),))
    for asked in ({"refund_minor": 0, "offset_minor": 12_000, "credit_minor": 0}, {"refund_minor": 12_001}):
        with pytest.raises(notes.CreditedMeanwhile) as refused, scope(Scope(tenant_a)):
            crediting.credit(invoice_id=found.pk, actor=make.ACTOR, at=make.AT, seen_minor=0, **asked)
        assert refused.value.status == 409
    with scope(Scope(tenant_a)):
        assert CreditNote.objects.count() == 0
    proven(tenant_a)


def test_voiding_and_paying_and_crediting_at_once_leave_one_truth(tenant_a: UUID) -> None:
    found = invoice(tenant_a)
    acts = [
        lambda: make.void(found.pk),
        lambda: payments.bank(found.customer_id, 12_000, onto=((found.pk, 12_000),)),
        lambda: credit(found),
    ] * 2
    ended = at_once(tenant_a, acts)
    with scope(Scope(tenant_a)):
        after = Invoice.objects.get(pk=found.pk)
        notes_made = CreditNote.objects.count()
    # Money is always taken; a void invoice was neither paid nor credited.
    if after.status == "voided":
        assert (after.amount_paid_minor, after.noted_minor, notes_made) == (0, 0, 0)
    else:
        assert (after.noted_minor, notes_made) == (12_000, 1)
        assert after.amount_due_minor == 0
    assert ended["done"] >= 3
    proven(tenant_a)


def test_fifty_documents_of_several_series_leave_no_gap(tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)):
        shop = issuers.create_series(code="shop", pattern="S{year}/{sequence}", actor=make.ACTOR, at=make.AT)
        drafts = [make.draft(series_id=shop.pk if index % 2 else None).pk for index in range(30)]
        billed = [make.finalized() for _ in range(4)]
    acts = [lambda pk=pk: make.finalize(pk) for pk in drafts]
    acts += [
        lambda of=billed[index % 4]: credit(of, wanted=notes.Wanted(amount_minor=100)) for index in range(20)
    ]
    assert at_once(tenant_a, acts) == {"done": 50}
    with scope(Scope(tenant_a)):
        usual = Invoice.objects.filter(series__code="invoices").values_list("sequence", flat=True)
        other = Invoice.objects.filter(series=shop).values_list("sequence", flat=True)
        credited = CreditNote.objects.values_list("sequence", flat=True)
        assert sorted(s for s in usual if s) == list(range(1, 20))
        assert sorted(s for s in other if s) == list(range(1, 16))
        assert sorted(credited) == list(range(1, 21))
    proven(tenant_a)


@pytest.mark.parametrize(
    "changed",
    [
        {"net_minor": "20000"},
        {"net_minor": "0"},
        {"invoice_line_id": "NULL"},
        {"customer_id": "uuidv7()"},
        {"credit_note_id": "uuidv7()"},
    ],
    ids=lambda changed: next(iter(changed)) + next(iter(changed.values())),
)
def test_the_database_takes_no_line_past_the_services(tenant_a: UUID, changed: dict[str, str]) -> None:
    found = invoice(tenant_a)
    with scope(Scope(tenant_a)):
        made = credit(found, wanted=notes.Wanted(amount_minor=100))
    names = [field.column for field in CreditNoteLine._meta.concrete_fields]
    values = {"id": "uuidv7()", "position": "99", **changed}
    into = ", ".join(f'"{name}"' for name in names)
    chosen = ", ".join(values.get(name, f'"{name}"') for name in names)
    with pytest.raises(DatabaseError), scope(Scope(tenant_a)), connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO billing_creditnoteline ({into}) SELECT {chosen} FROM billing_creditnoteline"
        )
    with scope(Scope(tenant_a)):
        assert CreditNoteLine.objects.filter(credit_note=made).count() == 1
    proven(tenant_a)
