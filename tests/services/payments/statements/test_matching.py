"""The right candidate comes first and says why; never more than the transfer, never certain without a name."""

import time
from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from payments.statements.matching import CERTAIN, Books, Candidate, Owed, Reason, Recorded, Transfer
from payments.statements.names import likeness

ADA, GRACE, MILL = (UUID(int=number) for number in (1, 2, 3))
NAMES = {ADA: "Ada Lovelace", GRACE: "Grace Hopper", MILL: "Blue Mill Bakery Ltd"}
DAY = date(2026, 3, 2)


def owed(
    number: int, customer: UUID, due: int, *, currency: str = "EUR", name: str = "", day: int = 1
) -> Owed:
    return Owed(
        id=UUID(int=100 + number),
        customer_id=customer,
        number=name or f"INV-2026-{number:04}",
        currency=currency,
        due_minor=due,
        due_on=date(2026, 2, day),
        reference=f"RF00{number}X",
    )


def books(*invoices: Owed, **more) -> Books:
    return Books(owed=invoices, names=NAMES, **{"accounts": {}, **more})


def transfer(amount: int, **more) -> Transfer:
    return Transfer(currency=more.pop("currency", "EUR"), amount_minor=amount, booked_on=DAY, **more)


def best(found: Books, **more) -> Candidate:
    return found.candidates(transfer(**more))[0]


def test_a_reference_over_what_is_due_is_certain() -> None:
    found = best(books(owed(1, ADA, 11_900), owed(2, GRACE, 11_900)), amount=11_900, reference="RF00 1X")
    assert found == Candidate(
        customer_id=ADA,
        parts=((UUID(int=101), 11_900),),
        score=100,
        reasons=(Reason.REFERENCE, Reason.AMOUNT),
    )
    assert found.is_certain


def test_a_reference_in_free_words_is_one_too() -> None:
    assert best(books(owed(1, ADA, 11_900)), amount=11_900, text="thanks rf00-1x bye").score == 100


def test_a_number_in_the_text_over_what_is_due_is_certain_however_it_is_written() -> None:
    for text in ("INV-2026-0001", "for inv 2026 0001 with thanks", "INV/2026/0001.", "(inv20260001)"):
        found = best(books(owed(1, ADA, 500), owed(2, ADA, 500)), amount=500, text=text)
        assert (found.score, found.parts, found.reasons) == (
            CERTAIN, ((UUID(int=101), 500),), (Reason.NUMBER, Reason.AMOUNT)
        ), text  # fmt: skip


def test_a_short_number_may_be_a_house() -> None:
    found = best(books(owed(1, ADA, 500, name="12"), owed(2, GRACE, 500)), amount=500, text="Main Street 12")
    assert (found.customer_id, found.score, found.is_certain) == (ADA, 75, False)


def test_several_numbers_whose_sum_it_is() -> None:
    found = best(
        books(owed(1, ADA, 500, day=2), owed(2, ADA, 700, day=1), owed(3, ADA, 900)),
        amount=1_200,
        text="INV-2026-0001, INV-2026-0002",
    )
    assert (found.score, found.reasons) == (95, (Reason.NUMBER, Reason.SUM))
    assert found.parts == ((UUID(int=102), 700), (UUID(int=101), 500))


def test_part_of_what_is_due_is_offered_and_not_certain() -> None:
    found = best(books(owed(1, ADA, 500)), amount=300, reference="RF001X")
    assert (found.score, found.parts, found.reasons[1]) == (80, ((UUID(int=101), 300),), Reason.PART)
    more = best(books(owed(1, ADA, 500)), amount=600, reference="RF001X")
    assert (more.score, more.parts, more.reasons[1]) == (80, ((UUID(int=101), 500),), Reason.OVER)


def test_name_account_and_amount_together_are_likely_and_never_certain() -> None:
    here = books(owed(1, ADA, 500), accounts={b"a": frozenset({ADA})})
    found = best(here, amount=500, name="LOVELACE ADA", account=b"a")
    assert found.reasons == (Reason.AMOUNT, Reason.ONLY_AMOUNT, Reason.NAME, Reason.ACCOUNT)
    assert (found.score, found.is_certain) == (90, False)
    assert best(here, amount=500, name="Ada Lovelace").score == 70
    assert best(here, amount=500).score == 35


def test_one_amount_of_two_customers_tells_little() -> None:
    here = books(owed(1, ADA, 500), owed(2, GRACE, 500))
    assert [(each.customer_id, each.score) for each in here.candidates(transfer(500))] == [
        (ADA, 20),
        (GRACE, 20),
    ]
    found = here.candidates(transfer(500, name="Hopper, Grace"))
    assert [(each.customer_id, each.score) for each in found] == [(GRACE, 65), (ADA, 20)]


def test_a_sum_of_one_customers_invoices_is_found() -> None:
    here = books(
        owed(1, MILL, 500, day=1), owed(2, MILL, 700, day=2), owed(3, MILL, 901, day=3), owed(4, ADA, 7)
    )
    found = best(here, amount=1_401, name="BLUE MILL BAKERY")
    assert (found.parts, found.reasons) == (
        ((UUID(int=101), 500), (UUID(int=103), 901)), (Reason.SUM, Reason.NAME)
    )  # fmt: skip


