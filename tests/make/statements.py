"""Files as banks write them, for what the test's own customers pay."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from xml.sax.saxutils import escape

from core import money
from payments.models import ReminderPlan, StatementLine
from payments.reminders import plans
from payments.statements import services
from tests.make import billing


@dataclass(frozen=True)
class Line:
    """One movement; minor units, below zero went out."""

    amount_minor: int
    name: str = ""
    iban: str = ""
    text: str = ""
    reference: str = ""
    on: date = field(default_factory=lambda: date(2026, 3, 2))


def camt053(
    lines: Sequence[Line], *, opening_minor: int = 0, number: str = "2026-1", currency: str = "EUR"
) -> bytes:
    """Write a camt.053.001.08 file whose balances its entries explain."""
    closing = opening_minor + sum(line.amount_minor for line in lines)
    entries = "".join(_entry(line, currency) for line in lines)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt>'
        f"<Id>{number}</Id><Acct><Id><IBAN>DE75512108001245126199</IBAN></Id><Ccy>{currency}</Ccy></Acct>"
        f"{_balance('OPBD', opening_minor, currency)}{_balance('CLBD', closing, currency)}"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def csv(lines: Sequence[Line]) -> bytes:
    """Write a table as a bank of the continent does."""
    head = "Buchungstag;Name;IBAN;Verwendungszweck;Referenz;Betrag\n"
    return (head + "".join(_row(line) for line in lines)).encode()


def line(said: Line | None = None) -> StatementLine:
    """Take in a statement with one line that waits, and return the line."""
    services.take_in(
        data=camt053([said or Line(4_200, "Somebody")]),
        file_name="march.xml",
        currency="EUR",
        actor=billing.ACTOR,
        at=billing.AT,
    )
    return StatementLine.objects.order_by("-id")[0]


def plan() -> ReminderPlan:
    """Make a plan of reminders that is nobody's default."""
    steps = [plans.StepInput(days=5, words="friendly")]
    return plans.create(name="Gentle", steps=steps, actor=billing.ACTOR, at=billing.AT)


def _row(line: Line) -> str:
    amount = f"{money.from_minor(line.amount_minor, 'EUR'):.2f}".replace(".", ",")
    return f"{line.on:%d.%m.%Y};{line.name};{line.iban};{line.text};{line.reference};{amount}\n"


def _entry(line: Line, currency: str) -> str:
    side = "Dbtr" if line.amount_minor > 0 else "Cdtr"
    strd = f"<Strd><CdtrRefInf><Ref>{line.reference}</Ref></CdtrRefInf></Strd>" if line.reference else ""
    account = f"<{side}Acct><Id><IBAN>{line.iban}</IBAN></Id></{side}Acct>" if line.iban else ""
    return (
        f"<Ntry>{_amount(line.amount_minor, currency)}<Sts><Cd>BOOK</Cd></Sts>"
        f"<BookgDt><Dt>{line.on}</Dt></BookgDt><NtryDtls><TxDtls>"
        f"<RltdPties><{side}><Pty><Nm>{escape(line.name)}</Nm></Pty></{side}>{account}</RltdPties>"
        f"<RmtInf><Ustrd>{escape(line.text)}</Ustrd>{strd}</RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def _balance(code: str, minor: int, currency: str) -> str:
    return f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(minor, currency)}</Bal>"


def _amount(minor: int, currency: str) -> str:
    sign = "DBIT" if minor < 0 else "CRDT"
    amount = money.from_minor(abs(minor), currency)
    return f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
