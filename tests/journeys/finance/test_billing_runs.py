"""Billing runs as people and programs meet them: seen before, started, and told how they went."""

import re
from datetime import timedelta
from typing import Any

import pytest

from billing.customers import services as customers
from billing.runs import queries, services
from billing.runs.models import BillingRun
from billing.subscriptions.models import PendingCharge
from core import clock, ids
from tenancy.context import Scope, scope
from tests.guarantees import world
from tests.guarantees.world import Organization
from tests.make import billing as make
from tests.make.api import key_of
from tests.make.charges import charge

pytestmark = pytest.mark.django_db(transaction=True)
ROLES = [world.RoleCode.OWNER, world.RoleCode.AUDITOR]


@pytest.fixture
def ours() -> Organization:
    return world.organization("a", ROLES)


def fill(ours: Organization) -> str:
    """Give one customer a charge, and an archived one another; return what all that is due in euros comes to."""
    at = clock.now()
    with scope(Scope(ours.id)):
        PendingCharge.objects.update(withdrawn_at=at)
        one, gone = make.customer("Blue Mill Bakery"), make.customer("Gone Ltd")
        PendingCharge.objects.bulk_create(
            charge(row.pk, at=at, on=at.date() - timedelta(days=1), amount="120.00") for row in (one, gone)
        )
        customers.archive(customer_id=gone.pk, actor=make.ACTOR, at=at)
        # What the organization has beside is due as well.
        found = queries.preview(on=at.date(), actor=make.ACTOR, at=at)
        (total,) = [one.total_minor for one in found.totals if one.currency == "EUR"]
    assert total >= 12_000
    return f"{total // 100:,}.{total % 100:02}"


def told(answer: Any) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


def work(ours: Organization, run: BillingRun) -> services.Result:
    """Do what the worker would."""
    return services.work(tenant_id=ours.id, run_id=run.pk, actor=make.ACTOR, clock=clock.now)


def newest(ours: Organization) -> BillingRun:
    with scope(Scope(ours.id)):
        run: BillingRun = BillingRun.objects.latest("id")
    return run


def test_a_run_is_previewed_started_and_told(ours: Organization) -> None:
    total = fill(ours)
    client = ours.people["owner"].client
    assert "New billing run" in told(client.get("/o/a/billing-runs"))
    shown = told(client.get("/o/a/billing-runs/new"))
    assert total in shown
    assert "The customer is archived." in shown
    (label,) = re.findall(r"Issue [\d,]+ invoices?", shown)[:1]
    assert label
    day = re.findall(r'name="on" value="([\d-]+)"', shown)[-1]
    assert client.post("/o/a/billing-runs/new", {"on": day}).status_code == 302
    run = newest(ours)
    path = f"/o/a/billing-runs/{ids.encode('billing_run', run.pk)}"
    assert "Running" in told(client.get(path))
    assert work(ours, run).state == "done"
    shown = told(client.get(path))
    assert "Finished" in shown
    assert "Gone Ltd" in shown
    assert "The customer is archived." in shown
    seen = client.get(f"{path}?seen=done-99", headers={"HX-Request": "true"})
    assert "Blue Mill" not in told(seen)
    assert total in told(client.get("/o/a/billing-runs"))
    fired = {event.event for event in world.events_of(ours.id)}
    assert {"billing_run.started", "billing_run.finished", "billing_run.read"} <= fired


def test_who_may_not_run_sees_none_of_it(ours: Organization) -> None:
    client = ours.people["auditor"].client
    before = newest(ours).pk
    assert client.get("/o/a/billing-runs").status_code == 403
    assert client.post("/o/a/billing-runs/new", {"on": "2026-01-01"}).status_code == 403
    assert newest(ours).pk == before


def test_a_program_starts_a_run_and_reads_how_it_went(ours: Organization) -> None:
    fill(ours)
    api = key_of("a")
    made = api.post("billing_runs", {})
    assert made.status_code == 201, made.content
    body = made.json()
    assert (body["state"], body["invoices"], body["job"][:4]) == ("running", 0, "job_")
    assert api.post("billing_runs", {"on": body["on"]}).json()["id"] == body["id"]
    work(ours, newest(ours))
    done = api.get(f"billing_runs/{body['id']}").json()
    assert (done["state"], done["skipped"]) == ("done", 1)
    assert done["reasons"][0]["code"] == "customer_archived"
    assert done["totals"][0]["total_minor"] >= 12_000
    assert api.get("billing_runs").json()["data"][0]["id"] == body["id"]
    wrong = api.post("billing_runs", {"on": "tomorrow"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/on")


def test_a_failed_run_says_why(ours: Organization) -> None:
    from core.errors import Refusal

    class Closed(Refusal):
        """Nothing can be billed now."""

        code = "closed"

    class Refusing:
        def due(self, on, after, limit):
            raise Closed

        def count(self, on):
            return 0

        def claim(self, rows, *, at):
            return []

    with scope(Scope(ours.id)):
        run = services.begin(on=clock.now().date(), actor=make.ACTOR, at=clock.now())
    with pytest.raises(Closed):
        services.work(tenant_id=ours.id, run_id=run.pk, actor=make.ACTOR, clock=clock.now, planner=Refusing())
    client = ours.people["owner"].client
    shown = told(client.get(f"/o/a/billing-runs/{ids.encode('billing_run', run.pk)}"))
    assert "It did not finish" in shown
    assert "<code>closed</code>" in shown
    assert "billing_run.failed" in {event.event for event in world.events_of(ours.id)}


def test_billing_at_night_is_switched_by_who_may_and_is_seen(ours: Organization) -> None:
    client, path = ours.people["owner"].client, "/o/a/billing-runs"
    assert "Bill what is due each night" in told(client.get(path))
    assert "checked" not in told(client.get(path))
    assert client.post(path, {"nightly": "on"}).status_code == 302
    shown = told(client.get(path))
    assert "What is due is billed each night." in shown
    assert "checked" in shown
    made = key_of("a").post("billing_runs", {}).json()
    assert made["auto_billing"] is True
    assert client.post(path, {}).status_code == 302
    assert key_of("a").get("billing_runs").json()["data"][0]["auto_billing"] is False
    assert ours.people["auditor"].client.post(path, {"nightly": "on"}).status_code == 403
    told_of = [event.facts for event in world.events_of(ours.id) if event.event == "auto_billing.set"]
    assert told_of == [{"on": False}, {"on": True}]