def test_a_payer_who_paid_for_somebody_else_before_makes_it_less_certain() -> None:
    here = books(owed(1, ADA, 500), accounts={b"g": frozenset({GRACE})})
    found = best(here, amount=500, reference="RF001X", account=b"g")
    assert (found.customer_id, found.score, found.is_certain) == (ADA, 90, False)
    assert Reason.OTHER_ACCOUNT in found.reasons


def test_what_one_certain_transfer_pays_is_not_offered_to_the_next() -> None:
    here = books(owed(1, ADA, 500))
    first = best(here, amount=500, reference="RF001X")
    here.claim(first)
    again = best(here, amount=500, reference="RF001X")
    assert (again.parts, again.score, again.reasons) == ((), 40, (Reason.REFERENCE, Reason.SETTLED))


def test_what_was_paid_long_ago_is_said_to_be() -> None:
    found = best(books(settled={"RF009X": GRACE}), amount=500, reference="RF009X")
    assert (found.customer_id, found.parts, found.reasons) == (GRACE, (), (Reason.REFERENCE, Reason.SETTLED))


def test_another_currency_is_another_debt() -> None:
    found = best(books(owed(1, ADA, 500, currency="USD")), amount=500, reference="RF001X")
    assert (found.parts, found.is_certain) == ((), False)


def test_a_payment_recorded_by_hand_is_offered_instead_of_a_second_one() -> None:
    payment = Recorded(
        id=UUID(int=9), customer_id=ADA, currency="EUR", amount_minor=500, received_on=date(2026, 3, 1)
    )
    here = books(owed(1, ADA, 500), recorded=[payment])
    found = best(here, amount=500, reference="RF001X")
    assert (found.payment_id, found.parts, found.is_certain) == (UUID(int=9), (), False)
    assert found.reasons[0] is Reason.RECORDED
    here.claim(found)
    assert best(here, amount=500, reference="RF001X").payment_id is None


def test_money_that_went_out_is_matched_with_nothing() -> None:
    assert books(owed(1, ADA, 500)).candidates(transfer(-500, reference="RF001X")) == []


def test_names_are_compared_as_banks_write_them() -> None:
    assert likeness("Müller & Söhne G.m.b.H.", "MUELLER SOEHNE GMBH") < 100
    assert likeness("Müller & Söhne G.m.b.H.", "MULLER SOHNE") == 100
    assert likeness("Blue Mill Bakery Ltd", "Bakery, Blue Mill") == 100
    assert likeness("Ada Lovelace", "Dr. Ada King Lovelace") == 90
    assert likeness("Ada Lovelace", "Grace Hopper") < 50
    assert likeness("", "Ada") == 0


_WORDS = st.sampled_from(["INV-2026-0001", "INV 2026 0002", "RF001X", "RF002X", "Ada", "thanks", "12"])


@given(
    st.lists(
        st.tuples(st.sampled_from([ADA, GRACE, MILL]), st.integers(1, 900), st.sampled_from(["EUR", "USD"])),
        max_size=8,
    ),
    st.lists(
        st.tuples(
            st.integers(1, 2_000), st.lists(_WORDS, max_size=4), st.sampled_from(["", *NAMES.values()])
        ),
        max_size=6,
    ),
)
def test_no_candidate_ever_spends_more_than_there_is(invoices, transfers) -> None:
    rows = [
        owed(number, customer, due, currency=currency)
        for number, (customer, due, currency) in enumerate(invoices)
    ]
    left = {each.id: each.due_minor for each in rows}
    of = {each.id: each for each in rows}
    here = books(*rows)
    for amount, text, name in transfers:
        found = here.candidates(transfer(amount, text=" ".join(text), name=name))
        for each in found:
            assert sum(part for _, part in each.parts) <= amount
            assert all(0 < part <= left[key] for key, part in each.parts)
            assert all(of[key].customer_id == each.customer_id for key, _ in each.parts)
            assert all(of[key].currency == "EUR" for key, _ in each.parts)
            assert 0 <= each.score <= 100
            named = {Reason.REFERENCE, Reason.NUMBER} & set(each.reasons)
            assert named or not each.is_certain
        assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
        if found and found[0].is_certain:
            here.claim(found[0])
            for key, part in found[0].parts:
                left[key] -= part


def test_a_long_file_against_many_debts_costs_seconds_of_a_processor_and_not_minutes() -> None:
    """Three thousand transfers whose names are like many customers', beside ten thousand open invoices."""
    customers = [UUID(int=number) for number in range(1, 2_001)]
    kinds, sides = ("Bakery", "Works", "Shop", "Garage"), ("North", "South", "East")
    names = {
        key: f"Customer {number} {kinds[number % 4]} {sides[number % 3]}"
        for number, key in enumerate(customers)
    }
    invoices = [
        Owed(
            id=UUID(int=10**6 + number),
            customer_id=customers[number % 2_000],
            number=f"INV-2026-{number:05}",
            currency="EUR",
            due_minor=100 + number % 977,
            due_on=date(2026, 1, number % 28 + 1),
        )
        for number in range(10_000)
    ]
    here = Books(owed=invoices, names=names, accounts={b"a": frozenset(customers[:40])})
    began, certain = time.process_time(), 0
    for number in range(3_000):
        words = f"Invoice INV-2026-{number:05} of customer {number}"
        name = f"Custmer {number} Bakery Nort"
        found = here.candidates(transfer(100 + number % 977, name=name, account=b"a", text=words))
        if found[0].is_certain:
            here.claim(found[0])
            certain += 1
    assert time.process_time() - began < 10
    assert certain > 0
