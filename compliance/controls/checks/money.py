"""Whether the books balance, documents stand, and no money is left in doubt."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from billing.ledger import queries as ledger
from compliance.controls import rules
from compliance.controls.rules import Control, Outcome
from core import ids
from payments.models import HookReceipt, Payment, Refund
from tenancy import context

DOUBT = timedelta(days=1)
HOOKS_WITHIN = timedelta(hours=1)
_FROZEN = {
    "billing_invoice": {"frozen", "stays"},
    "billing_invoiceline": {"frozen", "stays"},
    "billing_invoicetax": {"frozen", "stays"},
    "billing_ledgertransaction": {"appends", "stays", "balances"},
    "billing_ledgerentry": {"appends", "stays", "balances"},
    "billing_creditnote": {"stays", "stays_whole"},
    "billing_seriescounter": {"rises"},
}
_TRIGGERS = """
    SELECT c.relname::text, t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relname = ANY (%(tables)s) AND t.tgenabled IN ('O', 'A') AND NOT t.tgisinternal"""
# Numbers of a series and year run without a hole up to where its counter stands.
_GAPS = """
    SELECT c.series_id::text, c.fiscal_year,
           c.last_sequence - coalesce(min(d.sequence), c.last_sequence + 1) + 1 - count(d.sequence)
           + CASE WHEN count(d.sequence) = 0 THEN 1 ELSE 0 END
    FROM billing_seriescounter c LEFT JOIN (
        SELECT series_id, fiscal_year, sequence FROM billing_invoice
        WHERE tenant_id = %(tenant)s AND sequence IS NOT NULL
        UNION ALL
        SELECT series_id, fiscal_year, sequence FROM billing_creditnote
        WHERE tenant_id = %(tenant)s AND sequence IS NOT NULL
        UNION ALL
        SELECT series_id, fiscal_year, sequence FROM billing_quote
        WHERE tenant_id = %(tenant)s AND sequence IS NOT NULL) AS d
      ON d.series_id = c.series_id AND d.fiscal_year = c.fiscal_year
    WHERE c.tenant_id = %(tenant)s AND c.last_sequence > 0 GROUP BY c.series_id, c.fiscal_year, c.last_sequence
    HAVING count(d.sequence) = 0 OR max(d.sequence) <> c.last_sequence
        OR c.last_sequence - min(d.sequence) + 1 <> count(d.sequence)"""
_COUNTED = "SELECT count(*) FROM billing_invoice WHERE tenant_id = %(tenant)s AND sequence IS NOT NULL"


def _ask(sql: str, **given: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return list(cursor.fetchall())


def balanced(at: datetime) -> Outcome:
    """Prove the books anew."""
    errors = ledger.check()
    return rules.judged(
        [f"{each.kind}: {each.subject}" for each in errors],
        good=f"{ledger.count_transactions():,} transactions balance, and documents, payments and credit agree.",
        wrong="Faults in the books: {n}.",
    )


def frozen(at: datetime) -> Outcome:
    """Look whether the triggers that keep finalized documents and postings as they are stand."""
    there: dict[str, set[str]] = {}
    for table, name in _ask(_TRIGGERS, tables=list(_FROZEN)):
        there.setdefault(table, set()).add(name)
    found = [
        f"{table}: trigger {name} is off"
        for table, names in sorted(_FROZEN.items())
        for name in sorted(names - there.get(table, set()))
    ]
    total = sum(len(names) for names in _FROZEN.values())
    return rules.judged(
        found,
        good=f"All {total} triggers that keep documents and postings as they are stand.",
        wrong="Triggers that should keep documents and postings as they are, and do not stand: {n}.",
        triggers=total,
    )


def gapless(at: datetime) -> Outcome:
    """Look for holes in the numbers of documents."""
    tenant = context.current_tenant()
    gaps = _ask(_GAPS, tenant=tenant)
    counted = int(_ask(_COUNTED, tenant=tenant)[0][0])
    return rules.judged(
        [f"series {series}, year {year}: {missing} missing" for series, year, missing in gaps],
        good=f"{counted:,} numbered invoices, and no number is missing.",
        wrong="Series with missing numbers: {n}.",
        invoices=counted,
    )


def no_doubt(at: datetime) -> Outcome:
    """Look for money of which nobody has known for a day whether it moved."""
    payments = Payment.objects.filter(state=Payment.State.UNKNOWN, updated_at__lt=at - DOUBT)
    refunds = Refund.objects.filter(state=Refund.State.UNKNOWN, updated_at__lt=at - DOUBT)
    found = [ids.encode("payment", each) for each in payments.values_list("pk", flat=True)]
    found += [ids.encode("refund", each) for each in refunds.values_list("pk", flat=True)]
    return rules.judged(
        found,
        good="Of every payment and refund it is known whether the money moved.",
        wrong="Payments or refunds of which nobody has known for a day whether the money moved: {n}.",
    )


def messages_applied(at: datetime) -> Outcome:
    """Look for messages of the payment provider that were taken and not applied."""
    waiting = HookReceipt.objects.filter(
        Q(state=HookReceipt.State.RECEIVED) | Q(state=HookReceipt.State.FAILED),
        received_at__lt=at - HOOKS_WITHIN,
    ).count()
    if waiting:
        return rules.failed(
            f"{waiting} messages of the provider wait for more than an hour.", waiting=waiting
        )
    return rules.passed("Every message of the provider was applied within an hour.", waiting=0)


CONTROLS = (
    Control(
        code="money.balanced",
        title="The books balance",
        family="money",
        checks="Every transaction, and the sums of documents, payments and credit against the ledger.",
        passes="All proofs hold.",
        fails="Debit and credit differ, or a document disagrees with what was posted.",
        matters="What cannot be added up cannot be trusted, by you or by the tax office.",
        remedy="Run ledger_check for the place; post a correction, never change what is posted.",
        maps=(("asvs", "2.3.3"), ("hipaa", "312(c)(1)")),
        check=balanced,
    ),
    Control(
        code="money.frozen",
        title="Finalized documents and postings cannot change",
        family="money",
        checks="The triggers in the database that refuse every change of them.",
        passes="All stand.",
        fails="One was switched off or dropped.",
        matters="An invoice that was sent, and what was posted for it, must be the same tomorrow.",
        remedy="Put the trigger back by migration and compare documents with their digests.",
        maps=(("asvs", "2.3.1"), ("hipaa", "312(c)(1)"), ("pci-dss", "6.5.1-6.5.6")),
        check=frozen,
        of_host=True,
    ),
    Control(
        code="money.gapless",
        title="No document number is missing",
        family="money",
        checks="The numbers of invoices and credit notes of each series and year.",
        passes="They run from the first to the last without a hole.",
        fails="A number is missing: a document was removed past the product.",
        matters="Gapless numbers are how an outsider sees that nothing was taken away.",
        remedy="Find the number in the audit trail and in the backups.",
        maps=(("asvs", "2.3.3"),),
        check=gapless,
    ),
    Control(
        code="money.no_doubt",
        title="Of no money it is unknown whether it moved",
        family="money",
        checks="Payments and refunds whose outcome the provider has not told for a day.",
        passes="There is none.",
        fails="Somebody's money is in doubt and nobody has looked.",
        matters="A payment that is tried again while the first one moved takes money twice.",
        remedy="Look it up at the provider and decide it on the payment's page.",
        maps=(("asvs", "2.3.3"),),
        check=no_doubt,
    ),
    Control(
        code="money.messages",
        title="What the provider says is applied within an hour",
        family="money",
        checks="Verified messages of the payment provider that are not applied.",
        passes="None is older than an hour.",
        fails="Some wait: payments, refunds or disputes may stand otherwise than they are.",
        matters="A dispute that nobody sees is lost.",
        remedy="See whether the worker runs, and open the message's failure in the log.",
        maps=(("pci-dss", "10.7.1-10.7.3"),),
        check=messages_applied,
    ),
)
