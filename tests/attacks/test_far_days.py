"""Days at the end of the calendar do not end a page."""

from datetime import date
from uuid import UUID

import pytest

from accounts.permissions import RoleCode
from billing.invoices import services as invoices
from billing.invoices.models import Invoice
from core import days
from tenancy import context
from tests.guarantees import world
from tests.make import api as machines
from tests.make import billing, payments

SENTENCE = "Enter a day between 2000 and 2100."


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "2101-01-01", "9999-12-31"])
def test_a_far_day_narrows_nothing_and_says_so(db: None, day: str) -> None:
    ours = world.organization("a", [RoleCode.OWNER])
    page = ours.people["owner"].client
    for address in ("audit?since=", "audit?until=", "invoices?due_from=", "invoices?due_to="):
        answer = page.get(f"/o/a/{address}{day}")
        assert answer.status_code == 200, address
        assert SENTENCE in answer.content.decode(), address
    assert page.get(f"/o/a/audit?since={day}&until={day}").status_code == 200
    assert page.get(f"/o/a/invoices?created_before={day}").status_code == 404


@pytest.mark.parametrize("day", ["2000-01-01", "2100-12-31"])
def test_the_first_and_the_last_day_are_shown(db: None, day: str) -> None:
    ours = world.organization("a", [RoleCode.OWNER])
    page = ours.people["owner"].client
    for address in ("audit?since=", "audit?until=", "invoices?due_from=", "invoices?due_to="):
        answer = page.get(f"/o/a/{address}{day}")
        assert answer.status_code == 200, address
        assert SENTENCE not in answer.content.decode(), address


@pytest.mark.parametrize("path", ["settings/members/invite"])
def test_a_far_end_is_refused_beside_its_field(db: None, path: str) -> None:
    ours = world.organization("a", [RoleCode.OWNER])
    answer = ours.people["owner"].client.post(f"/o/a/{path}", {"ends_on": "9999-12-31"})
    assert answer.status_code == 422
    assert SENTENCE in answer.content.decode()


@pytest.mark.parametrize("field", ["issued_on", "due_on"])
@pytest.mark.parametrize("day", [date(1, 1, 1), date(1999, 12, 31), date(2101, 1, 1), date(9999, 12, 31)])
def test_no_invoice_has_a_far_day(in_a: UUID, field: str, day: date) -> None:
    customer = billing.customer()
    with pytest.raises(days.DayOutOfRange) as refused, context.attempt():
        invoices.create_draft(customer_id=customer.pk, actor=billing.ACTOR, at=billing.AT, **{field: day})
    assert (refused.value.field, refused.value.code) == (field, "day_out_of_range")
    assert Invoice.objects.count() == 0
    draft = billing.draft(of=customer)
    with pytest.raises(days.DayOutOfRange), context.attempt():
        invoices.update_draft(invoice_id=draft.pk, changes={field: day}, actor=billing.ACTOR, at=billing.AT)
    assert getattr(Invoice.objects.get(), field) == getattr(draft, field)


@pytest.mark.parametrize("years", [2, -11])
def test_a_wrong_year_is_asked_about(in_a: UUID, years: int) -> None:
    day = billing.AT.date().replace(day=1)
    day = day.replace(year=day.year + years)
    customer = billing.customer()
    with pytest.raises(days.DayTooFar) as refused, context.attempt():
        invoices.create_draft(customer_id=customer.pk, actor=billing.ACTOR, at=billing.AT, issued_on=day)
    assert (refused.value.field, Invoice.objects.count()) == ("issued_on", 0)
    draft = billing.draft(of=customer)
    with pytest.raises(days.DayTooFar), context.attempt():
        invoices.update_draft(
            invoice_id=draft.pk, changes={"issued_on": day}, actor=billing.ACTOR, at=billing.AT
        )
    if years < 0:
        with pytest.raises(days.DayTooFar), context.attempt():
            payments.bank_payment(of=customer, amount_minor=500, received_on=day)


def test_no_far_day_is_taken_over_the_api(transactional_db: None) -> None:
    speaker = machines.ready("a")
    customer = speaker.post("customers", {"name": "Ada", "currency": "EUR"}).json()["id"]
    body = {"customer": customer, "currency": "EUR", "lines": [], "due_on": "9999-12-31"}
    answer = speaker.post("invoices", body)
    assert answer.status_code == 422
    named = [(error["pointer"], error["code"]) for error in answer.json()["errors"]]
    assert ("/due_on", "day_out_of_range") in named
    assert speaker.get("invoices?due_before=0001-01-01").status_code == 422
