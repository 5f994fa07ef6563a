"""`manage.py backup_stream`: receive the stream of changes until told to stop; a process of its own."""

import signal
import time
from typing import Any

from backups import streaming
from core import clock
from tenancy.commands import StrongboxCommand


class Command(StrongboxCommand):
    """Receives, encrypts and stores every change within about a minute."""

    help = (
        "Receive the database's stream of changes and store it encrypted at every target, until told to stop."
    )

    def run(self, **options: Any) -> dict[str, Any]:
        """Run until SIGTERM or SIGINT."""
        stopping: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, frame: stopping.append(got))

        def sleep(seconds: float) -> None:
            limit = time.monotonic() + seconds
            while not stopping and time.monotonic() < limit:
                time.sleep(0.1)

        streaming.run(now=clock.now, told_to_stop=lambda: bool(stopping), sleep=sleep)
        return {"stopped": True}
