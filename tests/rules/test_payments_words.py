"""Why a payment failed, in a payer's words: a bank is named only where it was asked, and no way out that is none."""

import pytest

from payments import words


@pytest.mark.parametrize(
    "code", ["amount_too_precise", "amount_too_large", "amount_too_small", "cannot_hosted_page"]
)
def test_an_amount_that_no_card_takes_is_not_a_decline(code: str) -> None:
    assert words.failed(code) == "This amount cannot be paid by card"
    assert words.declined(code) == (
        "This amount cannot be paid by card. Nothing was charged. Pay by bank transfer."
    )
    assert words.declined(code, transfer=False) == "This amount cannot be paid by card. Nothing was charged."


@pytest.mark.parametrize(
    "code", ["no_answer", "host_unknown", "address_refused", "too_many_requests", "gateway_away"]
)
def test_silence_is_the_providers_and_may_be_tried_again(code: str) -> None:
    assert words.failed(code) == "Card payments are not possible right now"
    assert words.declined(code, transfer=False) == (
        "The payment provider did not answer. Nothing was charged. Try again in a minute."
    )


@pytest.mark.parametrize("code", ["key_refused", "invalid_request", "parameter_missing", "resource_missing"])
def test_what_the_provider_does_not_take_from_us_is_not_the_banks_fault(code: str) -> None:
    assert words.failed(code) == "The last try did not go through"
    assert words.declined(code) == (
        "The payment could not be made. Nothing was charged. Try again later, or pay by bank transfer."
    )


@pytest.mark.parametrize(
    "code", ["generic_decline", "lost_card", "stolen_card", "fraudulent", "do_not_honor"]
)
def test_what_only_the_bank_knows_is_said_alike(code: str) -> None:
    assert words.declined(code) == (
        "Your bank declined this. Nothing was charged. Try another card, or pay by bank transfer."
    )
