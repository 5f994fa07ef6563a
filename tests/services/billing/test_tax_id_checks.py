"""VIES, over real HTTP to a server that stands in: valid, none such, and not to be reached, each with its evidence."""

import json
from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection

from audit.models import Event
from billing.customers import queries as customers
from billing.customers import services as customer_services
from billing.customers.models import Customer
from billing.taxids import rules, services, tasks
from billing.taxids import vies as asking
from billing.taxids.models import TaxIdCheck
from core import clock
from core.errors import Invalid
from outbound.models import WebhookEvent
from tenancy import context
from tenancy.context import Scope, scope
from tests.databases import as_owner
from tests.make import api
from tests.make import billing as make
from tests.services.outbound.webhooks.receiver import receiving

pytestmark = pytest.mark.django_db(transaction=True)
VALID = "DE136695976"
YES = {
    "valid": True,
    "requestIdentifier": "WAPIAAAA1",
    "name": "ADA GMBH",
    "address": "STREET 1",
    "userError": "VALID",
}


@pytest.fixture
def vies(settings):
    with receiving() as receiver:
        settings.VIES_ADDRESS = receiver.origin
        settings.OUTBOUND_PRIVATE_ORIGINS = [receiver.origin]
        yield receiver


@pytest.fixture
def asked(tenant_a):
    """A customer whose tax id is to be checked."""
    api.set_issuer(tenant_a)
    with scope(Scope(tenant_a)):
        made = make.customer(tax_id=VALID)
        services.ask(customer_id=made.pk, actor=make.ACTOR, at=clock.now())
    return made


def run(tenant, *, later=timedelta()):
    return services.check_due(tenant_id=tenant, actor=make.ACTOR, now=lambda: clock.now() + later)


def state(tenant, row):
    with scope(Scope(tenant)):
        return customers.get(row.pk).tax_id_state


def test_a_valid_one_is_kept_with_its_evidence(vies, asked, tenant_a):
    assert state(tenant_a, asked) == "pending"
    vies.body = json.dumps(YES).encode()
    assert run(tenant_a) == 1
    (told,) = vies.told
    assert told.path == "/check-vat-number"
    assert (told.event["countryCode"], told.event["vatNumber"]) == ("DE", "136695976")
    assert (told.event["requesterMemberStateCode"], told.event["requesterNumber"]) == ("AT", "U12345675")
    assert state(tenant_a, asked) == "valid"
    with scope(Scope(tenant_a)):
        (check,) = services.checks(asked.pk)
        assert (check.result, check.consultation, check.trader_name) == ("valid", "WAPIAAAA1", "ADA GMBH")
        assert {"customer.tax_id_asked", "customer.tax_id_checked"} <= set(
            Event.objects.values_list("event", flat=True)
        )
        assert WebhookEvent.objects.filter(type="customer.vies_check").count() == 1
    (stored,) = as_owner("SELECT row_to_json(c)::text FROM billing_taxidcheck c")
    assert not any(text in stored[0] for text in (VALID, "WAPI", "ADA", "STREET"))
    assert run(tenant_a) == 0


@pytest.mark.parametrize(
    "said",
    [
        {"valid": False, "userError": "INVALID"},
        {"actionSucceed": False, "errorWrappers": [{"error": "INVALID_INPUT"}]},
    ],
)
def test_none_such(vies, asked, tenant_a, said):
    vies.body = json.dumps(said).encode()
    run(tenant_a)
    assert state(tenant_a, asked) == "invalid"


