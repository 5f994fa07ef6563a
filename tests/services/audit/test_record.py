"""Recording: complete, in the caller's transaction, without values, and forgeable by nobody."""

import pytest
from django.db import DatabaseError, connection, transaction

from audit import events, services
from audit.models import Event
from core import ids
from core.actor import Actor, ActorKind, SignInMethod, Via
from tenancy import context
from tests.make import installation

PERSON = Actor(
    kind=ActorKind.USER,
    via=Via.WEB,
    request_id=ids.uuid7(),
    id=ids.uuid7(),
    on_behalf_of=ids.uuid7(),
    session_id=ids.uuid7(),
    network="n1",
    method=SignInMethod.SESSION,
)


def test_everything_known_stands_in_the_event(in_a):
    subject, seen = ids.uuid7(), [ids.uuid7(), ids.uuid7()]
    made = services.record(
        events.AUDIT_READ,
        actor=PERSON,
        subject=("invoice", subject),
        subjects=seen,
        fields=["email"],
        facts={"count": 2, "whole": True, "state": "sent"},
        reason="ticket:12",
    )
    row = Event.objects.get(id=made)
    assert (row.event, row.result, row.actor_kind, row.via) == ("audit.read", "success", "user", "web")
    assert (row.actor_id, row.on_behalf_of, row.session_id) == (
        PERSON.id,
        PERSON.on_behalf_of,
        PERSON.session_id,
    )
    assert (row.request_id, row.network, row.key_id) == (PERSON.request_id, "n1", None)
    assert (row.subject_kind, row.subject_id, row.subject_ids) == ("invoice", subject, seen)
    assert (row.fields, row.facts) == (["email"], {"count": 2, "whole": True, "state": "sent"})
    assert (row.reason, row.tenant_id, row.epoch) == ("ticket:12", in_a, 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        assert cursor.fetchone() == (row.xid,)


def test_it_falls_with_the_change_it_speaks_of(in_a):
    before = Event.objects.count()
    with pytest.raises(ZeroDivisionError), context.attempt():
        services.record(events.AUDIT_READ, actor=PERSON)
        raise ZeroDivisionError
    assert Event.objects.count() == before


def test_it_takes_one_statement(in_a, django_assert_num_queries):
    with django_assert_num_queries(1):
        services.record(events.AUDIT_READ, actor=PERSON, subject=("invoice", ids.uuid7()))
    with django_assert_num_queries(1):
        assert (
            services.record_each(
                events.AUDIT_READ, actor=PERSON, kind="invoice", subjects=[ids.uuid7() for _ in range(500)]
            )
            == 500
        )


def test_record_each_writes_one_row_a_record(in_a):
    seen = [ids.uuid7() for _ in range(3)]
    services.record_each(
        events.AUDIT_READ, actor=PERSON, kind="invoice", subjects=seen, fields=["state"], facts={"run": 7}
    )
    rows = Event.objects.filter(subject_id__in=seen)
    assert {row.subject_id for row in rows} == set(seen)
    assert [(row.subject_kind, row.fields, row.facts, row.actor_id) for row in rows] == [
        ("invoice", ["state"], {"run": 7}, PERSON.id)
    ] * 3
    assert services.record_each(events.AUDIT_READ, actor=PERSON, kind="invoice", subjects=[]) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"facts": {"email": "jane@example.com"}},
        {"facts": {"name": "Jane Doe"}},
        {"facts": {"street": "Straße"}},
        {"facts": {"card": "4242424242424242"}},
        {"facts": {"card": "4242-4242-4242-4242"}},
        {"facts": {"card": 4242424242424242}},
        {"facts": {"iban": "DE89370400440532013000"}},
        {"facts": {"long": "x" * 65}},
        {"facts": {"half": 0.5}},
        {"facts": {"none": None}},
        {"facts": {"list": [1]}},
        {"facts": {"A name": "x"}},
        {"facts": {f"f{number}": number for number in range(17)}},
        {"fields": ["Jane Doe"]},
        {"fields": ["jane@example.com"]},
        {"reason": "because Jane asked"},
        {"reason": "x" * 65},
        {"subject": ("Invoice of Jane", None)},
        {"subjects": [ids.uuid7()] * 1001},
    ],
)
def test_a_value_is_refused(in_a, given):
    before = Event.objects.count()
    with pytest.raises(services.ValueInAudit):
        services.record(events.AUDIT_READ, actor=PERSON, **given)
    assert Event.objects.count() == before


