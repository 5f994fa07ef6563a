"""From a weakness, or from silence, to an alert: the room of patches writes its trail, the watch reads it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alerts import engine
from alerts.models import Alert
from core import clock
from core.actor import Actor
from patching import intake, services
from tenancy.context import Scope, scope
from tests.make import installation, patching

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = Actor.system("tests")


def test_silence_and_a_missed_day_open_one_alert_each(settings: Any, tmp_path: Path) -> None:
    settings.ADVISORY_KEYS, settings.ADVISORY_SOURCE = (patching.PUBLIC.hex(),), ""
    operator, other = installation.tenant("operator"), installation.tenant("a")
    at = clock.now()
    components = [patching.component()]
    engine.look(actor=ACTOR, now=clock.now)

    def opened() -> list[str]:
        engine.look(actor=ACTOR, now=clock.now)
        with scope(Scope(other)):
            assert not Alert.objects.filter(rule__startswith="PATCH").exists()
        with scope(Scope(operator)):
            return sorted(Alert.objects.filter(rule__startswith="PATCH").values_list("rule", flat=True))

    for _ in range(2):
        assert services.check(actor=ACTOR, now=lambda: at, components=components).state == "unknown"
        assert opened() == ["PATCH-02"]
    path = patching.bundle_file(tmp_path, [patching.advisory()], at=at, ecosystems=["PyPI"])
    intake.take_in(path=path, actor=ACTOR, at=at)
    services.check(actor=ACTOR, now=lambda: at, components=components)
    assert opened() == ["PATCH-02"]
    for days in (31, 32):
        late = at + timedelta(days=days)
        assert services.check(actor=ACTOR, now=lambda late=late: late, components=components).overdue == 1
    assert opened() == ["PATCH-01", "PATCH-02"]
