"""One chunk of a billing run: up to a thousand invoices in one transaction.

Promise kept: an invoice, its lines, taxes, postings, event and the facts it was made of stand or fall together, and
each fact is billed once, whoever else runs. Numbers are drawn last, all of the chunk at once, so that others wait for
a blink and a rollback leaves no gap. What is stored is, column by column, what drafting and finalizing one by one would
store; a test compares.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from django.db import connection

from audit import services as audit
from billing import events
from billing.customers.models import Customer
from billing.invoices import content
from billing.invoices.models import Invoice, InvoiceLine, InvoiceTax
from billing.invoices.rules import NegativeTotal
from billing.issuer import rules as numbering
from billing.issuer import services as issuers
from billing.issuer.models import Issuer
from billing.periods import queries as periods
from billing.runs.rules import LeftOut, PlannedInvoice, Planner
from billing.runs.shapes import INVOICES, LINES, TAXES, Part, Shape, Shapes
from billing.runs.staging import Sealing, Stage, seal
from billing.tallies import services as tallies
from core import canonical, ids
from core.actor import Actor
from core.errors import Refusal
from crypto import rows as crypto
from crypto.fields import EncryptedField
from outbound.webhooks import services as webhooks
from tenancy import context
from tenancy.context import use_case
from tenancy.models import only

Skip = tuple[UUID, str, str, UUID | None]


@dataclass(slots=True)
class Outcome:
    """What one chunk came to."""

    invoices: int = 0
    # Customer and code; and what alone of theirs, if the rest is billed.
    skipped: list[Skip] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a run bills, for whom, and who asked."""

    run_id: UUID
    on: date
    issued_on: date
    planner: Planner
    actor: Actor


@dataclass(slots=True)
class Ready:
    """One invoice that will be made."""

    id: UUID
    planned: PlannedInvoice
    shape: Shape
    buyer: dict[str, Any]
    # Its id and its customer's as they are written, into every row of it.
    own: str
    customer: str


@dataclass(frozen=True, slots=True)
class _Buyer:
    state: str
    payment_days: int | None
    content: dict[str, Any] | None
    is_erased: bool
    is_restricted: bool


