"""What the demo shows of compliance: controls that ran, an exception that waits, evidence somebody brought."""

from datetime import datetime, timedelta
from uuid import UUID

from compliance.controls import exceptions, running
from compliance.evidence import services as evidence
from core import clock
from core.actor import Actor
from tenancy.context import Scope, scope

_REPORT = b"finding,severity,state\nSession cookie without a name prefix,low,mended\n"


def fill(tenant: UUID, *, officer: Actor, at: datetime) -> None:
    """Run the controls of an organization and bring what people bring; call it outside any scope."""
    running.run(tenant_id=tenant, actor=Actor.system("command:demo_seed"), now=clock.now)
    with scope(Scope(tenant)):
        evidence.add(
            code="organization.penetration_test",
            title="Report of this year's penetration test",
            note="All findings are mended.",
            name="penetration-test.csv",
            content=_REPORT,
            valid_until=at.date() + timedelta(days=240),
            actor=officer,
            at=at,
        )
        exceptions.ask(
            code="identity.phishing_resistant",
            reason="Two security keys are on their way.",
            risk="A code could be passed on by a false page; both people were told.",
            ends_on=at.date() + timedelta(days=30),
            actor=officer,
            at=at,
        )
