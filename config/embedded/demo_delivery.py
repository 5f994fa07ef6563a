"""Where the demo's alerts go: mail to whoever is on duty, which stands on the page Mailbox."""

from datetime import datetime, time

from alerts.channels import services as channels
from alerts.channels.rules import Quiet
from core.actor import Actor


def fill(owner: Actor, at: datetime) -> None:
    """Add two channels; call it in the organization's scope."""
    channels.create(
        kind="mail",
        description="Whoever works on alerts",
        severities=["critical", "high"],
        actor=owner,
        at=at,
    )
    channels.create(
        kind="mail",
        address="desk@northwind.example",
        description="The desk, in office hours",
        severities=["medium"],
        quiet=Quiet(begin=time(18), end=time(8), zone="Europe/Berlin"),
        actor=owner,
        at=at,
    )