class Engine:
    """Makes a run's invoices, chunk after chunk, and keeps what the chunks have in common."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shapes: Shapes | None = None
        self._of: tuple[Any, ...] = ()
        self._staged_on: Any = None
        self._check = ""

    def forget_session(self) -> None:
        """Make the temporary tables again: a transaction that rolled back may have taken them with it."""
        self._staged_on = None

    @use_case
    def bill(self, planned: Sequence[PlannedInvoice], *, at: datetime) -> Outcome:
        """Bill what was planned, in the transaction that is open. Nothing comes of what somebody else has billed."""
        outcome = Outcome()
        ready = self.prepare(planned, outcome)
        facts: list[tuple[UUID | None, PlannedInvoice]] = [(item.id, item.planned) for item in ready]
        facts += [(None, item) for item in planned if not item.lines and not item.refusal and item.facts]
        taken = {id(item) for item in self._job.planner.claim(facts, at=at)} if facts else set()
        ready = [item for item in ready if id(item.planned) not in taken]
        if ready:
            self._store(ready, at)
        outcome.invoices = len(ready)
        return outcome

    def prepare(self, planned: Sequence[PlannedInvoice], outcome: Outcome) -> list[Ready]:
        """Compute what was planned, and note who cannot be billed and why; nothing is stored."""
        issuer = only(Issuer.objects.select_related("series"))
        if issuer is None:
            raise issuers.IssuerMissing
        self._know(issuer)
        assert self._shapes is not None  # noqa: S101  made in the line above
        self._shapes.learn(list(planned))
        buyers = _buyers({item.customer_id for item in planned})
        found: list[tuple[PlannedInvoice, Shape, dict[str, Any]]] = []
        for item in planned:
            outcome.skipped += [(item.customer_id, one.code, one.kind, one.id) for one in item.left_out]
            if not item.lines and not item.refusal:
                continue
            buyer = buyers.get(item.customer_id)
            code = item.refusal or _obstacle(buyer)
            if not code and buyer is not None and buyer.content is not None:
                days = issuer.payment_days if buyer.payment_days is None else buyer.payment_days
                try:
                    shape = self._shapes.of(item, currency=item.currency, payment_days=days)
                except Refusal as refusal:
                    code = refusal.code
                    rest, bad = self._rest(item, refusal, days)
                    outcome.skipped += [(item.customer_id, one.code, one.kind, one.id) for one in bad]
                    code = "" if bad else code
                    found += [(*each, buyer.content) for each in rest]
                else:
                    found.append((item, shape, buyer.content))
            if code:
                outcome.skipped.append((item.customer_id, code, "", None))
        made = ids.uuid7s(len(found))
        return [
            Ready(key, *item, str(key), str(item[0].customer_id))
            for key, item in zip(made, found, strict=True)
        ]

    def _rest(
        self, item: PlannedInvoice, refusal: Refusal, days: int
    ) -> tuple[list[tuple[PlannedInvoice, Shape]], list[LeftOut]]:
        """Find what alone cannot be billed, and return the rest without it; nothing where nothing alone is at fault."""
        # A credit is no fault: it waits for more to be due, and nothing is billed as if it were not there.
        if item.without is None or isinstance(refusal, NegativeTotal):
            return [], []
        bad = self._culprits(item, days)
        rest = item.without({one.id for one in bad})
        if not bad or not rest.lines:
            return [], bad
        if self._refused(rest, days):
            return [], []
        assert self._shapes is not None  # noqa: S101  it has just refused something
        return [(rest, self._shapes.of(rest, currency=rest.currency, payment_days=days))], bad

    def _culprits(self, item: PlannedInvoice, days: int) -> list[LeftOut]:
        """Find by halves what alone cannot be billed: of thousands, one costs a dozen looks."""
        code = self._refused(item, days)
        if not code:
            return []
        keys = [key for _, key in item.subjects]
        if len(keys) < 2 or item.without is None:
            return [LeftOut(kind, key, code) for kind, key in item.subjects]
        half = len(keys) // 2
        return [
            one
            for others in (keys[half:], keys[:half])
            for one in self._culprits(item.without(frozenset(others)), days)
        ]

    def _refused(self, item: PlannedInvoice, days: int) -> str:
        assert self._shapes is not None  # noqa: S101  as above
        try:
            if item.lines:
                self._shapes.of(item, currency=item.currency, payment_days=days)
        except NegativeTotal:
            return ""
        except Refusal as refusal:
            return refusal.code
        return ""

    def _know(self, issuer: Issuer) -> None:
        """Begin anew when the issuer or its series has changed."""
        series = issuer.series
        now = (issuer.updated_at, series.pk, series.pattern, series.digits, series.rounding, series.e_invoice)
        if self._shapes is None or now != self._of:
            self._of = now
            self._series = series
            self._fiscal_year = numbering.fiscal_year(
                self._job.issued_on, starts_in=series.fiscal_year_starts_in
            )
            self._shapes = Shapes(issuer, issued_on=self._job.issued_on, fiscal_year=self._fiscal_year)

    def _store(self, ready: Sequence[Ready], at: datetime) -> None:
        self._make_stages()
        self._stage_parts(ready, LINES, InvoiceLine, lambda shape: shape.lines)
        self._stage_parts(ready, TAXES, InvoiceTax, lambda shape: shape.taxes)
        self._stage_invoices(ready, at)
        made = [item.id for item in ready]
        with connection.cursor() as cursor:
            cursor.execute(_POST, {"tenant": context.current_tenant(), "issued_on": self._job.issued_on})
            if not cursor.rowcount:
                raise periods.closed(self._job.issued_on, at=at, field="on")
        audit.record_each(events.INVOICE_FINALIZED, actor=self._job.actor, kind="invoice", subjects=made)
        webhooks.publish_alike(
            type="invoice.finalized",
            kind="invoice",
            rows=[(item.id, item.shape.news, {"customer": item.planned.customer_id}) for item in ready],
        )
        tallies.add([item.shape.change for item in ready])
        buyers = [canonical.dumps(item.buyer).decode() for item in ready]
        # What can be checked before the invoices are there is checked now: from here to the commit others wait for
        # their numbers.
        with connection.cursor() as cursor:
            cursor.execute(self._check)
        first = issuers.next_sequence(
            series_id=self._series.pk, fiscal_year=self._fiscal_year, count=len(ready)
        )
        numbers = [self._number(first + place) for place in range(len(ready))]
        digests = [
            content.keyed(item.shape.digested % (item.own, buyer, number))
            for item, buyer, number in zip(ready, buyers, numbers, strict=True)
        ]
        values: dict[str, Any] = {
            "tenant": context.current_tenant(),
            "run": self._job.run_id,
            "at": at,
            # One text: a list is looked through item by item.
            "ids": f"{{{','.join(item.own for item in ready)}}}",
            "sequences": list(range(first, first + len(ready))),
            "numbers": numbers,
            "digests": digests,
        }
        with connection.cursor() as cursor:
            cursor.execute(_FINAL, values)

    def _number(self, sequence: int) -> str:
        return numbering.number(
            self._series.pattern,
            fiscal_year=self._fiscal_year,
            sequence=sequence,
            digits=self._series.digits,
        )

    def _make_stages(self) -> None:
        """Make the temporary tables of this session, once."""
        if self._staged_on is connection.connection:
            return
        with connection.cursor() as cursor:
            for stage in (INVOICES, LINES, TAXES):
                cursor.execute(stage.definition)
            cursor.execute(_CHECKABLE)
            self._check = f"SET CONSTRAINTS {cursor.fetchone()[0]} IMMEDIATE"
        self._staged_on = connection.connection

    def _stage_parts(
        self,
        ready: Sequence[Ready],
        stage: Stage,
        model: type[InvoiceLine | InvoiceTax],
        parts_of: Callable[[Shape], Sequence[Part]],
    ) -> None:
        """Copy the lines, or the taxes, of all invoices."""
        parts = [(item, part) for item in ready for part in parts_of(item.shape)]
        keys = ids.uuid7s(len(parts))
        sealed: dict[str, Sealing] = {}
        rows: list[tuple[str, dict[str, str]]] = []
        for key, (item, part) in zip(keys, parts, strict=True):
            filled = {"id": str(key), "invoice": item.own, "customer": item.customer}
            for name, plaintext in part.plaintexts:
                sealed.setdefault(name, []).append((filled, key, plaintext))
            rows.append((part.template, filled))
        seal(model, sealed)
        stage.fill([template % filled for template, filled in rows])

    def _stage_invoices(self, ready: Sequence[Ready], at: datetime) -> None:
        sealed: dict[str, Sealing] = {"buyer": []}
        buyer_bytes = _bytes_of("buyer")
        moment, rows = at.isoformat(), []
        for item, posting in zip(ready, ids.uuid7s(len(ready)), strict=True):
            filled = {
                "id": item.own,
                "customer": item.customer,
                "at": moment,
                "posting": str(posting),
            }
            sealed["buyer"].append((filled, item.id, buyer_bytes(item.buyer)))
            for name, plaintext in item.shape.plaintexts:
                sealed.setdefault(name, []).append((filled, item.id, plaintext))
            rows.append((item.shape.template, filled))
        seal(Invoice, sealed)
        INVOICES.fill([template % filled for template, filled in rows])


def _bytes_of(name: str) -> Callable[[Any], bytes]:
    field = Invoice._meta.get_field(name)
    assert isinstance(field, EncryptedField)  # noqa: S101  the model says so
    return field.to_bytes


class _Names:
    """Notes which columns of a customer stand on a document."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __getattr__(self, name: str) -> None:
        self.read.append(name)


