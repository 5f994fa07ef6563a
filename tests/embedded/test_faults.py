"""The short form of `make faults`: payments in bad weather, and nobody charged twice, nothing lost, books in order."""

from tests.faults.run import Storm


def test_payments_survive_what_happens_around_them(tmp_path):
    said: list[str] = []
    result = Storm(tmp_path / "state", seed=7, say=said.append).run(payments=16, at_once=4)
    assert result.faults == []
    assert result.counts["payments the gateway took"] == result.counts["invoices paid"] == 16
    assert any(name.endswith(("killed", "delayed")) for name in result.counts)
