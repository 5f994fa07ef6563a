"""Controls are run, what they answer is kept, and what became of it is told."""

import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command

from audit.models import Event
from compliance import tasks
from compliance.controls import queries, registry, rules, running
from compliance.controls.models import ControlResult, ControlStatus
from compliance.controls.rules import Control, Standing, State
from core import clock
from core.actor import Actor
from core.errors import NotFound
from tenancy import jobs
from tenancy.context import Scope, scope
from tests import databases
from tests.make import accounts, installation

ACTOR = Actor.system("tests")


def keep(code: str, outcome: rules.Outcome, *, at) -> None:
    control = registry.of(code)
    assert control is not None
    running.keep(control, outcome, duration_ms=3, actor=ACTOR, at=at)


def events(code: str) -> list[Event]:
    return list(Event.objects.filter(event=code).order_by("at"))


class TestKeeping:
    def test_a_regression_and_a_recovery_are_each_told_once(self, in_a: UUID) -> None:
        at = clock.now()
        keep("keys.age", rules.passed("young"), at=at)
        assert events("control.regressed") == []
        keep("keys.age", rules.failed("old", ["fields: 400 days"]), at=at + timedelta(hours=1))
        keep("keys.age", rules.failed("old", ["fields: 400 days"]), at=at + timedelta(hours=2))
        (told,) = events("control.regressed")
        assert told.facts == {"control": "keys.age", "state": "failing"}
        keep("keys.age", rules.passed("young"), at=at + timedelta(hours=3))
        assert [event.facts["control"] for event in events("control.recovered")] == ["keys.age"]
        history, _ = queries.history("keys.age")
        assert [row.state for row in history] == ["passing", "failing", "failing", "passing"]

    def test_what_is_undecided_is_a_regression_too(self, in_a: UUID) -> None:
        at = clock.now()
        keep("keys.age", rules.passed("young"), at=at)
        keep("keys.age", rules.unknown("nobody can tell"), at=at + timedelta(hours=1))
        assert events("control.regressed")[0].facts["state"] == "unknown"
        row = queries.row("keys.age", at=at + timedelta(hours=1))
        assert (row.standing, row.summary) == (Standing.UNKNOWN, "nobody can tell")

    def test_a_result_can_be_recognised_by_its_digest(self, in_a: UUID) -> None:
        at = clock.now()
        keep("keys.age", rules.passed("young", keys=4), at=at)
        row = ControlResult.objects.get()
        assert bytes(row.digest) == rules.digest("keys.age", at.isoformat(), row.evidence)
        assert bytes(row.digest) != rules.digest("keys.age", at.isoformat(), {**row.evidence, "facts": {}})

    def test_a_result_cannot_be_changed(self, in_a: UUID) -> None:
        from django.db import ProgrammingError, transaction

        keep("keys.age", rules.failed("old"), at=clock.now())
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            ControlResult.objects.update(state="passing")
        assert ControlResult.objects.get().state == "failing"


class TestStanding:
    def test_an_old_result_is_no_result(self, in_a: UUID) -> None:
        at = clock.now()
        keep("keys.age", rules.passed("young"), at=at)
        assert queries.row("keys.age", at=at + timedelta(hours=30)).standing is Standing.PASSING
        late = at + timedelta(hours=40)
        assert queries.row("keys.age", at=late).standing is Standing.STALE
        assert running.notice_stale(actor=ACTOR, at=late) == 1
        assert running.notice_stale(actor=ACTOR, at=late) == 0
        assert [event.facts["control"] for event in events("control.stale")] == ["keys.age"]
        keep("keys.age", rules.passed("young"), at=late)
        assert not ControlStatus.objects.get(code="keys.age").is_stale

    def test_what_never_ran_is_undecided(self, in_a: UUID) -> None:
        live = [row for row in queries.rows(at=clock.now()) if row.control.is_live]
        assert {row.standing for row in live} == {Standing.UNKNOWN}

    def test_an_unknown_control_is_not_found(self, in_a: UUID) -> None:
        with pytest.raises(NotFound):
            queries.row("keys.none", at=clock.now())