def _names_read() -> list[str]:
    asked: Any = _Names()
    content.buyer_of(asked)
    return list(asked.read)


def _buyers(customer_ids: Collection[UUID]) -> dict[UUID, _Buyer]:
    """Read customers and what stands of them on a document, in one statement."""
    names = _names_read()
    open_person = crypto.person_opener(Customer, names)
    listed = ", ".join(f'"{Customer._meta.get_field(name).column}"' for name in names)  # type: ignore[union-attr]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, state, payment_days, subject_key, restricted_at, {listed} FROM billing_customer "  # noqa: S608  names of ours
            "WHERE tenant_id = %s AND id = ANY(%s)",
            [context.current_tenant(), list(customer_ids)],
        )
        rows = cursor.fetchall()
    found = {}
    for key, state, days, wrapped, restricted_at, *values in rows:
        copied = None
        if wrapped is not None and state == Customer.State.ACTIVE:
            copied = content.buyer_of(cast(Customer, SimpleNamespace(**open_person(key, wrapped, values))))
        found[key] = _Buyer(state, days, copied, wrapped is None, restricted_at is not None)
    return found


def _obstacle(buyer: _Buyer | None) -> str:
    """Say why somebody cannot be billed, as drafting an invoice would refuse them."""
    if buyer is None or buyer.is_erased:
        return "customer_erased"
    if buyer.state != Customer.State.ACTIVE:
        return "customer_archived"
    return "customer_restricted" if buyer.is_restricted else ""


