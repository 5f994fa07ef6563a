"""A card number is found however it is written, and what only looks like one is left alone."""

import pytest

from core import cardnumbers

CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111 - 1111 - 1111 - 1111",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "5555.5555.5555.4444",
    "card4111111111111111x",
    "４１１１ １１１１ １１１１ １１１１",
    "٤١١١١١١١١١١١١١١١",
    "41\u200b11111111\u2060111111",
    "4111\u00a01111\n1111\t1111",
    "\u32b7" * 8,  # 42 in a circle
    "".join(f"{digit}\ufe0f\u20e3" for digit in "4111111111111111"),  # on keys
    "".join(f"{digit}\u0332" for digit in "4111111111111111"),  # underlined
    "4111–1111–1111–1111",
    "4111 — 1111 — 1111 — 1111",
    "4111‐1111‑1111−1111",  # hyphen, hyphen that does not break, minus
    *(blank.join(["4111", "1111", "1111", "1111"]) for blank in "\u2800\u3164\u115f\uffa0"),
    "3782 822463 10005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "6200000000000005",
    "2223000048400011",
    "4222222222222",
    "6759649826438453",
    "pay 2 x 4242424242424242, exp 12/27, code 123",
]
NOT_CARDS = [
    "",
    "4111111111111112",
    "41111111111111110000000",
    "DE89 3704 0044 0532 0130 00",
    "GB82 WEST 1234 5698 7654 32",
    "NL91ABNA0417164300",
    "+49 4000 1234 5678",
    "5790000436101",
    "Invoice 2024-000123 of 2024-11-30",
    "2024–2025, 3000–4111, 1111–1112",
    "1234567812345670",
    "4111111111111111"[:12],
]


@pytest.mark.parametrize("text", CARDS)
def test_a_card_number_is_found(text):
    assert cardnumbers.contains_card_number(text) is True


@pytest.mark.parametrize("text", NOT_CARDS)
def test_other_numbers_pass(text):
    assert cardnumbers.contains_card_number(text) is False


def test_the_refusal_names_the_field_and_never_the_number():
    with pytest.raises(cardnumbers.CardNumberRefused) as refused:
        cardnumbers.refuse({"name": "Ada", "note": "4111 1111 1111 1111"})
    assert (refused.value.field, refused.value.code, refused.value.status) == ("note", "card_number", 422)
    assert "4111" not in str(refused.value)
    assert [error.pointer for error in refused.value.errors] == ["/note"]


def test_texts_inside_json_are_looked_at_keys_and_numbers_too():
    value = {"a": ["x", {"b": "y"}], "4111111111111111": True, "n": 4111111111111111, "none": None}
    assert cardnumbers.texts(value, "metadata") == {
        "metadata": "4111111111111111",
        "metadata/a/0": "x",
        "metadata/a/1/b": "y",
        "metadata/n": "4111111111111111",
    }
