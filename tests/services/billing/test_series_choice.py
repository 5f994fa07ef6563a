"""Several series of own numbers: opened, chosen, changed between years, closed."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from billing.creditnotes import services as notes
from billing.invoices import services as invoices
from billing.invoices.services import drafts
from billing.issuer import queries, services
from billing.issuer.models import Series
from core.errors import NotFound
from tenancy import context
from tests.make import billing as make

BY = {"actor": make.ACTOR, "at": make.AT}


def opened(code: str = "shop", pattern: str = "S{year}/{sequence}", **values) -> Series:
    return services.create_series(code=code, pattern=pattern, **{**BY, **values})


def test_each_series_counts_for_itself(in_a: UUID) -> None:
    shop = opened()
    numbers = [
        make.finalized().number,
        make.finalized(series_id=shop.pk).number,
        make.finalized().number,
        make.finalized(series_id=shop.pk).number,
    ]
    assert numbers == ["INV-2026-00001", "S2026/00001", "INV-2026-00002", "S2026/00002"]


def test_a_chosen_series_numbers_what_comes(in_a: UUID) -> None:
    shop = opened()
    services.choose_series(series_id=shop.pk, **BY)
    assert make.finalized().number == "S2026/00001"
    assert {row.code for row in queries.series() if row.is_usual} == {"credit-notes", "quotes", "shop"}
    refund = opened("returns", "R{year}/{sequence}", purpose="credit_note")
    services.choose_series(series_id=refund.pk, **BY)
    made = notes.issue(invoice_id=make.finalized().pk, **BY)
    assert made.number == "R2026/00001"
    assert make.events_of(refund.pk) == ["series.created", "series.chosen"]


def test_a_series_numbers_its_own_documents_alone(in_a: UUID) -> None:
    returns = opened("returns", "R{year}/{sequence}", purpose="credit_note")
    with pytest.raises(drafts.SeriesUnfit), context.attempt():
        make.draft(series_id=returns.pk)
    shop = opened()
    with pytest.raises(services.SeriesOfAnotherKind), context.attempt():
        notes.issue(invoice_id=make.finalized().pk, series_id=shop.pk, **BY)
    with pytest.raises(NotFound), context.attempt():
        services.choose_series(series_id=UUID(int=1), **BY)


def test_a_closed_series_gives_no_numbers(in_a: UUID) -> None:
    shop = opened()
    waiting = make.draft(series_id=shop.pk)
    with pytest.raises(services.SeriesInUse), context.attempt():
        services.retire_series(series_id=queries.get().series_id, **BY)
    services.retire_series(series_id=shop.pk, **BY)
    for refused in (
        lambda: make.finalize(waiting.pk),
        lambda: services.choose_series(series_id=shop.pk, **BY),
        lambda: services.retire_series(series_id=shop.pk, **BY),
    ):
        with pytest.raises(services.SeriesRetired), context.attempt():
            refused()
    invoices.update_draft(invoice_id=waiting.pk, changes={"series_id": None}, **BY)
    assert make.finalize(waiting.pk).number == "INV-2026-00001"


def test_numbering_changes_between_years_alone(in_a: UUID) -> None:
    shop = opened()
    change = {"series_id": shop.pk, "pattern": "T{year}/{sequence}", "digits": 3, "fiscal_year_starts_in": 1}
    services.change_series(**change, **BY)
    assert make.finalized(series_id=shop.pk).number == "T2026/001"
    with pytest.raises(services.NumberingUnderWay), context.attempt():
        services.change_series(**{**change, "digits": 4}, **BY)
    later = {"actor": make.ACTOR, "at": datetime(2027, 1, 2, tzinfo=UTC)}
    with pytest.raises(services.NumberingUnderWay), context.attempt():
        services.change_series(**{**change, "fiscal_year_starts_in": 7}, **later)
    services.change_series(**{**change, "digits": 4}, **later)
    assert make.events_of(shop.pk) == ["series.created", "series.changed", "series.changed"]
