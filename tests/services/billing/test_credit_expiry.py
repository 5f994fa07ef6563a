"""Credit that expires: by rule, by hand, never by itself."""

from datetime import timedelta
from uuid import UUID

import pytest

from billing.issuer import services as issuers
from billing.ledger import queries as ledger
from billing.settlement import queries as credit
from billing.settlement import services as settlement
from billing.settlement.models import CreditEntry
from billing.settlement.tasks import expire_credit
from core import clock
from core.errors import Invalid
from tenancy import context
from tests.make import billing as make
from tests.make import payments


@pytest.fixture
def customer_id(in_a: UUID) -> UUID:
    made = make.customer()
    payments.bank(made.pk, 500)
    payments.bank(made.pk, 300)
    return made.pk


def expire_due(days_later: int) -> int:
    return settlement.expire_due(actor=make.ACTOR, at=clock.now() + timedelta(days=days_later))


def test_nothing_expires_unless_somebody_said_so(customer_id: UUID) -> None:
    assert expire_due(10_000) == 0
    assert settlement.expires_on(customer_id=customer_id, currency="EUR") is None
    assert credit.credit(customer_id=customer_id) == {"EUR": 800}


def test_it_expires_after_so_many_days_without_a_movement(customer_id: UUID) -> None:
    issuers.let_credit_expire(after_days=365, actor=make.ACTOR, at=clock.now())
    issuers.let_credit_expire(after_days=365, actor=make.ACTOR, at=clock.now())
    assert settlement.expires_on(customer_id=customer_id, currency="EUR") == (
        clock.now().date() + timedelta(days=365)
    )
    assert expire_due(364) == 0
    assert expire_due(366) == 1
    assert credit.credit(customer_id=customer_id) == {}
    assert ledger.check() == []
    assert list(CreditEntry.objects.order_by("id").values_list("cause", "amount_minor"))[2:] == [
        ("expired", -500), ("expired", -300)
    ]  # fmt: skip
    assert expire_due(366) == 0
    assert "credit.expired" in {code for code, _ in _events()}


def test_a_person_lets_some_expire_with_a_reason(customer_id: UUID) -> None:
    values = {"customer_id": customer_id, "currency": "EUR", "actor": make.ACTOR, "at": clock.now()}
    with pytest.raises(Invalid), context.attempt():
        settlement.expire(amount_minor=100, reason="", **values)
    with pytest.raises(settlement.CreditNotEnough), context.attempt():
        settlement.expire(amount_minor=801, reason="Lapsed", **values)
    with pytest.raises(settlement.CreditNotEnough), context.attempt():
        settlement.expire(amount_minor=100, reason="Lapsed", seen_minor=700, **values)
    settlement.expire(amount_minor=600, reason="Lapsed by law", **values)
    assert credit.credit(customer_id=customer_id) == {"EUR": 200}
    assert CreditEntry.objects.filter(cause="expired").order_by("id")[0].reason == "Lapsed by law"
    assert ledger.check() == []


@pytest.mark.django_db(transaction=True)
def test_the_nightly_task_goes_through_all_organizations() -> None:
    assert expire_credit() == 0


def _events() -> list[tuple[str, str | None]]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT event, subject_id::text FROM audit_event WHERE event LIKE 'credit.%'")
        return cursor.fetchall()
