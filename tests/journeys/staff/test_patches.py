"""The operator's pages of patches: looking again, living with a weakness by four eyes, and what others may know."""

import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError

from accounts.models import ApprovalRequest
from accounts.permissions import RoleCode
from core import clock, ids
from core.actor import Actor
from patching import queries, services, tasks
from patching.models import Acceptance, Check, Finding
from tenancy.context import Scope, scope
from tenancy.models import Job
from tests.guarantees import world
from tests.make import accounts, billing, installation, patching


@pytest.fixture
def operator(db: None) -> UUID:
    return installation.tenant("operator")


def person(operator: UUID, role: str = "owner") -> Any:
    """Return a browser in which a member of the operator is signed in."""
    with scope(Scope(operator)):
        return world.browser(accounts.session(accounts.member(role).user).raw_key)


def test_a_weakness_is_lived_with_by_four_eyes_until_a_day(operator: UUID) -> None:
    with scope(Scope(operator)):
        finding = patching.weak()[0]
    first, second = person(operator), person(operator, "security_officer")
    url = f"/ops/patches/findings/{ids.encode('finding', finding.pk)}"
    assert b"Accept for a while" in first.get(url).content
    until = clock.now().date() + timedelta(days=30)
    given = {"until": until.isoformat(), "reason": "Nothing here calls it"}
    assert first.post(f"{url}/accept", {**given, "reason": ""}).status_code == 422
    assert first.post(f"{url}/accept", {**given, "until": "2020-01-01"}).status_code == 422
    far = (clock.now() + timedelta(days=400)).date().isoformat()
    assert b"Choose a day within 180 days" in first.post(f"{url}/accept", {**given, "until": far}).content
    assert first.post(f"{url}/accept", given).status_code == 302
    # Asked twice is refused, and whoever asked cannot agree.
    assert b"Somebody has asked for this already" in first.post(f"{url}/accept", given).content
    with scope(Scope(operator)):
        asked = ApprovalRequest.objects.get(state="pending", kind="patch_acceptance")
        assert Finding.objects.get(pk=finding.pk).status == "open"
    decide = f"/o/operator/approvals/{ids.encode('approval', asked.pk)}"
    assert first.post(decide, {"decision": "approve", "note": "Agreed"}).status_code in (403, 422)
    shown = second.get(decide).content.decode()
    assert f"Live with {finding.advisory}" in shown and "Used in attacks" in shown
    assert second.post(decide, {"decision": "approve", "note": "Agreed"}).status_code == 302
    with scope(Scope(operator)):
        assert Finding.objects.get(pk=finding.pk).status == "accepted"
        kept = Acceptance.objects.get()
        assert (kept.until, kept.reason) == (until, "Nothing here calls it")
        assert kept.approved_by != kept.requested_by
    assert "Nothing here calls it" in first.get(url).content.decode()
    (told,) = world.events_of(operator, event="patch.accepted")
    assert told.facts["until"] == until.isoformat()
    # The day passes: it is open again, and overdue, without anybody doing anything.
    with scope(Scope(operator)):
        patching.weak(at=clock.now() + timedelta(days=31))
        assert Finding.objects.get(pk=finding.pk).status == "open"
        assert Acceptance.objects.get().ended_at is not None
    assert len(world.events_of(operator, event="patch.acceptance_ended")) == 1


def test_what_the_database_says_of_four_eyes(operator: UUID) -> None:
    with scope(Scope(operator)):
        finding = patching.weak()[0]
        one = accounts.person().pk
        row = Acceptance(
            finding=finding, reason="r", requested_by=one, approved_by=one, accepted_at=clock.now(),
            until=clock.now().date(),
        )  # fmt: skip
        with pytest.raises(DatabaseError, match="four_eyes"):
            row.save(force_insert=True)


def test_the_list_is_paged_and_narrowed(operator: UUID) -> None:
    with scope(Scope(operator)):
        patching.weak()
    client = person(operator)
    page = client.get("/ops/patches").content.decode()
    assert "3 known weaknesses to mend" in page
    assert page.index("TEST-2026-0000") < page.index("TEST-2026-0001") < page.index("TEST-2026-0002")
    assert client.get("/ops/patches?cursor=nonsense").status_code == 404
    assert client.get("/ops/patches?cursor=2026-01-01_x").status_code == 404
    narrowed = client.get("/ops/patches/components?state=unknown").content.decode()
    assert "unseen" in narrowed and "left-pad" not in narrowed
    assert "No component matches" in client.get("/ops/patches/components?name=zzz").content.decode()


