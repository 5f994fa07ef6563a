"""The command as people call it: one JSON object, twice without harm, in two processes, in every organization."""

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from billing.invoices.models import Invoice
from billing.runs.models import BillingRun
from billing.subscriptions.models import PendingCharge
from billing.subscriptions.models import TestClock as Clock
from tenancy.context import Scope, scope
from tests import databases
from tests.make import billing as make
from tests.make.charges import charge
from tests.services.billing.test_runs import TODAY, check

pytestmark = pytest.mark.django_db(transaction=True)
DAY = TODAY.isoformat()


def run(*words, organization="a", on=DAY):
    out = io.StringIO()
    call_command("billing_run", "--organization", organization, "--on", on, "--json", *words, stdout=out)
    return json.loads(out.getvalue().strip().splitlines()[-1])


def fill(tenant, people):
    with scope(Scope(tenant)):
        for _ in range(people):
            PendingCharge.objects.bulk_create([charge(make.customer().pk, at=make.AT, on=TODAY)])


def test_it_bills_once_in_two_processes_and_says_how_fast(tenant_a):
    fill(tenant_a, 12)
    told = run("--processes", "2")
    assert set(told) == {"invoices", "seconds", "invoices_per_second", "skipped"}
    assert (told["invoices"], told["skipped"]) == (12, 0)
    check(tenant_a, 12)
    assert run()["invoices"] == 0
    check(tenant_a, 12)


def test_all_organizations_in_turn(tenant_a, tenant_b):
    fill(tenant_a, 2)
    fill(tenant_b, 1)
    told = run(organization="all")
    assert (told["invoices"], told["skipped"]) == (3, 0)
    with scope(Scope(tenant_b)):
        assert Invoice.objects.count() == 1


def test_without_a_day_it_goes_by_the_test_clock(tenant_a):
    ahead = TODAY + timedelta(days=40)
    with scope(Scope(tenant_a)):
        row = charge(make.customer().pk, at=make.AT, on=ahead)
        PendingCharge.objects.bulk_create([row])
    words = ("billing_run", "--organization", "a", "--json")
    call_command(*words, stdout=io.StringIO())
    with scope(Scope(tenant_a)):
        assert list(BillingRun.objects.values_list("on", flat=True)) == [TODAY]
        Clock.objects.create(today=ahead, updated_at=make.AT)
    call_command(*words, stdout=io.StringIO())
    with scope(Scope(tenant_a)):
        assert BillingRun.objects.filter(on=ahead).count() == 1
        assert Invoice.objects.get().issued_on == ahead


def test_a_live_organization_is_not_billed_ahead(tenant_a):
    databases.as_owner("UPDATE tenancy_tenant SET mode = 'live' WHERE id = %s", [tenant_a])
    out, ahead = io.StringIO(), (TODAY + timedelta(days=3)).isoformat()
    with pytest.raises(SystemExit):
        call_command("billing_run", "--organization", "a", "--on", ahead, "--json", stdout=out)
    assert json.loads(out.getvalue())["error"] == "run_in_future"
    with scope(Scope(tenant_a)):
        assert not BillingRun.objects.exists()
    with pytest.raises(CommandError):
        run(on="tomorrow")
