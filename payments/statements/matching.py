"""Which customer a transfer is from and what it pays: candidates, each with a score from 0 to 100 and its reasons.

Promise kept: a candidate never puts more on invoices than the transfer is over, nor on one invoice more than is due;
and without the invoice's own name in the transfer no candidate is ever certain, however well the rest fits.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import combinations
from uuid import UUID

from payments.statements.names import SAME, Directory

CERTAIN = 95
MOST_CANDIDATES = 5
_BEST_UNNAMED = 90
_RECORDED = 60
_DAYS_APART = timedelta(days=10)
_MOST_OF_AMOUNT, _MOST_PAYERS = 10, 5
# So many invoices of one customer are tried in every combination; of more, only the oldest together.
_MOST_COMBINED, _LARGEST_COMBINATION = 12, 4
_LATEST = date.max
_WORD = re.compile(r"[A-Za-z0-9]+")
_MOST_WORDS, _LONGEST_NUMBER = 120, 6
_NO_SIGN = re.compile(r"[^A-Z0-9]")


class Reason(StrEnum):
    """Why a candidate is one; `WORDS` says it to people."""

    REFERENCE = "reference"
    NUMBER = "number"
    AMOUNT = "amount"
    ONLY_AMOUNT = "only_amount"
    SUM = "sum"
    PART = "part"
    OVER = "over"
    NAME = "name"
    NAME_LIKE = "name_like"
    ACCOUNT = "account"
    OTHER_ACCOUNT = "other_account"
    SETTLED = "settled"
    RECORDED = "recorded"


WORDS: Mapping[Reason, str] = {
    Reason.REFERENCE: "It carries the creditor reference",
    Reason.NUMBER: "The invoice number stands in its text",
    Reason.AMOUNT: "It is over exactly what is due",
    Reason.ONLY_AMOUNT: "No other open invoice is over this amount",
    Reason.SUM: "It is over exactly what these invoices come to",
    Reason.PART: "It is over less than is due",
    Reason.OVER: "It is over more than is due; the rest becomes credit",
    Reason.NAME: "The payer has the customer's name",
    Reason.NAME_LIKE: "The payer's name is like the customer's",
    Reason.ACCOUNT: "This customer has paid from this account before",
    Reason.OTHER_ACCOUNT: "From this account somebody else has paid before",
    Reason.SETTLED: "What it names is paid or void already",
    Reason.RECORDED: "A payment like it was recorded by hand",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """One open invoice."""

    id: UUID
    customer_id: UUID
    number: str
    currency: str
    due_minor: int
    due_on: date | None
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One line of a statement: what is matched. `account` is the blind index of the payer's account."""

    currency: str
    amount_minor: int
    booked_on: date
    name: str = ""
    account: bytes = b""
    text: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A bank payment that was recorded by hand and stands on no statement yet."""

    id: UUID
    customer_id: UUID
    currency: str
    amount_minor: int
    received_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A customer, what would go onto which invoice, how sure that is and why; or the payment it was recorded as."""

    customer_id: UUID
    parts: tuple[tuple[UUID, int], ...] = ()
    score: int = 0
    reasons: tuple[Reason, ...] = ()
    payment_id: UUID | None = None

    @property
    def is_certain(self) -> bool:
        """Whether it needs no more than a glance."""
        return self.score >= CERTAIN


