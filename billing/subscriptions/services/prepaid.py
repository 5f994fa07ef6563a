"""Giving back what was paid ahead and will not be used, when no invoice is to come that it could ride on.

While a subscription runs its next invoice gives back unused days by itself. Once it has ended, or rests, nothing does:
somebody issues credit notes of the invoices that the days stand on, and the days count as given back from then on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias
from uuid import UUID

from django.db.models import Sum

from audit import services as audit
from billing import events
from billing.creditnotes import queries as credited
from billing.creditnotes import rules as crediting
from billing.creditnotes import services as creditnotes
from billing.creditnotes.models import CreditNote, CreditNoteLine
from billing.invoices.models import Invoice, InvoiceLine
from billing.invoices.rules import local_day
from billing.issuer import queries as issuer
from billing.subscriptions import clock, planning, rules
from billing.subscriptions.models import BilledPeriod, Subscription
from billing.subscriptions.services import rows
from core.actor import Actor
from core.errors import Conflict, NotFound
from tenancy.context import use_case
from tenancy.models import only

# Of each invoice what is credited of its lines, before tax in minor units.
Wanted: TypeAlias = dict[UUID, dict[UUID, int]]


class NothingUnused(Conflict):
    """Nothing of this subscription waits to be given back, or its next invoice will do it."""

    code = "nothing_unused"


class UnusedDiffers(Conflict):
    """What waits to be given back has changed meanwhile. Look at the amounts again."""

    code = "unused_differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What of one line of an invoice is credited, before tax in minor units; nothing when it was credited by hand."""

    invoice_id: UUID
    line_id: UUID
    net_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """Days of an item that were billed and not had.

    `amount_minor` is above zero and of the same kind as the price: with tax where that is part of it.
    """

    due: rules.Due
    name: str
    amount_minor: int
    pieces: tuple[Piece, ...]

    @property
    def days(self) -> str:
        """The days in words."""
        return rules.span(self.due.from_on, self.due.to_on)

    @property
    def net_minor(self) -> int:
        """What is credited of it, before tax."""
        return sum(piece.net_minor for piece in self.pieces)


def waits(row: Subscription) -> bool:
    """Say whether planning has left something open that no invoice to come will carry."""
    return row.next_on is None and row.open_from is not None


def unused(row: Subscription, at: datetime) -> list[Unused]:
    """List what waits to be given back, and from which lines; empty while an invoice is to come."""
    if not waits(row):
        return []
    today = clock.today(at)
    dues = planning.open_days(row, max(today, row.ends_on or today))
    return [
        Unused(due=due, name=name, amount_minor=-due.amount_minor, pieces=tuple(_pieces(due)))
        for due, name in dues
        if due.amount_minor < 0
    ]


@use_case
def give_back(
    *, subscription_id: UUID, actor: Actor, at: datetime, seen_minor: int | None = None
) -> list[CreditNote]:
    """Credit the invoices that unused days stand on: off what is open of them, the rest to the customer's credit.

    What was credited of the same lines by hand before is not credited again, and an invoice that was voided gives
    nothing back. `seen_minor` is what a person was shown.

    Raises:
        NotFound: there is no such subscription.
        NothingUnused, UnusedDiffers.
        As issuing a credit note: a period that was closed, more than is left of a rate of tax.
    """
    row = only(Subscription.objects.select_for_update(no_key=True).filter(pk=subscription_id))
    if row is None:
        raise NotFound("There is no such subscription.", field="subscription")
    found = unused(row, at)
    if not found:
        raise NothingUnused
    if seen_minor not in (None, sum(one.amount_minor for one in found)):
        raise UnusedDiffers(field="amount_minor")
    notes = {
        invoice_id: _issue(invoice_id, pieces, actor=actor, at=at)
        for invoice_id, pieces in sorted(_carried(_by_invoice(found)).items())
    }
    for one in found:
        BilledPeriod.objects.create(
            customer_id=row.customer_id,
            subscription_id=row.pk,
            item_id=one.due.item.id,
            kind=BilledPeriod.Kind.RECURRING,
            period_from=one.due.period_from,
            period_to=one.due.period_to,
            revision=one.due.revision,
            from_on=one.due.from_on,
            to_on=one.due.to_on,
            quantity=one.due.quantity,
            amount_minor=one.due.amount_minor,
            at=at,
        )
    # A rest that goes on looks at its period again when it ends; what is over is never looked at again.
    row.open_from = None
    rows.save(row, at, "open_from")
    audit.record(events.SUBSCRIPTION_GAVE_BACK, actor=actor, subject=("subscription", row.pk))
    return list(notes.values())


def _issue(invoice_id: UUID, lines: Mapping[UUID, int], *, actor: Actor, at: datetime) -> CreditNote:
    invoice = Invoice.objects.get(pk=invoice_id)
    # A test clock may have dated it ahead, and its credit note then no further.
    day = max(local_day(at, issuer.time_zone()), invoice.issued_on or date.min)
    wanted = [crediting.LineCredit(line_id=line_id, net_minor=net) for line_id, net in sorted(lines.items())]
    return creditnotes.issue(
        invoice_id=invoice_id,
        wanted=creditnotes.Wanted(lines=wanted),
        reason_code=CreditNote.Reason.ORDER_CANCELLATION,
        issued_on=day,
        actor=actor,
        at=at,
    )


