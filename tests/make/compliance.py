"""One record of each kind of compliance. Call these inside the scope of an organization."""

from datetime import timedelta

from compliance.auditors import services as auditors
from compliance.controls import exceptions, registry, rules, running
from compliance.evidence import services as evidence
from compliance.packs import making
from compliance.reviews import services as reviews
from core import clock, ids
from core.actor import Actor
from tenancy import context
from tests.make import accounts


def result(code: str = "keys.age", outcome: rules.Outcome | None = None) -> None:
    """Keep what a control answered."""
    control = registry.of(code)
    assert control is not None
    answered = outcome or rules.passed("All keys are young.", keys=4)
    running.keep(control, answered, duration_ms=2, actor=Actor.system("tests"), at=clock.now())


def records(actor: Actor) -> dict[str, str]:
    """Make one of each, and return their outside names by kind."""
    at = clock.now()
    day = at.date() + timedelta(days=20)
    result()
    brought = evidence.add(
        code="organization.penetration_test", title="Report", note="", name="report.csv",
        content=b"finding,severity\nnone,low\n", valid_until=day, actor=actor, at=at,
    )  # fmt: skip
    excepted = exceptions.ask(
        code="keys.wear", reason="busy", risk="none yet", ends_on=day, actor=actor, at=at
    )
    pack = making.ask(framework="gdpr", since=at.date(), until=at.date(), actor=actor, at=at)
    visit, _ = auditors.invite(
        email=accounts.address(), wanted=["gdpr"], ends_at=at + timedelta(days=9), actor=actor, at=at
    )
    review = reviews.begin(due_on=day, actor=actor, at=at)
    control = registry.of("keys.age")
    assert control is not None
    return {
        "access_review": ids.encode("access_review", review.pk),
        "control": ids.encode("control", control.id_in(context.current_tenant())),
        "evidence": ids.encode("evidence", brought.pk),
        "control_exception": ids.encode("control_exception", excepted.pk),
        "evidence_pack": ids.encode("evidence_pack", pack.pk),
        "auditor_visit": ids.encode("auditor_visit", visit.pk),
    }
