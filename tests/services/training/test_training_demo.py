"""The demo's people learn through the ordinary services: some are done, some late, nobody's rights wait."""

from datetime import timedelta

import pytest

from accounts.models import Membership
from config.embedded import demo_training
from core import clock
from tenancy.context import Scope, scope, system_scope
from tenancy.models import Tenant
from tests.make import accounts
from training import queries
from training.models import Attempt
from training.practice import queries as practices
from training.services import duties


@pytest.mark.django_db(transaction=True)
def test_the_demo_shows_people_in_every_state(tenant_a):
    with scope(Scope(tenant_a)):
        for role in demo_training._DONE:
            accounts.member(role.value)
    with system_scope(reason="tests name an organization"):
        tenant = Tenant.objects.get(pk=tenant_a)
    demo_training.fill(tenant)
    today = clock.now().date()
    with scope(Scope(tenant_a)):
        status = queries.status(today=today)
        assert (status.complete, status.overdue, status.withheld) == (1, 2, 0)
        assert Attempt.objects.filter(state="open").exists()
        assert Attempt.objects.filter(state="passed").count() >= 20
        assert not Membership.objects.exclude(withheld=[]).exists()
        (run,), _ = practices.campaigns()
        assert run.campaign.state == "ended"
        assert (run.totals.sent, run.totals.reported, run.totals.clicked) == (7, 4, 2)
        # A demo that runs for ten days has not locked its people out.
        later = today + timedelta(days=10)
        duties.keep(actor=accounts.stranger(), at=clock.now() + timedelta(days=10), today=later)
        assert queries.status(today=later).withheld == 0