_POST = f"""
WITH day AS MATERIALIZED (
  SELECT billing_posting_day(%(tenant)s::uuid, %(issued_on)s::date, false) AS booked_on
), rates AS MATERIALIZED (
  SELECT currency, billing_rate_for(%(tenant)s::uuid, currency, %(issued_on)s::date) AS exchange_rate
  FROM (SELECT DISTINCT currency FROM pg_temp.run_invoice) AS used
), lines AS ({LINES.insertion()}), taxes AS ({TAXES.insertion()}), postings AS (
  INSERT INTO billing_ledgertransaction
    (tenant_id, id, kind, invoice_id, customer_id, source_id, booked_on, at, exchange_rate)
  SELECT tenant_id, posting, 'invoice_finalized', id, customer_id, NULL, day.booked_on, finalized_at, exchange_rate
  FROM pg_temp.run_invoice JOIN rates USING (currency), day WHERE day.booked_on IS NOT NULL
  RETURNING id
), tallied AS (
  INSERT INTO billing_tally (tenant_id, id, noun, state, payment_status, currency, day, count, total_minor, due_minor)
  SELECT tenant_id, uuidv7(), 'booked', '', '', currency, date_trunc('month', booked_on)::date, sum((account =
    'receivable')::int), -sum(CASE WHEN account IN ('revenue', 'customer_deposits') THEN amount ELSE 0 END),
    sum(CASE account WHEN 'receivable' THEN amount ELSE 0 END)
  FROM pg_temp.run_invoice, unnest(accounts, amounts) AS side (account, amount), day
  WHERE booked_on IS NOT NULL GROUP BY tenant_id, currency, booked_on
)
INSERT INTO billing_ledgerentry (tenant_id, id, transaction_id, customer_id, account, currency, amount_minor)
SELECT tenant_id, uuidv7(), posting, customer_id, side.account, currency, side.amount
FROM pg_temp.run_invoice JOIN postings ON postings.id = posting, unnest(accounts, amounts) AS side (account, amount)
"""  # noqa: S608  names of ours
# The deferred constraints of what a run writes that ask for no invoice.
_CHECKABLE = """
SELECT string_agg(DISTINCT quote_ident(conname), ', ') FROM pg_constraint
WHERE condeferred AND contype = 'f' AND confrelid <> 'billing_invoice'::regclass
  AND conrelid IN ('billing_invoiceline'::regclass, 'billing_invoicetax'::regclass,
    'billing_ledgertransaction'::regclass, 'billing_ledgerentry'::regclass, 'billing_billedperiod'::regclass)
"""
_GIVEN = (
    "JOIN unnest(%(ids)s::uuid[], %(sequences)s::int[], %(numbers)s::text[], %(digests)s::bytea[]) "
    "AS given (id, sequence, number, content_digest) ON given.id = staged.id"
)
_FINAL = f"""
WITH chunk AS (
  INSERT INTO billing_billingrunchunk (tenant_id, id, run_id, currency, invoices, total_minor, at)
  SELECT %(tenant)s, uuidv7(), %(run)s, currency, count(*), sum(total_minor), %(at)s
  FROM pg_temp.run_invoice GROUP BY currency
)
{INVOICES.insertion(_GIVEN)}
"""  # noqa: S608  names of ours
