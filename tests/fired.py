"""Remembers which kinds of audit event the suite has fired, in every worker, and that each sentence could be filled.

A whole run fails when a registered kind was never fired: what nothing fires is not registered. An event whose
sentence lacks a word fails the test that recorded it, at once.
"""

import inspect
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from audit import services
from audit.events import REGISTRY, EventType

TESTS = Path(__file__).resolve().parent
_FIRED = "fired_events"
seen: set[str] = set()


class SentenceWithoutWords(AssertionError):
    """An event was recorded without what its sentence says."""


def missing_words(event: EventType, subject: object, facts: Mapping[str, object] | None) -> set[str]:
    """Return the placeholders of an event's sentence for which nothing was given."""
    given = {"actor", *(facts or {})} | ({"subject"} if subject is not None else set())
    return set(event.placeholders - given)


def never_fired(registered: Collection[str], fired: Collection[str]) -> list[str]:
    """Return the kinds of event that nothing has fired."""
    return sorted(set(registered) - set(fired))


def _asked_by_the_product() -> bool:
    """A test that records an event by itself proves nothing about who else does."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename in (__file__, services.__file__):
        frame = frame.f_back
    return frame is not None and TESTS not in Path(frame.f_code.co_filename).parents


@pytest.fixture(autouse=True, scope="session")
def _watched_events(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look over the shoulder of the one function that makes an event's row; it does its work as ever."""
    make_row = services._row

    def watch(event: EventType, *args: Any) -> list[Any]:
        row = make_row(event, *args)
        _actor, subject, _subjects, _fields, facts, *_ = args
        if _asked_by_the_product():
            seen.add(event.code)
            if lacking := missing_words(event, subject, facts):
                raise SentenceWithoutWords(f"{event.code}: nothing for {sorted(lacking)}")
        return row

    services._row = watch
    yield
    services._row = make_row
    output = getattr(request.config, "workeroutput", None)
    if output is not None:
        output[_FIRED] = sorted(seen)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what another worker saw."""
    seen.update(getattr(node, "workeroutput", {}).get(_FIRED, ()))


def of_whole_suite(config: pytest.Config) -> bool:
    """Tell whether every test there is was to run."""
    option = config.option
    chosen = option.keyword or option.markexpr or option.collectonly or config.getoption("lf", False)
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not chosen


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a whole run that left a kind of event unfired."""
    controller = not hasattr(session.config, "workerinput")
    if controller and exitstatus == 0 and of_whole_suite(session.config) and never_fired(REGISTRY, seen):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Name the kinds that nothing fired."""
    lacking = never_fired(REGISTRY, seen)
    if of_whole_suite(config) and lacking:
        terminalreporter.section("audit events that no test fires", red=True)
        terminalreporter.line(", ".join(lacking))
