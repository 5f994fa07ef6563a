"""What matching looks at: everything that is open, in a handful of statements, whatever the number of lines."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef

from billing.customers import queries as customers
from billing.documents import reference as creditor
from billing.invoices.models import Invoice
from crypto import blindindex
from crypto.values import BlindIndex
from payments.models import Payment, StatementLine
from payments.statements import matching
from payments.statements.matching import Books, Candidate, Owed, Reason, Recorded, Transfer

# The newest of more than this are looked at; beyond it a reference still finds its invoice.
MOST_OWED = 50_000
_MOST_NAMES = 20_000
# References that name nothing open are looked up one by one: two statements each.
_MOST_LOOKED_UP = 100
_AROUND = timedelta(days=10)
_PORTION = 1_000


def transfer_of(line: StatementLine) -> Transfer:
    """Return what is matched of a line."""
    signs = line.signs or {}
    index = b"" if not line.iban else bytes(blindindex.lookup(StatementLine, "iban_index", line.iban))
    return Transfer(
        currency=line.currency,
        amount_minor=line.amount_minor,
        booked_on=line.booked_on,
        name=line.name or "",
        account=index,
        text=" ".join(text for text in (line.text or "", signs.get("end_to_end", "")) if text),
        reference=signs.get("reference", ""),
    )


def books_for(transfers: Sequence[Transfer]) -> Books:
    """Return what is open in the currencies of some transfers, and who has paid from their accounts before."""
    owed = _owed({each.currency for each in transfers})
    names = customers.names(list(dict.fromkeys(each.customer_id for each in owed))[:_MOST_NAMES])
    return Books(
        owed=owed,
        names=names,
        accounts=_payers({each.account for each in transfers if each.account}),
        recorded=_recorded(transfers),
        settled=_settled(transfers, {each.reference for each in owed}),
    )


def propose(line: StatementLine, candidates: Sequence[Candidate]) -> None:
    """Write the likeliest candidate onto a line; nothing where there is none worth a look."""
    best = candidates[0] if candidates else None
    if best is None or best.score == 0:
        line.score, line.customer_id, line.proposal = 0, None, None
        return
    line.score, line.customer_id = best.score, best.customer_id
    line.proposal = {
        "parts": [[str(invoice_id), amount] for invoice_id, amount in best.parts],
        "reasons": [reason.value for reason in best.reasons],
        "payment": "" if best.payment_id is None else str(best.payment_id),
    }


def proposed(line: StatementLine) -> Candidate | None:
    """Return the candidate that stands on a line."""
    if line.customer_id is None or not line.proposal:
        return None
    payment = line.proposal.get("payment") or ""
    return Candidate(
        customer_id=line.customer_id,
        parts=tuple((UUID(invoice_id), int(amount)) for invoice_id, amount in line.proposal["parts"]),
        score=line.score,
        reasons=tuple(Reason(code) for code in line.proposal["reasons"]),
        payment_id=UUID(payment) if payment else None,
    )


def match(lines: Iterable[StatementLine]) -> None:
    """Propose for lines that are not saved yet or are about to be, in their order; certain ones count as paid."""
    waiting = [(line, transfer_of(line)) for line in lines if line.state == StatementLine.State.OPEN]
    if not waiting:
        return
    books = books_for([transfer for _, transfer in waiting])
    for line, transfer in waiting:
        found = books.candidates(transfer)
        propose(line, found)
        if found and found[0].is_certain:
            books.claim(found[0])


def _owed(currencies: set[str]) -> list[Owed]:
    rows = (
        Invoice.objects.filter(
            status=Invoice.Status.FINALIZED, currency__in=currencies, amount_due_minor__gt=0
        )
        .exclude(payment_status=Invoice.PaymentStatus.PAID)
        .order_by("-id")
        .values_list(
            "id", "customer_id", "number", "currency", "amount_due_minor", "due_on", "series_id",
            "fiscal_year", "sequence",
        )[:MOST_OWED]
    )  # fmt: skip
    return [
        Owed(
            id=key,
            customer_id=customer_id,
            number=number,
            currency=currency,
            due_minor=due,
            due_on=due_on,
            reference=creditor.compose(series_id=series_id, fiscal_year=year, sequence=sequence),
        )
        for key, customer_id, number, currency, due, due_on, series_id, year, sequence in rows
    ]


def _payers(indexes: set[bytes]) -> Mapping[bytes, frozenset[UUID]]:
    found: dict[bytes, set[UUID]] = {}
    wanted = sorted(indexes)
    for start in range(0, len(wanted), _PORTION):
        rows = StatementLine.objects.filter(
            iban_index__in=[BlindIndex(each) for each in wanted[start : start + _PORTION]],
            state__in=[StatementLine.State.BOOKED, StatementLine.State.LINKED],
        )
        for index, customer_id in rows.values_list("iban_index", "customer_id").distinct():
            found.setdefault(bytes(index), set()).add(customer_id)
    return {index: frozenset(each) for index, each in found.items()}


def _recorded(transfers: Sequence[Transfer]) -> list[Recorded]:
    days = [each.booked_on for each in transfers if each.amount_minor > 0]
    if not days:
        return []
    on_a_line = StatementLine.objects.filter(tenant=OuterRef("tenant"), payment=OuterRef("pk"))
    rows = Payment.objects.filter(
        ~Exists(on_a_line),
        method=Payment.Method.BANK_TRANSFER,
        state=Payment.State.SUCCEEDED,
        received_on__gte=min(days) - _AROUND,
        received_on__lte=max(days) + _AROUND,
    )
    return [
        Recorded(id=key, customer_id=customer_id, currency=currency, amount_minor=amount, received_on=day)
        for key, customer_id, currency, amount, day in rows.order_by("id").values_list(
            "id", "customer_id", "currency", "captured_minor", "received_on"
        )[:MOST_OWED]
    ]


def _settled(transfers: Sequence[Transfer], is_open: set[str]) -> dict[str, UUID]:
    """Return whose the references are that name nothing open: paid, void, or beyond what was looked at."""
    named = {text: None for each in transfers for text in matching.references(each) if text not in is_open}
    found = {}
    for text in list(named)[:_MOST_LOOKED_UP]:
        invoice_id = creditor.find(text)
        if invoice_id is not None:
            found[text] = invoice_id
    rows = Invoice.objects.filter(pk__in=found.values()).values_list("id", "customer_id")
    customer_of = dict(rows)
    return {text: customer_of[key] for text, key in found.items() if key in customer_of}