def test_the_bill_of_materials_can_be_fetched(operator: UUID) -> None:
    client = person(operator)
    assert client.get("/ops/patches/sbom.json").status_code == 404
    with scope(Scope(operator)):
        patching.weak()
    answer = client.get("/ops/patches/sbom.json")
    document = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert [one["name"] for one in document["components"]][:2] == ["left-pad", "right-pad"]
    assert len(world.events_of(operator, event="patch.sbom_made")) == 1


def test_a_look_asked_for_on_the_page_is_taken_by_the_worker(operator: UUID) -> None:
    client = person(operator)
    answer = client.post("/ops/patches/check")
    with scope(Scope(operator)):
        job = Job.objects.get(kind=tasks.KIND)
    assert answer.headers["Location"].endswith(ids.encode("job", job.pk))
    assert len(world.events_of(operator, event="patch.check_asked")) == 1
    assert client.post("/ops/patches/check").headers["Location"] == "/ops/patches"
    tasks.check_now(str(operator), str(job.pk))
    with scope(Scope(operator)):
        assert Job.objects.get(pk=job.pk).state == "done"
        assert Check.objects.count() == 1


def test_other_organizations_see_states_times_and_counts_and_no_name(operator: UUID, tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)):
        assert queries.evidence(clock.now()).state == "unknown"
        owner = world.browser(accounts.session(accounts.member(RoleCode.OWNER.value).user).raw_key)
    assert "Nobody has looked yet" in owner.get("/o/a/security/patches").content.decode()
    with scope(Scope(operator)):
        patching.weak()
    with scope(Scope(tenant_a)):
        seen = queries.evidence(clock.now())
        assert (seen.state, seen.open, seen.unknown) == ("vulnerable", 3, 1)
        assert seen.by_severity == {"critical": 1, "high": 1, "low": 1}
        # Three days later the same look says nothing any more of what may have come since.
        assert "stale" in queries.evidence(clock.now() + timedelta(days=3)).reasons
        assert Finding.objects.count() == Check.objects.count() == 0
        # Nothing of what it returns names a component or a weakness.
        assert "pad" not in repr(seen) and "TEST-2026" not in repr(seen)
    page = owner.get("/o/a/security/patches").content.decode()
    assert "3 known weaknesses to mend" in page and "TEST-2026" not in page
    assert "pad" not in re.findall(r"\w+", page), "the word, for a form's token may well hold these letters"
    assert "3 open" in owner.get("/o/a/security").content.decode()
    assert len(world.events_of(tenant_a, event="patch.evidence_read")) == 2


def test_a_customer_of_an_organization_is_told_nothing(operator: UUID, tenant_a: UUID) -> None:
    with scope(Scope(tenant_a)):
        customer = billing.customer()
    with (
        pytest.raises(DatabaseError, match="customers are not told"),
        scope(Scope(tenant_a, customer=customer.pk)),
    ):
        queries.evidence(clock.now())
    with pytest.raises(DatabaseError), scope(Scope()):
        queries.evidence(clock.now())


def test_the_look_of_every_day_is_taken_once_a_day(operator: UUID) -> None:
    """Asked four times a day for 31 days by the injected clock, it looks on each of them and no more often."""
    from config.celery import app, periodic

    entry = periodic()["patching-check"]
    assert (entry["task"], entry["schedule"], entry["options"]["queue"]) == (
        "patching.check",
        3_600,
        "patches",
    )
    assert app.amqp.router.route({}, "patching.check")["queue"].name == "patches"
    began = clock.now()
    looks = []
    for hour in range(0, 31 * 24, 6):
        at = began + timedelta(hours=hour)
        if services.is_due(at):
            looks.append(at)
            services.check(
                actor=Actor.system("tests"), now=lambda at=at: at, components=[patching.component()]
            )
    days = [(later - earlier).total_seconds() / 3600 for earlier, later in pairwise(looks)]
    assert len(looks) == 31 and set(days) == {24}