def _by_invoice(found: Sequence[Unused]) -> Wanted:
    """Gather what is credited of each invoice, each line once."""
    grouped: dict[UUID, dict[UUID, int]] = {}
    for one in found:
        for piece in one.pieces:
            lines = grouped.setdefault(piece.invoice_id, {})
            lines[piece.line_id] = lines.get(piece.line_id, 0) + piece.net_minor
    return grouped


def _carried(wanted: Wanted) -> Wanted:
    """Move what an invoice cannot give back, since unused days were set against its lines, to where those were billed.

    Days are given back on an invoice up to what it charges at their rate (decision 20). Of such an invoice less is left
    to credit than of its lines; the rest was charged by the earlier invoices that those days stand on. What is left of
    none of them was voided or credited by hand.
    """
    made: Wanted = {}
    waiting = {invoice_id: dict(lines) for invoice_id, lines in wanted.items()}
    while waiting:
        # The latest first: what it cannot carry goes to an earlier one.
        invoice_id = max(waiting)
        asked = waiting.pop(invoice_id)
        left = credited.left(Invoice.objects.get(pk=invoice_id))
        keys = {line.id: line.taxes for line in left.lines}
        room = {tax.key: tax.base_minor for tax in left.taxes}
        kept = made.setdefault(invoice_id, {})
        for line_id, net in asked.items():
            fits = max(0, min([net, *(room[key] for key in keys[line_id])]))
            for key in keys[line_id]:
                room[key] -= fits
            kept[line_id] = kept.get(line_id, 0) + fits
            rest = net - fits
            for row in _set_against(invoice_id) if rest else ():
                given, source = _line(row), _charged(row)
                if given is None or source is None or keys[given.pk] != keys[line_id]:
                    continue
                earlier = waiting.setdefault(source.invoice_id, {})
                free = source.net_minor - _credited(source) - earlier.get(source.pk, 0)
                moved = max(0, min(rest, -given.net_minor, free))
                earlier[source.pk] = earlier.get(source.pk, 0) + moved
                rest -= moved
    return {
        invoice_id: found
        for invoice_id, lines in made.items()
        if (found := {line_id: net for line_id, net in lines.items() if net})
    }


def _set_against(invoice_id: UUID) -> list[BilledPeriod]:
    """Return the unused days that an invoice gives back."""
    rows = BilledPeriod.objects.filter(invoice_id=invoice_id, kind="recurring", amount_minor__lt=0)
    return list(rows.select_related("item").order_by("pk"))


def _charged(given: BilledPeriod) -> InvoiceLine | None:
    """Return the line of an earlier invoice that charged unused days, the latest of them."""
    rows = BilledPeriod.objects.filter(
        item_id=given.item_id, kind="recurring", period_from=given.period_from, amount_minor__gt=0
    ).exclude(invoice_id=None)
    for row in rows.exclude(invoice_id=given.invoice_id).select_related("item").order_by("-revision"):
        if (line := _line(row)) is not None:
            return line
    return None


def _credited(line: InvoiceLine) -> int:
    sums = CreditNoteLine.objects.filter(invoice_line_id=line.pk).aggregate(net=Sum("net_minor"))
    return int(sums["net"] or 0)


def _pieces(due: rules.Due) -> list[Piece]:
    """Say which lines carried the days, the latest first, and what of each is still to be credited.

    Everything ever given back of these days is set against everything ever credited of the lines: what somebody
    credited by hand is taken for these days.
    """
    billed = list(
        BilledPeriod.objects.filter(item_id=due.item.id, kind="recurring", period_from=due.period_from)
        .select_related("item")
        .order_by("-revision")
    )
    given_before = -sum(row.amount_minor for row in billed if row.amount_minor < 0 and row.invoice_id is None)
    missing = given_before - due.amount_minor
    found = []
    for row in billed:
        if row.amount_minor <= 0 or row.invoice_id is None or missing == 0:
            continue
        taken = min(missing, row.amount_minor)
        missing -= taken
        line = _line(row)
        if line is not None:
            wanted = crediting.part(line.net_minor, taken, row.amount_minor)
            net = max(0, wanted - _credited(line))
            found.append(Piece(invoice_id=row.invoice_id, line_id=line.pk, net_minor=net))
    return found


def _line(row: BilledPeriod) -> InvoiceLine | None:
    assert row.item is not None  # noqa: S101  a constraint: days are an item's
    return (
        InvoiceLine.objects.filter(
            invoice_id=row.invoice_id,
            invoice__status=Invoice.Status.FINALIZED,
            price_id=row.item.price_id,
            period_from=row.from_on,
            period_to=row.to_on,
            **{"net_minor__gt" if row.amount_minor > 0 else "net_minor__lt": 0},
        )
        .order_by("position")
        .first()
    )
