"""Tax ids by the check digits of their country; what no check is known for stays as it is."""

import pytest

from billing.taxids import rules


@pytest.mark.parametrize(
    ("tax_id", "country", "in_vies"),
    [
        ("DE136695976", "DE", True),
        ("de 136 695 976", "DE", True),
        ("ATU57477929", "AT", True),
        ("EL094259216", "EL", True),
        ("GR094259216", "EL", True),
        ("FR40303265045", "FR", True),
        ("GB 980 7806 84", "GB", False),
        ("CHE-107.787.577 IVA", "CH", False),
        ("CHE-107.787.577", "CH", False),
    ],
)
def test_right_ones(tax_id, country, in_vies):
    verdict = rules.judge(tax_id)
    assert (verdict.country, verdict.possible, verdict.in_vies) == (country, True, in_vies)
    assert rules.fault(tax_id) is None


@pytest.mark.parametrize("tax_id", ["DE136695970", "ATU12345678", "GB123456789", "DE1234", "FR0000000000000"])
def test_wrong_ones_are_named(tax_id):
    fault = rules.fault(tax_id + "0" * max(0, 7 - len(tax_id)))
    assert (fault.pointer, fault.code) == ("/tax_id", "wrong_check_digits")
    assert "is no VAT number of" in fault.detail


@pytest.mark.parametrize(
    "tax_id", ["", "12-3456789", "US123456789", "kanari", "DEUTSCHE", "SE12", "12/345/67890"]
)
def test_what_nobody_can_check_stays(tax_id):
    assert rules.judge(tax_id) is None
    assert rules.fault(tax_id) is None


def test_asking_again_takes_longer_and_ends():
    waits = [rules.wait_after(times) for times in range(1, len(rules.WAITS) + 2)]
    assert waits[-1] is None
    assert waits[:-1] == sorted(waits[:-1])
