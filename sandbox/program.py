"""The whole of a running sandbox: store, doorways, threads."""

from __future__ import annotations

from pathlib import Path

from sandbox.clockwork import Clockwork
from sandbox.control import Control
from sandbox.gateway import Gateway
from sandbox.http import Answer, Request, Silence
from sandbox.pages.hosted import Pages
from sandbox.pages.overview import Overview
from sandbox.server import Server
from sandbox.store import Store
from sandbox.webhooks import Dispatcher


class Program:
    """Everything, put together."""

    def __init__(self, port: int, folder: Path) -> None:
        self.server = Server(port)
        self.store = Store(folder)
        self.dispatcher = Dispatcher(self.store)
        nudge = self.dispatcher.nudge
        self.clockwork = Clockwork(self.store, self.server.base, nudge)
        self._gateway = Gateway(self.store, self.server.base, nudge)
        self._control = Control(self.store, self.server.base, self.clockwork, nudge)
        overview = Overview(self.store, self.server.base, self.clockwork, nudge)
        self._pages = Pages(self.store, self.server.base, nudge, overview)
        self.server.answering = self._answer

    def _answer(self, request: Request) -> Answer | Silence:
        if request.path.startswith("/v1/"):
            return self._gateway.answer(request)
        if request.path.startswith("/sandbox/"):
            return self._control.answer(request)
        return self._pages.answer(request)

    def run(self) -> None:
        """Serve until the server is told to stop."""
        self.dispatcher.start()
        self.clockwork.start()
        try:
            self.server.serve_forever(poll_interval=0.2)
        finally:
            self.clockwork.stop()
            self.dispatcher.stop()
            self.server.server_close()