class Books:
    """What is owed, by everything a transfer may say about it."""

    def __init__(
        self,
        *,
        owed: Iterable[Owed],
        names: Mapping[UUID, str],
        accounts: Mapping[bytes, frozenset[UUID]],
        recorded: Sequence[Recorded] = (),
        settled: Mapping[str, UUID] | None = None,
    ) -> None:
        self._owed = {each.id: each for each in owed}
        self._left = {each.id: each.due_minor for each in self._owed.values()}
        self._by_reference = {each.reference: each.id for each in self._owed.values() if each.reference}
        self._by_number: dict[str, list[UUID]] = {}
        self._by_amount: dict[tuple[str, int], list[UUID]] = {}
        self._of: dict[tuple[UUID, str], list[Owed]] = {}
        for each in sorted(self._owed.values(), key=lambda item: (item.due_on or _LATEST, item.id)):
            self._by_number.setdefault(_sign(each.number), []).append(each.id)
            self._by_amount.setdefault((each.currency, each.due_minor), []).append(each.id)
            self._of.setdefault((each.customer_id, each.currency), []).append(each)
        self._sums: dict[tuple[UUID, str], dict[int, tuple[Owed, ...]]] = {}
        self._directory = Directory(names)
        self._accounts, self._recorded, self._settled = accounts, list(recorded), settled or {}

    def candidates(self, transfer: Transfer) -> list[Candidate]:
        """Return who may have paid what, the likeliest first."""
        if transfer.amount_minor <= 0:
            return []
        alike = self._directory.like(transfer.name) if transfer.name else {}
        payers = self._accounts.get(transfer.account, frozenset()) if transfer.account else frozenset()
        found = self._named(transfer)
        for invoice_id in self._by_amount.get((transfer.currency, transfer.amount_minor), [])[
            :_MOST_OF_AMOUNT
        ]:
            if self._left[invoice_id] == transfer.amount_minor:
                found.append(self._over_one(transfer, invoice_id))
        for customer_id in [*sorted(payers)[:_MOST_PAYERS], *alike]:
            found.append(self._of_customer(transfer, customer_id))
        judged = [self._judged(each, alike, payers) for each in found]
        best: dict[tuple[UUID, tuple[tuple[UUID, int], ...]], Candidate] = {}
        for each in [self._unless_recorded(transfer, each) for each in judged]:
            key = (each.customer_id, each.parts)
            if key not in best or best[key].score < each.score:
                best[key] = each
        ranked = sorted(best.values(), key=lambda each: (-each.score, str(each.customer_id), each.parts))
        return ranked[:MOST_CANDIDATES]

    def claim(self, candidate: Candidate) -> None:
        """Count what a candidate would pay as paid, so that the next transfer is not matched with it too."""
        for invoice_id, amount in candidate.parts:
            self._left[invoice_id] -= amount
            self._sums.pop((candidate.customer_id, self._owed[invoice_id].currency), None)
        self._recorded = [each for each in self._recorded if each.id != candidate.payment_id]

    def _named(self, transfer: Transfer) -> list[Candidate]:
        found: list[Candidate] = []
        by_reference = {
            self._by_reference[text] for text in references(transfer) if text in self._by_reference
        }
        signs = set(numbers(transfer.text)) | set(numbers(transfer.reference))
        by_number = [key for sign in signs for key in self._by_number.get(sign, [])]
        customers = dict.fromkeys(self._owed[key].customer_id for key in [*by_reference, *by_number])
        for customer_id in customers:
            keys = {key for key in by_reference if self._owed[key].customer_id == customer_id}
            reason = Reason.REFERENCE
            if not keys:
                keys = {key for key in by_number if self._owed[key].customer_id == customer_id}
                reason = Reason.NUMBER
            base = 85 if reason is Reason.REFERENCE else self._base_of(keys)
            found.append(self._onto(transfer, customer_id, keys, base, (reason,)))
        for text in references(transfer):
            if text in self._settled:
                reasons = (Reason.REFERENCE, Reason.SETTLED)
                found.append(Candidate(customer_id=self._settled[text], score=40, reasons=reasons))
        return found

    def _base_of(self, keys: Iterable[UUID]) -> int:
        """A long number with letters is nobody else's; "12" may be a house."""
        shortest = min((_sign(self._owed[key].number) for key in keys), key=len)
        is_plain = shortest.isdigit()
        return 80 if len(shortest) >= (8 if is_plain else 6) else 60

    def _onto(
        self,
        transfer: Transfer,
        customer_id: UUID,
        keys: Iterable[UUID],
        base: int,
        reasons: tuple[Reason, ...],
    ) -> Candidate:
        invoices = [
            each for each in self._of.get((customer_id, transfer.currency), [])
            if each.id in set(keys) and self._left[each.id] > 0
        ]  # fmt: skip
        if not invoices:
            return Candidate(customer_id=customer_id, score=40, reasons=(*reasons, Reason.SETTLED))
        due = sum(self._left[each.id] for each in invoices)
        if due == transfer.amount_minor:
            fits = Reason.AMOUNT if len(invoices) == 1 else Reason.SUM
            return self._spread(transfer, customer_id, invoices, base + 15, (*reasons, fits))
        fits = Reason.PART if transfer.amount_minor < due else Reason.OVER
        return self._spread(transfer, customer_id, invoices, base - 5, (*reasons, fits))

    def _over_one(self, transfer: Transfer, invoice_id: UUID) -> Candidate:
        same = [
            key for key in self._by_amount[transfer.currency, transfer.amount_minor]
            if self._left[key] == transfer.amount_minor
        ]  # fmt: skip
        only = len(same) == 1
        reasons = (Reason.AMOUNT, Reason.ONLY_AMOUNT) if only else (Reason.AMOUNT,)
        return Candidate(
            customer_id=self._owed[invoice_id].customer_id,
            parts=((invoice_id, transfer.amount_minor),),
            score=35 if only else 20,
            reasons=reasons,
        )

    def _of_customer(self, transfer: Transfer, customer_id: UUID) -> Candidate:
        """Return what a customer would pay with this: one or several invoices to the cent, else the oldest first."""
        invoices = [
            each for each in self._of.get((customer_id, transfer.currency), []) if self._left[each.id] > 0
        ]
        chosen = self._summing(customer_id, transfer.currency, invoices, transfer.amount_minor)
        if chosen:
            one = len(chosen) == 1
            reason = Reason.AMOUNT if one else Reason.SUM
            return self._spread(transfer, customer_id, chosen, 30 if one else 25, (reason,))
        if not invoices:
            return Candidate(customer_id=customer_id, score=0, reasons=(Reason.OVER,))
        due = sum(self._left[each.id] for each in invoices)
        fits = Reason.PART if transfer.amount_minor < due else Reason.OVER
        return self._spread(transfer, customer_id, invoices, 0, (fits,))

    def _summing(self, customer_id: UUID, currency: str, invoices: Sequence[Owed], amount: int) -> list[Owed]:
        """Return invoices, the oldest first, that come to exactly this amount; none where none are found."""
        key = (customer_id, currency)
        if key not in self._sums:
            self._sums[key] = self._all_sums(invoices)
        return list(self._sums[key].get(amount, ()))

    def _all_sums(self, invoices: Sequence[Owed]) -> dict[int, tuple[Owed, ...]]:
        """Return what some invoices come to: the oldest together, each alone, and of a few every combination."""
        found: dict[int, tuple[Owed, ...]] = {}
        total = 0
        for count, each in enumerate(invoices, start=1):
            total += self._left[each.id]
            found.setdefault(total, tuple(invoices[:count]))
        largest = _LARGEST_COMBINATION if len(invoices) <= _MOST_COMBINED else 1
        for size in range(1, largest + 1):
            for some in combinations(invoices, size):
                found.setdefault(sum(self._left[item.id] for item in some), some)
        return found

    def _spread(
        self,
        transfer: Transfer,
        customer_id: UUID,
        invoices: Sequence[Owed],
        score: int,
        reasons: tuple[Reason, ...],
    ) -> Candidate:
        rest, parts = transfer.amount_minor, []
        for each in invoices:
            amount = min(rest, self._left[each.id])
            if amount > 0:
                parts.append((each.id, amount))
                rest -= amount
        return Candidate(customer_id=customer_id, parts=tuple(parts), score=score, reasons=reasons)

    def _judged(self, candidate: Candidate, alike: Mapping[UUID, int], payers: frozenset[UUID]) -> Candidate:
        """Add what the payer's name and account say."""
        is_named = bool({Reason.REFERENCE, Reason.NUMBER} & set(candidate.reasons))
        score, reasons = candidate.score, list(candidate.reasons)
        likeness = alike.get(candidate.customer_id, 0)
        if likeness:
            same = likeness >= SAME
            reasons.append(Reason.NAME if same else Reason.NAME_LIKE)
            score += 3 if is_named else (35 if same else 20)
        if candidate.customer_id in payers:
            reasons.append(Reason.ACCOUNT)
            score += 3 if is_named else 35
        elif payers:
            reasons.append(Reason.OTHER_ACCOUNT)
            score -= 10
        most = 100 if is_named else _BEST_UNNAMED
        return Candidate(
            customer_id=candidate.customer_id,
            parts=candidate.parts,
            score=max(0, min(score, most)),
            reasons=tuple(reasons),
        )

    def _unless_recorded(self, transfer: Transfer, candidate: Candidate) -> Candidate:
        """What somebody has recorded by hand is not booked a second time: it is offered as the line's payment."""
        for each in self._recorded:
            if (
                (each.customer_id, each.currency) == (candidate.customer_id, transfer.currency)
                and each.amount_minor == transfer.amount_minor
                and abs(each.received_on - transfer.booked_on) <= _DAYS_APART
            ):
                return Candidate(
                    customer_id=candidate.customer_id,
                    score=max(_RECORDED, min(candidate.score, CERTAIN - 1)),
                    reasons=(Reason.RECORDED, *candidate.reasons),
                    payment_id=each.id,
                )
        return candidate


def numbers(text: str) -> Iterable[str]:
    """Yield what may be an invoice's number in a text: some words of it that follow one another, without signs."""
    found = _WORD.findall(text)[:_MOST_WORDS]
    for start in range(len(found)):
        joined = ""
        for word in found[start : start + _LONGEST_NUMBER]:
            joined += word.upper()
            if len(joined) > 80:
                break
            if any(char.isdigit() for char in joined):
                yield joined


def references(transfer: Transfer) -> list[str]:
    """Return what may be a creditor reference in a transfer (ISO 11649), compact and in capitals, each once."""
    signs = [*numbers(transfer.reference), *numbers(transfer.text)]
    return list(dict.fromkeys(sign for sign in signs if sign.startswith("RF") and 6 <= len(sign) <= 25))


def _sign(number: str) -> str:
    return _NO_SIGN.sub("", number.upper())
