"""Each live control passes on what is in order, and fails once the real thing is broken.

The world is put in order by the ordinary services; it is broken as somebody would who owns the tables, the host or the
settings. A live control without a story fails the last test of this file.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from compliance.controls import registry
from compliance.controls.rules import State
from core import clock
from tests.services.compliance.stories import SKEWED, STORIES, World


def _prove(code: str, ask: Any, world: World) -> None:
    told = STORIES[code]
    told.mend(world)
    before = ask(code)
    assert before.state is State.PASSING, before
    told.harm(world)
    after = ask(code, clock.now() + SKEWED.get(code, timedelta()))
    assert after.state is State.FAILING, after
    assert after.findings or after.summary != before.summary


@pytest.mark.django_db(transaction=True, databases=["default", "sealer"])
@pytest.mark.parametrize("code", [code for code, told in STORIES.items() if told.commits])
def test_a_control_fails_when_the_thing_itself_is_broken(
    code: str, ask: Any, tenant_a: UUID, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    _prove(code, ask, World(tenant_a, settings, tmp_path, monkeypatch))


@pytest.mark.django_db
@pytest.mark.parametrize("code", [code for code, told in STORIES.items() if not told.commits])
def test_a_control_fails_when_what_is_set_is_broken(
    code: str, ask: Any, tenant_a: UUID, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    _prove(code, ask, World(tenant_a, settings, tmp_path, monkeypatch))


def test_every_live_control_has_a_story() -> None:
    assert {control.code for control in registry.live()} == set(STORIES)


def test_there_are_enough_and_none_is_padded() -> None:
    live = registry.live()
    assert len(live) >= 25
    assert len({control.check for control in live}) == len(live), "two controls ask the same"
