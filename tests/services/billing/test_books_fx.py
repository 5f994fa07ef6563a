"""Foreign currencies reconcile to zero: what is settled is carried at nothing, and gains are what came in too much."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from billing.issuer.services import set_issuer
from billing.ledger import queries as ledger
from billing.ledger import trial
from billing.ledger.models import FxPosition, LedgerTransaction
from billing.rates import queries as rates
from billing.rates import services as rate_services
from core import money
from tenancy.context import attempt
from tests.make import billing, books


def held(until: str = "2026-12-31") -> dict[tuple[str, str], tuple[int, int]]:
    books.settle()
    found = trial.trial(date.fromisoformat(until))
    assert set(found.sums().values()) <= {0}
    assert found.base_sum() == 0
    return {(row.account, row.currency): (row.amount_minor, row.base_minor) for row in found.rows}


def carried(account: str, currency: str = "USD", until: str = "2026-12-31") -> int:
    """What an account is carried at in EUR: its postings, and what was valued of it."""
    from billing.periods import valuation

    base = held(until).get((account, currency), (0, 0))[1]
    return base + valuation.valued(date.fromisoformat(until)).get((account, currency), 0)


def kinds() -> list[str]:
    return list(LedgerTransaction.objects.order_by("at", "id").values_list("kind", flat=True))


def test_an_invoice_paid_at_another_rate_gains_the_difference(in_a):
    books.rate("2026-01-05", "0.9")
    books.rate("2026-01-20", "0.95")
    invoice = books.invoice("2026-01-05", "100.00", of=billing.customer(currency="USD"))
    books.settle()
    assert carried("receivable") == 90_00
    books.paid("2026-01-20", 100_00, invoice)
    assert held() == {
        ("receivable", "USD"): (0, -5_00),
        ("revenue", "USD"): (-100_00, -90_00),
        ("bank", "USD"): (100_00, 95_00),
        ("fx_valuation", "EUR"): (5_00, 5_00),
        ("fx_gain_loss", "EUR"): (-5_00, -5_00),
    }
    assert carried("receivable") == 0
    assert kinds()[-1] == "fx_realised:receivable:USD"
    assert LedgerTransaction.objects.get(kind="fx_realised:receivable:USD").booked_on == date(2026, 1, 20)
    assert ledger.check() == []


def test_a_part_paid_invoice_carries_the_rest_at_its_own_rate(in_a):
    books.rate("2026-01-05", "0.9")
    books.rate("2026-01-20", "0.8")
    invoice = books.invoice("2026-01-05", "100.00", of=billing.customer(currency="USD"))
    books.paid("2026-01-20", 40_00, invoice)
    books.settle()
    # 60 due at 0.90; a loss of 4 on 40.
    assert carried("receivable") == 54_00
    assert held()["fx_gain_loss", "EUR"] == (4_00, 4_00)
    assert ledger.check() == []


def test_a_voided_invoice_gains_nothing(in_a):
    books.rate("2026-01-05", "0.9")
    books.rate("2026-02-28", "0.7")
    invoice = books.invoice("2026-01-05", "99.99", of=billing.customer(currency="USD"))
    billing.void(invoice.pk)
    assert held() == {}
    assert ledger.check() == []


def test_one_payment_of_two_invoices_and_the_rest_to_credit(in_a):
    books.rate("2026-01-05", "0.9137")
    books.rate("2026-01-06", "0.9351")
    books.rate("2026-01-20", "0.8777")
    customer = billing.customer(currency="USD")
    rate = billing.tax_rate("19")
    first = books.invoice("2026-01-05", "33.33", of=customer, rate=rate)
    second = books.invoice("2026-01-06", "66.67", of=customer, rate=rate)
    books.paid("2026-01-20", first.total_minor + second.total_minor + 10_01, first, second)
    books.settle()
    assert carried("receivable") == 0
    assert held()["customer_credit", "USD"] == (
        -10_01,
        -money.to_minor(Decimal("10.01") * Decimal("0.8777"), "EUR"),
    )
    # one posting each, whatever was counted on the way
    assert kinds().count("fx_realised:receivable:USD") == 1
    assert ledger.check() == []


def test_what_was_booked_without_a_rate_is_valued_when_it_comes(in_a):
    invoice = books.invoice("2026-01-05", "100.00", of=billing.customer(currency="USD"))
    books.paid("2026-01-20", 100_00, invoice)
    books.settle()
    assert rates.rates_owed() == {"USD": 2}
    assert trial.trial(date(2026, 12, 31)).owed == {"USD": 2}
    assert rates.rates_for(["EUR", "USD"], date(2026, 1, 5)) == {"EUR": None, "USD": Decimal(0)}
    books.rate("2026-01-19", "0.95")
    assert rates.rates_owed() == {"USD": 1}
    assert FxPosition.objects.count() == 0 or held()["fx_gain_loss", "EUR"] is None
    books.rate("2026-01-02", "0.9")
    books.settle()
    assert rates.rates_owed() == {}
    assert carried("receivable") == 0
    assert held()["fx_gain_loss", "EUR"] == (-5_00, -5_00)
    assert ledger.check() == []


def test_the_rate_of_a_day_is_the_last_one_within_a_week(in_a):
    books.rate("2026-01-02", "0.9")
    assert rates.rate_on(date(2026, 1, 9), currency="USD", base="EUR") == Decimal("0.9")
    with pytest.raises(Exception) as refused, attempt():
        rates.rate_on(date(2026, 1, 10), currency="USD", base="EUR")
    assert refused.value.code == "exchange_rate_missing"
    assert "USD to EUR for 2026-01-10" in str(refused.value)
    books.rate("2026-01-02", "0.91")
    assert rates.rate_on(date(2026, 1, 2), currency="USD", base="EUR") == Decimal("0.91")


FILE = b"Date,USD,JPY,GBP,CYP,\n2026-01-05,1.25,160.5,0.80,N/A,\n2026-01-02,1.2,N/A,0.81,0.5,\n\n"


def test_the_central_banks_file_gives_every_pair(in_a):
    kept = rate_services.upload(content=FILE, actor=books.ACTOR, at=books.at("2026-02-01"))
    assert (kept.read, kept.new) == (5, 5)
    again = rate_services.upload(content=FILE, actor=books.ACTOR, at=books.at("2026-02-01"))
    assert (again.read, again.new) == (5, 0)
    day = date(2026, 1, 5)
    assert rates.rate_on(day, currency="USD", base="EUR") == Decimal("0.8")
    assert rates.rate_on(day, currency="EUR", base="USD") == Decimal("1.25")
    assert rates.rate_on(day, currency="USD", base="GBP") == Decimal("0.64")
    # typed by hand for the same day, and of the pair itself: it comes first
    books.rate("2026-01-05", "0.81")
    assert rates.rate_on(day, currency="USD", base="EUR") == Decimal("0.81")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_rates_file"),
        (b"\xff\xfe", "not_a_rates_file"),
        (b"Day,USD\n2026-01-05,1", "not_a_rates_file"),
        (b"Date,XXX\n2026-01-05,1", "not_a_rates_file"),
        (b"Date,USD\nyesterday,1", "invalid"),
        (b"Date,USD\n2026-01-05,0", "invalid"),
        (b"Date,USD\n2026-01-05,1e5", "invalid"),
        (b"Date,USD\n2999-01-05,1.1", "invalid"),
        (b"D" * (4 * 1024 * 1024 + 1), "rates_file_too_large"),
    ],
)
def test_a_file_that_is_none_keeps_nothing(in_a, content, code):
    with pytest.raises(Exception) as refused, attempt():
        rate_services.upload(content=content, actor=books.ACTOR, at=books.at("2026-02-01"))
    assert refused.value.code == code
    assert rates.rates() == []


def test_the_books_keep_their_currency_once_something_is_booked(in_a):
    billing.finalized()
    with pytest.raises(Exception) as refused, attempt():
        set_issuer(name="A", currency="USD", actor=books.ACTOR, at=books.at("2026-03-02"))
    assert (refused.value.code, refused.value.field) == ("currency_booked", "currency")


RATE = st.decimals("0.0005", "3000", places=6, allow_nan=False)


@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
    amounts=st.lists(st.tuples(st.integers(1, 9_999_999), RATE, RATE, RATE), min_size=1, max_size=4),
    share=st.integers(1, 99),
)
def test_whatever_the_rates_what_is_settled_is_carried_at_nothing(in_a, currency, amounts, share):
    """Paid in two parts at two rates: the gain is cash less revenue and tax in the books' own currency."""

    class Back(Exception):
        pass

    try:
        with attempt():
            customer = billing.customer(currency=currency)
            tax = billing.tax_rate("19")
            for month, (amount, invoiced, early, late) in enumerate(amounts, start=1):
                days = [f"2026-{month:02}-{day:02}" for day in (1, 12, 26)]
                for day, value in zip(days, (invoiced, early, late), strict=True):
                    books.rate(day, str(value), currency)
                text = str(money.from_minor(amount, currency))
                made = books.invoice(days[0], text, of=customer, currency=currency, rate=tax)
                part = made.total_minor * share // 100
                if part:
                    books.paid(days[1], part, made)
                    books.settle()
                books.paid(days[2], made.total_minor - part, made)
            sides = held()
            assert carried("receivable", currency) == 0
            gain = -sides.get(("fx_gain_loss", "EUR"), (0, 0))[1]
            cash = sides["bank", currency][1]
            earned = -sides["revenue", currency][1] - sides.get(("tax", currency), (0, 0))[1]
            assert gain == cash - earned
            assert ledger.check() == []
            raise Back
    except Back:
        pass
