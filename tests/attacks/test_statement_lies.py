"""Files whose amounts are none: each is refused by name, and never becomes a fault of ours."""

from decimal import Decimal

import pytest

from core import money
from core.errors import Refusal
from payments.statements import services
from payments.statements.entries import EntryUnreadable, StatementEmpty

_DOCUMENT = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>1</Id><Bal><Tp>'
    '<CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp>{balance}</Bal><Ntry><Amt Ccy="EUR">{amount}</Amt>'
    "<CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-03-02</Dt></BookgDt></Ntry></Stmt></BkToCstmrStmt></Document>"
)
_CREDIT = "<CdtDbtInd>CRDT</CdtDbtInd>"
_WELL = f'<Amt Ccy="EUR">1.00</Amt>{_CREDIT}'


@pytest.mark.parametrize(
    ("balance", "amount"),
    [
        ("", "1.00"),
        ('<Amt Ccy="EUR">1.00</Amt>', "1.00"),
        (f'<Amt Ccy="EUR">x</Amt>{_CREDIT}', "1.00"),
        (f'<Amt Ccy="EUR">-1</Amt>{_CREDIT}', "1.00"),
        (f'<Amt Ccy="XXY">1.00</Amt>{_CREDIT}', "1.00"),
        (f'<Amt Ccy="EUR">{"9" * 4_000}</Amt>{_CREDIT}', "1.00"),
        (_WELL, "9" * 4_000),
        (_WELL, "1e9"),
        (_WELL, "NaN"),
        (_WELL, "0." + "0" * 4_000 + "1"),
    ],
    ids=["none", "no_side", "text", "negative", "currency", "huge", "huge_entry", "power", "nan", "fine"],
)
def test_a_statement_whose_amounts_are_none_is_refused(balance, amount):
    with pytest.raises(EntryUnreadable):
        services.read(_DOCUMENT.format(balance=balance, amount=amount).encode(), currency="EUR")


@pytest.mark.parametrize("amount", ["9" * 5_000, "1e99999", "NaN", "Infinity", "-"])
def test_a_table_whose_amounts_are_none_is_refused(amount):
    with pytest.raises(StatementEmpty):
        services.read(f"Date;Amount;Text\n01.02.2026;{amount};x\n".encode(), currency="EUR")


def test_an_amount_of_more_digits_than_are_reckoned_with_is_too_large():
    with pytest.raises(money.AmountTooLarge) as refused:
        money.to_minor(Decimal("9" * 200), "EUR")
    assert isinstance(refused.value, Refusal)
