"""What runs here, held against what is known: a planted pin is found, silence is no all-clear, all is told once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from audit.models import Event
from core.actor import Actor
from patching import intake, inventory, queries, services
from patching.models import Check, Component, Finding
from tenancy.context import Scope, scope
from tests.make import installation, patching

ACTOR = Actor.system("tests")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def operator(db: None) -> UUID:
    return installation.tenant("operator")


@pytest.fixture(autouse=True)
def trusted(settings: Any) -> Iterator[None]:
    settings.ADVISORY_KEYS = (patching.PUBLIC.hex(),)
    settings.ADVISORY_SOURCE = ""
    yield


def take_in(folder: Path, *args: Any, at: datetime | None = None, **named: Any) -> None:
    at = at or NOON
    path = patching.bundle_file(folder, *args, at=at, **named)
    intake.take_in(path=path, actor=ACTOR, at=at)


def look(at: datetime = NOON, *components: inventory.Component) -> Check:
    at = at or NOON
    return services.check(actor=ACTOR, now=lambda: at, components=components or [patching.component()])


def events(operator: UUID, code: str) -> list[Event]:
    with scope(Scope(operator)):
        return list(Event.objects.filter(event=code).order_by("at"))


def test_a_planted_pin_is_found_with_id_and_due_date(operator: UUID, tmp_path: Path) -> None:
    """The whole way on the real inventory: one of the distributions that run here has a known weakness."""
    version = next(one.version for one in inventory.collect() if one.name == "django")
    bad = patching.advisory(
        "Django", fixed="999.1", osv="TEST-2026-0042", severity="CRITICAL", aliases=["CVE-2026-1"]
    )
    at = NOON
    take_in(tmp_path, [bad], at=at)
    row = services.check(actor=ACTOR, now=lambda: at)
    assert (row.state, row.source, row.found, row.open) == ("vulnerable", "bundle", 1, 1)
    assert row.components > 100
    with scope(Scope(operator)):
        (found,) = queries.findings()
        assert (found.component.name, found.advisory, found.version) == ("django", "TEST-2026-0042", version)
        assert found.due_on == at.date() + timedelta(days=7)
        assert found.safe_version == "999.1"
    (told,) = events(operator, "patch.finding_found")
    assert told.facts["advisory"] == "TEST-2026-0042"
    assert told.facts["due_on"] == found.due_on.isoformat()
    # What nothing is known about is clean here: every ecosystem in use is covered.
    with scope(Scope(operator)):
        assert [(one.name, one.version, one.why) for one in queries.components(state="unknown")] == []
    assert row.reasons == []


def test_without_a_source_nothing_is_known_and_that_is_told_once(operator: UUID) -> None:
    first, second = look(), look()
    assert (first.state, first.source, first.reasons) == ("unknown", "none", ["no_source"])
    assert second.state == "unknown"
    (told,) = events(operator, "patch.feed_stale")
    assert (told.facts["why"], told.result) == ("no_source", "failed")


def test_old_data_is_no_all_clear(operator: UUID, tmp_path: Path) -> None:
    at = NOON
    take_in(tmp_path, at=at, ecosystems=["PyPI"])
    assert look(at).state == "clean"
    late = look(at + timedelta(hours=49))
    assert (late.state, late.reasons, late.unknown) == ("unknown", ["stale"], 1)
    assert [one.facts["why"] for one in events(operator, "patch.feed_stale")] == ["stale"]
    with scope(Scope(operator)):
        assert [(one.state, one.why) for one in Component.objects.all()] == [("unknown", "stale")]


def test_an_ecosystem_nobody_looked_at_is_unknown(operator: UUID, tmp_path: Path) -> None:
    at = NOON
    take_in(tmp_path, at=at, ecosystems=["npm"])
    row = look(at)
    assert (row.state, row.unknown) == ("unknown", 1)
    with scope(Scope(operator)):
        assert Component.objects.get().why == "not_covered"


def test_a_weakness_goes_when_it_is_seen_to_be_gone_and_not_when_nobody_looks(
    operator: UUID, tmp_path: Path
) -> None:
    at = NOON
    take_in(tmp_path, [patching.advisory()], at=at)
    assert look(at).open == 1
    # Two days later the data is old: it names the weakness still, and what it no longer named would stay as well.
    assert look(at + timedelta(days=3)).open == 1
    assert events(operator, "patch.finding_fixed") == []
    later = at + timedelta(days=3)
    take_in(tmp_path, [patching.advisory()], at=later)
    row = look(later, patching.component(version="1.2.0"))
    assert (row.state, row.fixed, row.open) == ("clean", 1, 0)
    (told,) = events(operator, "patch.finding_fixed")
    assert told.facts == {"advisory": "TEST-2026-0001", "in_time": True}
    # Somebody goes back to the old version: the same weakness is found again and has its time again.
    row = look(later + timedelta(hours=1))
    assert (row.state, row.found, row.open) == ("vulnerable", 1, 1)
    with scope(Scope(operator)):
        assert Finding.objects.get().due_on == later.date() + timedelta(days=30)


def test_what_is_overdue_is_told_once(operator: UUID, tmp_path: Path) -> None:
    at = NOON
    bad = patching.advisory(osv="GHSA-aaaa-bbbb-cccc", aliases=["CVE-2026-7"])
    take_in(tmp_path, [bad], at=at, exploited=["CVE-2026-7"])
    look(at)
    with scope(Scope(operator)):
        found = Finding.objects.get()
        assert (found.known_exploited, found.due_on) == (True, at.date() + timedelta(days=2))
    assert events(operator, "patch.finding_due") == []
    for days in (3, 4):
        assert look(at + timedelta(days=days)).overdue == 1
    (told,) = events(operator, "patch.finding_due")
    assert told.facts["advisory"] == "GHSA-aaaa-bbbb-cccc"


def test_an_end_that_is_near_is_told_once(operator: UUID, tmp_path: Path) -> None:
    at = NOON
    near = (at + timedelta(days=59)).date().isoformat()
    django = patching.component("django", "5.2.19")
    take_in(tmp_path, at=at, endings=[{"product": "django", "series": "5.2", "ends_on": near}])
    for _ in range(2):
        row = look(at, django)
    assert next(one for one in row.series if one["product"] == "django")["support"] == "ending"
    told = [one.facts for one in events(operator, "patch.end_of_life_near")]
    assert {"series": "django-5.2", "ends_on": near} in told
    assert len([one for one in told if one["series"] == "django-5.2"]) == 1
