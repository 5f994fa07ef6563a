"""One archive written to every target at once, in bounded memory.

Promise kept: a target that fails takes nothing more and keeps nobody from the others; what it had begun never appears.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backups import archive, places
from backups.targets import Sink
from core.errors import Refusal

_log = logging.getLogger("strongbox.backups")


class EveryTargetFailed(Refusal):
    """No target took the backup."""

    code = "backup_no_target"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was written, which targets hold it, and which do not, with the code of why."""

    written: archive.Written
    held: list[str]
    missed: dict[str, str]


class _TargetSink:
    """One open object at one target; after its first fault it takes nothing more."""

    def __init__(self, named: places.Named, opened: AbstractContextManager[Sink]) -> None:
        self.named, self._opened = named, opened
        self.fault: BaseException | None = None
        self._sink: Sink | None = None

    def __enter__(self) -> "_TargetSink":
        self._sink = self._guarded(self._opened.__enter__)
        return self

    def write(self, data: bytes) -> None:
        if self.fault is None and self._sink is not None:
            sink = self._sink
            self._guarded(lambda: sink.write(data))

    def close(self, error: BaseException | None) -> None:
        """Give the object its name, or take back what was written."""
        cause = error or self.fault
        if self._sink is None:
            return
        try:
            self._opened.__exit__(type(cause) if cause else None, cause, None)
        except BaseException as fault:
            if fault is not cause:
                self.fault = fault

    def _guarded(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except (Refusal, OSError) as error:
            self.fault = error
            _log.warning(
                "target %s failed: %s", self.named.name, getattr(error, "code", type(error).__name__)
            )
            return None


class _Everywhere:
    """Writes the same bytes to every target that still takes them."""

    def __init__(self, sinks: Sequence[_TargetSink]) -> None:
        self._sinks = sinks

    def write(self, data: bytes) -> None:
        for sink in self._sinks:
            sink.write(data)
        if all(sink.fault is not None for sink in self._sinks):
            raise EveryTargetFailed


def store(
    producer: Any,
    *,
    name: str,
    header: archive.Header,
    keep_until: datetime,
    finished: Callable[[], bool],
    facts: Callable[[], Mapping[str, str]] = dict,
    open_targets: Sequence[places.Named] | None = None,
) -> Outcome:
    """Write one archive to every target.

    Raises:
        EveryTargetFailed, archive.ProducerFailed.
    """
    found = places.open_targets() if open_targets is None else open_targets
    sinks = [_TargetSink(one, one.place.create(name, keep_until=keep_until)).__enter__() for one in found]
    error: BaseException | None = None
    try:
        written = archive.write(
            producer,
            _Everywhere(sinks),
            header=header,
            recipients=places.recipients(),
            signer=places.signer(),
            finished=finished,
            facts=facts,
        )
    except BaseException as fault:
        error = fault
        raise
    finally:
        for sink in sinks:
            sink.close(error)
    held = [sink.named.name for sink in sinks if sink.fault is None]
    if not held:
        raise EveryTargetFailed
    missed = {
        sink.named.name: sink.fault.code if isinstance(sink.fault, Refusal) else "failed"
        for sink in sinks
        if sink.fault is not None
    }
    return Outcome(written, held, missed)