class TestRunning:
    pytestmark = pytest.mark.django_db(transaction=True)

    def test_every_live_control_answers(self, tenant_a: UUID) -> None:
        counts = running.run(tenant_id=tenant_a, actor=ACTOR, now=clock.now)
        with scope(Scope(tenant_a)):
            rows = [row for row in queries.rows(at=clock.now()) if row.control.is_live]
            broken = [row.control.code for row in rows if row.summary.startswith("The check itself")]
            ran = events("control.ran")
        assert broken == []
        assert sum(counts.values()) == len(rows) == len(registry.live()) >= 25
        assert ran[0].facts["controls"] == len(rows)

    def test_a_check_that_breaks_is_undecided_and_stops_no_other(self, tenant_a: UUID, monkeypatch) -> None:
        def broken(at):
            from django.db import connection

            with connection.cursor() as cursor:
                cursor.execute("SELECT secret FROM nowhere")

        first, *rest = registry.live()[:3]
        words = {"title": "t", "checks": "c", "passes": "p", "fails": "f", "matters": "m", "remedy": "r"}
        bad = Control(code="keys.broken", family="encryption", check=broken, **words)
        monkeypatch.setattr(registry, "live", lambda: [first, bad, *rest])
        monkeypatch.setattr(registry, "controls", lambda: [first, bad, *rest])
        running.run(tenant_id=tenant_a, actor=ACTOR, now=clock.now)
        with scope(Scope(tenant_a)):
            found = {row.control.code: row for row in queries.rows(at=clock.now())}
            evidence = ControlResult.objects.get(code="keys.broken").evidence
        assert found["keys.broken"].state is State.UNKNOWN
        assert evidence["facts"] == {"code": "ProgrammingError"}
        assert {row.state for code, row in found.items() if code != "keys.broken"} <= {
            State.PASSING,
            State.FAILING,
            State.UNKNOWN,
        }
        assert len(found) == 4

    def test_a_person_has_one_run_by_a_job(self, tenant_a: UUID) -> None:
        with scope(Scope(tenant_a)):
            officer = accounts.member("security_officer")
            actor = accounts.actor(officer.user)
            job = running.ask(actor=actor, at=clock.now(), code="keys.age")
            with pytest.raises(running.RunLasts):
                running.ask(actor=actor, at=clock.now())
            from django.db import transaction

            transaction.set_rollback(False)
        tasks.run_controls.apply(args=[str(tenant_a), str(job.pk), "keys.age", str(officer.user_id)]).get()
        with scope(Scope(tenant_a)):
            done = jobs.find(job.pk)
            (row,) = queries.history("keys.age")[0]
            assert done is not None and done.state == "done" and done.counts["passing"] == 1
            assert row.asked_by == officer.user_id

    def test_the_daily_run_walks_every_organization(
        self, tenant_a: UUID, tenant_b: UUID, monkeypatch
    ) -> None:
        monkeypatch.setattr(registry, "live", lambda: [registry.of("keys.age")])
        assert tasks.run_all.apply().get() == 3
        for tenant in (tenant_a, tenant_b):
            with scope(Scope(tenant)):
                assert ControlResult.objects.count() == 1
        assert tasks.run_all.apply().get() == 0, "nothing is due again before a day has passed"
        assert tasks.watch.apply().get() == 0

    def test_others_learn_counts_of_the_host_and_the_operator_places(self, tenant_a: UUID, settings) -> None:
        settings.CELERY_ACCEPT_CONTENT = ["json", "pickle"]
        found = {}
        for slug in ("a", "operator"):
            tenant = installation.tenant(slug)
            running.run(tenant_id=tenant, actor=ACTOR, now=clock.now, codes=["configuration.formats"])
            with scope(Scope(tenant)):
                found[slug] = ControlResult.objects.get().evidence
        assert found["a"]["state"] == found["operator"]["state"] == "failing"
        assert (found["a"]["findings"], found["a"]["facts"]) == ([], {"places": 1})
        assert found["operator"]["findings"] == ["the queue is not JSON"]

    def test_the_command_says_what_does_not_pass(self, tenant_a: UUID) -> None:
        out = io.StringIO()
        with pytest.raises(SystemExit):
            call_command(
                "controls_run", "--organization", "a", "--control", "identity.second_person", "--strict",
                "--json", stdout=out, stderr=io.StringIO(),
            )  # fmt: skip
        result = json.loads(out.getvalue().splitlines()[-1])
        assert (result["controls"], result["failing"]) == (1, 1)
        assert result["not_passing"][0]["control"] == "identity.second_person"


def test_one_code_is_one_control() -> None:
    control = registry.of("keys.age")
    assert control is not None
    with pytest.raises(registry.DuplicateControl):
        registry.register(control)


@pytest.mark.django_db(transaction=True)
def test_a_policy_that_shows_all_is_named(ask: Any, tenant_a: UUID) -> None:
    databases.as_owner("CREATE POLICY wide ON billing_invoice FOR SELECT TO strongbox_app USING (true)")
    outcome = ask("isolation.row_level_security")
    assert outcome.state is State.FAILING
    assert [found for found in outcome.findings if "billing_invoice: wide" in found]


@pytest.mark.django_db(transaction=True)
def test_nobody_is_late_with_practice_before_the_first_year_is_over(tenant_a: UUID, ask: Any) -> None:
    """Of the organization, or of the control where it was first asked later."""
    code, at = "assurance.practised", clock.now()
    with scope(Scope(tenant_a)):
        for _ in range(5):
            accounts.member("billing_clerk")
    due = at + timedelta(days=365)
    young = ask(code, at)
    assert (young.state, young.summary) == (
        State.NOT_APPLICABLE,
        f"Nobody has practised yet: the first practice is due by {due:%-d %B %Y}.",
    )
    asked_at = at + timedelta(days=100)
    running.run(tenant_id=tenant_a, actor=ACTOR, now=lambda: asked_at, codes=[code])
    assert ask(code, asked_at + timedelta(days=364)).state is State.NOT_APPLICABLE
    assert ask(code, asked_at + timedelta(days=366)).state is State.FAILING
