"""Publishing: in the transaction of the change, one statement, told after it, and never a value about a person."""

from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest
from django.db import InternalError, ProgrammingError, connection

from core import ids
from outbound.models import WebhookDelivery, WebhookEndpoint, WebhookEvent
from outbound.webhooks import publishing, rules
from outbound.webhooks import services as webhooks
from tenancy import context
from tenancy.context import NoScope, Scope, scope

INVOICE, CUSTOMER = ids.uuid7(), ids.uuid7()
AT = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def endpoint(*types: str, state: str = "enabled") -> WebhookEndpoint:
    made = WebhookEndpoint(
        url="https://hook.example/in",
        types=list(types),
        state=state,
        disabled_reason="" if state == "enabled" else "by_member",
        disabled_at=None if state == "enabled" else AT,
        secret="whsec_AAAA",
        secret_made_at=AT,
        created_at=AT,
        updated_at=AT,
    )
    made.save(force_insert=True)
    return made


def publish(code: str = "invoice.paid", **data: rules.Value) -> UUID:
    return webhooks.publish(type=code, subject=("invoice", INVOICE), data=data)


def told() -> set[tuple[UUID, UUID]]:
    return set(WebhookDelivery.objects.values_list("endpoint_id", "event_id"))


def test_an_event_is_kept_and_told_to_whoever_asked(in_a):
    everything, some = endpoint(), endpoint("invoice.paid", "payment.failed")
    endpoint("payment.failed")
    endpoint(state="disabled")
    event = publish(customer=CUSTOMER, status="paid", amount_due_minor=0, currency="EUR")
    row = WebhookEvent.objects.get(pk=event)
    assert (row.type, row.object_kind, row.object_id) == ("invoice.paid", "invoice", INVOICE)
    assert row.data == {
        "customer": ids.encode("customer", CUSTOMER),
        "status": "paid",
        "amount_due_minor": 0,
        "currency": "EUR",
    }
    assert told() == {(everything.pk, event), (some.pk, event)}
    assert set(WebhookDelivery.objects.values_list("state", "attempts")) == {("pending", 0)}


def test_an_event_nobody_asked_for_is_kept_all_the_same(in_a):
    event = publish()
    assert WebhookEvent.objects.get().pk == event
    assert told() == set()


def test_it_takes_one_statement_however_many_are_told(in_a, django_assert_num_queries):
    for _ in range(3):
        endpoint()
    with django_assert_num_queries(1):
        publish()
    with django_assert_num_queries(1):
        webhooks.publish_each(
            type="customer.created", kind="customer", rows=[(ids.uuid7(), {"currency": "EUR"})] * 400
        )
    assert WebhookDelivery.objects.count() == 3 * 401


def test_it_goes_with_other_statements_in_one_round_trip(in_a):
    made = endpoint()
    with context.together():
        event = publish()
    assert told() == {(made.pk, event)}


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_asked_after_the_commit_and_only_when_somebody_listens(tenant_a, monkeypatch):
    asked: list[UUID] = []
    monkeypatch.setattr(publishing, "deliver_soon", asked.append)
    with scope(Scope(tenant_a)):
        publish()
    assert asked == []
    with scope(Scope(tenant_a)):
        endpoint()
    with scope(Scope(tenant_a)):
        with context.together():
            publish()
        assert asked == []
    assert asked == [tenant_a]
    with pytest.raises(ZeroDivisionError), scope(Scope(tenant_a)):
        publish()
        raise ZeroDivisionError
    assert asked == [tenant_a]
    with scope(Scope(tenant_a)):
        assert WebhookEvent.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_customers_scope_causes_events_and_sees_nothing_of_them(tenant_a):
    with scope(Scope(tenant_a)):
        made = endpoint()
    with scope(Scope(tenant_a, customer=CUSTOMER)):
        event = webhooks.publish(
            type="payment_method.attached", subject=("payment_method", ids.uuid7()), data={"brand": "visa"}
        )
        assert list(WebhookEndpoint.objects.all()) == []
        assert list(WebhookEvent.objects.all()) == []
        assert list(WebhookDelivery.objects.all()) == []
    with scope(Scope(tenant_a)):
        assert told() == {(made.pk, event)}


@pytest.mark.django_db(transaction=True)
def test_it_stays_in_its_organization(tenant_a, tenant_b):
    with scope(Scope(tenant_b)):
        endpoint()
    with scope(Scope(tenant_a)):
        publish()
    with scope(Scope(tenant_b)):
        assert (WebhookEvent.objects.count(), WebhookDelivery.objects.count()) == (0, 0)
    with pytest.raises(NoScope):
        publish()
    with pytest.raises(NoScope), scope(Scope()):
        publish()


def test_without_an_organization_the_database_refuses_too(db):
    sql = "SELECT outbound_publish(ARRAY[uuidv7()], 'x', 'x', ARRAY[uuidv7()], '[{}]'::jsonb, NULL)"
    with pytest.raises((ProgrammingError, InternalError), match="names no tenant"), scope(Scope()):
        connection.cursor().execute(sql)


@pytest.mark.parametrize(
    "sql",
    ["UPDATE outbound_webhookevent SET type = 'ping'", "UPDATE outbound_webhookattempt SET status = 200"],
)
def test_what_happened_cannot_be_changed(in_a, sql):
    publish()
    with pytest.raises(ProgrammingError, match="permission denied"), context.attempt():
        connection.cursor().execute(sql)


@pytest.mark.parametrize(
    ("code", "kind"),
    [("invoice.eaten", "invoice"), ("invoice.paid", "customer"), ("ping", "invoice"), ("", "invoice")],
)
def test_an_unknown_type_is_refused(in_a, code, kind):
    with pytest.raises(rules.UnknownEventType), context.attempt():
        webhooks.publish(type=code, subject=(kind, INVOICE), data={})
    assert WebhookEvent.objects.count() == 0


@pytest.mark.parametrize(
    "data",
    [
        {"name": "Ada Lovelace"},
        {"email": "ada@people.example"},
        {"card": "4111111111111111"},
        {"iban": "AT611904300234573201"},
        {"nobody": INVOICE},
        {"id": "inv_x"},
        {"object": "invoice"},
        {"Status": "paid"},
        {"rate": 1.5},
        {"nested": {"a": 1}},
        {"lines": ["Work for Ada Lovelace"]},
    ],
)
def test_what_could_name_a_person_is_refused(in_a, data):
    with pytest.raises(rules.ValueInEvent), context.attempt():
        publish(**data)
    assert WebhookEvent.objects.count() == 0


def test_values_leave_in_one_form():
    east = timezone(timedelta(hours=2))
    assert rules.payload(
        {
            "invoices": [INVOICE, ids.encode("invoice", CUSTOMER)],
            "at": datetime(2026, 11, 25, 14, 0, 0, 5, tzinfo=east),
            "due_on": date(2026, 12, 1),
            "paid": True,
            "number": None,
        }
    ) == {
        "invoices": [ids.encode("invoice", INVOICE), ids.encode("invoice", CUSTOMER)],
        "at": "2026-11-25T12:00:00.000005Z",
        "due_on": "2026-12-01",
        "paid": True,
        "number": None,
    }


def test_an_id_is_no_card_number_whatever_its_digits():
    digits = UUID(int=0x0000_0000_0000_0000_0000_0000_0000_0001)
    assert rules.payload({"customer": ids.encode("customer", digits)}) == {
        "customer": "cus_" + "0" * 25 + "1"
    }
