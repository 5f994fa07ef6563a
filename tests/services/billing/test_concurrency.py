"""Many hands at once: no number is missing or given twice, nobody is refused, nothing deadlocks."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection, connections

from billing.customers.services import ReferenceTaken
from billing.invoices import queries, services
from billing.invoices.models import Invoice
from billing.issuer import services as issuers
from billing.issuer.models import Series, SeriesCounter
from billing.issuer.services import SeriesExists
from billing.ledger import queries as books
from billing.tallies import queries as tallies
from billing.tallies import services as tally_services
from billing.tax.services import TaxRateExists
from tenancy import context
from tests import databases
from tests.make import billing as make

# Never two of them at once: each opens fifty connections, and the role has ninety.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("many connections")]
THREADS = 50


def together(act, arguments):
    """Run one call a thread, all released at once, each on a connection of its own."""
    barrier = Barrier(len(arguments))

    def run(argument):
        try:
            barrier.wait(timeout=60)
            return act(argument)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


def deadlocks() -> int:
    sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    ((count,),) = databases.as_owner(sql)
    return count


def test_fifty_threads_finalize_without_gap_twin_or_deadlock(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        ada, rate = make.customer(), make.tax_rate()
        drafts = [make.draft(of=ada, lines=[make.line(rate=rate)]).pk for _ in range(THREADS)]

    def finalize(invoice_id):
        with context.scope(context.Scope(tenant_a)):
            return make.finalize(invoice_id).sequence

    assert sorted(together(finalize, drafts)) == list(range(1, THREADS + 1))
    with context.scope(context.Scope(tenant_a)):
        assert SeriesCounter.objects.get().last_sequence == THREADS
        assert Invoice.objects.filter(status="finalized").count() == THREADS
        assert books.check() == []
        assert [(t.state, t.count, t.total_minor) for t in tallies.totals("invoice")] == [
            ("finalized", THREADS, THREADS * 12000)
        ]
    assert deadlocks() == 0


def test_drafting_finalizing_voiding_and_melting_at_once_never_deadlocks(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        ada = make.customer()
        ready = [make.draft(of=ada).pk for _ in range(20)]
        final = [make.finalized(of=ada).pk for _ in range(10)]

    def act(job):
        kind, invoice_id = job
        with context.scope(context.Scope(tenant_a)):
            if kind == "finalize":
                return make.finalize(invoice_id).status
            if kind == "void":
                return make.void(invoice_id).status
            if kind == "both":
                return make.finalized(of=ada).status
            return str(tally_services.melt() > 0)

    jobs = [("finalize", key) for key in ready] + [("void", key) for key in final]
    jobs += [("both", None)] * 15 + [("melt", None)] * 5
    answers = together(act, jobs)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    with context.scope(context.Scope(tenant_a)):
        numbers = sorted(Invoice.objects.exclude(status="draft").values_list("sequence", flat=True))
        assert numbers == list(range(1, 46))
        assert books.check() == []
        assert [(t.state, t.count) for t in tallies.totals("invoice")] == [("finalized", 35), ("voided", 10)]
    assert deadlocks() == 0


def test_of_many_who_finalize_one_draft_exactly_one_does(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        draft = make.draft().pk

    def finalize(invoice_id):
        with context.scope(context.Scope(tenant_a)):
            return make.finalize(invoice_id).number

    answers = together(finalize, [draft] * 8)
    assert sorted(str(answer) for answer in answers if isinstance(answer, str)) == ["INV-2026-00001"]
    assert sum(isinstance(answer, services.InvoiceNotDraft) for answer in answers) == 7
    with context.scope(context.Scope(tenant_a)):
        assert make.events_of(draft) == ["invoice.created", "invoice.finalized"]
        assert SeriesCounter.objects.get().last_sequence == 1


def test_who_deletes_a_line_while_another_finalizes_waits_and_is_refused(tenant_a):
    with context.scope(context.Scope(tenant_a)):
        draft = make.draft(lines=[make.line(), make.line()]).pk
    waiting = Barrier(2)

    def delete(_):
        with context.scope(context.Scope(tenant_a)), connection.cursor() as cursor:
            waiting.wait(timeout=30)
            cursor.execute("DELETE FROM billing_invoiceline WHERE invoice_id = %s", [draft])

    def finalize(_):
        with context.scope(context.Scope(tenant_a)):
            number = make.finalize(draft).number
            waiting.wait(timeout=30)
            # Committing only once the other one waits for this row's lock.
            while not databases.as_owner("SELECT 1 FROM pg_locks WHERE NOT granted"):
                continue
            return number

    number, refusal = together(lambda act: act(None), [finalize, delete])
    assert number == "INV-2026-00001"
    assert "cannot change" in str(refusal)
    with context.scope(context.Scope(tenant_a)):
        assert len(queries.get(draft).lines) == 2
        assert queries.content_is_intact(draft) is True


@pytest.mark.parametrize(
    ("create", "refusal", "event"),
    [
        (lambda: make.tax_rate(code="standard"), TaxRateExists, "tax_rate.created"),
        (
            lambda: issuers.create_series(
                code="retail", pattern="R-{year}-{sequence}", actor=make.ACTOR, at=make.AT
            ),
            SeriesExists,
            "series.created",
        ),
        (lambda: make.customer(reference="C-1"), ReferenceTaken, "customer.created"),
    ],
    ids=["tax rate", "series", "customer"],
)
def test_of_many_who_take_one_code_at_once_all_but_one_are_refused_by_name(tenant_a, create, refusal, event):
    together_here = Barrier(8)

    def take(_):
        with context.scope(context.Scope(tenant_a)):
            # All look before any has committed: the rule of the database decides, not the look.
            Series.objects.exists()
            together_here.wait(timeout=60)
            return create().pk

    answers = together(take, list(range(8)))
    assert sum(isinstance(answer, refusal) for answer in answers) == 7
    ((made,),) = [[answer for answer in answers if not isinstance(answer, Exception)]]
    with context.scope(context.Scope(tenant_a)):
        assert [subject for code, subject in make.recorded() if code == event] == [str(made)]
