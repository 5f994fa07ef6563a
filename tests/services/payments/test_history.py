"""What an approver of a refund reads about a customer's past."""

from datetime import UTC, date, datetime

import pytest

from billing.issuer.models import Issuer
from payments import history
from tests.make import billing as bill
from tests.make import payments as make

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("in_a")
def test_the_first_payment_is_the_one_whose_money_came_first():
    ada = bill.customer()
    assert history.customer(ada.pk, currency="EUR").first_paid_on is None
    recorded = datetime(2026, 9, 20, 9, tzinfo=UTC)
    for received_on in (date(2026, 9, 18), date(2026, 3, 4), date(2026, 9, 19)):
        make.bank_payment(of=ada, amount_minor=1_000, received_on=received_on, at=recorded)
    past = history.customer(ada.pk, currency="EUR")
    assert (past.first_paid_on, past.payments) == (date(2026, 3, 4), history.Counted(3, 3_000))
    assert history.customer(ada.pk, currency="CHF").first_paid_on is None


@pytest.mark.usefixtures("in_a")
def test_a_payment_without_a_day_counts_on_the_day_it_succeeded():
    invoice = bill.finalized()
    late = datetime(2026, 9, 20, 23, 30, tzinfo=UTC)
    payment = make.card_payment(invoice, at=late)
    type(payment).objects.filter(pk=payment.pk).update(received_on=None)
    assert history.customer(invoice.customer_id, currency="EUR").first_paid_on == date(2026, 9, 20)
    # Where the organization is, it was tomorrow already.
    Issuer.objects.update(time_zone="Europe/Vienna")
    assert history.customer(invoice.customer_id, currency="EUR").first_paid_on == date(2026, 9, 21)
