"""Types a marker into every text that alerts keep: notes, reasons of closing, muting, setting, holding."""

from dataclasses import replace

from alerts import services, tuning
from alerts.models import Alert
from alerts.rules import BY_CODE
from core import clock
from core.actor import Actor
from payments.services import holds
from tests.make import alerts


def over_the_services(marker: str, actor: Actor) -> None:
    """Write on an alert, close it, mute it, set a rule, hold payouts and let them go."""
    at = clock.now()
    found = alerts.alert("DATA-02")  # about somebody else: nobody judges themselves
    services.note(alert_id=found.pk, words=f"{marker} note", actor=actor, at=at)
    services.contain(alert_id=found.pk, how="hold_payouts", words=f"{marker} held", actor=actor, at=at)
    holds.release(reason=f"{marker} released", actor=actor, at=at)
    services.close(alert_id=found.pk, reason="benign", words=f"{marker} closed", actor=actor, at=at)
    tuning.mute(alert_id=found.pk, days=1, reason=f"{marker} muted", actor=actor, at=at)
    wanted = replace(BY_CODE["DATA-02"].settings, threshold=90)
    tuning.set_rule(code="DATA-02", wanted=wanted, reason=f"{marker} stricter", actor=actor, at=at)


def one() -> Alert:
    """Open an alert for somebody to close over the API."""
    return alerts.alert("RBAC-04")
