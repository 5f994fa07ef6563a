"""Bank statements as camt.053 (ISO 20022): every version from 02, whose elements differ in few places.

What the bank has only announced (status PDNG or INFO) is left out: it comes again once it is booked, or never. A
collected entry is taken apart where its parts are named with amounts that add up; otherwise it stays one.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from xml.etree.ElementTree import Element  # a type; parsing is done where no declaration is met

from billing.documents.einvoice import xml
from core import days, money
from core.errors import Refusal
from payments.statements.entries import (
    MOST_ENTRIES,
    Entry,
    EntryUnreadable,
    Statement,
    StatementEmpty,
    TooManyEntries,
    check_balance,
    tidy,
)

# About seventy elements describe one entry.
MOST_ELEMENTS = 100 * MOST_ENTRIES
_NAMESPACE = re.compile(r"\{urn:iso:std:iso:20022:tech:xsd:(camt\.05[234])\.001\.(\d\d)\}Document\Z")
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_NOT_GIVEN = frozenset({"NOTPROVIDED", "NOT PROVIDED", "NONREF"})


class NotAStatement(Refusal):
    """This XML file is no camt.053 bank statement."""

    code = "not_a_statement"


def read(data: bytes) -> list[Statement]:
    """Read every statement of a file, in its order.

    Raises:
        NotAStatement: it is XML of another kind.
        StatementEmpty, TooManyEntries: it holds nothing, or too much.
        EntryUnreadable: names the entry and what is wrong with it.
        BalanceWrong: the entries of a statement do not lead from its opening to its closing balance.
        Refusal: of the XML reader; document types, entities and references outside are refused unread.
    """
    root = xml.parse(data, most_elements=MOST_ELEMENTS)
    found = _NAMESPACE.match(root.tag)
    if found is None:
        raise NotAStatement(field="file")
    if found[1] != "camt.053":
        raise NotAStatement(
            f"This is a {found[1]} message, which announces what a statement confirms. Export camt.053.",
            field="file",
        )
    reader = _Reader(root.tag.removesuffix("Document"))
    statements = [reader.statement(each) for each in reader.all(root, "BkToCstmrStmt/Stmt")]
    count = sum(len(statement.entries) for statement in statements)
    if not statements or (not count and all(each.opening_minor is None for each in statements)):
        raise StatementEmpty(field="file")
    if count > MOST_ENTRIES:
        raise TooManyEntries(f"The file holds more than {MOST_ENTRIES:,} entries. Export it in parts.")
    for statement in statements:
        check_balance(statement)
    return statements


class _Reader:
    """Reads elements of one version's namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def all(self, inside: Element, path: str) -> list[Element]:
        return inside.findall("/".join(f"{self.namespace}{name}" for name in path.split("/")))

    def text(self, inside: Element, *paths: str) -> str:
        """Return the text at the first of several paths that has one."""
        for path in paths:
            for element in self.all(inside, path):
                if element.text and element.text.strip():
                    return element.text.strip()
        return ""

    def statement(self, stmt: Element) -> Statement:
        try:
            opening, opening_currency = self.balance(stmt, _OPENING, last=False)
            closing, closing_currency = self.balance(stmt, _CLOSING, last=True)
        except (Refusal, ValueError):
            raise EntryUnreadable("A balance of the statement cannot be read.", field="file") from None
        named = self.text(stmt, "Acct/Ccy") or closing_currency or opening_currency
        entries: list[Entry] = []
        for position, entry in enumerate(self.all(stmt, "Ntry"), start=1):
            if self.text(entry, "Sts/Cd", "Sts") not in ("", "BOOK"):
                continue
            try:
                entries += [tidy(each) for each in self.entry(entry)]
            except (Refusal, ValueError) as fault:
                why = fault.message if isinstance(fault, Refusal) else "a date or an amount is none"
                raise EntryUnreadable(f"Entry {position} cannot be read: {why}.", field="file") from None
        currency = named or (entries[0].currency if entries else "EUR")
        if any(entry.currency != currency for entry in entries):
            raise EntryUnreadable("An entry is in another currency than its account.", field="file")
        return Statement(
            kind="camt053",
            reference=self.text(stmt, "Id")[:80],
            iban=self.text(stmt, "Acct/Id/IBAN", "Acct/Id/Othr/Id"),
            currency=currency,
            entries=entries,
            opening_minor=opening,
            closing_minor=closing,
        )

    def balance(self, stmt: Element, wanted: Sequence[str], *, last: bool) -> tuple[int | None, str]:
        """Return a balance in minor units and its currency; a page's own (ITBD) where it is one of several."""
        found: dict[str, list[Element]] = {}
        for element in self.all(stmt, "Bal"):
            found.setdefault(self.text(element, "Tp/CdOrPrtry/Cd"), []).append(element)
        pages = found.get("ITBD", [])
        chosen = next((found[code][0] for code in wanted if code in found), None)
        if chosen is None and pages:
            chosen = pages[-1] if last else pages[0]
            if len(pages) < 2 and not any(code in found for code in (*_OPENING, *_CLOSING)):
                chosen = None
        return (None, "") if chosen is None else self.signed(chosen)

    def signed(self, element: Element) -> tuple[int, str]:
        """Return the amount inside an element, below zero where it is a debit, and its currency."""
        amount = next(iter(self.all(element, "Amt")), None)
        if amount is None:
            raise ValueError("no amount")
        currency = amount.get("Ccy", "")
        size = money.exact_minor(money.decimal(amount.text or ""), currency)
        sign = {"CRDT": 1, "DBIT": -1}.get(self.text(element, "CdtDbtInd"))
        if sign is None or size < 0:
            raise ValueError("no direction")
        return sign * size, currency

    def entry(self, entry: Element) -> Iterator[Entry]:
        amount, currency = self.signed(entry)
        booked_on = _day(self.text(entry, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm"))
        value = self.text(entry, "ValDt/Dt", "ValDt/DtTm")
        details = self.all(entry, "NtryDtls/TxDtls")
        amounts = [self.part(each, amount, currency) for each in details]
        known = [part for part in amounts if part is not None]
        apart = len(details) > 1 and len(known) == len(details) and sum(known) == amount
        parts = list(zip(details, known, strict=True)) if apart else [(None, amount)]
        for detail, minor in parts:
            shown = details if detail is None else [detail]
            name, iban, end_to_end = self.who(shown, incoming=minor > 0)
            text, reference = self.words(shown, entry)
            yield Entry(
                booked_on=booked_on,
                value_on=_day(value) if value else None,
                currency=currency,
                amount_minor=minor,
                is_reversal=self.text(entry, "RvslInd") in ("true", "1"),
                name=name,
                iban=iban,
                text=text,
                reference=reference,
                end_to_end=end_to_end,
                bank_reference=(self.text(detail, "Refs/AcctSvcrRef") if detail is not None else "")
                or self.text(entry, "AcctSvcrRef", "NtryRef"),
            )

    def part(self, detail: Element, whole: int, currency: str) -> int | None:
        """Return what one transaction adds to a collected entry, or None where it is not said in this currency."""
        for path in ("Amt", "AmtDtls/TxAmt/Amt"):
            for element in self.all(detail, path):
                if element.get("Ccy") != currency:
                    continue
                size = money.exact_minor(money.decimal(element.text or ""), currency)
                direction = self.text(detail, "CdtDbtInd")
                return -size if (direction == "DBIT" if direction else whole < 0) else size
        return None

    def who(self, details: Sequence[Element], *, incoming: bool) -> tuple[str, str, str]:
        """Return name, account and own sign of the other side; nothing where an entry is of several."""
        if len(details) != 1:
            return "", "", ""
        (detail,) = details
        side = "Dbtr" if incoming else "Cdtr"
        parties = [f"RltdPties/{party}" for party in (side, f"Ultmt{side}")]
        name = self.text(detail, *(f"{party}/{place}" for party in parties for place in ("Nm", "Pty/Nm")))
        account = f"RltdPties/{side}Acct/Id"
        end_to_end = self.text(detail, "Refs/EndToEndId")
        return (
            name,
            self.text(detail, f"{account}/IBAN", f"{account}/Othr/Id"),
            "" if end_to_end.upper() in _NOT_GIVEN else end_to_end,
        )

    def words(self, details: Sequence[Element], entry: Element) -> tuple[str, str]:
        """Return what was written, in free words and as a creditor reference, in all of these transactions."""
        texts: list[str] = []
        references: list[str] = []
        for detail in details:
            for path in ("RmtInf/Ustrd", "RmtInf/Strd/AddtlRmtInf"):
                texts += [each.text or "" for each in self.all(detail, path)]
            references += [each.text or "" for each in self.all(detail, "RmtInf/Strd/CdtrRefInf/Ref")]
        return " ".join(texts) or self.text(entry, "AddtlNtryInf"), " ".join(references)


def _day(text: str) -> date:
    day = date.fromisoformat(text[:10])
    days.check(day, field="file")
    return day