@pytest.mark.parametrize(
    ("body", "answer", "fault"),
    [
        ({"valid": False, "userError": "MS_UNAVAILABLE"}, 200, "ms_unavailable"),
        ({"actionSucceed": False, "errorWrappers": [{"error": "MS_MAX_CONCURRENT_REQ"}]}, 500, "ms_max_concurrent_req"),
        ("<html>", 503, "http_503"),
        ([], 200, "malformed"),
        ({"valid": "yes"}, 200, "http_200"),
    ],
)  # fmt: skip
def test_no_answer_proves_nothing_and_is_asked_again(vies, asked, tenant_a, body, answer, fault):
    vies.answer = answer
    vies.body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    run(tenant_a)
    assert state(tenant_a, asked) == "unavailable"
    with scope(Scope(tenant_a)):
        assert [check.fault for check in services.checks(asked.pk)] == [fault]
        # It never keeps anybody from being billed.
        make.finalized(of=Customer.objects.get(pk=asked.pk))
    assert run(tenant_a) == 0
    vies.answer, vies.body = 200, json.dumps(YES).encode()
    assert run(tenant_a, later=rules.WAITS[0] + timedelta(seconds=5)) == 1
    assert state(tenant_a, asked) == "valid"


def test_a_server_that_is_away_is_asked_until_it_is_enough(settings, asked, tenant_a):
    settings.VIES_ADDRESS = "http://127.0.0.1:9"
    settings.OUTBOUND_PRIVATE_ORIGINS = ["http://127.0.0.1:9"]
    for times in range(len(rules.WAITS) + 3):
        run(tenant_a, later=timedelta(days=4 * times))
    with scope(Scope(tenant_a)):
        assert len(services.checks(asked.pk)) == len(rules.WAITS) + 1
        assert customers.get(asked.pk).tax_id_state == "unavailable"
        assert Customer.objects.get(pk=asked.pk).tax_id_due_at is None


def test_an_answer_about_a_former_tax_id_changes_nothing(asked, tenant_a):
    with scope(Scope(tenant_a)):
        taken = services._take(clock.now())
        customer_services.update(
            customer_id=asked.pk, changes={"tax_id": "ATU57477929"}, actor=make.ACTOR, at=clock.now()
        )
        services.record(
            asked.pk, taken[0].tax_id, "", asking.Said(is_valid=True), actor=make.ACTOR, at=clock.now()
        )
        assert customers.get(asked.pk).tax_id_state == "unchecked"
        assert len(services.checks(asked.pk)) == 1


def test_evidence_stays_as_it_was(vies, asked, tenant_a):
    vies.body = json.dumps(YES).encode()
    run(tenant_a)
    for statement in ("UPDATE billing_taxidcheck SET result = 'invalid'", "DELETE FROM billing_taxidcheck"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            as_owner(statement)
        with pytest.raises(DatabaseError), scope(Scope(tenant_a)), connection.cursor() as cursor:
            cursor.execute(statement)
    with scope(Scope(tenant_a)):
        assert TaxIdCheck.objects.get().result == "valid"


def test_who_has_none_that_vies_knows_is_not_asked_about(tenant_a):
    with scope(Scope(tenant_a)):
        for values in ({}, {"tax_id": "12-3456789"}, {"tax_id": "GB 980 7806 84"}):
            made = make.customer(**values)
            with pytest.raises(services.NotInVies), context.attempt():
                services.ask(customer_id=made.pk, actor=make.ACTOR, at=clock.now())


def test_wrong_check_digits_are_refused_at_entry_and_kept_from_documents(tenant_a):
    with scope(Scope(tenant_a)):
        with pytest.raises(Invalid) as caught, context.attempt():
            make.customer(tax_id="DE136695970")
        assert [error.code for error in caught.value.errors] == ["wrong_check_digits"]
        assert make.customer("Kept", tax_id="DE136695970", as_written=True).tax_id_state == "invalid"


def test_an_organization_in_earnest_has_it_asked_by_itself(vies, tenant_a):
    as_owner("UPDATE tenancy_tenant SET mode = 'live'")
    vies.body = json.dumps(YES).encode()
    with scope(Scope(tenant_a)):
        made = make.customer(tax_id=VALID)
        assert made.tax_id_state == "pending"
    assert tasks.check_tax_ids.apply().get() == 1
    assert state(tenant_a, made) == "valid"