@pytest.mark.parametrize(
    "code",
    [
        "",
        "paid",
        "2026-11-25",
        "a.b:c-d_e",
        "00000000-0000-4000-8000-000000000000",
        "v1.2.3",
        "EUR",
        "123456789012",
    ],
)
def test_ids_and_codes_pass(code):
    assert services.is_code(code)


def test_an_undeclared_event_is_refused(in_a):
    stranger = events.EventType("invoice.stolen", "{actor}", "sensitive_read")
    with pytest.raises(events.UnknownEvent):
        services.record(stranger, actor=PERSON)


def test_outside_a_scope_nothing_is_recorded(db):
    with pytest.raises(context.NoScope):
        services.record(events.AUDIT_READ, actor=PERSON)


def test_events_of_no_organization_go_to_the_operator(db, tenant_a):
    operator = installation.tenant("operator")
    with context.scope(context.Scope()):
        first = services.record(events.ACCESS_REFUSED, actor=PERSON, result="refused")
    with context.scope(context.Scope(tenant_a)):
        second = services.record_for_operator(events.AUDIT_EXPORTED, actor=PERSON)
        assert not Event.objects.filter(id__in=[first, second]).exists()
    with context.scope(context.Scope(operator)):
        assert set(Event.objects.filter(id__in=[first, second]).values_list("event", "result")) == {
            ("access.refused", "refused"),
            ("audit.exported", "success"),
        }


def test_another_organizations_log_cannot_be_written(db, tenant_a, tenant_b):
    with (
        context.scope(context.Scope(tenant_a)),
        pytest.raises(DatabaseError, match="row-level security"),
        transaction.atomic(),
    ):
        services.record(events.AUDIT_READ, actor=PERSON, tenant_id=tenant_b)
    with context.scope(context.Scope(tenant_b)):
        assert not Event.objects.filter(request_id=PERSON.request_id).exists()


@pytest.mark.django_db(transaction=True)
def test_a_refusal_outlives_the_rollback(tenant_a):
    with pytest.raises(ZeroDivisionError), context.scope(context.Scope(tenant_a)):
        services.record(events.AUDIT_READ, actor=PERSON, subject=("gone", None))
        raise ZeroDivisionError
    made = services.record_apart(
        events.ACCESS_REFUSED, actor=PERSON, tenant_id=tenant_a, reason="no_permission"
    )
    with context.scope(context.Scope(tenant_a)):
        assert Event.objects.get(id=made).result == "refused"
        assert not Event.objects.filter(subject_kind="gone").exists()


def test_record_apart_refuses_to_fall_with_somebody_else(in_a):
    with pytest.raises(RuntimeError, match="leave the scope first"):
        services.record_apart(events.ACCESS_REFUSED, actor=PERSON, tenant_id=in_a)


def test_a_customer_sees_only_what_they_did(db, tenant_a):
    customer, person = ids.uuid7(), ids.uuid7()
    own = Actor(kind=ActorKind.CUSTOMER, via=Via.WEB, request_id=ids.uuid7(), id=person)
    with context.scope(context.Scope(tenant_a)):
        services.record(events.AUDIT_READ, actor=PERSON)
    with context.scope(context.Scope(tenant_a, user=person, customer=customer)):
        made = services.record(events.AUDIT_READ, actor=own)
        assert [row.id for row in Event.objects.all()] == [made]
    with context.scope(context.Scope(tenant_a, customer=customer)):
        assert Event.objects.count() == 0
